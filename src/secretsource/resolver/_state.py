"""What threads and tasks share: the answers that are kept and the flights under way, changed under one lock.

The lock is held for microseconds and never across a call. It may be taken again by the thread that holds it, since a
signal handler or a finalizer can ask for a secret at any moment.
"""

from __future__ import annotations

import os
from threading import RLock

from secretsource._clock import SYSTEM_CLOCK
from secretsource._namedtuple import NamedTuple
from secretsource.providers.base import AsyncProvider, Failed, Found
from secretsource.resolver._answer import as_fresh, holds, rotations
from secretsource.resolver._cache import Age, Cache
from secretsource.resolver._call import INTERRUPTED, OVERDUE
from secretsource.resolver._flight import Flight
from secretsource.resolver._resolution import Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from secretsource._clock import Clock, Instant
    from secretsource._secret import Secret
    from secretsource.providers.base import Outcome, SecretRef
    from secretsource.resolver._cache import Entry
    from secretsource.resolver._refresh import FreshnessPolicy
    from secretsource.resolver._resolution import Ask, Request, Resolution
    from secretsource.resolver._route import Route
    from secretsource.resolver._trace import RotationEvent

__all__ = ["Near", "State"]

GOLDEN = 0.6180339887498949
"""How far luck moves on, round a circle of length 1, from one answer to the next.

No two processes begin at the same place, and the answers of one are spread evenly over all of the circle.
"""

HOT_SECONDS = 1.0
"""How long a read may be answered without looking at the chain; then the cheap sources before it are asked again."""


class Near(NamedTuple):
    """Where a name was found by the first provider that was asked, which is cheaper to ask than to remember."""

    name: str
    route: Route
    ref: SecretRef


