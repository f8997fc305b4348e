"""A trial of one fault: a forked child puts it in, runs the tests beside it, and leaves with their verdict.

The process that forks has imported pytest and what is dear, and nothing of ours, so that a child begins with a fresh
package of which one module is another.
"""

from __future__ import annotations

import enum
import os
import signal
import sys
import time
from importlib import import_module
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import Phase, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import CodeType

__all__ = ["TREE", "End", "Trial", "outcomes", "prepare"]

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
    """

    title: str
    module: str
    code: CodeType | None
    tests: Sequence[str]
    seconds: float = SECONDS


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
    """Import what every trial needs; derive examples from the tests alone, and do not shrink them."""
    os.environ["CI"] = "true"
    os.environ["PYTHONPATH"] = os.pathsep.join((str(SOURCE), str(TREE)))
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.path[:0] = [str(SOURCE)]
    settings.register_profile(
        "mutants", deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
        max_examples=50,
    )  # fmt: skip
    for name in DEAR:
        import_module(name)
    assert not any(name.partition(".")[0] == "secretsource" for name in sys.modules)


def outcomes(trials: Iterable[Trial], at_once: int, is_over: Callable[[], bool]) -> Iterator[tuple[Trial, End]]:
    """Try each, some at once, until there is no more time; those that have begun are brought to their end."""
    waiting = iter(trials)
    running: dict[int, tuple[Trial, float]] = {}
    while True:
        while len(running) < at_once and not is_over() and (trial := next(waiting, None)) is not None:
            running[_begun(trial)] = trial, time.monotonic()
        if not running:
            return
        for child, (trial, began) in list(running.items()):
            if (end := _end(child, time.monotonic() - began > trial.seconds)) is not None:
                del running[child]
                yield trial, end
        time.sleep(0.01)


def _begun(trial: Trial) -> int:
    child = os.fork()
    if child == 0:
        code = 3
        try:
            os.setsid()
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in range(3):
                os.dup2(nowhere, stream)
            code = _verdict(trial)
        finally:
            os._exit(code)
    return child


def _verdict(trial: Trial) -> int:
    if trial.code is not None:
        sys.meta_path.insert(0, _Planted(trial.module, trial.code))
    os.chdir(TREE)
    return pytest.main([
        "-q", "-x", "-c", "pyproject.toml", "--no-header", "--tb=no", "--assert=plain", "--hypothesis-profile=mutants",
        "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:pytest_cov", *trial.tests,
    ])  # fmt: skip


def _end(child: int, is_late: bool) -> End | None:
    ended, status = os.waitpid(child, os.WNOHANG)
    if not ended:
        if not is_late:
            return None
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return End.LATE
    return End.ALIVE if os.waitstatus_to_exitcode(status) == pytest.ExitCode.OK else End.KILLED
