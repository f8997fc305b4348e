"""Asking a driver: the one place where a call leaves the resolver synchronously.

A driver says what went wrong as an outcome. One that raises all the same (a bug, a third-party driver) is caught
here; its error is named by class and dropped, because it may hold what the service answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import get_ident

from secretsource.providers.base import AsyncProvider, BatchProvider, Failed, FailureCode, Found, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from secretsource.providers.base import Outcome, Provider, SecretRef
    from secretsource.resolver._engine import Engine
    from secretsource.resolver._flight import Claim, Flight
    from secretsource.resolver._route import Route

__all__ = ["INTERRUPTED", "OVERDUE", "abandon", "carry", "checked", "fetch", "fly", "job", "raised"]

OVERDUE = Failed(FailureCode.TIMEOUT, "the deadline for the whole chain has passed")
INTERRUPTED = Failed(FailureCode.UNAVAILABLE, "the call was interrupted before the provider answered", "ask again")


def carry(engine: Engine, claim: Claim) -> None:
    """Fetch what a claim leads, one provider after the other; whatever happens, nobody is left waiting.

    A provider that waits for a network and has no batch call is asked for several things at once: for one in this
    thread, and for the others in the background, as far as its threads go.
    """
    mine = list(claim.led)
    try:
        for route, flights in claim.by_route():
            if isinstance(route.provider, AsyncProvider) and not isinstance(route.provider, BatchProvider):
                for flight in flights[1:]:
                    if engine.background.submit(job(engine, route, [flight])):
                        mine.remove(flight)
            own = [flight for flight in flights if flight in mine]
            fly(engine, route, own)
    finally:
        abandon(engine, mine)


def job(engine: Engine, route: Route, flights: list[Flight]) -> Callable[[], None]:
    """Flights to be carried by a background thread, which reads nothing itself and so may be waited for by anyone."""
    for flight in flights:
        flight.pilot = None
    return lambda: fly(engine, route, flights)


def fly(engine: Engine, route: Route, flights: Sequence[Flight]) -> None:
    """Carry some flights of one provider to their end, whatever happens on the way.

    Args:
        engine: Whose flights they are.
        route: The provider.
        flights: What to fetch, of one deadline; each is settled when this returns or raises.
    """
    waiting = {flight.ask.ref: flight for flight in flights}
    until = min(flight.until for flight in flights)
    for flight in flights:
        flight.pilot = get_ident()
    try:
        if engine.closed:
            return
        for flight, outcome in _outcomes(route.provider, flights, lambda: until - engine.clock.now().mono):
            engine.settle(waiting.pop(flight.ask.ref), outcome)
    finally:
        abandon(engine, waiting.values())


def abandon(engine: Engine, flights: Iterable[Flight]) -> None:
    """Let everyone go who waits for a flight that will not be carried to its end."""
    for flight in flights:
        if flight.reply is None:
            engine.settle(flight, INTERRUPTED)


def fetch(provider: Provider, ref: SecretRef, timeout: float, *, anew: bool = False) -> Outcome:
    """Ask a driver once, ``anew`` for a value that is not only prolonged; never raises for what the driver does."""
    if timeout <= 0:
        return OVERDUE
    try:
        if anew:
            provider.discard(ref)
        return checked(provider.fetch(ref, timeout=timeout))
    except Exception as error:
        name = type(error).__name__
    return raised(name)


def _outcomes(
    provider: Provider, flights: Sequence[Flight], remaining: Callable[[], float]
) -> Iterator[tuple[Flight, Outcome]]:
    if len(flights) == 1 or not isinstance(provider, BatchProvider):
        for flight in flights:
            yield flight, fetch(provider, flight.ask.ref, remaining(), anew=flight.anew)
        return
    timeout = remaining()
    fault = OVERDUE if timeout <= 0 else None
    answers: dict[SecretRef, Outcome] = {}
    if fault is None:
        try:
            for flight in flights:
                if flight.anew:
                    provider.discard(flight.ask.ref)
            answers.update(provider.fetch_many([flight.ask.ref for flight in flights], timeout=timeout))
        except Exception as error:
            fault = raised(type(error).__name__)
    for flight in flights:
        yield flight, fault or checked(answers.get(flight.ask.ref))


def checked(outcome: object) -> Outcome:
    """What a driver returned, if it is an outcome at all."""
    if isinstance(outcome, (NotFound, Failed)):
        return outcome
    value: object = outcome.value if isinstance(outcome, Found) else None
    if isinstance(outcome, Found) and isinstance(value, (str, bytes, Mapping)):
        return outcome
    if isinstance(outcome, Found):
        mistake = f"found {type(value).__name__}, which is neither text, bytes nor a mapping"
    else:
        mistake = f"returned {type(outcome).__name__}, which is no outcome"
    return Failed(FailureCode.MALFORMED, f"the driver {mistake}", "report it to the driver's author")


def raised(name: str) -> Failed:
    """The outcome for a driver that raised instead of answering."""
    return Failed(
        FailureCode.MALFORMED, "the driver raised an error", "report it to the driver's author", sdk_error=name
    )
