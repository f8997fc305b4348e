"""What a `Resolver` and the `AsyncResolver` made from it share: the chain, the cache, the flights, the listeners.

The engine never waits and never fetches. The shells do that, in their own way, between `claim` and `settle`.
Whatever changes the cache happens here, under one lock that is held for microseconds and never across a call.
"""

from __future__ import annotations

import os
import weakref
from threading import Lock

from secretsource._clock import SYSTEM_CLOCK
from secretsource._sentinels import UNSET
from secretsource.providers.base import Failed, Found, NotFound, SecretRef
from secretsource.resolver._answer import as_fresh, default_secret, event_of, holds, rotations, secret_of
from secretsource.resolver._background import Background
from secretsource.resolver._cache import Age, Cache
from secretsource.resolver._failure import error_of
from secretsource.resolver._flight import Flight
from secretsource.resolver._reference import parse_reference
from secretsource.resolver._resolution import Reply, Request, word_of
from secretsource.resolver._trace import Trace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeVar, overload

    from secretsource._clock import Clock, Instant
    from secretsource._secret import Secret
    from secretsource._sentinels import UnsetType
    from secretsource.providers.base import Outcome, Provider
    from secretsource.resolver._cache import Entry
    from secretsource.resolver._refresh import FreshnessPolicy
    from secretsource.resolver._resolution import Ask, Resolution
    from secretsource.resolver._route import Chain, Route
    from secretsource.resolver._trace import RotationEvent, SecretEvent

    D = TypeVar("D")
    E = TypeVar("E")

__all__ = ["Claim", "Engine"]

HOT_SECONDS = 1.0
"""How long a read may be answered without looking at the chain; then the cheap sources before it are asked again."""

FROZEN_SECONDS = 5.0
"""How far the wall clock may run ahead of the monotonic one before this process counts as having been frozen."""


class Claim:
    """What one shell has to do for a batch of asks: fetch what it leads, wait for what others lead.

    Attributes:
        asks: The batch, in order.
        flights: The flight of each ask; None for one that is asked directly.
        led: Flights that this shell must fetch and settle.
    """

    __slots__ = ("asks", "flights", "led")

    def __init__(self, asks: Sequence[Ask]) -> None:
        self.asks = asks
        self.flights: list[Flight | None] = []
        self.led: list[Flight] = []

    def by_route(self) -> list[tuple[Route, list[Flight]]]:
        """The led flights, those of one provider together."""
        groups: dict[str, tuple[Route, list[Flight]]] = {}
        for flight in self.led:
            route = flight.ask.route
            groups.setdefault(route.provider.name, (route, []))[1].append(flight)
        return list(groups.values())


