"""Which provider next, and when to stop.

The table of outcomes, per provider of the chain:

    says                  nothing kept        past ttl, inside max_stale      past max_stale
    Found                 the value           the new value                   the new value
    NotFound              next provider       next provider                   next provider
    Failed, passing       stop                the old value, served "stale"   stop
    Failed, permanent     stop                stop, the entry is dropped      stop

A route may opt in to the next provider for a denial or an outage. When every provider said NotFound, the secret is
not found; when one of them could not be asked, it is not known, and that is an error, never an absence.
"""

# pure: yields what it needs and decides from the answers; the shells wait

from __future__ import annotations

from secretsource.exceptions import ConfigurationError, InvalidReference
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef
from secretsource.providers.reference import FOLLOW_MARK, FOREIGN_MARK, format_reference, parse_reference
from secretsource.resolver._walk.cache import Age
from secretsource.resolver._walk.document import chosen
from secretsource.resolver._walk.resolution import Ask, Resolution, Step, word_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from typing import Any, TypeAlias

    from secretsource._ground.clock import Instant
    from secretsource._secret import Served
    from secretsource.providers.base import Outcome
    from secretsource.resolver._walk.cache import Cache, CachedAnswer
    from secretsource.resolver._walk.resolution import Reply, Request
    from secretsource.resolver._walk.route import Chain, Route

    Walk: TypeAlias = Generator[list[Ask], Sequence[Reply], Resolution]
    Walks: TypeAlias = Generator[list[Ask], Sequence[Reply], list[Resolution]]
    Known: TypeAlias = tuple[Outcome, Served, CachedAnswer | None, str | None]
    """The outcome at a place, how it is served, the entry that keeps it, and the reason if it is an old answer."""

__all__ = ["previous", "resolve", "together"]

MAX_FOLLOWED = 8
"""Most references that one value may lead through."""


def resolve(request: Request, chain: Chain, cache: Cache, now: Instant) -> Walk:
    """Walk the chain for one request; yields what to ask, is sent the replies, returns the `Resolution`."""
    if chain.overlay is not None:
        request = _overlaid(request, chain.overlay.route)
    result = Resolution(request, now)
    for route in chain.candidates(request.ref):
        place = _place(route, request)
        if isinstance(place, Step):
            result.steps.append(place)
            continue
        outcome = yield from _consult(result, route, place, cache)
        if isinstance(outcome, Found) and route.points(outcome):
            outcome = yield from _follow(result, route, place, outcome, chain, cache)
        if isinstance(outcome, Found):
            return result.ended(outcome, result.ref)
        if isinstance(outcome, Failed):
            if not route.passes(outcome):
                return result.ended(outcome, result.ref)
            _doubt(result, outcome, result.ref)
        elif route.final:
            break
    if result.doubt is not None:
        return result.ended(*result.doubt)
    return result.ended(NotFound(), request.ref)


def together(walks: Sequence[Walk]) -> Walks:
    """Walk many chains in step, so that what they ask at the same time can be asked together.

    Yields the asks of all walks that wait, is sent their replies in the same order, returns every resolution.
    """
    results: dict[Walk, Resolution] = {}
    waiting: list[tuple[Walk, Any]] = [(walk, None) for walk in walks]
    while waiting:
        asks: list[Ask] = []
        asked: list[tuple[Walk, int, int]] = []
        for walk, replies in waiting:
            before = len(asks)
            try:
                asks += walk.send(replies)
            except StopIteration as end:
                results[walk] = end.value
            else:
                asked.append((walk, before, len(asks)))
        answers = (yield asks) if asks else ()
        waiting = [(walk, answers[start:end]) for walk, start, end in asked]
    return [results[walk] for walk in walks]


