"""Asking a driver: the one place where a call leaves the resolver synchronously.

A driver reports a failure as an outcome. If it still raises (a bug, a third-party driver), its error is caught here,
named by its class and dropped, because it may hold the answer of the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from threading import get_ident
from time import monotonic

from secretsource.providers.base import AsyncProvider, BatchProvider, Failed, FailureCode, Found, NotFound
from secretsource.resolver._walk.resolution import INTERRUPTED, OVERDUE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from secretsource.providers.base import Outcome, Provider, SecretRef, Value
    from secretsource.resolver._engine.engine import Engine
    from secretsource.resolver._engine.flight import Flight
    from secretsource.resolver._walk.route import Route

__all__ = [
    "PATIENCE",
    "abandon",
    "by_route",
    "carry",
    "checked",
    "fetch",
    "hand_over",
    "raised",
]

PATIENCE = 0.25
"""Seconds for which a forced call waits for the one before it, so that a crowd of forced reads shares a few calls."""


def carry(engine: Engine, flights: Sequence[Flight]) -> None:
    """Fetch what one shell leads, one provider after the other.

    A provider that waits for a network and has no batch call is asked for several documents at once. This thread asks
    for one of them, and background threads for the others. If this raises, the caller must abandon the flights.
    """
    for route, led in by_route(flights):
        own = led
        if len(led) > 1 and _waits_for_each(route.provider):
            handed = {flight for flight in led[1:] if hand_over(engine, [flight])}
            own = [flight for flight in led if flight not in handed]
        _fly(engine, route.provider, own)


def _waits_for_each(provider: Provider) -> bool:
    """Return whether several calls are quicker at once than in turn, and the driver has no way of its own."""
    return isinstance(provider, AsyncProvider) and not isinstance(provider, BatchProvider)


def hand_over(engine: Engine, flights: Sequence[Flight]) -> bool:
    """Let a background thread carry flights, so that every thread may wait for them; False without such a thread."""

    def carry_there() -> None:
        for flight in flights:
            flight.pilot = get_ident()
        try:
            carry(engine, flights)
        except BaseException:
            abandon(engine, flights)
            raise

    if not engine.background.submit(carry_there):
        return False
    for flight in flights:  # only now: a signal handler in between must not wait for a call that is not under way
        flight.giver = get_ident()
    return True


def abandon(engine: Engine, flights: Iterable[Flight]) -> None:
    """Release every reader of flights that will not be carried to their end."""
    left: list[tuple[Flight, Outcome]] = []
    for flight in flights:
        if flight.reply is None:
            left.append((flight, INTERRUPTED))
        else:
            flight.land(flight.reply)  # once more: a signal may have kept some from being called
    if left:
        engine.settle(left)


def fetch(provider: Provider, ref: SecretRef, timeout: float, *, anew: bool = False) -> Outcome:
    """Ask a driver once, ``anew`` for a value that is not only prolonged; never raise for what the driver does."""
    if timeout <= 0:
        return OVERDUE
    try:
        if anew:
            provider.discard(ref)
        return checked(provider.fetch(ref, timeout=timeout), provider)
    except Exception as error:
        name = type(error).__name__
    return raised(name)


def by_route(flights: Iterable[Flight]) -> Iterable[tuple[Route, list[Flight]]]:
    """Return the flights in groups, one for each provider."""
    groups: dict[str, tuple[Route, list[Flight]]] = {}
    for flight in flights:
        route = flight.ask.route
        groups.setdefault(route.provider.name, (route, []))[1].append(flight)
    return groups.values()


def _fly(engine: Engine, provider: Provider, flights: Sequence[Flight]) -> None:
    """Ask one provider for the documents of some flights, and settle each; they have one deadline."""
    if engine.closed:
        abandon(engine, flights)
    elif len(flights) > 1 and isinstance(provider, BatchProvider):
        _fly_together(engine, provider, [flight for flight in flights if flight.reply is None])
    else:
        for flight in flights:
            if flight.reply is None:
                if flight.anew:
                    _let_pass(engine, [flight])
                engine.state.begin([flight])
                left = flight.until - engine.monotonic()
                engine.settle([(flight, fetch(provider, flight.ask.ref, left, anew=flight.anew))])


def _fly_together(engine: Engine, provider: BatchProvider, flights: Sequence[Flight]) -> None:
    """Do the same by one call, if there is a flight at all."""
    if not flights:
        return
    _let_pass(engine, flights)
    engine.state.begin(flights)
    answers = _fetch_many(provider, flights, flights[0].until - engine.monotonic())
    if isinstance(answers, Failed):
        engine.settle([(flight, answers) for flight in flights])
    else:
        engine.settle([(flight, checked(answers.get(flight.ask.ref), provider)) for flight in flights])


def _let_pass(engine: Engine, flights: Sequence[Flight]) -> None:
    """Wait a moment for forced calls that are under way to the places of forced flights: others may join meanwhile."""
    patience = 0.0
    for flight in flights:
        ahead = engine.state.ahead_of(flight) if flight.anew else None
        if ahead is not None and not ahead.is_carried_here():
            patience = patience or monotonic() + PATIENCE
            ahead.wait(max(0.0, patience - monotonic()))


def _fetch_many(
    provider: BatchProvider, flights: Sequence[Flight], timeout: float
) -> Mapping[SecretRef, object] | Failed:
    if timeout <= 0:
        return OVERDUE
    try:
        for flight in flights:
            if flight.anew:
                provider.discard(flight.ask.ref)
        return dict(provider.fetch_many([flight.ask.ref for flight in flights], timeout=timeout))
    except Exception as error:
        name = type(error).__name__
    return raised(name)


def checked(outcome: object, provider: Provider) -> Outcome:
    """Return the outcome of a driver in the form that its provider is set to; anything else is a failure."""
    if isinstance(outcome, Found):
        value: object = outcome.value
        if isinstance(value, str) and type(value) is not str:  # an Enum would become its own name
            outcome = _with_value(outcome, str.__str__(value))
        is_plain = outcome.expires_at is outcome.rotates_at is outcome.max_age is None
        is_plain = is_plain and (outcome.version is None or type(outcome.version) is str)  # mostly, which costs no call
        mistake = "" if is_plain else _mistake_beside(outcome)
        if not isinstance(value, (str, bytes, Mapping)):
            mistake = f"found {type(value).__name__}, which is neither text, bytes nor a mapping"
        elif not mistake:
            return _stripped(outcome) if provider.strip_newline else outcome
    elif isinstance(outcome, (NotFound, Failed)):
        mistake = _mistake_in(outcome)
        if not mistake:
            return outcome
    else:
        mistake = f"returned {type(outcome).__name__}, which is not an outcome"
    return Failed(FailureCode.MALFORMED, f"the driver {mistake}", "report it to the driver's author")


def _mistake_beside(found: Any) -> str:
    """Return the mistake in what a driver says of a value, such as a datetime in place of seconds; empty for none."""
    if not (found.version is None or isinstance(found.version, str)):
        return f"gave a version that is {type(found.version).__name__}, and not text"
    return _no_number(found.expires_at, found.rotates_at, found.max_age)


def _mistake_in(outcome: Any) -> str:
    if not (outcome.reason is None or isinstance(outcome.reason, str)):
        return f"gave a reason that is {type(outcome.reason).__name__}, and not text"
    if isinstance(outcome, NotFound):
        return ""
    if not isinstance(outcome.code, FailureCode):
        return f"failed with a code that is {type(outcome.code).__name__}, and not a FailureCode"
    return _no_number(outcome.retry_after)


def _no_number(*seconds: object) -> str:
    """Return the mistake in seconds: another type, or not a number."""
    for each in seconds:
        if each is not None and (not isinstance(each, (int, float)) or isnan(each)):
            return f"gave a time that is {type(each).__name__}, and not a number of seconds"
    return ""


def _stripped(found: Found) -> Found:
    """Return the same answer without one line end at the end of its text, or of each field that is text."""
    value = found.value
    if isinstance(value, Mapping):
        return _with_value(found, {key: _without_line_end(field) for key, field in value.items()})
    return _with_value(found, _without_line_end(value))


def _with_value(found: Found, value: Value) -> Found:
    return Found(
        value,
        version=found.version,
        expires_at=found.expires_at,
        rotates_at=found.rotates_at,
        lease=found.lease,
        max_age=found.max_age,
        default_field=found.default_field,
        place=found.place,
    )


def _without_line_end(value: Any) -> Any:
    if isinstance(value, str) and value.endswith("\n"):
        return value.removesuffix("\n").removesuffix("\r")
    return value


def raised(name: str) -> Failed:
    """Return the outcome for a driver that raised instead of answering."""
    return Failed(
        FailureCode.MALFORMED, "the driver raised an error", "report it to the driver's author", sdk_error=name
    )
