"""The usage of a customer's keys: by hour or day, by key, by outcome, and as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.issuing.documents import csv_text
from secretsource.server.pages.looks.formats import machine_time
from secretsource.server.pages.looks.spans import SPANS, by_key, by_outcome, by_time
from secretsource.server.pages.sessions import Role
from secretsource.server.pages.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from secretsource.server.pages.looks.spans import Span
    from secretsource.server.pages.visit import Visit

__all__ = ["VIEWS"]

LINES = 30
"""Keys on a page."""
NAMED = 1000
"""Keys in a file that have their names beside their ids."""
COLUMNS = ("start", "key_id", "name", "outcome", "requests")


async def show(visit: Visit) -> Response:
    """Show the usage of a page of keys, the newest first."""
    span, after = _span(visit), visit.request.query_params.get("after") or None
    page = await visit.keys.list(owner=visit.owner, newest_first=True, after=after, limit=LINES)
    counts = await visit.keys.usage(
        owner=visit.owner,
        key_ids=[record.key_id for record in page.records],
        since=float(span.starts(visit.now)[0]),
        by=span.unit,
    )
    uses, hours = by_key(counts), by_time(counts, span, visit.now)
    used = [record for record in page.records if record.key_id in uses]
    used.sort(key=lambda record: -sum(uses[record.key_id].values()))
    return visit.page(
        "customer/usage.html",
        spans=SPANS.values(),
        span=span,
        records=used,
        unused=len(page.records) - len(used),
        bars=[visit.reader.bar(start, parts, exact=span.unit == "hour") for start, parts in hours.items()],
        begins=list(hours),
        uses=uses,
        outcomes=by_outcome(counts),
        after=after,
        next=page.next,
    )


async def save(visit: Visit) -> Response:
    """Answer with the counts of all keys, as a file of comma-separated values."""
    span = _span(visit)
    counts = await visit.keys.usage(owner=visit.owner, since=float(span.starts(visit.now)[0]), by=span.unit)
    key_ids = list(dict.fromkeys(count.key_id for count in counts))
    records = await visit.keys.get_many(key_ids[:NAMED])
    names = {key_id: record.name for key_id, record in records.items()}
    rows = (
        (machine_time(count.start), count.key_id, names.get(count.key_id, ""), count.outcome, count.requests)
        for count in counts
    )
    return visit.file(csv_text(COLUMNS, rows), "text/csv", f"usage-{span.name}.csv")


def _span(visit: Visit) -> Span:
    """Return the span that the address names, or the shortest."""
    first = next(iter(SPANS))
    return SPANS.get(visit.request.query_params.get("span", first), SPANS[first])


VIEWS = (
    View("GET", "/portal/usage", "showUsage", Role.CUSTOMER, show),
    View("GET", "/portal/usage.csv", "saveUsage", Role.CUSTOMER, save),
)
