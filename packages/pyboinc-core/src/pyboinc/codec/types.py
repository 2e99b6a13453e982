"""Which classes may travel, how their instances are taken apart and made, and the neutral forms of ``parse``."""

from __future__ import annotations

import sys

from ..errors import DecodeError, EncodeError
from .grammar import MAX_SAME_HASH, Refused, short, str_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

DICT, SLOTS, FIELDS, ENUM, TUPLE = range(5)
_new = object.__new__


class _Neutral:
    """A value without its class: read-only, equal when its parts are equal."""

    __slots__ = ("_parts",)
    _names: tuple[str, ...] = ()
    _parts: tuple[Any, ...]

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._parts))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self._parts))})"


class Instance(_Neutral):
    """An instance of a class of the app, as ``parse`` gives it: ``Instance(module, name, fields)``.

    ``state`` is the state as it is written, and may be given in place of ``fields``: a dict of attributes; for a class
    with slots a pair (None or a dict of attributes, a dict of slots); for a frozen dataclass with slots the list of its
    values, because the wire carries no names for them. ``fields`` is one dict of all (keys 0, 1, ... for a list).
    """

    __slots__ = ()

    def __init__(self, module: str, name: str, fields: Any) -> None:
        self._parts = (module, name, fields)

    @property
    def module(self) -> str:
        return self._parts[0]  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        return self._parts[1]  # type: ignore[no-any-return]

    @property
    def state(self) -> Any:
        return self._parts[2]

    @property
    def fields(self) -> dict[Any, Any]:
        state = self._parts[2]
        if type(state) is dict:
            return state
        return dict(enumerate(state)) if type(state) is list else {**(state[0] or {}), **state[1]}


class Made(_Neutral):
    """An Enum member or a NamedTuple, as ``parse`` gives it: ``Made(module, name, args)``.

    ``args`` is a tuple: the one value of an Enum member, the fields of a NamedTuple.
    """

    __slots__ = ()

    def __init__(self, module: str, name: str, args: tuple[Any, ...]) -> None:
        self._parts = (module, name, args)

    @property
    def module(self) -> str:
        return self._parts[0]  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        return self._parts[1]  # type: ignore[no-any-return]

    @property
    def args(self) -> tuple[Any, ...]:
        return self._parts[2]  # type: ignore[no-any-return]


class Array(_Neutral):
    """A numpy array, as ``parse`` gives it: ``Array(shape, dtype, data)``, e.g. ``Array((2,), '<i4', bytes(8))``.

    ``data`` holds the elements in C order, little-endian.
    """

    __slots__ = ()

    def __init__(self, shape: tuple[int, ...], dtype: str, data: bytes) -> None:
        self._parts = (shape, dtype, data)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._parts[0]  # type: ignore[no-any-return]

    @property
    def dtype(self) -> str:
        return self._parts[1]  # type: ignore[no-any-return]

    @property
    def data(self) -> bytes:
        return self._parts[2]  # type: ignore[no-any-return]


class Scalar(_Neutral):
    """A numpy scalar, as ``parse`` gives it: ``Scalar(name, value)``, e.g. ``Scalar('float32', 0.5)``."""

    __slots__ = ()

    def __init__(self, name: str, value: Any) -> None:
        self._parts = (name, value)

    @property
    def name(self) -> str:
        return self._parts[0]  # type: ignore[no-any-return]

    @property
    def value(self) -> Any:
        return self._parts[1]


def check_name(module: object, name: object) -> None:
    """A class is named by a module and a plain name: never a path of attributes. Raises Refused."""
    if type(module) is not str or type(name) is not str or not module or not name:
        raise Refused("a class is named by two texts, module and name")
    if "." in name:
        raise Refused(f"class {short(name)} is not at the top level of its module")
    if module in ("builtins", "numpy"):
        raise Refused(f"{module}.{short(name)} is not a value of this encoding")


def check_state(state: Any) -> None:
    """The forms that a state can have when its class is not at hand. Raises Refused."""
    kind = type(state)
    if kind is tuple and len(state) == 2 and type(state[1]) is dict and (state[0] is None or (type(state[0]) is dict and state[0])):
        names = [*(state[0] or ()), *state[1]]
        if len(set(names)) < len(names):
            raise Refused("a field is both an attribute and a slot")
    elif kind is dict:
        names = list(state)
    elif kind is list:
        return
    else:
        raise Refused("the state of an instance is a dict, or (None, dict) with slots")
    if not set(map(type, names)) <= {str}:
        raise Refused("names of fields are text")


