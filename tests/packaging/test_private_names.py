"""Edges reach public names only: no edge looks at a private attribute of something that another part made."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import secretsource

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(secretsource.__file__).parent
EDGES = ("cli", "integrations", "instrumentation", "server")
OF_TUPLES = {"_asdict", "_fields", "_field_defaults", "_make", "_replace"}
"""Public names of named tuples, which begin with an underscore."""
OF_PYTHON = {"_exit", "_ncallbacks"}
"""The same of `os`; and the count of functions that wait for the end of a process, which `atexit` has for its tests."""


def reached(source: str) -> list[str]:
    """Return each private attribute that a module reaches, of others than of itself, with its line."""
    tree = ast.parse(source)
    own = {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    } | {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return [f"{line}: {name}" for line, name in _private(tree) if name not in own | OF_TUPLES | OF_PYTHON]


def _private(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                continue
            case ast.Attribute(attr=str(name)):
                pass
            case ast.Call(func=ast.Name(id="getattr" | "setattr" | "hasattr"), args=[_, ast.Constant(str(name)), *_]):
                pass
            case _:
                continue
        if name.startswith("_") and not name.endswith("__"):
            yield node.lineno, name


@pytest.mark.parametrize("edge", EDGES)
def test_an_edge_reaches_public_names_only(edge: str) -> None:
    """Names with an underscore belong to the part that they are in; an edge that needs one lacks a public name."""
    modules = sorted((PACKAGE / edge).rglob("*.py"))
    found = {str(path.relative_to(PACKAGE)): reached(path.read_text(encoding="utf-8")) for path in modules}
    assert {module: names for module, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("resolver._engine.notices.quiet = True", ["1: _engine"]),
        ("getattr(keys, '_parts')", ["1: _parts"]),
        ("keys.store._database", ["1: _database"]),
        ("class A:\n    def f(self): return self._own", []),
        ("record._replace(name='x')", []),
        ("g._ours = 1\ng._ours", []),
        ("type(keys).__name__", []),
    ],
)
def test_what_counts_as_private(source: str, names: list[str]) -> None:
    """An attribute with an underscore, by a dot or by its name; not what a module has put there itself."""
    assert reached(source) == names
