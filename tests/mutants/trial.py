"""A trial of one fault: a forked child puts it in, runs the tests beside it, and leaves with their verdict.

The process that forks has imported pytest and what is dear, and nothing of ours, so that a child begins with a fresh
package of which one module is another. An act is the trials of one module: a stage tries its faults first, and those
that it does not find have a trial of their own.
"""

from __future__ import annotations

import enum
import os
import signal
import sys
import tempfile
import time
from collections import deque
from compileall import compile_dir
from importlib import import_module
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings
from tests.mutants.stage import PLAIN, Spot, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import CodeType
    from typing import IO

__all__ = ["TREE", "Act", "End", "Trial", "outcomes", "prepare"]

TREE = Path(__file__).parents[2]
SOURCE = TREE / "src"
SECONDS = 20.0
"""Seconds of a trial with the tests near to a module."""
DEAR = (
    "asyncio", "cryptography.hazmat.primitives.ciphers.aead", "hypothesis.strategies",
    "sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.sqlite",
)  # fmt: skip
"""What the tests import, and takes long."""


class End(enum.Enum):
    """How a trial ended."""

    KILLED = "killed"
    LATE = "killed by the time"
    ALIVE = "alive"


class Trial(NamedTuple):
    """A fault, and the tests that should find it.

    Attributes:
        title: What to call it.
        module: The name of the module.
        code: What the module becomes; None to run the tests without a fault.
        tests: Files or tests, as pytest is told them.
        seconds: How long it may take; tests that have not ended by then have found the fault, for they end without it.
        lines: The first line of the fault, and its last.
    """

    title: str
    module: str
    code: CodeType | None
    tests: Sequence[str]
    seconds: float = SECONDS
    lines: tuple[int, int] = (0, 0)


class Act(NamedTuple):
    """The trials of one module.

    Attributes:
        plain: The tests without a fault.
        trials: The faults.
    """

    plain: Trial
    trials: Sequence[Trial]


class _Planted(MetaPathFinder, InspectLoader):
    """Loads one module as other code."""

    def __init__(self, name: str, code: CodeType) -> None:
        self._name = name
        self._code = code

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return ModuleSpec(fullname, self, origin=self._code.co_filename)

    def get_code(self, fullname: str) -> CodeType:
        return self._code

    def get_source(self, fullname: str) -> str:
        return Path(self._code.co_filename).read_text()


def prepare() -> None:
    """Import and compile what every trial needs; derive examples from the tests alone, and do not shrink them."""
    os.environ["CI"] = "true"
    os.environ["PYTHONPATH"] = os.pathsep.join((str(SOURCE), str(TREE)))
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.path[:0] = [str(SOURCE)]
    settings.register_profile(
        "mutants", deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
        max_examples=50, suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    for name in DEAR:
        import_module(name)
    for folder in (SOURCE, TREE / "tests"):
        compile_dir(folder, quiet=2)
    assert not any(name.partition(".")[0] == "secretsource" for name in sys.modules)


def outcomes(work: Iterable[Trial | Act], at_once: int, is_over: Callable[[], bool]) -> Iterator[tuple[Trial, End]]:
    """Try each, some at once, until there is no more time; those that have begun are brought to their end."""
    waiting, left = iter(work), deque[Trial]()
    running: dict[int, _Running] = {}
    while True:
        while len(running) < at_once:
            begun = left.popleft() if left else None if is_over() else next(waiting, None)
            if begun is None:
                break
            child, one = _begun(begun)
            running[child] = one
        if not running:
            return
        for child, one in list(running.items()):
            if (end := _end(child, one)) is None:
                continue
            del running[child]
            if isinstance(one.work, Trial):
                yield one.work, end
            else:
                decided, undecided = _decided(one.work, one.report)
                yield from decided
                left += undecided
        time.sleep(0.01)


class _Running(NamedTuple):
    work: Trial | Act
    until: float
    report: IO[bytes]


def _begun(work: Trial | Act) -> tuple[int, _Running]:
    seconds = work.seconds if isinstance(work, Trial) else work.plain.seconds * (4 + len(work.trials))
    one = _Running(work, time.monotonic() + seconds, tempfile.TemporaryFile())  # noqa: SIM115 - closed when it has been read
    child = os.fork()
    if child == 0:
        code = 3
        try:
            os.setsid()
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in range(3):
                os.dup2(nowhere, stream)
            code = _verdict(work) if isinstance(work, Trial) else _played(work, one.report.fileno())
        finally:
            os._exit(code)
    return child, one


def _played(act: Act, report: int) -> int:
    """Try the faults of a module on a stage, and report what is found."""
    spots = [Spot(trial.code, *trial.lines) for trial in act.trials if trial.code is not None]
    assert len(spots) == len(act.trials)
    path = spots[0].code.co_filename

    def tell(place: int, end: str) -> None:
        os.write(report, f"{place} {end}\n".encode())

    return _run(act.plain.tests, Stage(act.plain.module, path, spots, act.plain.seconds, tell))


def _decided(act: Act, report: IO[bytes]) -> tuple[list[tuple[Trial, End]], Sequence[Trial]]:
    """Return the trials of an act that have ended on the stage, and the others."""
    report.seek(0)
    ends = {
        int(place): End[end.upper()] for place, end in (line.split() for line in report.read().decode().splitlines())
    }
    report.close()
    plain = ends.pop(PLAIN, None)
    if plain is None:
        return [], [act.plain, *act.trials]
    decided = [(act.plain, plain), *((act.trials[place], end) for place, end in ends.items())]
    undecided = [trial for place, trial in enumerate(act.trials) if place not in ends]
    return decided, undecided if plain is End.ALIVE else ()


def _verdict(trial: Trial) -> int:
    if trial.code is not None:
        sys.meta_path.insert(0, _Planted(trial.module, trial.code))
    return _run(trial.tests)


def _run(tests: Sequence[str], *plugins: object) -> int:
    os.chdir(TREE)
    return pytest.main(
        [
            "-q", "-x", "-c", "pyproject.toml", "--no-header", "--tb=no", "--assert=plain",
            "--hypothesis-profile=mutants", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:pytest_cov", *tests,
        ],
        plugins,
    )  # fmt: skip


def _end(child: int, one: _Running) -> End | None:
    ended, status = os.waitpid(child, os.WNOHANG)
    if not ended:
        if time.monotonic() < one.until:
            return None
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return End.LATE
    return End.ALIVE if os.waitstatus_to_exitcode(status) == pytest.ExitCode.OK else End.KILLED
