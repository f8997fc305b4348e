"""The processes together: started, given a stage each, and listened to while the servers behind them are killed.

with crew(settings) as hands:
    reports = hands.play(stages)
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING

from tests.soak.report import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from tests.soak.plan import Stage
    from tests.soak.worker import Settings

TREE = Path(__file__).parents[2]
PATIENCE = 240.0
"""Seconds after which processes that still run are killed, so that one that hangs fails its test."""


class Crew:
    """Processes that have started.

    Args:
        children: Each says ``ready``, and then a line for every line that it is given.
    """

    def __init__(self, children: Sequence[subprocess.Popen[str]]) -> None:
        self._children = children
        for child in children:
            said = self._hear(child)
            assert said == "ready\n"

    def play(self, stages: Sequence[Stage], meanwhile: Callable[[], None] | None = None) -> list[Report]:
        """Give each process its stage, and wait for its report.

        Args:
            stages: One for each process.
            meanwhile: What to do while they are at it.
        """
        for child, stage in zip(self._children, stages, strict=True):
            assert child.stdin is not None
            child.stdin.write(json.dumps(stage) + "\n")
            child.stdin.flush()
        if meanwhile is not None:
            meanwhile()
        return [Report.read(json.loads(self._hear(child))) for child in self._children]

    def _hear(self, child: subprocess.Popen[str]) -> str:
        assert child.stdout is not None
        said = child.stdout.readline()
        assert said, "a process has ended, or was killed because it had said nothing for too long"
        return said


@contextmanager
def crew(settings: Sequence[Settings]) -> Generator[Crew]:
    """Run one process for each of these settings until the end of the ``with`` block; none of them may fail."""
    with ExitStack() as stack:
        children = [stack.enter_context(_start(each)) for each in settings]

        def kill() -> None:
            for child in children:
                child.kill()

        patience = Timer(PATIENCE, kill)
        patience.start()
        try:
            yield Crew(children)
        except BaseException:
            kill()
            raise
        finally:
            patience.cancel()
        for child in children:
            assert child.stdin is not None
            child.stdin.close()
        assert [child.wait(30) for child in children] == [0] * len(children)


def _start(settings: Settings) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.soak.worker", json.dumps(settings)],
        cwd=TREE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
