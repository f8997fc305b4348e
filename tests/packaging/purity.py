"""The modules that decide and do nothing else: each says so in a line of its own, ``# pure: <why>``.

``python -m tests.packaging.purity`` prints them with commas between, for the gate that wants every branch covered.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MARK", "PACKAGE", "impurities", "marked"]

PACKAGE = Path(__file__).parents[2] / "src" / "secretsource"
MARK = re.compile(r"^# pure: \w.*$", re.MULTILINE)

DOING = frozenset({
    "asyncio", "atexit", "concurrent", "contextvars", "ctypes", "http", "logging", "multiprocessing", "os", "pathlib",
    "queue", "random", "secrets", "select", "selectors", "shutil", "signal", "socket", "socketserver", "sqlite3",
    "ssl", "subprocess", "tempfile", "threading", "time", "urllib.request", "weakref",
    "aiohttp", "boto3", "botocore", "grpc", "hvac", "psycopg", "redis", "requests", "sqlalchemy", "starlette",
    "secretsource._ground.clock", "secretsource._ground.fork",
})  # fmt: skip
"""Modules that read a clock, wait, draw lots, lock, or reach a file, a process or a network."""

DECIDING = frozenset({
    "http.HTTPStatus", "time.gmtime", "secretsource._ground.clock.LAST_INSTANT", "secretsource._ground.clock.Instant",
    "secretsource._ground.clock.utc",
})  # fmt: skip
"""What such modules have that depends on its arguments alone."""

BUILT_IN = frozenset({"breakpoint", "input", "open", "print"})


def marked() -> list[Path]:
    """Every module that calls itself pure."""
    return [path for path in sorted(PACKAGE.rglob("*.py")) if MARK.search(path.read_text())]


def impurities(text: str) -> list[str]:
    """What a module does beside deciding, each with its line: imports at run time, built-in functions, waiting."""
    return [f"{line}: {what}" for line, what in _found(ast.parse(text))]


def _found(node: ast.AST) -> Iterator[tuple[int, str]]:
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return
        case ast.Import(names=names):
            yield from ((node.lineno, f"imports {name.name}") for name in names if _does(name.name))
        case ast.ImportFrom(module=str(module), names=names):
            full = (f"{module}.{name.name}" for name in names)
            yield from ((node.lineno, f"imports {name}") for name in full if _does(name) and name not in DECIDING)
        case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
            yield node.lineno, "waits"
        case ast.Call(func=ast.Name(id=name)) if name in BUILT_IN:
            yield node.lineno, f"calls {name}"
        case _:
            pass
    for child in ast.iter_child_nodes(node):
        yield from _found(child)


def _does(name: str) -> bool:
    """Whether a module, or what it is part of, does more than decide."""
    parts = name.split(".")
    return any(".".join(parts[:length]) in DOING for length in range(1, len(parts) + 1))


if __name__ == "__main__":
    print(",".join(str(path.relative_to(PACKAGE.parents[1])) for path in marked()))