class Plan:
    """How one class is written and read; made once per class. ``build`` and ``make`` run no code of the class."""

    __slots__ = ("cls", "codes", "dict_of", "head", "key_ok", "kind", "members", "names", "order", "put_dict", "shape", "slots")

    def __init__(self, cls: type, module: str, name: str) -> None:
        self.cls = cls
        self.head = str_bytes(module) + str_bytes(name) + b"\x93"
        self.shape: tuple[str, ...] | None = None  # names last seen by the decoder, in their order, found right
        self.order: tuple[list[str], list[tuple[bytes, str]]] = [], []  # names last seen by the encoder, and how they are written
        self.members: dict[bytes, object] | None = None  # of an Enum, by encoded value
        self.codes: dict[int, tuple[bytes, int]] = {}  # and back, by identity, with the depth
        self.names: tuple[str, ...] = ()
        self.slots: dict[str, Any] = {}
        self.key_ok = False
        self.dict_of: Callable[[object], dict[str, Any]] | None = None
        self.put_dict: Callable[[object, dict[str, Any]], None] | None = None
        enum = sys.modules.get("enum")
        if enum is not None and issubclass(cls, enum.Enum):
            self.kind = ENUM
            # Enum's own hash, or that of a built-in mixed in: a key must not run code of the app
            self.key_ok = all(getattr(f, "__module__", None) in (None, "enum", "builtins") for f in (cls.__hash__, cls.__eq__))
        elif issubclass(cls, tuple) and type(getattr(cls, "_fields", None)) is tuple:
            self._named_tuple(cls)
        else:
            self._plain(cls)

    def _named_tuple(self, cls: Any) -> None:
        self.kind = TUPLE
        self.names = cls._fields
        self.key_ok = cls.__hash__ is tuple.__hash__ and cls.__eq__ is tuple.__eq__
        if cls.__dictoffset__:
            raise Refused("a subclass of a NamedTuple needs __slots__ = ()")
        if not (getattr(cls.__new__, "__module__", None) or "").startswith("namedtuple_"):
            raise Refused("a NamedTuple with its own __new__ has no encoding")
        if not self.names:
            raise Refused("a NamedTuple without fields has no encoding")

    def _plain(self, cls: Any) -> None:
        mro = cls.__mro__
        for base in mro[:-1]:
            if not base.__flags__ & 0x200:  # not made by a class statement
                raise Refused(f"a subclass of the built-in type {base.__name__}: keep the {base.__name__} in a field instead")
        for hook in ("__reduce__", "__reduce_ex__", "__new__"):
            if getattr(cls, hook) is not getattr(object, hook):
                raise Refused(f"its class has its own {hook}: data travel as plain attributes")
        for hook in ("__getnewargs__", "__getnewargs_ex__", "__del__"):
            if hasattr(cls, hook):
                raise Refused(f"its class has its own {hook}: data travel as plain attributes")
        if cls.__dictoffset__:
            base = next(c for c in mro if "__dict__" in vars(c))
            descriptor = vars(base)["__dict__"]
            if type(descriptor) is not _GETSET:
                raise Refused("its class has its own __dict__: data travel as plain attributes")
            self.dict_of, self.put_dict = descriptor.__get__, descriptor.__set__
        for base in mro:
            for name, descriptor in vars(base).items():
                if type(descriptor) is _MEMBER:
                    if next(vars(c)[name] for c in mro if name in vars(c)) is not descriptor:
                        raise Refused(f"its slot {name} is hidden by a subclass")
                    self.slots[name] = descriptor
        self.kind = SLOTS if self.slots or not self.dict_of else DICT
        state_hooks = [getattr(cls, h, None) for h in ("__getstate__", "__setstate__")]
        if state_hooks[0] is getattr(object, "__getstate__", None):  # there since Python 3.11
            state_hooks[0] = None
        if any(state_hooks):
            # dataclass(frozen=True, slots=True) makes both, for a state that is the list of its fields
            if not all(getattr(f, "__module__", None) == "dataclasses" for f in state_hooks) or "__dataclass_fields__" not in vars(cls):
                raise Refused("its class has its own __getstate__ or __setstate__: data travel as plain attributes")
            self.names = tuple(f.name for f in sys.modules["dataclasses"].fields(cls))
            if self.dict_of or set(self.names) != set(self.slots):
                raise Refused("a frozen dataclass with slots needs slots=True in each of its bases")
            self.kind = FIELDS
        elif self.kind == SLOTS and cls.__setattr__ is not object.__setattr__:
            raise Refused("its class has slots and its own __setattr__, and pickle cannot set them: dataclass(frozen=True, slots=True) can")
        try:
            _new(cls)
        except TypeError as error:  # an abstract class, or a base written in C
            raise Refused(str(error)) from None

    def build(self, state: Any) -> object:
        """An instance from its state. Raises Refused."""
        kind = self.kind
        if kind in (ENUM, TUPLE):
            raise Refused(f"{self.cls.__name__} has no state")
        value: Any = _new(self.cls)
        if kind == DICT:
            if type(state) is not dict:
                raise Refused(f"class {self.cls.__name__} has no slots")
            self.put_dict(value, state)  # type: ignore[misc]
        elif kind == FIELDS:
            if type(state) is not list or len(state) != len(self.names):
                raise Refused(f"class {self.cls.__name__} has the fields {', '.join(self.names)}")
            for name, item in zip(self.names, state):
                self.slots[name].__set__(value, item)
        else:
            if type(state) is not tuple or (state[0] and not self.dict_of):
                raise Refused(f"class {self.cls.__name__} has slots")
            if state[0]:
                if not self.slots.keys().isdisjoint(state[0]):
                    raise Refused(f"class {self.cls.__name__} has a slot of that name")
                self.put_dict(value, state[0])  # type: ignore[misc]
            for name, item in state[1].items():
                if name not in self.slots:
                    raise Refused(f"class {self.cls.__name__} has no slot {short(name)}")
                self.slots[name].__set__(value, item)
        return value


