"""Eight processes that are counted, two of which are killed: the store has what they have made and stored."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.lengths import length
from tests.servers.postgres import postgres
from tests.soak.counter import PEPPER
from tests.soak.plan import SCOPE

from secretsource.issuing import ApiKeys
from secretsource.stores.sql import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from secretsource.issuing import KeyRequest

TREE = Path(__file__).parents[2]
PROCESSES, KILLED = 8, 2
KEYS = 5
FLUSHES = length(3, 40)
"""Flushes that each process has ended before two of them are killed, and the others are told to end."""
PATIENCE = 90.0


class Told(NamedTuple):
    """What a process has said, by outcome.

    Attributes:
        made: What it had made when it said so last.
        added: What it has stored.
        doubtful: What it was about to store when it was killed.
        flushes: What it had made at the beginning of each flush, and what it had stored at its end.
    """

    made: Counter[str]
    added: Counter[str]
    doubtful: Counter[str]
    flushes: Sequence[tuple[Counter[str], Counter[str]]]

    @classmethod
    def read(cls, file: Path) -> Told:
        """The lines of a process; a last line that a kill cut short is passed over."""
        made, added, doubtful = Counter[str](), Counter[str](), Counter[str]()
        flushes: list[tuple[Counter[str], Counter[str]]] = []
        for line in file.read_text().splitlines(keepends=True):
            if not line.endswith("\n"):
                break
            what, counts = json.loads(line)
            if what == "made":
                made = Counter(counts)
            elif what == "flush":
                flushes.append((Counter(counts), added.copy()))
            elif what == "adds":
                doubtful = Counter(counts)
            else:
                added += doubtful
                doubtful = Counter()
        return cls(made, added, doubtful, flushes)


class Fleet:
    """Eight processes on one database.

    Args:
        url: Of the database.
        folder: Where each says what it has made.
        texts: The keys that they check.
    """

    def __init__(self, url: str, folder: Path, texts: Sequence[str]) -> None:
        self._files = [folder / f"said{place}" for place in range(PROCESSES)]
        self.children = [self._start(url, place, texts) for place in range(PROCESSES)]

    def _start(self, url: str, place: int, texts: Sequence[str]) -> subprocess.Popen[bytes]:
        with self._files[place].open("wb") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.soak.counter", url, "async" if place % 2 else "threads", *texts],
                cwd=TREE, stdin=subprocess.PIPE, stdout=said,
            )  # fmt: skip

    def told(self) -> list[Told]:
        """What each has said until now."""
        return [Told.read(file) for file in self._files]

    def wait_for_flushes(self) -> None:
        """Wait until each has flushed some times."""
        until = time.monotonic() + PATIENCE
        while any(len(told.flushes) <= FLUSHES for told in self.told()):
            assert time.monotonic() < until, "a process does not flush"
            time.sleep(0.02)

    def end(self) -> None:
        """Tell those that live to end, which they do without a fault."""
        for child in self.children:
            assert child.stdin is not None
            child.stdin.close()
        codes = [child.wait(PATIENCE) for child in self.children]
        assert sorted(codes) == [-signal.SIGKILL] * KILLED + [0] * (PROCESSES - KILLED)

    def clear(self) -> None:
        """Leave none."""
        for child in self.children:
            child.kill()
            child.wait()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with empty tables."""
    with ExitStack() as stack:
        at = f"sqlite:///{tmp_path / 'keys.db'}?timeout=30"
        if request.param == "postgresql":
            at = stack.enter_context(postgres(max_connections="100")).url
        migrate(at)
        yield at


def stored(keys: ApiKeys, by: Any) -> Counter[str]:
    """What the store has counted today and yesterday, by outcome."""
    found = Counter[str]()
    for count in keys.usage(by=by, since=time.time() - 86400):
        found[count.outcome] += count.requests
    return found


@pytest.mark.timeout(280)  # longer than the patience with the processes, which says more
def test_usage_adds_up(url: str, tmp_path: Path, record_property: Callable[[str, Any], None]) -> None:
    """What is stored is what was made, less what the killed processes had not flushed: no more than since one flush."""
    with ApiKeys.open(url, peppers=[PEPPER]) as keys:
        request: KeyRequest = {"owner": "acme", "scopes": [SCOPE]}
        texts = [each.plaintext for each in keys.issue_many([request] * KEYS)]
        fleet = Fleet(url, tmp_path, texts)
        try:
            fleet.wait_for_flushes()
            for child in fleet.children[:KILLED]:
                child.kill()
            fleet.end()
        finally:
            fleet.clear()
        told = fleet.told()
        found = {by: stored(keys, by) for by in ("minute", "hour", "day")}
    assert found["minute"] == found["hour"] == found["day"]
    added = sum((each.added for each in told), Counter[str]())
    first, second = (each.doubtful for each in told[:KILLED])
    assert found["day"] in [added, added + first, added + second, added + first + second]
    assert all(each.added == each.made for each in told[KILLED:])
    assert set(added) == {"accepted", "insufficient_scope", "malformed"}
    for each in told:
        for before, by_then in each.flushes:
            assert before <= by_then  # a flush stores all that was made before it
    lost = [(each.made - each.added).total() for each in told[:KILLED]]
    made = sum(each.made.total() for each in told)
    record_property(
        "measured",
        f"usage, {url.partition(':')[0]:10} {made:8,} checks of {PROCESSES} processes, "
        f"{found['day'].total():,} counted; not flushed when {KILLED} were killed: {' and '.join(map(str, lost))}",
    )
