"""The present for keys: a time that does not go back.

The end of a key is an instant of the wall clock. A time server, or a person, may set that clock back; an ended key must
stay ended. So the present is never earlier than the latest time that this process has read, plus the time since on the
monotonic clock. A clock that was wrongly ahead ends keys early until a restart.
"""

from __future__ import annotations

from secretsource._ground.clock import readings, wall_reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource._ground.clock import Clock


class Present:
    """A reader of the clock for the checks of one `ApiKeys`.

    Args:
        clock: The clock that the time is read from.

    Attributes:
        mono: Returns monotonic seconds.
        wall: Returns the wall clock as it is, in seconds since 1970 UTC; it may have been set back.
        drift: Wall seconds minus monotonic seconds, the most that `both` has seen: an end that it reached stays so.
    """

    __slots__ = ("_both", "drift", "mono", "wall")

    def __init__(self, clock: Clock) -> None:
        self.mono, self._both = readings(clock)
        self.wall = wall_reading(clock)
        self.drift = float("-inf")

    def both(self) -> tuple[float, float]:
        """Return monotonic seconds, and seconds since 1970 UTC that never go back."""
        mono, wall = self._both()
        drift = wall - mono
        if drift >= self.drift:  # no call up to the next line, after which another thread may come
            self.drift = drift
            return mono, wall
        return mono, mono + self.drift
