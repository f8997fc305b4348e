"""Which tests assert nothing: those that reach no ``assert`` and no ``pytest.raises``, not even through a call.

A call counts when it is of a function or method that is written in the tests or in the test kit, is in the same module
or in one that it imports, and asserts in its turn. A child process that must end well counts too.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Module", "modules", "silent_tests"]

TREE = Path(__file__).parents[2]
KIT = "secretsource.testing"
CHECKS = frozenset({"raises", "warns", "fail", "assert_outcomes", "fnmatch_lines"})
"""What pytest has for an assertion."""


class Function(NamedTuple):
    """What is in the functions and methods of one name.

    Attributes:
        asserts: Whether it has an assertion.
        named: The functions that it calls, or hands to what calls them.
    """

    asserts: bool
    named: frozenset[str]

    @classmethod
    def of(cls, node: ast.AST) -> Function:
        """A function from its tree."""
        parts = list(ast.walk(node))
        return cls(any(map(_is_assertion, parts)), frozenset(_named(parts)))

    def with_(self, other: Function) -> Function:
        """Both together."""
        return Function(self.asserts or other.asserts, self.named | other.named)


class Module(NamedTuple):
    """A module that may assert.

    Attributes:
        functions: Its functions and methods, by name.
        imported: The modules that it imports, and what it may import of them.
    """

    functions: Mapping[str, Function]
    imported: frozenset[str]

    @classmethod
    def read(cls, text: str) -> Module:
        """A module from its text."""
        functions: dict[str, Function] = {}
        imported = set[str]()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found = Function.of(node)
                functions[node.name] = functions.get(node.name, found).with_(found)
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                imported |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
        return cls(functions, frozenset(imported))


def modules() -> dict[str, Module]:
    """Every module of the tests and of the kit, by its name."""
    files = [(path, TREE) for path in (TREE / "tests").rglob("*.py")]
    files += [(path, TREE / "src") for path in (TREE / "src" / KIT.replace(".", "/")).rglob("*.py")]
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): Module.read(path.read_text())
        for path, root in sorted(files)
    }


def silent_tests(of: Mapping[str, Module]) -> list[str]:
    """The tests of these modules that assert nothing, as ``module::test``."""
    asserting = {
        (name, function) for name, module in of.items() for function, body in module.functions.items() if body.asserts
    }
    before = -1
    while len(asserting) > before:
        before = len(asserting)
        asserting |= set(_callers(of, asserting))
    return [
        f"{name}::{function}"
        for name, module in of.items()
        for function in module.functions
        if name.rpartition(".")[2].startswith("test_") and function.startswith("test_")
        if (name, function) not in asserting
    ]


def _is_assertion(node: ast.AST) -> bool:
    match node:
        case ast.Assert() | ast.Raise(exc=ast.Name(id="AssertionError") | ast.Call(func=ast.Name(id="AssertionError"))):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="subprocess"), attr="run"), keywords=keywords):
            return any(
                word.arg == "check" and isinstance(word.value, ast.Constant) and word.value.value for word in keywords
            )
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in CHECKS
        case _:
            return False


def _callers(of: Mapping[str, Module], asserting: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The functions that call one which asserts."""
    by_module: dict[str, set[str]] = {}
    for name, function in asserting:
        by_module.setdefault(name, set()).add(function)
    for name, module in of.items():
        seen = {name, *module.imported}
        if KIT in seen:  # its names come from whichever module they are in
            seen |= {each for each in by_module if each.startswith(KIT)}
        within = set[str]().union(*(by_module.get(each, ()) for each in seen))
        for function, body in module.functions.items():
            if not body.named.isdisjoint(within):
                yield name, function


def _named(body: list[ast.AST]) -> Iterator[str]:
    """The functions that are called, or handed to what calls them."""
    for node in body:
        match node:
            case ast.Name(id=name) | ast.Call(func=ast.Attribute(attr=name)):
                yield name
            case _:
                pass
