"""The state of a limit, as it is stored and as it is shown."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Level: TypeAlias = "float | tuple[int, int] | tuple[tuple[float, ...], int]"
    """The stored state of a rule.

    It is the theoretical arrival time of a rate, or the balance and the calendar period of a quota. Of credits, it is
    the balance and `FOREVER`. Of requests at once, it is the ends of the leases that are out, and `NEVER`.
    """

__all__ = ["FOREVER", "NEVER", "LimitState"]

FOREVER = 2**53
"""The period of a balance that no time refills."""
NEVER = -1
"""The period of leases: it is always over, so that each draw asks the rule."""


class LimitState(NamedTuple):
    """One limit after a check.

    Attributes:
        name: The rule's name, such as ``minute``, ``month quota``, ``credits`` or ``at once``.
        limit: Requests per window; all credits so far; or requests at once.
        window: Length of the window in seconds (a month counts its own days); None for credits and requests at once.
        remaining: Requests that could be made at once now.
        reset: Seconds until the whole limit is there again; None for credits and requests at once.
    """

    name: str
    limit: int
    window: int | None
    remaining: int
    reset: float | None
