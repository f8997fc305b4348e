"""A module that is marked as pure decides from its arguments: no clock, no lock, no I/O, nothing that waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.packaging.purity import MARK, PACKAGE, impurities, marked

if TYPE_CHECKING:
    from pathlib import Path

ENOUGH = 50
"""Pure modules there are at least, so that the mark is looked for where it is."""


def name(path: Path) -> str:
    """A module as a test is called by it."""
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", marked(), ids=name)
def test_a_pure_module_does_nothing(path: Path) -> None:
    """It imports nothing that reads a clock, locks, waits or reaches out, and has no coroutine."""
    assert impurities(path.read_text()) == []


def test_the_mark_is_found() -> None:
    """Below the docstring and above the code, in as many modules as there are at least."""
    assert len(marked()) >= ENOUGH
    for path in marked():
        before, _, _ = path.read_text().partition("from __future__")
        assert len(MARK.findall(before)) == 1, path


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("import time", "imports time"),
        ("from time import monotonic", "imports time.monotonic"),
        ("from time import gmtime", None),
        ("import urllib.parse", None),
        ("from urllib.request import urlopen", "imports urllib.request.urlopen"),
        ("from urllib import request", "imports urllib.request"),
        ("from concurrent.futures import Future", "imports concurrent.futures.Future"),
        ("from secretsource._ground.clock import SYSTEM_CLOCK", "imports secretsource._ground.clock.SYSTEM_CLOCK"),
        ("from secretsource._ground.clock import utc", None),
        ("from secretsource._ground import fork", "imports secretsource._ground.fork"),
        ("if TYPE_CHECKING:\n    import threading", None),
        ("def late():\n    import os", "imports os"),
        ("async def get(): pass", "waits"),
        ("open('x')", "calls open"),
        ("print('x')", "calls print"),
        ("value.open()", None),
    ],
)
def test_what_a_module_does_is_found(line: str, found: str | None) -> None:
    """At the top and inside of functions; what is for type checkers does not count."""
    assert [each.partition(": ")[2] for each in impurities(line)] == ([] if found is None else [found])
