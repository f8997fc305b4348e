"""Which provider next, and when to stop (pure: a generator that yields what to ask and is sent what was answered).

The table of outcomes, per provider of the chain:

    says                  nothing kept        past ttl, inside max_stale      past max_stale
    Found                 the value           the new value                   the new value
    NotFound              next provider       next provider                   next provider
    Failed, passing       stop                the old value, served "stale"   stop
    Failed, permanent     stop                stop, the entry is dropped      stop

A route may opt in to the next provider for a denial or an outage. When every provider said NotFound, the secret is
not found; when one of them could not be asked, it is not known, and that is an error, never an absence.
"""

from __future__ import annotations

from typing import NamedTuple

from secretsource.exceptions import ConfigurationError, InvalidReference
from secretsource.providers.base import Failed, FailureCode, Found, NotFound
from secretsource.resolver._cache import Age
from secretsource.resolver._document import select
from secretsource.resolver._reference import FOLLOW_MARK, format_reference, parse_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from typing import Literal, TypeAlias

    from secretsource._clock import Instant
    from secretsource._secret import Served
    from secretsource.providers.base import Outcome, Provider, SecretRef
    from secretsource.resolver._cache import Cache, Entry

    Flow: TypeAlias = Generator["Ask", "Reply", "Resolution"]
    Round: TypeAlias = Generator[list["Ask"], Sequence["Reply"], list["Resolution"]]

__all__ = [
    "Ask",
    "Chain",
    "Reply",
    "Request",
    "Resolution",
    "Route",
    "Skipped",
    "Step",
    "previous",
    "resolve",
    "together",
    "word_of",
]

MAX_FOLLOWED = 8
"""Most references that one value may lead through."""

_DENIALS = frozenset(
    {FailureCode.DENIED, FailureCode.UNAUTHENTICATED, FailureCode.DISABLED, FailureCode.DELETED}
)


class Route(NamedTuple):
    """One provider of the chain, and what its failures mean for the rest of it.

    Attributes:
        provider: The driver.
        on_denied: Whether a denial stops the chain or counts as an absence.
        on_unavailable: Whether an outage stops the chain or lets it go on.
        places: Where this provider keeps names that it does not keep under their own.
        final: Whether "not there", at a place this provider has for a name, ends the walk.
    """

    provider: Provider
    on_denied: Literal["stop", "next"] = "stop"
    on_unavailable: Literal["stop", "next"] = "stop"
    places: Mapping[str, SecretRef] | None = None
    final: bool = False

    @property
    def direct(self) -> bool:
        """Whether asking is cheaper than remembering, so that answers are never kept."""
        return self.provider.max_age == 0

    def locate(self, name: str) -> SecretRef | NotFound:
        """Where this provider keeps a bare name."""
        if self.places is not None and name in self.places:
            return self.places[name]
        return self.provider.locate(name)

    def passes(self, failed: Failed) -> bool:
        """Whether this failure lets the chain go on."""
        if failed.code in _DENIALS:
            return self.on_denied == "next"
        return failed.retryable and self.on_unavailable == "next"


class Skipped(NamedTuple):
    """A provider that is not in the chain, and why."""

    provider: str
    reason: str


class Chain(NamedTuple):
    """The providers to ask, in order, and how to reach one by name.

    Attributes:
        routes: In the order they are asked.
        find: The route of a provider named in a reference; raises `ConfigurationError` for an unknown one.
        opened: Every route made so far by name: those of the chain, and those that a reference led to.
        skipped: Providers left out, for `explain`.
        overlay: A route that comes before all others for every name and reference; tests use it.
    """

    routes: tuple[Route, ...]
    find: Callable[[str], Route]
    opened: dict[str, Route]
    skipped: tuple[Skipped, ...] = ()
    overlay: Route | None = None

    def route(self, name: str) -> Route:
        """The route of a provider that answered."""
        overlay = self.overlay
        return overlay if overlay is not None and overlay.provider.name == name else self.find(name)

    def candidates(self, ref: SecretRef) -> tuple[Route, ...]:
        """The routes to ask for a reference, in order."""
        routes = (self.find(ref.provider),) if ref.provider else self.routes
        return routes if self.overlay is None else (self.overlay, *routes)


class Request(NamedTuple):
    """One question of the application.

    Attributes:
        name: What it calls the secret.
        ref: The parsed name or reference.
        fields: Fields to select from the value, one inside the other, beyond the one of the place.
        fresh: Whether to ask the provider whatever is remembered.
        plain: Whether the name says it all, so that its next reads may be answered by the name alone.
        tracked: Whether the name counts as a reader of what answers it.
    """

    name: str
    ref: SecretRef
    fields: tuple[str, ...] = ()
    fresh: bool = False
    plain: bool = False
    tracked: bool = True


class Ask(NamedTuple):
    """A document the shell is to fetch."""

    route: Route
    ref: SecretRef