def previous(request: Request, current: Resolution, chain: Chain, cache: Cache) -> Walk:
    """Fetch the version before the one that ``current`` found, at the same provider.

    A version that was disabled or deleted is an absence, so that you still get the current one. A version that was
    denied, or could not be asked for, may still be valid, so that is a failure. An answer from before the current value
    was known may be of the version before this one, so it is asked for again.
    """
    if chain.overlay is not None:
        request = _overlaid(request, chain.overlay.route)
    if current.entry is not None:
        request = request._replace(since=max(request.since, current.entry.first + 1))
    result = Resolution(request, current.at, current.ref)
    route = chain.route(current.ref.provider)
    found = current.outcome if current.entry is None else current.entry.outcome
    place = route.provider.previous(current.ref, found) if isinstance(found, Found) else None
    if place is None:
        return result.ended(NotFound("the provider keeps no previous version"), current.ref)
    outcome = yield from _consult(result, route, place, cache)
    if isinstance(outcome, Found) and route.points(outcome):
        outcome = yield from _follow(result, route, place, outcome, chain, cache)
    if isinstance(outcome, Failed) and outcome.code in _ENDED:
        return result.ended(NotFound(outcome.reason), result.ref)
    if isinstance(outcome, NotFound) and result.doubt is not None:
        return result.ended(*result.doubt)
    return result.ended(outcome, result.ref)


_ENDED = frozenset({FailureCode.DISABLED, FailureCode.DELETED})
"""Somebody has ended such a version: after it was replaced, nobody misses it."""


def _overlaid(request: Request, overlay: Route) -> Request:
    """Return the question as a test's overlay understands it: a whole text that it has is what is asked for."""
    if not isinstance(overlay.locate(request.name), SecretRef):
        return request
    own = not request.ref.provider and request.ref.field is not None
    return request._replace(ref=SecretRef("", request.name), fields=request.fields[own:])


def _place(route: Route, request: Request) -> SecretRef | Step:
    """Return where to ask, or the line of the trace that says why this provider is not asked."""
    ref = request.ref
    if ref.provider == route.provider.name:
        return route.provider.complete(ref)
    gap = None if route.unasked is None or ref.provider else route.unasked(ref.location)
    if gap is not None:
        return Step(route.provider.name, request.name, "skipped", reason=gap)
    place = route.locate(request.name if ref.provider else ref.location)
    if isinstance(place, NotFound):
        return Step(route.provider.name, request.name, "not found", reason=place.reason)
    if ref.version is None and ref.stage is None and not ref.options:
        return place
    return place._replace(
        version=ref.version or place.version, stage=ref.stage or place.stage, options=ref.options or place.options
    )


def _follow(
    result: Resolution, route: Route, place: SecretRef, found: Found, chain: Chain, cache: Cache
) -> Generator[list[Ask], Sequence[Reply], Outcome]:
    """Return the answer behind a value ``ref+…``, which is followed to where it points.

    A pointer that leads nowhere is an error, not an absence: its author meant a secret to be there.
    """
    seen = [place]
    outcome: Outcome = found
    while isinstance(outcome, Found) and route.points(outcome):
        target = _target(outcome, chain)
        if isinstance(target, Failed):
            return target
        route, place = target
        if place in seen:
            return _misled("the references lead in a circle: " + _path([*seen, place]))
        seen.append(place)
        if len(seen) > MAX_FOLLOWED:
            return _misled(f"the references lead through more than {MAX_FOLLOWED} places")
        outcome = yield from _consult(result, route, place, cache)
        if isinstance(outcome, NotFound):
            unasked = next((each for each in reversed(seen) if each in result.doubts), None)
            if unasked is not None:  # an old absence, or an old reference, which may lead elsewhere by now
                result.ref = unasked
                return result.doubts[unasked]
            return _misled(f"the reference {_path(seen)} leads to a secret that is not there")
    return outcome


def _consult(
    result: Resolution, route: Route, place: SecretRef, cache: Cache
) -> Generator[list[Ask], Sequence[Reply], Outcome]:
    """Return one provider's answer to one place, with the field selected and a line in the trace."""
    started, asked = result.at.mono, place
    result.ref, result.route = place, route
    outcome, served, entry, excuse = yield from _learned(result, route, place, cache)
    version = None
    if isinstance(outcome, Found):
        version, result.entry = outcome.version, entry
        if outcome.place is not None:
            asked = outcome.place._replace(field=place.field)
        fields = result.fields = result.request.fields if place.field is None else (place.field, *result.request.fields)
        if (fields or not isinstance(outcome.value, (str, bytes))) and not route.points(outcome):
            outcome = _selected(outcome, entry, fields)
    if served != result.served and (served == "stale" or not isinstance(outcome, NotFound)):
        result.served = _ORDER[max(_ORDER.index(result.served), _ORDER.index(served))]
    reason = excuse if isinstance(outcome, Found) else outcome.reason
    seconds = max(0.0, result.at.mono - started)
    result.steps.append(Step(place.provider, asked, word_of(outcome), served, reason, seconds, version))
    return outcome


