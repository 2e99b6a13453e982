"""What a slave's code finds under its names on a host: `math`, `random`, ``**``, `sum` and the rest with that host's arithmetic.

    names = Namespace(platforms.load("windows11"), modules=frozenset({"app_types"}))
    exec(compile_routed(source, "app_slave.py"), {"__builtins__": names.builtins})

Code reaches all it uses through its builtins, `__import__` included, so one process can hold any number of hosts side by side.
`math` and `cmath` are the platform's; `random`, `statistics` and `fractions` are the standard library's own sources, executed
once for each platform on its `math` when they are first imported (no other pure-Python module of the standard library uses
floating-point functions). What this does not reach is told by `pyboinc_local.lints`.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import cmath
import functools
import importlib
import importlib.util
import math
import operator
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib.abc import InspectLoader
from inspect import CO_OPTIMIZED
from types import CodeType, ModuleType
from typing import Any, Protocol

from .rewrite import ATTRIBUTE, IPOW, ITEM, POW, SLICE, compile_routed


class Arithmetic(Protocol):
    """What is needed of a platform; `pyboinc_local.platforms.load` gives one."""

    @property
    def name(self) -> str: ...
    @property
    def math(self) -> Any: ...
    @property
    def cmath(self) -> Any: ...
    @property
    def pow(self) -> Callable[..., Any]: ...
    @property
    def abs(self) -> Callable[[Any], Any]: ...
    @property
    def sum(self) -> Callable[..., Any]: ...


REEXECUTED = ("random", "statistics", "fractions")
HIDDEN = frozenset({"_statistics"})
"""Accelerators in C that compute with the C library; `statistics` has the same in Python."""


class Namespace:
    """One platform's names for one program.

    modules: names of the program's own modules, which win over the standard library's.
    library: what the standard library's own modules compute with, if it is something else.
    builtins: what to give as ``__builtins__``.
    """

    def __init__(self, platform: Arithmetic, modules: frozenset[str] = frozenset(), library: Arithmetic | None = None) -> None:
        self.platform = platform
        self._library = Namespace(library) if library is not None and library is not platform else None
        self._own = modules
        self._makers: dict[str, Callable[[], ModuleType]] = {
            "math": lambda: _like(math, {name: getattr(platform.math, name) for name in dir(math) if hasattr(platform.math, name)}),
            "cmath": lambda: _like(cmath, {name: getattr(platform.cmath, name) for name in dir(cmath) if hasattr(platform.cmath, name)}),
            "builtins": lambda: self.builtins,
            "operator": lambda: _like(operator, self._operators),
            "_operator": lambda: _like(operator, self._operators),
            "importlib": self._importlib,
            **{name: lambda name=name: self._reexecuted(name) for name in REEXECUTED},  # type: ignore[misc]
        }
        self._modules: dict[str, ModuleType] = {}
        self._seed: str | None = None
        power, inplace = _powers(platform.pow)
        operators = {"pow": power, "ipow": inplace, "abs": platform.abs}
        self._operators = {**operators, **{f"__{name}__": function for name, function in operators.items()}}
        self.builtins = _like(
            builtins,
            {
                POW: power,
                IPOW: inplace,
                ATTRIBUTE: _attribute(inplace),
                ITEM: _item(inplace),
                SLICE: slice,
                "pow": _pow_function(platform.pow),
                "abs": platform.abs,
                "sum": platform.sum,
                "__import__": self._import,
                "compile": _compile,
                "eval": self._eval,
                "exec": self._exec,
            },
        )

    def seed(self, seed: str) -> None:
        """What the host's `random` starts from."""
        self._seed = seed
        if self._library is not None:
            self._library.seed(seed)
        elif "random" in self._modules:
            self._modules["random"].seed(seed)

    def module(self, name: str) -> ModuleType | None:
        """The host's own module of that name; None if it has Python's."""
        if name in self._own or name not in self._makers:
            return None
        if name not in self._modules:
            made = self._modules[name] = self._makers[name]()
            if name == "random" and self._seed is not None and self._library is None:
                made.seed(self._seed)
        return self._modules[name]

    def _import(self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        top, _, rest = name.partition(".")
        if level == 0:
            if name in HIDDEN and globals and globals.get("__name__") in REEXECUTED:
                raise ImportError(f"{name} computes with the C library", name=name)
            routed = self.module(top)
            if routed is not None and rest:  # importlib.util
                found = builtins.__import__(name, globals, locals, fromlist, 0)
                setattr(routed, rest.partition(".")[0], getattr(sys.modules[top], rest.partition(".")[0]))
                return found if fromlist else routed
            if routed is not None:
                return routed
        return builtins.__import__(name, globals, locals, fromlist, level)

    def _importlib(self) -> ModuleType:
        def import_module(name: str, package: str | None = None) -> ModuleType:
            return self.module(name) or importlib.import_module(name, package)

        return _like(importlib, {"import_module": import_module, "__import__": self._import})

    def _reexecuted(self, name: str) -> ModuleType:
        """Import loops need the module to be there before it is executed."""
        if self._library is not None:
            found = self._library.module(name)
            assert found is not None
            return found
        module = self._modules[name] = ModuleType(name)
        module.__dict__.update(__builtins__=self.builtins, __spec__=sys.modules[name].__spec__ if name in sys.modules else None)
        try:
            exec(_library(name), module.__dict__)
        except BaseException:
            del self._modules[name]
            raise
        return module

    def _eval(self, source: Any, globals: Any = None, locals: Any = None, /) -> Any:
        return self._run(builtins.eval, "eval", source, globals, locals)

    def _exec(self, source: Any, globals: Any = None, locals: Any = None, /, **more: Any) -> None:
        self._run(builtins.exec, "exec", source, globals, locals, **more)

    def _run(self, how: Callable[..., Any], mode: str, source: Any, globals: Any, locals: Any, **more: Any) -> Any:
        caller = sys._getframe(2)
        if globals is None:
            globals = caller.f_globals
            if locals is None:
                inside = caller.f_code.co_flags & CO_OPTIMIZED  # where locals are a view of a function's variables from 3.13 on
                locals = dict(caller.f_locals) if inside and sys.version_info >= (3, 13) else caller.f_locals
        globals.setdefault("__builtins__", self.builtins)
        if not isinstance(source, CodeType):
            if mode == "eval" and isinstance(source, str):
                source = source.lstrip(" \t")
            source = compile_routed(source, "<string>", mode, caller.f_code.co_flags & _FUTURES)
        return how(source, globals, locals, **more)


def _like(module: ModuleType, names: Mapping[str, Any]) -> ModuleType:
    """A module like another, with some names of its own."""
    made = ModuleType(module.__name__, module.__doc__)
    made.__dict__.update(vars(module))
    made.__dict__.update(names)
    return made


@cache
def _library(name: str) -> CodeType:
    """The code of a module of the standard library, powers routed."""
    spec = importlib.util.find_spec(name)
    source = spec.loader.get_source(name) if spec and isinstance(spec.loader, InspectLoader) else None
    if spec is None or source is None:
        raise ImportError(f"the source of Python's module {name} is not installed", name=name)
    return compile_routed(source, spec.origin or f"{name}.py")


_FUTURES = functools.reduce(operator.or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names))


