"""One store, the processes on it, and everything that happened: one history in one order.

Every event gets the next moment, a whole number, and the monotonic second at which it took place.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from secretsource._ground.clock import Instant
from secretsource.stores.memory import MemoryStore
from secretsource.testing._stores.owners import registers

if TYPE_CHECKING:
    from random import Random

    from tests.simulation.loop import SimulatedClock

    from secretsource.issuing import AsyncApiKeys, Verdict
    from secretsource.stores.base import KeyChange, KeyRecord, OwnerRecord, PlanRecord

__all__ = ["Act", "Asked", "Heard", "MachineClock", "Process", "Version", "World"]


@dataclass(eq=False, slots=True)
class Version:
    """A revision of a record, and when it was committed."""

    record: KeyRecord
    moment: int
    mono: float


@dataclass(eq=False, slots=True)
class Heard:
    """News that reached a process; without a ``key_id``, that some may have been missed."""

    process: int
    key_id: str | None
    revision: int
    moment: int


@dataclass(eq=False, slots=True)
class Asked:
    """One check: what was asked, when by all clocks, and the verdict; none if the process was never answered."""

    process: int
    key_id: str
    fresh: bool
    cost: int
    began: int
    born: float
    wall: float
    ended: int = 0
    died: float = 0.0
    verdict: Verdict | None = None


@dataclass(eq=False, slots=True)
class Act:
    """One change that a process asked for.

    Attributes:
        number: The actor it names.
        target: The ``key_id`` it is about, or the owner.
        before: The keys of the owner that there were when it began.
        ended: When it returned; 0 if it raised, or was never answered.
        records: What it returned.
        made: The key that it made, if it was given its text.
        left: Keys that could not be revoked.
    """

    process: int
    number: int
    kind: str
    target: str
    began: int
    before: frozenset[str] = frozenset()
    ended: int = 0
    error: str = ""
    records: tuple[KeyRecord, ...] = ()
    made: str = ""
    left: int = 0


class NewTerms(NamedTuple):
    """An owner or a plan as it was committed, and when."""

    record: OwnerRecord | PlanRecord
    mono: float


class MachineClock:
    """The clocks of one process: monotonic seconds as all others, and a wall clock of its own that may be set.

    Attributes:
        offset: By how much its wall clock is ahead of the monotonic one.
        furthest: The most that it ever was.
    """

    def __init__(self, shared: SimulatedClock) -> None:
        self._shared = shared
        self.offset = self.furthest = shared.offset

    def now(self) -> Instant:
        """Both clocks, read together."""
        mono = self._shared.mono
        return Instant(mono, mono + self.offset)

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass for everybody."""
        self._shared.sleep(seconds)

    def step(self, seconds: float) -> None:
        """Set the wall clock forward, or back."""
        self.offset += seconds
        self.furthest = max(self.furthest, self.offset)


@dataclass(eq=False, slots=True)
class Process:
    """One `AsyncApiKeys`, and the clock of its machine."""

    number: int
    clock: MachineClock
    keys: AsyncApiKeys


@dataclass
class World:
    """The store, the processes and their history.

    Attributes:
        versions: What was committed of each key, oldest first.
        terms: Owners and plans as they were committed, oldest first.
        texts: The keys that somebody holds, by ``key_id``.
        calm: Whether everything is quick and succeeds from here on.
    """

    random: Random
    clock: SimulatedClock
    store: MemoryStore = field(default_factory=MemoryStore)
    processes: list[Process] = field(default_factory=list[Process])
    versions: dict[str, list[Version]] = field(default_factory=dict[str, "list[Version]"])
    texts: dict[str, str] = field(default_factory=dict[str, str])
    terms: list[NewTerms] = field(default_factory=list["NewTerms"])
    heard: list[Heard] = field(default_factory=list[Heard])
    checks: list[Asked] = field(default_factory=list[Asked])
    acts: list[Act] = field(default_factory=list[Act])
    moments: int = 0
    calm: bool = False

    def __post_init__(self) -> None:
        self.store.subscribe(self._committed)

    def _committed(self, change: KeyChange) -> None:
        if change.key_id is None:
            owners, plans = registers(self.store)
            found = owners.get(change.owner) if change.owner is not None else plans.get(change.plan or "")
            assert found is not None
            self.terms.append(NewTerms(found, self.clock.mono))
            return
        record = self.store.get(change.key_id or "")
        assert record is not None
        self.versions.setdefault(record.key_id, []).append(Version(record, self.moment(), self.clock.mono))

    def moment(self) -> int:
        """The moment of an event."""
        self.moments += 1
        return self.moments

    def moment_of(self, key_id: str, revision: int) -> int:
        """When a revision was committed; 0 for one that never was."""
        return next((one.moment for one in self.versions.get(key_id, ()) if one.record.revision == revision), 0)

    def after(self, key_id: str, revision: int) -> Version | None:
        """What took the place of a revision."""
        return next((one for one in self.versions[key_id] if one.record.revision > revision), None)

    def name(self, key_id: str) -> str:
        """A key as histories call it: the same in every run of a seed."""
        return f"key {[*self.versions].index(key_id) + 1}" if key_id in self.versions else key_id

    def chance(self, share: float) -> bool:
        """Whether something happens that is drawn."""
        return not self.calm and self.random.random() < share

    async def pause(self) -> None:
        """The time that one half of a question takes: mostly none, at times longer than a ttl."""
        drawn = 0.0 if self.calm else self.random.random()
        if drawn >= 0.5:
            await asyncio.sleep(0.02 if drawn < 0.75 else 0.3 if drawn < 0.9 else 1.3 if drawn < 0.97 else 3.5)