def _learned(
    result: Resolution, route: Route, place: SecretRef, cache: Cache
) -> Generator[list[Ask], Sequence[Reply], Known]:
    """Return what the cache has where its age allows, else the answer, else what is left of the old answer."""
    ref, fresh, since = place.document, result.request.fresh, result.request.since
    if route.direct:
        (reply,) = yield [Ask(route, ref, anew=fresh, since=since)]
        result.at = reply.now
        return reply.outcome, "live", None, None
    age, entry, failed, setback = cache.look(ref, result.at)
    ask = Ask(route, ref, entry, setback, fresh, since)
    if entry is not None and not fresh and age in _SERVABLE and entry.number >= since:
        result.used.append((ask, entry))
        if age is not Age.FRESH and failed is None:
            result.due.append(ask)
        return entry.outcome, _SERVABLE[age], entry, None
    if failed is None or fresh or setback is None or setback.number < since:
        (reply,) = yield [ask]
        result.at = reply.now
        if not isinstance(reply.outcome, Failed):
            result.used.append((ask, reply.entry))
            return reply.outcome, "live", reply.entry, None
        failed = reply.outcome
        age, entry, _, _ = cache.look(ref, result.at)
    if entry is None or fresh or age is Age.GONE or not failed.retryable:
        result.used.append((ask, None))
        return failed, "live", None, None
    result.used.append((ask, entry))
    _doubt(result, failed, place)
    return entry.outcome, "stale", entry, f"{failed.code.value}: the last known value is served"


_SERVABLE: Mapping[Age, Served] = {Age.FRESH: "fresh", Age.AHEAD: "fresh", Age.REVALIDATE: "revalidating"}

_ORDER: tuple[Served, ...] = ("live", "fresh", "revalidating", "stale")
"""From new to old: an answer is as old as the oldest part it rests on."""


def _doubt(result: Resolution, failed: Failed, place: SecretRef) -> None:
    """Keep a provider that could not be asked: an absence at it, or behind it, is not known to be one."""
    if failed.retryable:
        result.doubts.setdefault(place, failed)


def _selected(found: Found, entry: CachedAnswer | None, fields: tuple[str, ...]) -> Outcome:
    value = chosen(found, fields) if entry is None else entry.select(fields)
    if isinstance(value, (NotFound, Failed)):
        return value
    return Found(value, version=found.version, expires_at=found.expires_at, lease=found.lease, place=found.place)


def _target(found: Found, chain: Chain) -> tuple[Route, SecretRef] | Failed:
    text = str(found.value)
    if not text.startswith(FOLLOW_MARK):
        if text.startswith(FOREIGN_MARK):
            return _misled(f"its value starts with '{FOREIGN_MARK}', which is the form of another tool", WRITE_OURS)
        return _misled(f"its value has a blank, a quote or a capital before '{FOLLOW_MARK}' or in it", WRITE_OURS)
    try:
        ref = parse_reference(text)
        if ref.provider:
            chain.know(ref.provider)
            (route,) = chain.knowing(ref, (chain.find(ref.provider),))
            return route, route.provider.complete(ref)
        reason = "it names no provider"
    except (ConfigurationError, InvalidReference) as error:
        reason = str(error)
    return _misled(f"its value starts with '{FOLLOW_MARK}' but cannot be followed: {reason}", MEND)


MEND = f"mend the reference; a value that really starts so is written with one '{FOLLOW_MARK}' more"
WRITE_OURS = f"write {FOLLOW_MARK}provider://place, or one '{FOLLOW_MARK}' before a value that really starts so"


def _misled(reason: str, remedy: str = "mend the reference, or create the secret it names") -> Failed:
    return Failed(FailureCode.MISCONFIGURED, reason, remedy)


def _path(places: list[SecretRef]) -> str:
    return " -> ".join(format_reference(place) for place in places)
