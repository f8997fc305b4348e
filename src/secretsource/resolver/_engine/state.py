"""The state that threads and tasks share: the remembered answers and the flights under way, under one lock.

The lock is held for microseconds and never across a call. It may be taken again by the thread that holds it, since a
signal handler or a finalizer can ask for a secret at any moment. A signal may also raise at any moment. So the steps of
each change are ordered: those done by then leave a right state, if only a colder one.
"""

from __future__ import annotations

import os
from threading import RLock

from secretsource._ground.clock import SYSTEM_CLOCK
from secretsource.providers.base import Failed, Found
from secretsource.resolver._engine.board import Board
from secretsource.resolver._engine.flight import Flight
from secretsource.resolver._engine.shortcuts import Shortcuts
from secretsource.resolver._walk.cache import Age, Cache
from secretsource.resolver._walk.delivery import holds, rotations
from secretsource.resolver._walk.resolution import INTERRUPTED, OVERDUE, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeVar

    from secretsource._ground.clock import Clock, Instant
    from secretsource._secret import Secret
    from secretsource._tuning import Tuning
    from secretsource.providers.base import Outcome, SecretRef
    from secretsource.resolver._walk.cache import CachedAnswer
    from secretsource.resolver._walk.resolution import Ask, Request, Resolution
    from secretsource.resolver._walk.trace import RotationEvent

    K = TypeVar("K")
    V = TypeVar("V")

__all__ = ["State"]

GOLDEN = 0.6180339887498949
"""How far luck moves on, round a circle of length 1, from one answer to the next.

No two processes begin at the same place, and the answers of one are spread evenly over all of the circle.
"""


