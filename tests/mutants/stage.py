"""A stage: the tests near to a module are collected once, and each of its faults is tried in a fork of that moment.

The first fork runs every test, and measures which tests reach which lines. A fault is then grafted into the functions
that are loaded, and only the tests that reach its lines run: first those that have found faults before, then the short
ones, until one fails. A fault that cannot be grafted, or that no test finds, is left to a trial in a fresh process.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import warnings
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import coverage
import pytest
from coverage.exceptions import CoverageWarning
from tests.mutants.graft import difference, graft, living

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import CodeType, FunctionType

__all__ = ["PLAIN", "Reach", "Spot", "Stage"]

PLAIN = -1
"""The place of the tests without a fault."""


class Spot(NamedTuple):
    """A fault, as a stage needs it.

    Attributes:
        code: What the module becomes.
        first: The first line of the fault.
        last: Its last line.
    """

    code: CodeType
    first: int
    last: int


class Reach(NamedTuple):
    """What the tests do without a fault.

    Attributes:
        lines: The tests that reach each line, by their places.
        seconds: How long each test takes.
    """

    lines: Mapping[int, Sequence[int]]
    seconds: Sequence[float]

    def of(self, spot: Spot) -> set[int]:
        """Return the tests that reach a fault."""
        return {test for line in range(spot.first, spot.last + 1) for test in self.lines.get(line, ())}


class Stage:
    """A plugin of pytest that tries faults where pytest would run tests.

    Args:
        name: The dotted name of the module.
        path: Its file.
        spots: Its faults.
        seconds: How long a trial may take; all tests without a fault may take three times as long.
        tell: Called with the place of a trial that found something, and with the word for its end: "killed" or "late";
            of the tests without a fault also "alive".
    """

    def __init__(
        self, name: str, path: str, spots: Sequence[Spot], seconds: float, tell: Callable[[int, str], None]
    ) -> None:
        self._name = name
        self._path = path
        self._spots = spots
        self._seconds = seconds
        self._tell = tell
        self._failed = False
        self._parent = os.getppid()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that failed."""
        self._failed = self._failed or report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Measure, then try each fault that can be grafted."""
        measured = _forked(lambda: self._measured(session), 3 * self._seconds)
        self._tell(PLAIN, "late" if measured is None else "alive" if measured else "killed")
        if measured:
            lines, seconds = json.loads(measured)
            for place, end in self._tried(session, Reach({int(line): tests for line, tests in lines}, seconds)):
                self._tell(place, end)
        return True

    def _measured(self, session: pytest.Session) -> str:
        """Run every test, and write what reaches what; nothing if one fails."""
        meter = coverage.Coverage(data_file=None, config_file=False, include=[self._path])
        seconds: list[float] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CoverageWarning)
            meter.start()
            for place, item in enumerate(session.items):
                meter.switch_context(str(place))
                began = time.perf_counter()
                following = session.items[place + 1] if place + 1 < len(session.items) else None
                item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
                seconds.append(time.perf_counter() - began)
                if self._failed:
                    return ""
            meter.stop()
            reached = meter.get_data().contexts_by_lineno(self._path)
        lines = [(line, [int(test) for test in tests if test]) for line, tests in reached.items()]
        return json.dumps([lines, seconds])

    def _tried(self, session: pytest.Session, reach: Reach) -> Iterator[tuple[int, str]]:
        """Try each fault that can be grafted and is reached; yield the end of those that are found."""
        whole = compile(Path(self._path).read_text(encoding="utf-8"), self._path, "exec", dont_inherit=True)
        loaded, kills = living(self._path), Counter[int]()
        for place, spot in enumerate(self._spots):
            if os.getppid() != self._parent:
                return  # nobody waits for the results any more
            pairs = difference(whole, spot.code) or []
            if not pairs or not all(old in loaded for old, _ in pairs):
                continue
            grafts = [(function, new) for old, new in pairs for function in loaded[old]]
            order = sorted(reach.of(spot), key=lambda test: (-kills[test], reach.seconds[test]))
            patience = min(self._seconds, 5 + 10 * sum(reach.seconds[test] for test in order))
            killer = self._killer(session, grafts, order, patience)
            if killer is None:
                yield place, "late"
            elif killer:
                kills[int(killer)] += 1
                yield place, "killed"

    def _killer(
        self, session: pytest.Session, grafts: Sequence[tuple[FunctionType, CodeType]], order: list[int], seconds: float
    ) -> str | None:
        """Return the place of the first test that fails with a fault in; empty if none does, None if it takes long."""

        def run() -> str:
            graft(sys.modules[self._name], grafts)
            items = [session.items[test] for test in order]
            for test, item, following in zip(order, items, [*items[1:], None], strict=True):
                item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
                if self._failed:
                    return str(test)
            return ""

        return _forked(run, seconds)


def _forked(work: Callable[[], str], seconds: float) -> str | None:
    """Do some work in a forked child; return what it returns, empty if it raises, None if it takes too long."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setpgid(0, 0)
            os.write(writing, f"{work()}\n".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with suppress(OSError):  # the child has done so, or has ended
        os.setpgid(child, child)
    try:
        return _read(reading, time.monotonic() + seconds)
    finally:
        os.close(reading)
        _end(child)


def _read(pipe: int, until: float) -> str | None:
    """Read one line from a pipe, or what there is of it when it ends."""
    found = b""
    while not found.endswith(b"\n"):
        if not select.select([pipe], [], [], max(0.0, until - time.monotonic()))[0]:
            return None
        piece = os.read(pipe, 65_536)
        if not piece:
            break
        found += piece
    return found.decode().strip()


def _end(child: int) -> None:
    """End a child, and what it has started."""
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
