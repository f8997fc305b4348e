"""When a message that failed is tried again, and when it is given up. Pure.

The pauses grow, and each is drawn a little longer or shorter, so that messages that failed together come back apart.
"""

# pure: decides from its arguments, the time and the chance among them; no I/O, no await

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.stores.base import Message

__all__ = ["LONGEST_WAIT", "PAUSES", "Failure", "after_failure"]

PAUSES = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 36_000.0)
"""Seconds between two attempts, as Standard Webhooks advises: eight attempts in a little over a day."""
LONGEST_WAIT = 36_000.0
"""Seconds that the other side may ask for before the next attempt."""
_JITTER = 0.2
_LONGEST_TROUBLE = 255


class Failure(NamedTuple):
    """Why an attempt failed.

    Attributes:
        trouble: The reason, for people; it quotes no part of an answer.
        is_final: Whether another attempt is of no use.
        wait: Seconds that the other side asked for before the next attempt.
    """

    trouble: str
    is_final: bool = False
    wait: float = 0.0


def after_failure(
    taken: Message, failure: Failure, now: float, chance: float, pauses: Sequence[float] = PAUSES
) -> Message:
    """Return a message as it is stored after an attempt that failed; without ``due`` if it is given up.

    Args:
        taken: The message, with the attempt counted.
        failure: Why it failed.
        now: The present, in seconds since 1970 UTC.
        chance: A number from 0 up to 1, drawn at random.
        pauses: Seconds after each attempt; after the last of them, one attempt is left.
    """
    trouble = failure.trouble[:_LONGEST_TROUBLE]
    if failure.is_final or taken.attempts > len(pauses):
        return taken._replace(due=None, trouble=trouble)
    pause = pauses[taken.attempts - 1] * (1 + _JITTER * (2 * chance - 1))
    return taken._replace(due=now + max(pause, min(failure.wait, LONGEST_WAIT)), trouble=trouble)