class State:
    """The answers that are kept, the flights under way, and the short ways to them.

    Args:
        policy: How long answers are kept.
        max_entries: Most references remembered.
        clock: Where the time is read.

    Attributes:
        hot: Name to the seconds of the wall clock from which and until which a secret answers it at once.
        near: Name to the place where it is asked for directly, without a walk of the chain.
    """

    def __init__(self, policy: FreshnessPolicy, max_entries: int, clock: Clock) -> None:
        self.cache = Cache(policy, max_entries)
        self.hot: dict[str, tuple[float, float, Secret]] = {}
        self.near: dict[str, Near] = {}
        self._clock = clock
        self._lock = RLock()
        self._luck = _drawn()
        self._flights: dict[SecretRef, Flight] = {}
        self._refused: dict[tuple[SecretRef, str | int], None] = {}
        self._shortcuts = True

    # -- before the call ------------------------------------------------------------------------------------------

    def claim(self, asks: Sequence[Ask], until: float) -> tuple[list[Flight | None], list[Flight]]:
        """Join the flight of each ask, or start one that has to land before ``until``.

        Returns:
            The flight of each ask, in order, None for one that is asked directly; and those among them that were
            started, which the caller must fetch and settle.
        """
        flights: list[Flight | None] = []
        led: list[Flight] = []
        with self._lock:
            for ask in asks:
                if ask.route.direct:
                    flights.append(None)
                    continue
                flight = self._under_way(ask)
                if flight is None:
                    # Whoever is first to ask after a value was refused asks for a new one, knowing of it or not.
                    anew = ask.anew or self.cache.is_unwanted(ask.ref)
                    flight = self._flights[ask.ref] = Flight(ask, until, anew=anew)
                    led.append(flight)
                flights.append(flight)
        return flights, led

    def _under_way(self, ask: Ask) -> Flight | None:
        """The flight to join; one that has landed since the asker looked counts, or two would fetch one after another.

        A flight past its deadline is left alone: its thread hangs, or its event loop is no more. So is one that may
        bring a value only prolonged, where that will not do.
        """
        flight = self._flights.get(ask.ref)
        if flight is None and self.cache.knows(ask.ref, ask.entry, ask.setback):
            return None
        now = self._clock.now()
        if flight is not None and now.mono <= flight.until and (flight.anew or not ask.anew):
            return flight
        age, entry, failed, setback = self.cache.look(ask.ref, now)
        outcome: Outcome | None = None
        if entry is not None and entry is not ask.entry and age is Age.FRESH:
            outcome = entry.outcome
        elif failed is not None and setback is not ask.setback:
            outcome = failed
        if outcome is None:
            return None
        landed = Flight(ask, now.mono)
        landed.land(Reply(outcome, now, entry))
        return landed

    # -- after the call -------------------------------------------------------------------------------------------

    def settle(self, brought: Sequence[tuple[Flight, Outcome]]) -> list[RotationEvent]:
        """Remember what flights brought, let everyone who joined them have it, and say what has changed by it."""
        now = self._clock.now()
        landing: list[tuple[Flight, Reply, Entry | None]] = []
        with self._lock:
            for flight, outcome in brought:
                before, entry = self._keep(flight, outcome, now)
                landing.append((flight, Reply(outcome, now, entry), before))
            for evicted in self.cache.evict():
                self._cool(evicted)
        events: list[RotationEvent] = []
        for flight, reply, before in landing:
            flight.land(reply)
            if before is not None:
                events += rotations(flight.ask.ref.provider, before, reply.entry)
        return events

    def _keep(self, flight: Flight, outcome: Outcome, now: Instant) -> tuple[Entry | None, Entry | None]:
        """The entry before and the entry now.

        What a provider was not asked for in time, or did not get to answer, is not held against it. Nor is anything
        kept of a flight that was disowned: whoever did that had learned that its answer may be of yesterday.
        """
        ask = flight.ask
        if self._flights.get(ask.ref) is not flight:
            return None, None
        del self._flights[ask.ref]
        if outcome is OVERDUE or outcome is INTERRUPTED:
            return None, None
        self._luck = (self._luck + GOLDEN) % 1.0
        before, entry = self.cache.keep(ask.ref, outcome, now, max_age=ask.route.provider.max_age, luck=self._luck)
        if before is not None and (not isinstance(outcome, Failed) or not outcome.retryable):
            self._cool(before)
        return before, entry

    def remember(self, request: Request, result: Resolution, secret: Secret) -> None:
        """Note who reads what, and let the next reads of this name take a short way.

        For a second, one look-up in a dict; or, where a provider is asked directly, only that provider.
        """
        if not request.tracked:
            return
        with self._lock:
            entries = []
            for ask in result.used:
                entry = self.cache.touch(ask.ref)
                if entry is not None:
                    entries.append(entry)
                    self._note_reader(entry, request.name, ask, result)
            if not request.plain or not self._shortcuts:
                return
            if result.entry is None:
                self._note_near(request, result)
            elif self._clock is SYSTEM_CLOCK and result.entry in entries and len(entries) == len(result.used):
                self._note_hot(request.name, result.at, entries, secret)

    def _note_reader(self, entry: Entry, name: str, ask: Ask, result: Resolution) -> None:
        if result.entry is not None:
            entry.readers.add((name, result.fields if ask.ref == result.ref.document else ()))
            if entry is not result.entry:
                entry.prolong(result.entry, result.at, ask.route.provider.max_age)

    def _note_hot(self, name: str, at: Instant, entries: Sequence[Entry], secret: Secret) -> None:
        # A read that met an answer due for a refresh has started it by now, and its landing takes the name off again.
        lasts = HOT_SECONDS
        for entry in entries:
            lasts = min(lasts, entry.passes(at) - at.mono)
        if lasts > 0.0:
            self.hot[name] = (at.wall, at.wall + lasts, secret if secret.served == "fresh" else as_fresh(secret))

    def _note_near(self, request: Request, result: Resolution) -> None:
        route = result.route
        if len(result.steps) != 1 or route is None or not route.direct or isinstance(route.provider, AsyncProvider):
            return
        if result.ref.field is None and not result.fields:
            if len(self.near) >= self.cache.max_entries:
                self.near.clear()
            self.near[request.name] = Near(request.name, route, result.ref)

    # -- changing what is kept ------------------------------------------------------------------------------------

    def invalidate(self, refs: Iterable[SecretRef], version: str | None) -> None:
        """Make these documents stale, except those that already hold ``version``."""
        now = self._clock.now()
        with self._lock:
            for ref in refs:
                entry = self.cache.entry(ref)
                current = None if entry is None or not isinstance(entry.outcome, Found) else entry.outcome.version
                if version is None or current != version:
                    self._flights.pop(ref, None)
                    self._cool(self.cache.spoil(ref, now))

    def read_by(self, name: str) -> list[SecretRef]:
        """The documents that a name was answered from."""
        with self._lock:
            return self.cache.read_by(name)

    def refuse(self, secret: Secret) -> None:
        """Note that the other side refused this value: make what is kept stale, unless it is a newer one already.

        A value is refetched at most once: if the provider still has it, asking again would hammer it for nothing.
        """
        origin = secret._origin
        ref = origin.ref.document
        mark = (ref, origin.version or hash(secret if secret._raw is None else secret._raw))
        with self._lock:
            entry = self.cache.entry(ref)
            if entry is None or not holds(entry, secret) or mark in self._refused:
                return
            while len(self._refused) >= self.cache.max_entries:
                del self._refused[next(iter(self._refused))]
            self._refused[mark] = None
            self._flights.pop(ref, None)
            self._cool(self.cache.spoil(ref, self._clock.now()))

    def renew(self, now: Instant, frozen: float = 0.0) -> None:
        """Make everything stale: this process was forked, or was frozen for ``frozen`` seconds."""
        with self._lock:
            self._flights.clear()
            self.hot.clear()
            self.cache.spoil_all(now, frozen)

    def clear(self) -> None:
        """Forget every answer."""
        with self._lock:
            self._flights.clear()
            self._forget_shortcuts()
            self.cache.clear()

    def allow_shortcuts(self, allowed: bool) -> None:
        """Whether names may be answered by a short way; not while a test lays its values over the chain."""
        with self._lock:
            self._shortcuts = allowed
            self._forget_shortcuts()

    def after_fork(self) -> None:
        """In the child of a fork: the lock and the flights belong to threads of the parent; answers may be old."""
        self._lock = RLock()
        self._luck = _drawn()
        self.renew(self._clock.now())

    def _forget_shortcuts(self) -> None:
        self.hot.clear()
        self.near.clear()

    def _cool(self, entry: Entry | None) -> None:
        """Take the names that were answered from an entry off the hot path."""
        if entry is not None:
            for name, _ in entry.readers:
                self.hot.pop(name, None)


def _drawn() -> float:
    """A random number in [0, 1)."""
    return int.from_bytes(os.urandom(2), "big") / 65536