class Classes:
    """The classes that may be written and read.

    ``modules``: names of the app's modules, as in ``sys.modules``: the classes defined at their top level may travel.
    ``classes``: further classes. Classes given to ``register`` (the function) may always travel.
    ``aliases``: actual module name -> name on the wire, so that the main script is always ``__main__`` there.
    ``resolve``: gives the module of a name that is in ``modules``; without it, ``sys.modules.get``: nothing is ever
    imported. A slave's runner gives one that imports from its own bundle.
    """

    def __init__(
        self,
        modules: Iterable[str] = (),
        classes: Iterable[type] = (),
        *,
        aliases: Mapping[str, str] | None = None,
        resolve: Callable[[str], object] | None = None,
    ) -> None:
        self._modules = set(modules)
        self._aliases = dict(aliases or {})
        self._actual = {wire: actual for actual, wire in self._aliases.items()}
        self._registered: dict[tuple[str, str], type] = {}
        self._resolve = resolve
        self._plans: dict[type, Plan] = {}
        self._makers: dict[tuple[str, str], Plan] = {}
        for cls in classes:
            self.register(cls)

    def register(self, cls: type) -> type:
        """Let a class travel that no module of the app defines. Gives the class back; raises EncodeError."""
        if not isinstance(cls, type):
            raise EncodeError(f"register takes a class, not {short(cls)}")
        try:
            check_name(cls.__module__, cls.__qualname__)
            Plan(cls, cls.__module__, cls.__qualname__)
        except Refused as error:
            raise EncodeError(f"class {cls.__module__}.{cls.__qualname__} cannot be sent: {error}") from None
        self._registered[cls.__module__, cls.__qualname__] = cls
        self._plans.clear()
        self._makers.clear()
        return cls

    def resolve(self, module: str) -> object:
        """The module object of one of ``modules``, or None. May be overridden."""
        return self._resolve(module) if self._resolve is not None else sys.modules.get(module)

    def _lookup(self, module: str, name: str) -> type | None:
        for known in (self, default):
            cls = known._registered.get((module, name))
            if cls is not None:
                return cls
        if module in self._modules:
            found = getattr(self.resolve(module), "__dict__", {}).get(name)  # not getattr: a module's own __getattr__ is code
            # defined there, not merely imported there
            if isinstance(found, type) and found.__module__ == module and found.__qualname__ == name:
                return found
        return None

    def name_of(self, cls: type) -> tuple[str, str]:
        """The name of a class on the wire: (module, name). Raises EncodeError."""
        module, name = cls.__module__, cls.__qualname__
        try:
            check_name(module, name)
        except Refused as error:
            raise EncodeError(f"{error}: define it at the top level of a module that master and slave import") from None
        if self._lookup(module, name) is not cls:
            raise EncodeError(
                f"class {module}.{name} is not one of the app's: define it at the top level of a module that master and slave"
                f" import, such as app_types.py, or call pyboinc.register({name}) in one"
            )
        wire = self._aliases.get(module, module)
        if self._actual.get(wire, wire) != module:
            raise EncodeError(f"class {module}.{name} has a module that is named as the main script is: rename the module")
        return wire, name

    def find(self, module: str, name: str) -> type:
        """The class of a name on the wire. Raises DecodeError."""
        actual = self._actual.get(module, module)
        if self._aliases.get(actual, actual) == module and "." not in name:
            cls = self._lookup(actual, name)
            if cls is not None:
                return cls
        raise DecodeError(
            f"class {short(module + '.' + name)} is not known here. If it is defined in the slave itself, move it to a module that"
            f" master and slave both import, such as app_types.py; if it comes from a library, call pyboinc.register for it in one"
        )

    def plan_of(self, cls: type) -> Plan:
        """How to write a class. Raises Refused."""
        plan = self._plans.get(cls)
        if plan is None:
            try:
                plan = Plan(cls, *self.name_of(cls))
            except EncodeError as error:
                raise Refused(str(error)) from None
            self._plans[cls] = plan
        return plan

    def maker_of(self, module: str, name: str) -> Plan:
        """How to read a class. Raises Refused."""
        plan = self._makers.get((module, name))
        if plan is None:
            try:
                plan = self.plan_of(self.find(module, name))
            except DecodeError as error:
                raise Refused(str(error)) from None
            self._makers[module, name] = plan
        return plan


