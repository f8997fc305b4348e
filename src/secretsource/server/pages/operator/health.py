"""The health of the service: its store, its limiter, the news of changes, the peppers and the chores."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from secretsource import __version__
from secretsource.exceptions import ConfigurationError, KeyNotFound
from secretsource.resolver import FOLLOW_MARK
from secretsource.server.pages.operator.desk import view

if TYPE_CHECKING:
    from starlette.responses import Response

    from secretsource.issuing import HistoryEvent
    from secretsource.server.pages.operator.desk import Desk

__all__ = ["VIEWS"]

CHORES = "chores"
"""The author of the events of chores in the background."""
PEPPERS = "peppers"
"""The count that is made only when it is asked for: it takes longer the more keys there are."""


async def show(desk: Desk) -> Response:
    """Show the health, as this process sees it."""
    if not desk.sees_all:
        raise KeyNotFound("")
    settings = desk.service.settings
    return desk.page(
        "operator/health.html",
        version=__version__,
        process=os.getpid(),
        workers=settings.workers,
        store=_kind(settings.store),
        limiter=None if settings.limiter is None else _kind(settings.limiter),
        health=desk.keys.health(),
        peppers=dict(await desk.keys.count_by_pepper()) if desk.asked("count") == PEPPERS else None,
        last_chore=await _last_chore(desk),
        does_chores=settings.chores.every > 0,
        last_round=desk.service.chores.last,
    )


async def _last_chore(desk: Desk) -> HistoryEvent | None:
    """Return the newest event that the chores wrote."""
    try:
        events = await desk.keys.history(actor=CHORES, newest_first=True, limit=1)
    except ConfigurationError:  # the store has no feed of all events
        return None
    return events[0] if events else None


def _kind(address: str) -> str:
    """Return the kind of a store or limiter, and nothing else of its address: there may be a password in it."""
    return address.removeprefix(FOLLOW_MARK).partition(":")[0]


VIEWS = (view("GET", "/operator/health", "showHealth", "root:read", show),)