class Reply(NamedTuple):
    """What came of an `Ask`.

    Attributes:
        outcome: What the provider said.
        now: When.
        entry: What is kept of it, if anything is.
    """

    outcome: Outcome
    now: Instant
    entry: Entry | None = None


class Step(NamedTuple):
    """One line of a trace: a provider that was asked or looked up, and what came of it; never the value."""

    provider: str
    reference: str
    outcome: str
    served: str = ""
    reason: str | None = None
    seconds: float = 0.0
    version: str | None = None


class Resolution:
    """How a request ended.

    Attributes:
        outcome: The selected value as `Found`, or why there is none.
        ref: The reference that answered or failed.
        entry: The cache entry behind the value, None when it was not kept.
        fields: The fields that led from the entry's document to the value.
        served: How the value was come by.
        steps: What was asked, in order.
        due: Documents to refresh in the background.
        used: Documents that the answer rests on.
        doubt: A provider that could not be asked, though the chain went on, and where.
        at: When it ended.
    """

    __slots__ = ("at", "doubt", "due", "entry", "fields", "outcome", "ref", "served", "steps", "used")

    def __init__(self, ref: SecretRef, at: Instant) -> None:
        self.outcome: Outcome = NotFound()
        self.ref = ref
        self.entry: Entry | None = None
        self.fields: tuple[str, ...] = ()
        self.served: Served = "live"
        self.steps: list[Step] = []
        self.due: list[Ask] = []
        self.used: list[SecretRef] = []
        self.doubt: tuple[Failed, SecretRef] | None = None
        self.at = at

    def ended(self, outcome: Outcome, ref: SecretRef) -> Resolution:
        """The same resolution with its end."""
        self.outcome, self.ref = outcome, ref
        return self


def resolve(request: Request, chain: Chain, cache: Cache, now: Instant) -> Flow:
    """Walk the chain for one request; yields `Ask`, is sent `Reply`, returns the `Resolution`."""
    walk = _Walk(request, chain, cache, Resolution(request.ref, now))
    for route in chain.candidates(request.ref):
        place = _place(route, request)
        if isinstance(place, NotFound):
            walk.result.steps.append(Step(route.provider.name, request.name, "not found", reason=place.reason))
            continue
        outcome = yield from _reach(walk, route, place)
        if isinstance(outcome, Found):
            return walk.result.ended(outcome, walk.result.ref)
        if isinstance(outcome, Failed):
            if not route.passes(outcome):
                return walk.result.ended(outcome, place)
            _doubt(walk.result, outcome, place)
        elif route.final:
            break
    if walk.result.doubt is not None:
        return walk.result.ended(*walk.result.doubt)
    return walk.result.ended(NotFound(), request.ref)


def together(flows: Sequence[Flow]) -> Round:
    """Walk many chains in step, so that what they ask at the same time can be asked together.

    Yields the asks of all walks that wait, is sent their replies in the same order, returns every resolution.
    """
    results: dict[int, Resolution] = {}
    replies: dict[int, Reply | None] = dict.fromkeys(range(len(flows)))
    while replies:
        asks: dict[int, Ask] = {}
        for index, reply in replies.items():
            try:
                asks[index] = next(flows[index]) if reply is None else flows[index].send(reply)
            except StopIteration as end:
                results[index] = end.value
        replies = dict(zip(asks, (yield list(asks.values())), strict=True)) if asks else {}
    return [results[index] for index in range(len(flows))]


def previous(request: Request, current: Resolution, chain: Chain, cache: Cache) -> Flow:
    """Fetch the version before the one that ``current`` found, at the same provider."""
    walk = _Walk(request, chain, cache, Resolution(current.ref, current.at))
    route = chain.route(current.ref.provider)
    found = current.outcome if current.entry is None else current.entry.outcome
    place = route.provider.previous(current.ref, found) if isinstance(found, Found) else None
    if place is None:
        return walk.result.ended(NotFound("the provider keeps no previous version"), current.ref)
    outcome = yield from _reach(walk, route, place)
    if isinstance(outcome, NotFound) and walk.result.doubt is not None:
        return walk.result.ended(*walk.result.doubt)
    return walk.result.ended(outcome, walk.result.ref if isinstance(outcome, Found) else place)


class _Walk(NamedTuple):
    """What the steps of one walk share."""

    request: Request
    chain: Chain
    cache: Cache
    result: Resolution


def _place(route: Route, request: Request) -> SecretRef | NotFound:
    ref = request.ref
    if ref.provider == route.provider.name:
        return route.provider.complete(ref)
    place = route.locate(request.name if ref.provider else ref.location)
    if isinstance(place, NotFound):
        return place
    return place._replace(
        version=ref.version or place.version, stage=ref.stage or place.stage, options=ref.options or place.options
    )