default = Classes()
_MEMBER = type(vars(_Neutral)["_parts"])  # the descriptor of a slot
_GETSET = type(vars(Classes)["__dict__"])  # and that of a __dict__


def register(cls: type) -> type:
    """Let instances of a class travel that the app's own modules do not define; usable as a decorator.

    Gives the class back. Raises EncodeError, with the reason, for a class that has no encoding.
    """
    return default.register(cls)


_SAFE = {str, bytes}  # their hash is keyed: nobody can aim at a collision
_FLAT_KEYS = {str, bytes, int, bool, type(None)}


def check_keys(keys: list[Any] | tuple[Any, ...], classes: Classes, factor_of: Callable[[frozenset[Any]], int]) -> int:
    """May these be the keys of one dict or the members of one set? Runs no code of the app. Raises Refused.

    Refused are values without a lasting hash or with a hash made by the app, NaN, and keys too many of which share a hash.
    Comparing two frozensets multiplies the collisions inside them with those around: so the *product* over nested levels
    is at most 64. It is returned; ``factor_of`` gives it for a nested frozenset.
    """
    kinds = set(map(type, keys))
    if kinds <= _SAFE or (kinds == {int} and min(keys) >= 0 and max(keys) < sys.hash_info.modulus):
        return 1
    worst = 1
    todo = list(keys)
    while todo:
        key = todo.pop()
        kind = type(key)
        if kind in _FLAT_KEYS:
            continue
        if kind is float or kind is complex:
            if key != key:
                raise Refused("NaN is not a key: it is not equal to itself")
        elif kind is tuple:
            todo.extend(key)
        elif kind is frozenset:
            worst = max(worst, factor_of(key))
        elif kind is Made:
            todo.extend(key.args)
        else:
            plan = classes._plans.get(kind)
            if plan is None or not plan.key_ok:
                raise Refused(
                    f"{kind.__name__} is not a key of a dict or a member of a set: only None, bool, int, float, complex, str, bytes,"
                    " Enum and NamedTuple (with their own == and hash), and tuples and frozensets of these"
                )
            if plan.kind == TUPLE:
                todo.extend(key)
    hashes = sorted(map(hash, keys))
    limit = max(1, MAX_SAME_HASH // worst)
    if any(map(int.__eq__, hashes, hashes[limit:])):
        raise Refused(f"more than {limit} keys have the same hash")
    most, run = 1, 0
    last: int | None = None
    for one in hashes:
        run = run + 1 if one == last else 1
        last = one
        most = max(most, run)
    return most * worst