class State:
    """The answers that are kept, the flights under way, and the short ways to them.

    Args:
        tuning: How long answers are kept, and how many.
        clock: Where the time is read.

    Attributes:
        cache: The answers.
        flights: The calls that are planned or under way.
        shortcuts: The short ways from a name to its value.
    """

    def __init__(self, tuning: Tuning, clock: Clock) -> None:
        self.cache = Cache(tuning)
        self.flights = Board()
        self.shortcuts = Shortcuts(tuning.max_entries)
        self._clock = clock
        self._lock = RLock()
        self._luck = _drawn()
        self._floors: dict[str, int] = {}
        self._refused: dict[tuple[SecretRef, str | int], None] = {}

    def is_entered_here(self) -> bool:
        """Return whether this thread has the lock, or is in a driver, further up: a signal struck it, or a driver asks.

        A thread that carries a flight may need that lock, or one of the driver, so this one must not wait for it.
        """
        has_lock: bool = self._lock._is_owned()  # type: ignore[attr-defined]  # as `threading.Condition` asks it
        return has_lock or self.flights.is_carried_here()

    # -- before the call ------------------------------------------------------------------------------------------

    def since(self, name: str, fresh: bool) -> int:
        """Return the number from which on a call may answer a read of ``name`` that begins now."""
        if fresh:
            return self.flights.begun + 1
        return self._floors.get(name, 0) if self._floors else 0

    def claim(self, asks: Sequence[Ask], until: float, led: list[Flight]) -> list[Flight | None]:
        """Join the flight of each ask, or plan one that has to land before ``until``.

        Args:
            asks: The documents that are wanted.
            until: The monotonic second of the deadline.
            led: Where those are put that were planned, before anybody can join them: the caller must carry and settle
                them, also when a signal ends this call.

        Returns:
            The flight of each ask, in order; None for one that is asked directly.
        """
        flights: list[Flight | None] = []
        with self._lock:
            for ask in asks:
                if ask.route.direct:
                    flights.append(None)
                    continue
                flight = self._under_way(ask)
                if flight is None:
                    flight = Flight(ask, until)
                    led.append(flight)
                    self.flights.plan(flight)
                # A reader that asks before it begins decides how it is asked.
                flight.anew = flight.anew or ask.anew
                flights.append(flight)
        return flights

    def _under_way(self, ask: Ask) -> Flight | None:
        """Return the flight to join; one that has landed since the asker looked counts, or two would fetch in turn.

        But not for an asker that wants what is there now: that flight may have begun before the asker did.
        """
        flight = self.flights.find(ask, self._clock)
        if flight is not None or ask.anew or self.cache.knows(ask.ref, ask.entry, ask.setback):
            return flight
        now = self._clock.now()
        age, entry, failed, setback = self.cache.look(ask.ref, now)
        outcome: Outcome | None = None
        if entry is not None and entry is not ask.entry and age is Age.FRESH and entry.number >= ask.since:
            outcome = entry.outcome
        elif failed is not None and setback is not None and setback is not ask.setback and setback.number >= ask.since:
            outcome = failed
        if outcome is None:
            return None
        landed = Flight(ask, now.mono)
        landed.land(Reply(outcome, now, entry))
        return landed

    def ahead_of(self, flight: Flight) -> Flight | None:
        """Return the forced call under way to the place of a forced call, which then waits a moment."""
        latest = self.flights.latest(flight.ask.ref)
        return latest if latest is not None and latest.anew else None

    def begin(self, flights: Iterable[Flight]) -> None:
        """Note that the calls of these flights go out now.

        The first call after a value was refused asks for a new one, whether its readers know of that or not.
        """
        with self._lock:
            for flight in flights:
                flight.anew = flight.anew or self.cache.is_unwanted(flight.ask.ref)
                self.flights.begin(flight, self._clock)

    # -- after the call -------------------------------------------------------------------------------------------

    def settle(self, brought: Sequence[tuple[Flight, Outcome]]) -> list[RotationEvent]:
        """Remember the answers of flights, give them to every reader that joined, and return the changes as events."""
        now = self._clock.now()
        landing: list[tuple[Flight, Reply, CachedAnswer | None]] = []
        with self._lock:
            for flight, outcome in brought:
                before, entry = self._keep(flight, outcome, now)
                landing.append((flight, Reply(outcome, now, entry), before))
            for evicted in self.cache.evict():
                self.shortcuts.cool(evicted)
        events: list[RotationEvent] = []
        for flight, reply, before in landing:
            flight.land(reply)
            if before is not None:
                events += rotations(flight.ask.ref.provider, before, reply.entry)
        return events

    def _keep(self, flight: Flight, outcome: Outcome, now: Instant) -> tuple[CachedAnswer | None, CachedAnswer | None]:
        """Keep an answer; return the entry before and the entry now.

        A call that began too late, or was interrupted, says nothing about the provider. Nor is anything kept of a
        flight that does not count: its answer may be an old one. Only a denial then still ends the answers of calls
        before it.
        """
        ref = flight.ask.ref
        counts, known = self.flights.land(flight), self.cache.entry(ref)
        if outcome is OVERDUE or outcome is INTERRUPTED:
            return None, None
        self.flights.crossed(flight, outcome)
        if not counts and not _ends(known, flight, outcome):
            self._doubt(known, (outcome,), now)
            return None, None
        if not isinstance(outcome, Failed) or not outcome.retryable:
            self.flights.answered(flight)
            if known is not None:
                self.shortcuts.cool(known)
        self._luck = (self._luck + GOLDEN) % 1.0
        bound = flight.ask.route.provider.max_age
        before, entry = self.cache.keep(ref, outcome, now, max_age=bound, luck=self._luck, number=flight.number)
        if self._refused and entry is not None and (before is None or before.differs(outcome)):
            self._forget_refusals(ref)
        if flight.crossed:
            self._doubt(entry, flight.crossed, now)
        return before, entry

    def _forget_refusals(self, ref: SecretRef) -> None:
        """Forget refusals, as another value is there: a refusal of that is the first, whatever its version."""
        for mark in [mark for mark in self._refused if mark[0] == ref]:
            self._refused.pop(mark, None)

    def _doubt(self, entry: CachedAnswer | None, others: Sequence[Outcome], now: Instant) -> None:
        """Ask again soon, if calls at the same time brought other values: which of them is older is not known."""
        if entry is not None and any(entry.differs(other) for other in others):
            self.shortcuts.cool(entry)
            entry.expire(now)

    def remember(self, request: Request, result: Resolution, secret: Secret) -> None:
        """Note the readers of each document, and let the next reads of this name take a short way."""
        if not request.tracked:
            return
        with self._lock:
            entries = self._note_readers(request.name, result)
            if not request.plain or not self.shortcuts.allowed:
                return
            if result.entry is None:
                self.shortcuts.note_near(request, result)
            elif self._clock is SYSTEM_CLOCK and result.entry in entries and len(entries) == len(result.used):
                self.shortcuts.note_hot(request.name, result.at, entries, secret)

    def _note_readers(self, name: str, result: Resolution) -> list[CachedAnswer]:
        """Note the reader of each document, and return the entries of those that are kept as they were used."""
        entries: list[CachedAnswer] = []
        answer = result.entry
        for ask, used in result.used:
            entry = self.cache.touch(ask.ref)
            if entry is None:
                continue
            is_noted = True
            if answer is not None:
                is_noted = entry.note_reader((name, result.fields if ask.ref == result.ref.document else ()))
                if entry is not answer:
                    entry.prolong(answer, result.at, ask.route.provider.max_age)
            if is_noted and entry is used:
                entries.append(entry)
        return entries

    # -- changing what is kept ------------------------------------------------------------------------------------

    def invalidate(self, name: str, refs: Iterable[SecretRef], version: str | None) -> None:
        """Let the next read of ``name`` ask, except for documents that already hold ``version``.

        Args:
            name: The name to be read anew, wherever the chain and its pointers lead.
            refs: The documents that it is known to be read from.
            version: The version that is current now, if known.
        """
        with self._lock:
            for ref in self._outdated(refs, version):
                self._spoil(ref)
            if version is None:
                _note(self._floors, name, self.flights.begun + 1, self.cache.max_entries)

    def _outdated(self, refs: Iterable[SecretRef], version: str | None) -> list[SecretRef]:
        return [ref for ref in refs if version is None or self._version(ref) != version]

    def _version(self, ref: SecretRef) -> str | None:
        entry = self.cache.entry(ref)
        return entry.outcome.version if entry is not None and isinstance(entry.outcome, Found) else None

    def read_by(self, name: str) -> list[SecretRef]:
        """Return the documents that a name was answered from."""
        with self._lock:
            return self.cache.read_by(name)

    def refuse(self, secret: Secret) -> int:
        """Note that the other side refused this value: make what is kept stale, unless it is a newer one already.

        A value is refetched at most once: if the provider still has it, asking again would hammer it for nothing.

        Returns:
            0; or, while a call is under way for others who refused the same, the number from which on a call has begun
            after this refusal.
        """
        origin = secret._origin
        ref = origin.ref.document
        mark = (ref, origin.version or hash(secret if secret._raw is None else secret._raw))
        with self._lock:
            entry = self.cache.entry(ref)
            if entry is not None and not holds(entry, secret) and entry.at.wall >= origin.fetched:
                return 0
            if mark in self._refused:
                return 0 if self.flights.latest(ref) is None else self.flights.begun + 1
            self._spoil(ref)
            for pointer in filter(self._is_found, self.cache.read_by(origin.name)):
                self._spoil(pointer)
            _note(self._refused, mark, None, self.cache.max_entries)
            return 0

    def _is_found(self, ref: SecretRef) -> bool:
        entry = self.cache.entry(ref)
        return entry is not None and isinstance(entry.outcome, Found)

    def _spoil(self, ref: SecretRef) -> None:
        self.shortcuts.cool(self.cache.entry(ref))
        self.flights.disown(ref)
        self.cache.spoil(ref, self._clock.now())

    def renew(self, now: Instant, frozen: float = 0.0) -> None:
        """Make everything stale: this process was forked, or was frozen for ``frozen`` seconds."""
        with self._lock:
            self.flights.disown_all()
            self.shortcuts.hot.clear()
            self.cache.spoil_all(now, frozen)

    def clear(self) -> None:
        """Forget every answer."""
        with self._lock:
            self.flights.disown_all()
            self.shortcuts.forget()
            self.cache.clear()

    def allow_shortcuts(self, allowed: bool) -> None:
        """Allow short ways, or forbid them while a test lays its values over the chain."""
        with self._lock:
            self.shortcuts.allowed = allowed
            self.shortcuts.forget()

    def after_fork(self) -> None:
        """Reset this in the child of a fork: lock and flights belong to the parent, and answers may be old."""
        self._lock = RLock()
        self._luck = _drawn()
        self.flights.forget()
        self.renew(self._clock.now())


def _note(notes: dict[K, V], key: K, value: V, most: int) -> None:
    """Note something, the oldest notes making room for it."""
    notes.pop(key, None)
    while len(notes) >= most:
        notes.pop(next(iter(tuple(notes))), None)
    notes[key] = value


def _ends(known: CachedAnswer | None, flight: Flight, outcome: Outcome) -> bool:
    """Return whether an outcome is a failure of a permanent kind, later than what is known."""
    failed = isinstance(outcome, Failed) and not outcome.retryable
    return failed and known is not None and known.number < flight.number


def _drawn() -> float:
    """Draw a random number in [0, 1)."""
    return int.from_bytes(os.urandom(2), "big") / 65536
