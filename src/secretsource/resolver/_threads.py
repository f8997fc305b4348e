"""The steps of a question with threads: this thread fetches what it leads, and waits for what other threads fetch."""

from __future__ import annotations

from secretsource.resolver._call import abandon, carry, fetch, hand_over
from secretsource.resolver._questions import Later
from secretsource.resolver._walk.resolution import OVERDUE, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.resolver._engine.engine import Engine
    from secretsource.resolver._engine.flight import Flight
    from secretsource.resolver._walk.resolution import Ask

__all__ = ["perform"]


def perform(engine: Engine, until: float, step: list[Ask] | Later) -> list[Reply]:
    """Return the replies to the asks of a step, in their order; an empty list if nobody waits for them.

    Args:
        engine: The engine that is asked.
        until: The deadline of the question, in monotonic seconds.
        step: The asks.
    """
    led: list[Flight] = []
    try:
        if isinstance(step, Later):
            engine.state.claim(step.asks, engine.monotonic() + engine.deadline, led)
            if led and not hand_over(engine, led):
                abandon(engine, led)
            return []
        flights = engine.state.claim(step, until, led)
        if led:
            carry(engine, led)
    except BaseException:
        abandon(engine, led)
        raise
    replies = []
    # A thread that waits for the last flight first is woken once, and not once for each of them.
    for ask, flight in zip(reversed(step), reversed(flights), strict=True):
        reply = None if flight is None else flight.reply
        replies.append(reply or _awaited(engine, ask, flight, until))
    replies.reverse()
    return replies


def _awaited(engine: Engine, ask: Ask, flight: Flight | None, until: float) -> Reply:
    left = until - engine.monotonic()
    if flight is None or flight.is_carried_here() or engine.state.is_entered_here():
        # Ask directly. So do this when this very thread carries the flight further up (its event loop, a driver
        # that resolves its own credentials), or when a signal struck it in the middle of a question: it would wait
        # for itself.
        return Reply(fetch(ask.route.provider, ask.ref, left, anew=ask.anew), engine.clock.now())
    return flight.wait(max(0.0, left)) or Reply(OVERDUE, engine.clock.now())
