"""The list of a customer's keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.server.pages.sessions import Role
from secretsource.server.pages.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from secretsource.server.pages.visit import Visit

__all__ = ["VIEWS"]

LINES = 50
"""Keys on a page."""


async def show(visit: Visit) -> Response:
    """Show a page of keys, the newest first."""
    page = await visit.keys.list(owner=visit.owner, newest_first=True, limit=LINES)
    return visit.page("customer/keys.html", keys=page.records, next=page.next)


VIEWS = (View("GET", "/portal/keys", "showKeys", Role.CUSTOMER, show),)
