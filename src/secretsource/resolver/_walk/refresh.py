"""When an answer is to be refreshed, and until when it may be served.

Ages of an answer, counted from the moment the provider gave it:

    0 ─── fresh ──┬─ refresh ahead ─┬── revalidate ──┬──── stale ────┬── gone
               80 % ttl            ttl        ttl + revalidate   max_stale

Everything a provider says about the end of a value (an expiry, a planned rotation, a lease) only ever shortens this.
"""

# pure: decides from its arguments, the time among them; no I/O, no await

from __future__ import annotations

from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource._ground.clock import Instant
    from secretsource._tuning import Tuning
    from secretsource.providers.base import Failed, Found

__all__ = ["Schedule", "pause", "schedule", "schedule_absence"]

AHEAD = 0.8
"""Share of the ttl after which a read starts a refresh in the background."""

LEASE_SHARE = 2 / 3
"""Share of a lease after which it is replaced, as Vault's own agent does."""

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 10.0


class Schedule(NamedTuple):
    """Monotonic instants at which an answer passes from one age to the next."""

    refresh_at: float
    fresh_until: float
    revalidate_until: float
    stale_until: float


def schedule(found: Found, tuning: Tuning, now: Instant, max_age: float | None, luck: float) -> Schedule:
    """Return the ages of a value that was found.

    Args:
        found: The answer, with what the provider knows about its end.
        tuning: The resolver's numbers.
        now: When the provider answered.
        max_age: The provider's own bound in seconds, or None.
        luck: A random number in [0, 1) that picks the jitter.
    """
    ttl = tuning.ttl * (1.0 - tuning.jitter * luck)
    fresh, end, ahead = ttl, tuning.max_stale, AHEAD
    if max_age is not None:
        fresh = min(fresh, max_age)
    if found.max_age is not None:
        fresh = min(fresh, found.max_age)
    # A planned rotation that is overdue says nothing: taken at its word, it would have every read ask the provider.
    if found.rotates_at is not None and found.rotates_at > now.wall:
        fresh = min(fresh, found.rotates_at - now.wall)
    if found.expires_at is not None:
        left = found.expires_at - now.wall
        fresh, end = min(fresh, left), min(end, left)
    if found.lease is not None:
        fresh, end, ahead = min(fresh, found.lease.seconds), min(end, found.lease.seconds), LEASE_SHARE
    if fresh < 0.0:
        fresh, end = 0.0, max(0.0, end)
    # A bound that is not the ttl (a file looked at once a second, a planned rotation) is a moment at which the value
    # is known to be in doubt, so nothing is served past it without asking.
    extra = 0.0
    if fresh == ttl:
        extra = tuning.ttl if tuning.revalidate is None else tuning.revalidate
    return Schedule(
        now.mono + fresh * ahead,
        now.mono + min(fresh, end),
        now.mono + min(fresh + extra, end),
        now.mono + end,
    )


def schedule_absence(tuning: Tuning, now: Instant, max_age: float | None, luck: float) -> Schedule:
    """Return the ages of "not there": short, and up to ``max_stale`` only while its provider is down."""
    ttl = tuning.negative_ttl * (1.0 - tuning.jitter * luck)
    fresh = ttl if max_age is None else min(ttl, max_age)
    return Schedule(now.mono + fresh, now.mono + fresh, now.mono + fresh, now.mono + tuning.max_stale)


def pause(failures: int, failed: Failed, luck: float) -> float:
    """Return the seconds for which a failed provider is left alone: doubling from 1 to 10, or as it asked.

    Args:
        failures: How often it has failed in a row, from 1.
        failed: The last failure; its ``retry_after`` is honoured up to a minute.
        luck: A random number in [0, 1).
    """
    doubled = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 10))
    jittered = doubled * (1.0 - 0.25 * luck)
    return max(jittered, min(failed.retry_after or 0.0, 60.0))
