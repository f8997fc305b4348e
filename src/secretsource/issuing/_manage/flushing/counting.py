"""Storing the counts of checks: with each flush. Old counts, and old clients, are forgotten now and then."""

from __future__ import annotations

from secretsource.issuing._check.noting.tally import NEVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts

__all__ = ["store_counts"]

FORGET_EVERY = 3600.0
"""Seconds between two times that a process has old counts and clients forgotten."""


def store_counts(parts: Parts) -> Flow[None]:
    """Add what was counted to the store; what it does not take waits for the next flush."""
    tally, store, counted = parts.uses.tally, parts.store.counts, False
    for counts in tally.chunks():
        stored = store is None  # which counts nothing, so that nothing is to be kept for it
        try:
            if store is not None:
                yield store.add(counts)
                stored = True
        finally:
            if not stored:
                tally.restore(counts)
        counted = True
    now = parts.clock.now()
    if counted and tally.forget_at == NEVER:
        tally.forget_at = now.mono
    if store is not None and now.mono >= tally.forget_at:
        tally.forget_at = now.mono + FORGET_EVERY
        yield store.forget(now.wall)
        yield parts.store.forget_clients(now.wall)
