"""A slave's source, compiled so that its powers go through the host's arithmetic. Pure: source in, code out.

Python computes ``**`` in C, where no namespace reaches it, so the operator becomes a call:

    x ** y           __pyboinc_pow__(x, y)
    x **= y          x = __pyboinc_ipow__(x, y)
    a.b **= y        __pyboinc_attribute__(a, "b")(y)        a is evaluated once, a.b is read before y is evaluated
    a[i] **= y       __pyboinc_item__(a, i)(y)

The names are in the builtins of `namespace.Namespace`. The tree is changed before the compiler folds constants. Places stay:
line numbers and tracebacks are those of the source. Powers of whole-number constants are exact everywhere and stay as they are.
"""

from __future__ import annotations

import ast
import warnings
from copy import deepcopy
from types import CodeType
from typing import Any

POW, IPOW, ATTRIBUTE, ITEM, SLICE = (f"__pyboinc_{name}__" for name in ("pow", "ipow", "attribute", "item", "slice"))


def compile_routed(source: Any, filename: str, mode: str = "exec", flags: int = 0, **options: Any) -> CodeType:
    """Code of the source (text, bytes or a tree), powers routed. flags, options: of `compile`. Raises what that raises."""
    if isinstance(source, ast.AST):
        tree: Any = deepcopy(source)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # those that the parser has come again from the compiler
            tree = compile(source, filename, mode, flags | ast.PyCF_ONLY_AST, dont_inherit=True)
    chosen = tree if route_powers(tree) else source
    code: CodeType = compile(chosen, filename, mode, flags, dont_inherit=True, **options)
    return code


def route_powers(tree: ast.AST) -> bool:
    """Change the tree in place; True if there was something to change. (No recursion: sources can be deep.)"""
    changed = False
    pending: list[tuple[ast.AST, str]] = [(tree, "")]
    while pending:
        node, mangled_by = pending.pop()
        if isinstance(node, ast.ClassDef):
            mangled_by = node.name.lstrip("_")
        for name, value in ast.iter_fields(node):
            children = value if isinstance(value, list) else [value]
            for place, child in enumerate(children):
                if not isinstance(child, ast.AST):
                    continue
                routed = _routed(child, mangled_by)
                if routed is not child:
                    changed = True
                    if isinstance(value, list):
                        value[place] = routed
                    else:
                        setattr(node, name, routed)
                pending.append((routed, mangled_by))
    return changed


def is_power(node: ast.AST) -> bool:
    """Is it ``**`` or ``**=``, other than of two whole-number constants?"""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return not (_is_whole(node.left) and _is_whole(node.right))
    return isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Pow)


def _is_whole(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int


def _routed(node: ast.AST, mangled_by: str) -> ast.AST:
    if not is_power(node):
        return node
    if isinstance(node, ast.BinOp):
        return _call(node, POW, node.left, node.right)
    assert isinstance(node, ast.AugAssign)
    target = node.target
    if isinstance(target, ast.Name):
        here = ast.copy_location(ast.Name(target.id, ast.Load()), target)
        return ast.copy_location(ast.Assign([target], _call(node, IPOW, here, node.value)), node)
    if isinstance(target, ast.Attribute):
        name = ast.copy_location(ast.Constant(_mangled(target.attr, mangled_by)), target)
        first = _call(target, ATTRIBUTE, target.value, name)
    else:
        first = _call(target, ITEM, target.value, _index(target.slice))
    call = ast.copy_location(ast.Call(first, [node.value], []), node)
    return ast.copy_location(ast.Expr(call), node)


def _call(place: ast.AST, function: str, *arguments: ast.expr) -> ast.Call:
    name = ast.copy_location(ast.Name(function, ast.Load()), place)
    return ast.copy_location(ast.Call(name, list(arguments), []), place)


def _index(node: ast.expr) -> ast.expr:
    """A subscript's index as an expression: slices have a notation only inside brackets."""
    if isinstance(node, ast.Slice):
        parts = [part or ast.copy_location(ast.Constant(None), node) for part in (node.lower, node.upper, node.step)]
        return _call(node, SLICE, *parts)
    if isinstance(node, ast.Tuple):
        return ast.copy_location(ast.Tuple([_index(each) for each in node.elts], ast.Load()), node)
    return node


def _mangled(name: str, class_name: str) -> str:
    """The name of a private attribute, as the compiler makes it in a class."""
    if class_name and name.startswith("__") and not name.endswith("__"):
        return f"_{class_name}{name}"
    return name
