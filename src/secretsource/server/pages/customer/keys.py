"""The list of a customer's keys.

The number of questions to the store is the same for any number of keys. The counted requests of the keys of a page are
read together, and those of all keys are added up by the store.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from secretsource.exceptions import InvalidRequest, KeyNotFound
from secretsource.issuing import Page, Status
from secretsource.server.pages.customer import rows
from secretsource.server.pages.customer.figures import SOON, figures_of
from secretsource.server.pages.customer.standing import offer_to
from secretsource.server.pages.sessions import Role
from secretsource.server.pages.view import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from secretsource.issuing import Count
    from secretsource.server.pages.customer.figures import Figures
    from secretsource.server.pages.customer.standing import Offer
    from secretsource.server.pages.visit import Visit

__all__ = ["VIEWS"]

LINES = 30
"""Keys on a page."""
LONGEST_SEARCH = 255
ENDING = 100
"""Keys of each kind, expiring and rotating, that the figures look at."""
_DAY = 86400
_KEY_ID = 22


async def show(visit: Visit) -> Response:
    """Show a page of keys, the newest first."""
    offer, query = await offer_to(visit), visit.request.query_params
    environment = _chosen(query.get("environment", ""), offer.environments)
    searched = query.get("search", "").strip()[:LONGEST_SEARCH]
    await visit.keys.flush()  # the last uses are as new as the counts beside them
    page = await _page(visit, environment, searched, query.get("after"))
    others = await visit.keys.get_many(rows.partners(page.records, visit.now))
    living, ended = rows.pairs(page.records, others, visit.now)
    ids = [each.key_id for pair in (*living, *ended) for each in (pair.record, pair.old) if each is not None]
    since = rows.days_of(visit.now)[0]
    days = await visit.keys.usage(owner=visit.owner, key_ids=ids, since=since, by="day")
    rotating = [each.key_id for pair in living if pair.old is not None for each in (pair.record, pair.old)]
    hours = await _latest(visit, rotating)
    is_first = not query.get("after")
    return visit.page(
        "customer/keys.html",
        living=rows.rows(living, days, hours, visit.now),
        ended=rows.rows(ended, days, hours, visit.now),
        environments=[(_list(visit, each, searched), each, each == environment) for each in offer.environments],
        figures=await _figures(visit, offer) if is_first and page.records and not searched else None,
        environment=environment,
        searched=searched,
        is_first=is_first,
        next=None if page.next is None else _list(visit, environment, searched, page.next),
    )


async def _latest(visit: Visit, key_ids: Sequence[str]) -> Sequence[Count]:
    """Return the counted requests of the last 24 hours of rotating pairs, which show the share of the new key."""
    if not key_ids:
        return ()
    return await visit.keys.usage(owner=visit.owner, key_ids=key_ids, since=visit.now - _DAY, by="hour")


async def _figures(visit: Visit, offer: Offer) -> Figures:
    """Return the figures of all keys of the customer."""
    today = float(rows.days_of(visit.now)[-1])
    counts = await visit.keys.usage(owner=visit.owner, since=today, by="day", per_key=False)
    limits = await visit.keys.owners.remaining(visit.owner) if offer.has_quota else ()
    expiring = await visit.keys.expiring(within=SOON, owner=visit.owner, limit=ENDING)
    rotating = await visit.keys.list(owner=visit.owner, status=Status.ROTATING, limit=ENDING)
    ending = (*expiring.records, *rotating.records)
    has_more = expiring.next is not None or rotating.next is not None
    return figures_of(counts, limits, ending, visit.now, has_more=has_more)


async def _page(visit: Visit, environment: str, searched: str, after: str | None) -> Page:
    """Return the keys to show: a page of all, the one with an id, or those of a name, which may look like an id."""
    if len(searched) == _KEY_ID and searched.isascii() and searched.isalnum():
        with suppress(KeyNotFound):
            record = await visit.keys.get(searched)
            if record.owner == visit.owner:
                return Page([record], None)
    try:
        return await visit.keys.list(
            owner=visit.owner,
            environment=environment,
            name=searched or None,
            newest_first=True,
            after=after or None,
            limit=LINES,
        )
    except InvalidRequest:
        return Page([], None)


def _chosen(wanted: str, environments: tuple[str, ...]) -> str:
    return wanted if wanted in environments else next(iter(environments), "live")


def _list(visit: Visit, environment: str, searched: str, after: str = "") -> str:
    """Return the address of a page of the list."""
    given = {"environment": environment, "search": searched, "after": after}
    return visit.url("/portal/keys?" + urlencode({name: value for name, value in given.items() if value}))


VIEWS = (View("GET", "/portal/keys", "showKeys", Role.CUSTOMER, show),)
