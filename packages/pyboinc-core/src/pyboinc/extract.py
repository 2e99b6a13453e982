"""The source of a function with that of all that it names, as one module: for functions of a notebook, which is no file."""

from __future__ import annotations
import __future__

import ast
import builtins
import inspect
import linecache
import symtable
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from . import codec
from .codec.types import Instance, Made
from .errors import EncodeError


class Unextractable(Exception):
    """Why not, and what to do."""


class Extract:
    """source (str): of a module that defines the function."""

    def __init__(self, source: str, used: dict[str, tuple[dict[str, Any], Any, bytes | None]]) -> None:
        self.source = source
        self._used = used

    def holds(self) -> bool:
        """Do all names that it uses still mean the same?"""
        for name, (scope, found, data) in self._used.items():
            now = scope.get(name)
            if now is not found and data is None:
                return False
            if data is not None and (now is not found or not isinstance(now, _CONSTANT)) and _encoded(name, now) != data:
                return False
        return True


_VALUE = "from pyboinc.slave.functions import value as _value"
_CONSTANT = (int, float, complex, str, bytes, type(None))


def extract(functions: Iterable[Callable[..., Any]], classes: Iterable[str] = ()) -> Extract:
    """classes: names of those of the notebook that arguments are of. Raises Unextractable."""
    collector = _Collector()
    for name in classes:
        collector.need(name, vars(sys.modules["__main__"]))
    for function in functions:
        plain = inspect.unwrap(function)
        if not isinstance(plain, FunctionType | type):
            raise Unextractable(f"it is a {type(plain).__name__}, whose source can't be read: write a function that calls it")
        scope = plain.__globals__ if isinstance(plain, FunctionType) else vars(sys.modules["__main__"])
        collector.need(function.__qualname__.partition(".")[0], scope)
    head = ["from __future__ import annotations"] if collector.annotations else []
    return Extract("\n\n\n".join([*head, *collector.pieces]) + "\n", collector.used)


class _Collector:
    """Follows names; pieces of source come in the order in which they can be defined."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.used: dict[str, tuple[dict[str, Any], Any, bytes | None]] = {}
        self.annotations = False

    def need(self, name: str, scope: dict[str, Any]) -> None:
        if name in self.used or name not in scope or name.startswith("__"):
            return
        value = scope[name]
        self.used[name] = scope, value, None
        if isinstance(value, ModuleType):
            self.pieces.append(f"import {value.__name__} as {name}")
            return
        home, path = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        if isinstance(path, str) and isinstance(home, str) and (isinstance(value, type) or callable(value)):
            if home != "__main__":
                self._imported(name, value, home, path)
            else:
                self._defined(name, value, path, scope)
            return
        data = _encoded(name, value)
        for cls in classes_in(data):
            self.need(cls, scope)
        self.used[name] = scope, value, data
        self.pieces.append(f"{_VALUE}\n{name} = _value({data!r}, __name__)")

    def _imported(self, name: str, value: Any, home: str, path: str) -> None:
        found = getattr(sys.modules.get(home), path, None)
        if found is not value:
            raise Unextractable(f"it uses {name}, and {home}.{path} is not that any more: import it by its name")
        if home != "builtins" or name != path:
            self.pieces.append(f"from {home} import {path} as {name}")

    def _defined(self, name: str, value: Any, path: str, scope: dict[str, Any]) -> None:
        if "<lambda>" in path or "<locals>" in path:
            what = "a lambda" if "<lambda>" in path else "defined inside a function"
            raise Unextractable(f"it uses {name}, which is {what}: make it a def at the top level")
        if "." in path or path != name:  # another name of something else
            self.need(path.partition(".")[0], scope)
            self.pieces.append(f"{name} = {path}")
            return
        source = _class_source(value) if isinstance(value, type) else _function_source(value)
        code = getattr(inspect.unwrap(value), "__code__", None)
        if code is not None and code.co_flags & __future__.annotations.compiler_flag:
            self.annotations = True
        for inner in _global_names(source):
            self.need(inner, scope)
        self.pieces.append(source + _defaults(name, value))


def _defaults(name: str, value: Any) -> str:
    """Sets defaults that were computed when the function was defined: what they were computed from may have changed."""
    defaults = getattr(value, "__defaults__", None) if isinstance(value, FunctionType) else None
    if not defaults or all(isinstance(each, _CONSTANT) and repr(each) in _function_source(value) for each in defaults):
        return ""
    return f"\n\n\n{_VALUE}\n{name}.__defaults__ = _value({_encoded(name, defaults)!r}, __name__)"


def _encoded(name: str, value: Any) -> bytes:
    try:
        return codec.dumps(value, _MAIN, name=name)
    except EncodeError as error:
        raise Unextractable(f"it uses the global {name}, and {error}. Make it inside the function, or pass it as an argument") from None


_MAIN = codec.Classes(["__main__"])


def classes_in(data: bytes) -> Iterator[str]:
    """Names of the notebook's classes in an encoded value."""
    todo: list[Any] = [codec.parse(data)]
    while todo:
        value = todo.pop()
        if isinstance(value, Instance | Made):
            if value.module == "__main__":
                yield value.name
            todo.append(value.fields if isinstance(value, Instance) else value.args)
        elif isinstance(value, dict):
            todo += [*value, *value.values()]
        elif isinstance(value, list | tuple | set | frozenset):
            todo += value


def _function_source(function: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(function)).rstrip()
    except (OSError, TypeError):
        raise Unextractable(f"the source of {function.__name__} is kept nowhere: write it in a file or in a notebook's cell") from None


def _class_source(cls: type) -> str:
    """Of a class in a notebook, which `inspect` doesn't find before Python 3.13."""
    files = {each.__code__.co_filename for each in vars(cls).values() if isinstance(each, FunctionType)}
    cells = ["".join(linecache.getlines(file)) for file in files]
    cells += reversed(getattr(sys.modules["__main__"], "In", []))  # IPython's
    for cell in cells:
        try:
            tree = ast.parse(cell)
        except (SyntaxError, ValueError):  # a cell may hold more than Python
            continue
        for node in reversed(tree.body):
            if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                return "\n".join(cell.splitlines()[first - 1 : node.end_lineno])
    try:
        return textwrap.dedent(inspect.getsource(cls)).rstrip()
    except (OSError, TypeError):
        raise Unextractable(f"the source of the class {cls.__name__} is not found: put it in a file beside the notebook") from None


def _global_names(source: str) -> list[str]:
    """Names that a definition takes from its module, when it is made or when it runs."""
    found: dict[str, None] = {}
    tables = [symtable.symtable(source, "<source>", "exec")]
    while tables:
        table = tables.pop()
        top = table.get_type() == "module"
        for symbol in table.get_symbols():
            if (symbol.is_referenced() and not symbol.is_assigned() and not symbol.is_namespace()) if top else symbol.is_global():
                found[symbol.get_name()] = None
        tables += table.get_children()
    return sorted(name for name in found if not hasattr(builtins, name) or name in vars(sys.modules["__main__"]))
