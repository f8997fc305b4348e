"""Locks are taken by ``with``: a signal that raises between a call of ``acquire`` and its ``try`` holds one forever."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import secretsource

SOURCE = Path(secretsource.__file__).parent
BY_HAND = {
    "_ground/fork.py",
    "_ground/imports.py",
    "providers/_azure/client.py",
    "_ground/turns.py",
    "stores/_sql/connections/writers.py",
}
"""Modules that wait for a lock until a deadline, or hold one across a fork, which ``with`` cannot say."""


def bare(source: str) -> list[int]:
    """The lines that name the ``acquire`` of something, called or kept for later."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Attribute) and node.attr == "acquire")
        or (isinstance(node, ast.Constant) and node.value == "acquire")
    ]


def test_no_module_acquires_a_lock_by_hand() -> None:
    """Except for those on the list; one that no longer does is taken off it."""
    found = {
        str(path.relative_to(SOURCE)): lines
        for path in SOURCE.rglob("*.py")
        if (lines := bare(path.read_text(encoding="utf-8")))
    }
    assert found.keys() == BY_HAND, found


@pytest.mark.parametrize(
    "line",
    ["lock.acquire()", "if not self._lock.acquire(timeout=1): ...", "take = lock.acquire", "getattr(x, 'acquire')"],
)
def test_each_way_to_do_it_is_seen(line: str) -> None:
    """Also a method that is kept to be called later, as a quick limiter would."""
    assert bare(line) == [1]
    assert bare("with lock:\n    pass") == []