def _reach(walk: _Walk, route: Route, place: SecretRef) -> Generator[Ask, Reply, Outcome]:
    """The answer at a place, and behind it: a value ``ref+…`` is followed to where it points.

    A pointer that leads nowhere is an error, not an absence: whoever wrote it meant a secret to be there.
    """
    seen = [place]
    outcome = yield from _consult(walk, route, place)
    while isinstance(outcome, Found) and _points(route, outcome):
        target = _target(outcome, walk.chain)
        if isinstance(target, Failed):
            return target
        route, place = target
        if place in seen:
            return _misled("the references lead in a circle: " + _path([*seen, place]))
        seen.append(place)
        if len(seen) > MAX_FOLLOWED:
            return _misled(f"the references lead through more than {MAX_FOLLOWED} places")
        outcome = yield from _consult(walk, route, place)
        if isinstance(outcome, NotFound):
            return _misled(f"the reference {_path(seen)} leads to a secret that is not there")
    return outcome


def _consult(walk: _Walk, route: Route, place: SecretRef) -> Generator[Ask, Reply, Outcome]:
    """One provider's answer to one place, with the field selected and a line in the trace."""
    result = walk.result
    started = result.at.mono
    answer = yield from _answer(walk, route, place)
    outcome, version = answer.outcome, None
    if isinstance(outcome, Found):
        version = outcome.version
        result.entry, result.ref = answer.entry, place
        if not _points(route, outcome):
            result.fields = ((place.field,) if place.field is not None else ()) + walk.request.fields
            outcome = _selected(outcome, answer.entry, result.fields)
    if not isinstance(outcome, NotFound) or answer.served == "stale":
        result.served = max(result.served, answer.served, key=_ORDER.index)
    reason = None if isinstance(outcome, Found) else outcome.reason
    seconds = max(0.0, result.at.mono - started)
    result.steps.append(
        Step(place.provider, format_reference(place), word_of(outcome), answer.served, reason, seconds, version)
    )
    return outcome


class _Answer(NamedTuple):
    outcome: Outcome
    served: Served
    entry: Entry | None = None


def _answer(walk: _Walk, route: Route, place: SecretRef) -> Generator[Ask, Reply, _Answer]:
    """From the cache where its age allows, else by asking, else what is left of the old answer."""
    ref, result, fresh = place.document, walk.result, walk.request.fresh
    if route.direct:
        reply = yield Ask(route, ref)
        result.at = reply.now
        return _Answer(reply.outcome, "live")
    result.used.append(ref)
    age, entry, setback = walk.cache.look(ref, result.at)
    if entry is not None and not fresh and age in _SERVABLE:
        if age is not Age.FRESH and setback is None:
            result.due.append(Ask(route, ref))
        return _Answer(entry.outcome, _SERVABLE[age], entry)
    if setback is None or fresh:
        reply = yield Ask(route, ref)
        result.at = reply.now
        if not isinstance(reply.outcome, Failed):
            return _Answer(reply.outcome, "live", reply.entry)
        setback = reply.outcome
        age, entry, _ = walk.cache.look(ref, result.at)
    if entry is None or fresh or age is Age.GONE or not setback.retryable:
        return _Answer(setback, "live")
    if isinstance(entry.outcome, NotFound):
        _doubt(result, setback, place)
    return _Answer(entry.outcome, "stale", entry)


_SERVABLE: Mapping[Age, Served] = {Age.FRESH: "fresh", Age.AHEAD: "fresh", Age.REVALIDATE: "revalidating"}

_ORDER: tuple[Served, ...] = ("live", "fresh", "revalidating", "stale")
"""From new to old: an answer is as old as the oldest part it rests on."""


def _doubt(result: Resolution, failed: Failed, place: SecretRef) -> None:
    """Keep the first provider that could not be asked: an absence behind it is not known to be one."""
    if failed.retryable and result.doubt is None:
        result.doubt = (failed, place)


def _selected(found: Found, entry: Entry | None, fields: tuple[str, ...]) -> Outcome:
    chosen = select(found.value, fields) if entry is None else entry.select(fields)
    if isinstance(chosen, (NotFound, Failed)):
        return chosen
    return Found(chosen, version=found.version, expires_at=found.expires_at, lease=found.lease)


def _points(route: Route, found: Found) -> bool:
    return route.provider.follows and isinstance(found.value, str) and found.value.startswith(FOLLOW_MARK)


def _target(found: Found, chain: Chain) -> tuple[Route, SecretRef] | Failed:
    try:
        ref = parse_reference(str(found.value))
        if ref.provider:
            route = chain.find(ref.provider)
            return route, route.provider.complete(ref)
        reason = "it names no provider"
    except (ConfigurationError, InvalidReference) as error:
        reason = str(error)
    return _misled(f"its value starts with '{FOLLOW_MARK}' but cannot be followed: {reason}")


def _misled(reason: str) -> Failed:
    return Failed(FailureCode.MISCONFIGURED, reason, "mend the reference, or create the secret it names")


def _path(places: list[SecretRef]) -> str:
    return " -> ".join(format_reference(place) for place in places)


def word_of(outcome: Outcome) -> str:
    """An outcome as one word, for traces and events."""
    if isinstance(outcome, Found):
        return "found"
    return "not found" if isinstance(outcome, NotFound) else outcome.code.value
