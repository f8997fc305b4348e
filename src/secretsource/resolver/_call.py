"""Asking a driver: the one place where a call leaves the resolver synchronously.

A driver says what went wrong as an outcome. One that raises all the same (a bug, a third-party driver) is caught
here; its error is named by class and dropped, because it may hold what the service answered.
"""

from __future__ import annotations

from secretsource.providers.base import BatchProvider, Failed, FailureCode, Found, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from secretsource.providers.base import Outcome, Provider, SecretRef
    from secretsource.resolver._engine import Engine
    from secretsource.resolver._flight import Flight
    from secretsource.resolver._route import Route

__all__ = ["INTERRUPTED", "OVERDUE", "checked", "fetch", "fly", "raised"]

OVERDUE = Failed(FailureCode.TIMEOUT, "the deadline for the whole chain has passed")
INTERRUPTED = Failed(FailureCode.UNAVAILABLE, "the call was interrupted before the provider answered", "ask again")


def fly(engine: Engine, route: Route, flights: Sequence[Flight], until: float) -> None:
    """Carry some flights of one provider to their end, whatever happens on the way.

    Args:
        engine: Whose flights they are.
        route: The provider.
        flights: What to fetch; each is settled when this returns or raises.
        until: Monotonic second at which the deadline passes.
    """
    waiting = {flight.ask.ref: flight for flight in flights}
    try:
        for ref, outcome in _outcomes(route.provider, list(waiting), lambda: until - engine.clock.now().mono):
            engine.settle(waiting.pop(ref), outcome)
    finally:
        for flight in waiting.values():
            engine.settle(flight, INTERRUPTED)


def fetch(provider: Provider, ref: SecretRef, timeout: float) -> Outcome:
    """Ask a driver once; never raises for what the driver does."""
    if timeout <= 0:
        return OVERDUE
    try:
        return checked(provider.fetch(ref, timeout=timeout))
    except Exception as error:
        name = type(error).__name__
    return raised(name)


def _outcomes(
    provider: Provider, refs: Sequence[SecretRef], remaining: Callable[[], float]
) -> Iterator[tuple[SecretRef, Outcome]]:
    if len(refs) == 1 or not isinstance(provider, BatchProvider):
        for ref in refs:
            yield ref, fetch(provider, ref, remaining())
        return
    timeout = remaining()
    fault = OVERDUE if timeout <= 0 else None
    answers: dict[SecretRef, Outcome] = {}
    if fault is None:
        try:
            answers.update(provider.fetch_many(refs, timeout=timeout))
        except Exception as error:
            fault = raised(type(error).__name__)
    for ref in refs:
        yield ref, fault or checked(answers.get(ref))


def checked(outcome: object) -> Outcome:
    """What a driver returned, if it is an outcome at all."""
    if isinstance(outcome, (Found, NotFound, Failed)):
        return outcome
    return Failed(
        FailureCode.MALFORMED,
        f"the driver returned {type(outcome).__name__}, which is no outcome",
        "report it to the driver's author",
    )


def raised(name: str) -> Failed:
    """The outcome for a driver that raised instead of answering."""
    return Failed(
        FailureCode.MALFORMED, "the driver raised an error", "report it to the driver's author", sdk_error=name
    )