class Engine:
    """The state behind a resolver.

    Args:
        chain: Builds the chain when it is first needed.
        policy: How long answers are kept.
        deadline: Seconds for one walk of the whole chain.
        max_entries: Most references remembered.
        clock: Where the time is read.
    """

    def __init__(
        self,
        chain: Callable[[], Chain],
        policy: FreshnessPolicy,
        *,
        deadline: float,
        max_entries: int,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._make_chain = chain
        self._chain: Chain | None = None
        self._overlay: Route | None = None
        self.cache = Cache(policy, max_entries)
        self.deadline = deadline
        self.clock = clock
        self.hot: dict[str, tuple[float, float, Secret]] = {}
        self.background = Background()
        self.rotation_listeners: list[Callable[[RotationEvent], object]] = []
        self.event_listeners: list[Callable[[SecretEvent], object]] = []
        self._lock = Lock()
        self._flights: dict[SecretRef, Flight] = {}
        self._rejected: dict[SecretRef, str | int] = {}
        self._drift = clock.now().drift
        _living.add(self)

    # -- before the call ------------------------------------------------------------------------------------------

    @property
    def chain(self) -> Chain:
        """The providers, made on first use: constructing a resolver asks nothing of anyone."""
        if self._chain is None:
            chain = self._make_chain()
            with self._lock:
                if self._chain is None:
                    self._chain = chain
        chain = self._chain
        return chain if self._overlay is None else chain._replace(overlay=self._overlay)

    def now(self) -> Instant:
        """The time; if this process has been frozen since the last look, everything kept is stale from here on."""
        now = self.clock.now()
        ahead = now.drift - self._drift
        if abs(ahead) > FROZEN_SECONDS:
            self._drift = now.drift
            if ahead > 0:
                self._renew(now, ahead)
        return now

    def request(self, name: str, field: str | None, version: str | None, fresh: bool) -> Request:
        """The parsed question.

        Raises:
            InvalidReference: The name, field or version cannot be.
        """
        ref = parse_reference(name)
        plain = field is None and version is None and not fresh
        if version is not None:
            ref = ref._replace(version=version, stage=None)
        fields = (None if ref.provider else ref.field, field)
        return Request(name, ref, tuple(f for f in fields if f is not None), fresh, plain)

    def claim(self, asks: Sequence[Ask]) -> Claim:
        """Join the flight of each ask, or start it."""
        claim = Claim(asks)
        with self._lock:
            for ask in asks:
                flight = None if ask.route.direct else self._flights.get(ask.ref)
                if flight is None and not ask.route.direct:
                    flight = self._flights[ask.ref] = Flight(ask)
                    claim.led.append(flight)
                claim.flights.append(flight)
        return claim

    def claim_refresh(self, asks: Iterable[Ask]) -> Claim:
        """The flights to start in the background: those that are not under way already."""
        with self._lock:
            idle = [ask for ask in asks if ask.ref not in self._flights]
            claim = Claim(idle)
            for ask in idle:
                flight = self._flights[ask.ref] = Flight(ask)
                claim.flights.append(flight)
                claim.led.append(flight)
        return claim

    # -- after the call -------------------------------------------------------------------------------------------

    def settle(self, flight: Flight, outcome: Outcome) -> Reply:
        """Remember what a flight brought, and let everyone who joined it have it."""
        ask, now, luck = flight.ask, self.clock.now(), _luck()
        with self._lock:
            before, entry = self.cache.keep(ask.ref, outcome, now, max_age=ask.route.provider.max_age, luck=luck)
            if not isinstance(outcome, Failed) or not outcome.retryable:
                self._cool(before)
            for evicted in self.cache.evict():
                self._cool(evicted)
            if self._flights.get(ask.ref) is flight:
                del self._flights[ask.ref]
        reply = Reply(outcome, now, entry)
        flight.land(reply)
        for event in rotations(ask.ref.provider, before, entry):
            _tell(self.rotation_listeners, event)
        return reply

    if TYPE_CHECKING:

        @overload
        def conclude(self, request: Request, result: Resolution, started: Instant, default: UnsetType) -> Secret: ...
        @overload
        def conclude(
            self, request: Request, result: Resolution, started: Instant, default: D | UnsetType
        ) -> Secret | D: ...

    def conclude(self, request: Request, result: Resolution, started: Instant, default: D | UnsetType) -> Secret | D:
        """Turn the end of a walk into a `Secret`, the default, or the error.

        Raises:
            SecretNotFound: No provider has it and there is no default.
            ProviderError: A provider could not be asked, or refused.
        """
        outcome = result.outcome
        if self.event_listeners:
            _tell(self.event_listeners, event_of(request, result, started))
        if isinstance(outcome, Found):
            secret = secret_of(request, result, outcome)
            self._remember(request, result, secret)
            return secret
        if isinstance(outcome, NotFound) and default is not UNSET:
            return default_secret(request, default, result.at)
        raise error_of(request.name, result, self.chain)

    def trace(self, request: Request, result: Resolution) -> Trace:
        """What `explain` shows of a walk."""
        chain, found = self.chain, isinstance(result.outcome, Found)
        asked = {step.provider for step in result.steps}
        rest = () if request.ref.provider else [route.provider.name for route in chain.routes]
        return Trace(
            request.name,
            word_of(result.outcome),
            result.served if found else None,
            tuple(result.steps),
            tuple(name for name in rest if name not in asked),
            chain.skipped,
            None if found else str(error_of(request.name, result, chain)),
        )

    # -- changing what is kept ------------------------------------------------------------------------------------

    def invalidate(self, request: Request, version: str | None) -> None:
        """Make what a name is answered from stale, unless it already holds ``version``."""
        now = self.clock.now()
        for ref in self._places(request):
            with self._lock:
                entry = self.cache.entry(ref)
                current = None if entry is None or not isinstance(entry.outcome, Found) else entry.outcome.version
                if version is None or current != version:
                    self._cool(self.cache.spoil(ref, now))

    def _places(self, request: Request) -> list[SecretRef]:
        """Every document that a name may be answered from."""
        ref = request.ref
        if ref.provider:
            return [self.chain.find(ref.provider).provider.complete(ref).document]
        found = (route.locate(ref.location) for route in self.chain.routes)
        places = [place.document for place in found if isinstance(place, SecretRef)]
        with self._lock:
            read = self.cache.read_by(request.name)
        return [*places, *(ref for ref in read if ref not in places)]

    def describe(self) -> str:
        """The providers of the chain by name."""
        return "not wired yet" if self._chain is None else " -> ".join(r.provider.name for r in self._chain.routes)

    def refuses(self, secret: Secret) -> bool:
        """Note that the other side refused this value; True when its provider should be asked for a newer one.

        A value is refetched at most once: if the provider still has it, asking again would hammer it for nothing.
        """
        origin = secret._origin
        ref = origin.ref.document
        mark = origin.version or hash(str(secret))
        with self._lock:
            entry = self.cache.entry(ref)
            newer = entry is not None and not holds(entry, secret)
            if newer or self._rejected.get(ref) == mark:
                return False
            if len(self._rejected) >= self.cache.max_entries:
                del self._rejected[next(iter(self._rejected))]
            self._rejected[ref] = mark
            return True

    def clear(self) -> None:
        """Forget every answer."""
        with self._lock:
            self.hot.clear()
            self.cache.clear()

    def lay_over(self, route: Route | None) -> None:
        """Put a route before all others, or take it away again."""
        with self._lock:
            self._overlay = route
            self.hot.clear()

    def after_fork(self) -> None:
        """In the child of a fork: locks, flights and clients belong to the parent; answers may be old."""
        self._lock = Lock()
        self._flights = {}
        self.background = Background()
        self._renew(self.clock.now())

    def close(self) -> None:
        """Close every provider that was opened; may be called again."""
        for provider in self.providers():
            provider.close()
        self.clear()

    def providers(self) -> list[Provider]:
        """Every provider opened so far."""
        return [] if self._chain is None else [route.provider for route in list(self._chain.opened.values())]

    def _renew(self, now: Instant, frozen: float = 0.0) -> None:
        with self._lock:
            self.hot.clear()
            self.cache.spoil_all(now, frozen)
        for provider in self.providers():
            provider.reset()

    def _remember(self, request: Request, result: Resolution, secret: Secret) -> None:
        """Note who reads what, and let the next second's reads of this name be one look-up in a dict."""
        if result.entry is None or not request.tracked:
            return
        with self._lock:
            entries = [entry for ref in result.used if (entry := self._used(ref, result.entry)) is not None]
            for entry in entries:
                entry.readers.add((request.name, result.fields if entry is result.entry else ()))
            whole = len(entries) == len(result.used) and result.entry in entries
            if (
                whole
                and request.plain
                and self.clock is SYSTEM_CLOCK
                and all(entry.age(result.at) is Age.FRESH for entry in entries)
            ):
                lasts = min(HOT_SECONDS, *(entry.ages.refresh_at - result.at.mono for entry in entries))
                kept = secret if secret.served == "fresh" else as_fresh(secret)
                self.hot[request.name] = (result.at.wall, result.at.wall + lasts, kept)

    def _used(self, ref: SecretRef, behind: Entry) -> Entry | None:
        self.cache.touch(ref)
        self.cache.prolong(ref, behind)
        return self.cache.entry(ref)

    def _cool(self, entry: Entry | None) -> None:
        """Take the names that were answered from an entry off the hot path."""
        if entry is not None:
            for name, _ in entry.readers:
                self.hot.pop(name, None)


def _tell(listeners: Sequence[Callable[[E], object]], event: E) -> None:
    """Call every listener; one that raises is named in the log and does not harm the look-up."""
    for listener in list(listeners):
        try:
            listener(event)
        except Exception as error:
            name = type(error).__name__
        else:
            continue
        import logging

        logging.getLogger("secretsource").warning("a listener for %s raised %s", type(event).__name__, name)


def _luck() -> float:
    return int.from_bytes(os.urandom(2), "big") / 65536


_living: weakref.WeakSet[Engine] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for engine in list(_living):
        engine.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
