"""The processes together: started, killed at any moment, replaced, and judged when all have ended."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.torture import judgement
from tests.torture.ledger import CHANGES, Ledger
from tests.torture.worker import PEPPER, Settings

from secretsource.issuing import ApiKeys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TREE = Path(__file__).parents[2]
LONGEST_LOG = 16 << 20
"""Bytes that SQLite's write-ahead log may reach: it is checkpointed at 4 MiB, and readers put that off for a moment."""
SHORTEST, LONGEST = 0.5, 3.0
"""Seconds between two processes that are killed."""
ENOUGH_WITHIN = 60.0
"""Further seconds on a busy machine, until all of what the plan asks for has happened."""
ENDING = 4
"""In how many times its patience a process that is told to end has ended."""


class Plan(NamedTuple):
    """What is to be done.

    Attributes:
        url: Of the store, which is empty.
        folder: Where the ledger is kept.
        seconds: For how long.
        seed: Of what is chosen.
        processes: How many at a time.
        patience: Seconds after which a forked child that has not ended hangs.
        kills: Processes that must have been killed before it ends, with a further minute for that.
        kinds: Kinds of lines that the ledger must have by then.
    """

    url: str
    folder: Path
    seconds: float
    seed: int
    processes: int
    patience: float = 30.0
    kills: int = 0
    kinds: Sequence[str] = ()

    @property
    def file(self) -> Path | None:
        """The file of a store on SQLite."""
        return Path(self.url.removeprefix("sqlite:///").partition("?")[0]) if self.url.startswith("sqlite") else None


class Outcome(NamedTuple):
    """What came of it.

    Attributes:
        plan: What was to be done.
        started: Processes, without forked children and commands.
        kills: Processes that were killed.
        counts: Lines of the ledger by kind.
        lost: What was confirmed and is not so, and all else that must not be.
        log: The greatest length of SQLite's write-ahead log, in bytes.
    """

    plan: Plan
    started: int
    kills: int
    counts: dict[str, int]
    lost: list[str]
    log: int

    def __str__(self) -> str:
        count = self.counts.get
        changes = sum(count(kind, 0) for kind in CHANGES)
        log = f"; log at most {self.log / (1 << 20):.1f} MiB" if self.plan.file else ""
        return (
            f"{self.plan.url.partition(':')[0]}, {self.plan.seconds:.0f} s, seed {self.plan.seed}: "
            f"{self.started} processes, {self.kills} kills, {count('fork', 0)} forks, {count('command', 0)} commands, "
            f"{count('close', 0)} closes, {changes:,} confirmed changes, {count('look', 0):,} looks at them{log}; "
            f"put off: {count('put off', 0)}; lost: {len(self.lost)}"
        )

    def whole(self) -> str:
        """The outcome and all that was lost, with the whole trace of each child that hung."""
        return "\n".join([str(self), *self.lost])

    @property
    def has_enough(self) -> bool:
        """Whether all of what the plan asks for has happened."""
        return self.kills >= self.plan.kills and all(self.counts.get(kind, 0) for kind in self.plan.kinds)


class Crew:
    """The processes of a plan.

    Args:
        plan: What is to be done.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._ledger = plan.folder / "ledger"
        self._errors = plan.folder / "errors"
        for file in (self._ledger, self._errors):
            file.touch()
        self._random = random.Random(plan.seed)
        self._running: list[subprocess.Popen[bytes]] = []
        self._groups: list[int] = []
        self._kills = self._log = 0

    def play(self, tell: Callable[[str], object] = lambda _: None) -> Outcome:
        """Do it, and judge.

        Args:
            tell: Is told each minute how far it is.
        """
        began = time.monotonic()
        kill_at, tell_at = began + LONGEST, began + 60
        try:
            self._running = [self._start() for _ in range(self._plan.processes)]
            while self._goes_on(began, now := time.monotonic()):
                time.sleep(0.02)
                self._measure()
                if now > kill_at:
                    self._replace()
                    kill_at = now + self._random.uniform(SHORTEST, LONGEST)
                if now > tell_at:
                    tell(f"{now - began:.0f} s: {self._outcome([])}")
                    tell_at += 60
            complaints = self._end()
        finally:
            self._clear()
        return self._outcome([*complaints, *self._judge()])

    def _goes_on(self, began: float, now: float) -> bool:
        over = now - began - self._plan.seconds
        return over < 0 or (over < ENOUGH_WITHIN and not self._outcome([]).has_enough)

    def _start(self) -> subprocess.Popen[bytes]:
        settings = Settings(self._plan.url, str(self._ledger), self._random.randrange(1 << 30), self._plan.patience)
        with self._errors.open("ab") as errors:
            started = subprocess.Popen(
                [sys.executable, "-m", "tests.torture.worker", json.dumps(settings)],
                cwd=TREE, stdin=subprocess.PIPE, stderr=errors, start_new_session=True,
            )  # fmt: skip
        self._groups.append(started.pid)
        return started

    def _replace(self) -> None:
        """Kill one process, with or without its forked children and commands, and start another."""
        place = self._random.randrange(len(self._running))
        victim = self._running[place]
        if self._random.random() < 0.5:
            victim.kill()
        else:
            os.killpg(victim.pid, signal.SIGKILL)
        _end(victim)
        self._kills += 1
        self._running[place] = self._start()

    def _measure(self) -> None:
        file = self._plan.file
        if file is not None:
            with suppress(FileNotFoundError):
                self._log = max(self._log, file.with_name(f"{file.name}-wal").stat().st_size)

    def _end(self) -> list[str]:
        """Let all processes end; what is wrong with how they did."""
        for each in self._running:
            assert each.stdin is not None
            each.stdin.close()
        until = time.monotonic() + ENDING * self._plan.patience
        complaints: list[str] = []
        for each in self._running:
            try:
                code = each.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                code = None
            if code != 0:
                complaints.append(f"a process ended with {code}" if code is not None else "a process hangs")
        return complaints

    def _clear(self) -> None:
        """Kill what is left: forked children of processes that were killed, and whatever hangs."""
        for group in self._groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        for each in self._running:
            _end(each)

    def _judge(self) -> list[str]:
        """What is not as it was confirmed to be, when nobody works any more."""
        with ApiKeys.open(self._plan.url, peppers=[PEPPER]) as keys:
            complaints = judgement.all_lost(keys, Ledger(self._ledger).read())
        said = self._errors.read_text(errors="replace")
        if said:
            complaints.append(f"a process said: {said}")  # also one that hung, whose parent was killed
        file = self._plan.file
        if file is not None:
            complaints += self._judge_file(file)
        return complaints

    def _judge_file(self, file: Path) -> list[str]:
        complaints = [f"{log} is left" for log in file.parent.glob(f"{file.name}-*")]
        try:
            with closing(sqlite3.connect(file)) as connection:
                said = connection.execute("PRAGMA integrity_check").fetchall()
                orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
        except sqlite3.DatabaseError as error:
            said, orphans = [(str(error),)], []
        if said != [("ok",)] or orphans:
            complaints.append(f"the file is damaged: {said[:3]} {orphans[:3]}")
        if self._log > LONGEST_LOG:
            complaints.append(f"the log had {self._log} bytes")
        return complaints

    def _outcome(self, complaints: list[str]) -> Outcome:
        ledger = Ledger(self._ledger)
        ledger.read()
        counts: Any = dict(ledger.counts)
        return Outcome(self._plan, len(self._groups), self._kills, counts, [*ledger.wrong, *complaints], self._log)


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    process.wait()
