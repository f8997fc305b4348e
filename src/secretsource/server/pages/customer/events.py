"""The events of a customer's keys: who did what, when, and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.server.pages.sessions import Role
from secretsource.server.pages.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from secretsource.server.pages.visit import Visit

__all__ = ["VIEWS"]

LINES = 50
"""Events on a page."""
_LONGEST_POSITION = 18


async def show(visit: Visit) -> Response:
    """Show a page of events, the newest first."""
    after = _position(visit.request.query_params.get("after", ""))
    found = await visit.keys.history(owner=visit.owner, after=after, newest_first=True, limit=LINES)
    keys = dict.fromkeys(event.id for event in found if event.subject == "key")
    return visit.page(
        "customer/events.html",
        events=found,
        records=await visit.keys.get_many(list(keys)),
        after=after,
        next=found[-1].position if len(found) == LINES else None,
    )


def _position(written: str) -> int | None:
    """Return a position in the feed; what is not one is as none."""
    return int(written) if written.isascii() and written.isdigit() and len(written) <= _LONGEST_POSITION else None


VIEWS = (View("GET", "/portal/events", "showEvents", Role.CUSTOMER, show),)