def _compile(source: Any, filename: Any, mode: str, flags: int = 0, dont_inherit: bool = False, optimize: int = -1, **more: Any) -> Any:
    if not dont_inherit:
        flags |= sys._getframe(1).f_code.co_flags & _FUTURES
    if flags & ast.PyCF_ONLY_AST:
        return builtins.compile(source, filename, mode, flags, True, optimize, **more)
    return compile_routed(source, filename, mode, flags, optimize=optimize, **more)


# ---- Arithmetic that is not a function of `math`.


def _powers(host: Callable[[Any, Any], Any]) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    """``**`` and ``**=``: of the built-in numbers as the host has them, also of their subclasses; of anything else its own."""

    def power(x: Any, y: Any) -> Any:
        return host(x, y) if type(x) in _NUMBERS and type(y) in _NUMBERS else general(x, y, operator.pow)

    def inplace(x: Any, y: Any) -> Any:
        return host(x, y) if type(x) in _NUMBERS and type(y) in _NUMBERS else general(x, y, operator.ipow)

    def general(x: Any, y: Any, otherwise: Callable[[Any, Any], Any]) -> Any:
        one, other = _plain(x), _plain(y)
        return otherwise(x, y) if one is None or other is None else host(one, other)

    return power, inplace


_NUMBERS: frozenset[Any] = frozenset({float, int, complex, bool})


def _plain(value: Any) -> Any:
    """A number without the subclass that it is of, if that has Python's own powers; None for anything else."""
    for number in _NUMBERS:
        if isinstance(value, number):
            kind = type(value)
            own = kind.__pow__ is not number.__pow__ or kind.__rpow__ is not number.__rpow__ or hasattr(kind, "__ipow__")
            return None if own else number.__pos__(value)
    return None


def _pow_function(host: Callable[..., Any]) -> Callable[..., Any]:
    def pow(base: Any, exp: Any, mod: Any = None) -> Any:
        return host(base, exp) if mod is None else builtins.pow(base, exp, mod)

    return pow


def _attribute(inplace: Callable[[Any, Any], Any]) -> Callable[[Any, str], Callable[[Any], None]]:
    def attribute(owner: Any, name: str) -> Callable[[Any], None]:
        value = getattr(owner, name)
        return lambda y: setattr(owner, name, inplace(value, y))

    return attribute


def _item(inplace: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Callable[[Any], None]]:
    def item(owner: Any, index: Any) -> Callable[[Any], None]:
        value = owner[index]
        return lambda y: operator.setitem(owner, index, inplace(value, y))

    return item
