"""The keys and owners that an operator looks after: ending soon, unused, used after their end, and suspended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from secretsource.issuing import EventKind, OwnerEventKind, OwnerStatus, Page
from secretsource.server.pages.operator.desk import LINES, view
from secretsource.server.pages.operator.fields import DAY
from secretsource.server.pages.operator.owners import find
from secretsource.server.rights import ROOT_PREFIX

if TYPE_CHECKING:
    from starlette.responses import Response

    from secretsource.server.pages.operator.desk import Desk

__all__ = ["VIEWS"]

SPANS = (7, 30, 90)
"""Days to choose from."""


async def expiring(desk: Desk) -> Response:
    """Show the keys that expire soon."""
    days = _days(desk)
    page = await desk.keys.expiring(
        within=days * DAY, owner=desk.caller.owner, after=desk.asked("after") or None, limit=LINES
    )
    return _keys_page(desk, "expiring", page, days)


async def unused(desk: Desk) -> Response:
    """Show the keys that were not used for a time."""
    days = _days(desk)
    page = await desk.keys.unused(
        for_=days * DAY, owner=desk.caller.owner, after=desk.asked("after") or None, limit=LINES
    )
    return _keys_page(desk, "unused", page, days)


async def alarms(desk: Desk) -> Response:
    """Show the uses of keys that had ended through rotation, the newest first."""
    events = await desk.keys.history(
        after=desk.position(), owner=desk.caller.owner, kind=EventKind.REUSED, newest_first=True, limit=LINES
    )
    last = events[-1].position if len(events) == LINES else None
    return desk.page("operator/alarms.html", events=events, keys=await desk.keys_of(events), next=last)


async def suspended(desk: Desk) -> Response:
    """Show the owners that are suspended now, those that were suspended last first."""
    events = await desk.keys.history(
        after=desk.position(), owner=desk.caller.owner, kind=OwnerEventKind.SUSPENDED, newest_first=True, limit=LINES
    )
    last = events[-1].position if len(events) == LINES else None
    newest = {event.id: event for event in reversed(events)}
    records = await asyncio.gather(*(find(desk, owner) for owner in newest))
    held = [each for each in records if each is not None and each.status is OwnerStatus.SUSPENDED]
    held.sort(key=lambda record: -newest[record.id].position)
    return desk.page("operator/suspended.html", owners=held, events=newest, next=last)


def _days(desk: Desk) -> int:
    """Return the days that the operator has chosen."""
    text = desk.asked("days")
    return int(text) if text in {str(days) for days in SPANS} else 30


def _keys_page(desk: Desk, which: str, page: Page, days: int) -> Response:
    shown = [record for record in page.records if record.prefix != ROOT_PREFIX]
    address, reader = desk.visit.url(desk.visit.path), desk.visit.reader
    lengths = {each: reader.ngettext("%(num)s day", "%(num)s days", each) % {"num": each} for each in SPANS}
    links = [(f"{address}?days={each}", text, each == days) for each, text in lengths.items()]
    return desk.page("operator/attention.html", which=which, keys=shown, next=page.next, days=days, span_links=links)


VIEWS = (
    view("GET", "/operator/attention", "showExpiring", "keys:read", expiring),
    view("GET", "/operator/attention/unused", "showUnused", "keys:read", unused),
    view("GET", "/operator/attention/alarms", "showAlarms", "events:read", alarms),
    view("GET", "/operator/attention/suspended", "showSuspended", "events:read", suspended),
)
