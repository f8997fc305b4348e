"""The keys of all customers: search them, see one, and end it after the operator has seen who uses it."""

from __future__ import annotations

from asyncio import gather
from typing import TYPE_CHECKING, Any

from secretsource.exceptions import KeyNotFound
from secretsource.issuing import Page, Status
from secretsource.server.api.managed import CUSTOMERS
from secretsource.server.pages.customer.fields import OVERLAPS
from secretsource.server.pages.looks.words import STATUSES
from secretsource.server.pages.operator.bars import bars_of
from secretsource.server.pages.operator.desk import LINES, view
from secretsource.server.pages.operator.fields import DAY
from secretsource.server.pages.operator.owners import named
from secretsource.server.pages.operator.searching import is_key_id, read_display
from secretsource.server.rights import ROOT_PREFIX

if TYPE_CHECKING:
    from starlette.responses import Response

    from secretsource.issuing import KeyRecord, Usage
    from secretsource.server.pages.operator.desk import Desk

__all__ = ["VIEWS", "find_key", "show_key", "uses_of"]

READS, WRITES = CUSTOMERS.reads, CUSTOMERS.writes
EVENTS = 20
"""Events on the page of a key."""
DAYS = 14
"""Days of the chart of a key."""


async def show_all(desk: Desk) -> Response:
    """Show a page of keys, the newest first: all, those of a status, or those that a search finds."""
    text, word, after = desk.asked("q"), desk.asked("status"), desk.asked("after")
    owner = named(desk, desk.asked("owner")) if desk.asked("owner") else desk.caller.owner
    status = Status(word) if word in Status.__members__.values() else None
    display = read_display(text)
    exactly = await _exactly(desk, text) if is_key_id(text) else []
    if exactly:
        page = Page(exactly, None)
    elif display is not None:
        shown_by: dict[str, Any] = {**display._asdict(), "beginning": display.beginning or None}
        page = await desk.keys.list(
            owner=desk.caller.owner, newest_first=True, after=after or None, limit=LINES, **shown_by
        )
    else:
        page = await desk.keys.list(
            owner=owner,
            status=status,
            name=text or None,
            newest_first=True,
            after=after or None,
            limit=LINES,
        )
    shown = [record for record in page.records if record.prefix != ROOT_PREFIX]
    return desk.page(
        "operator/keys.html",
        keys=shown,
        next=page.next,
        text=text,
        word=word,
        owner=desk.asked("owner"),
        status_links=_status_links(desk, word),
    )


async def show(desk: Desk) -> Response:
    """Show a key."""
    return await show_key(desk, await find_key(desk))


async def show_key(desk: Desk, record: KeyRecord, status: int = 200) -> Response:
    """Show a key, with its limits, its checks of two weeks and its newest events.

    Args:
        desk: The desk of the operator.
        record: The key.
        status: The status of the answer.
    """
    limits = await desk.keys.remaining(record.key_id)
    chart = None
    if desk.may("usage:read"):
        since, now = desk.visit.now - (DAYS - 1) * DAY, desk.visit.now
        counts = await desk.keys.usage(key_id=record.key_id, since=since, until=now, by="day")
        chart = bars_of(desk.visit.reader, counts, "day", DAYS, now)
    newest = max(record.revision - EVENTS, 0)
    events = (await desk.keys.events(record.key_id, after=newest, limit=EVENTS))[::-1]
    return desk.page(
        "operator/key.html", status, record=record, limits=limits, chart=chart, events=events, overlaps=OVERLAPS
    )


async def show_revoke(desk: Desk) -> Response:
    """Show who uses a key, and ask once more before it is revoked for good."""
    return await _ask(desk, await find_key(desk))


async def revoke(desk: Desk) -> Response:
    """Revoke a key for good."""
    record = await find_key(desk)
    if not desk.is_sure():
        return await _ask(desk, record, 422)
    family = desk.form.text("family") == "yes"
    await desk.keys.revoke(record.key_id, family=family, **desk.by(desk.form.text("reason")))
    return desk.go(f"/operator/keys/{record.key_id}")


async def disable(desk: Desk) -> Response:
    """Switch a key off until it is enabled again."""
    record = await find_key(desk)
    await desk.keys.disable(record.key_id, **desk.by())
    return desk.go(f"/operator/keys/{record.key_id}")


async def enable(desk: Desk) -> Response:
    """Switch a disabled key on again."""
    record = await find_key(desk)
    await desk.keys.enable(record.key_id, **desk.by())
    return desk.go(f"/operator/keys/{record.key_id}")


async def find_key(desk: Desk) -> KeyRecord:
    """Return the key that the path names.

    Raises:
        KeyNotFound: There is no such key, or it is not for the operator; the two look alike.
    """
    return await CUSTOMERS.find(desk.service, desk.caller, desk.part("key_id"))


async def uses_of(desk: Desk, record: KeyRecord) -> dict[str, Any]:
    """Return the last day of a key, and its uses since its rotation began, each as far as the operator may see it."""
    use, rotation = await gather(desk.keys.recent_use(record.key_id), _rotation_of(desk, record))  # with one flush
    if not desk.may("usage:read"):
        use = use._replace(accepted=None, refused=None)
    return {"use": use, "rotation": rotation}


async def _rotation_of(desk: Desk, record: KeyRecord) -> Usage | None:
    if record.status_at(desk.visit.now) is not Status.ROTATING:
        return None
    return (await desk.keys.rotation_status(record.key_id)).usage


async def _ask(desk: Desk, record: KeyRecord, status: int = 200) -> Response:
    return desk.page("operator/key-revoke.html", status, record=record, **await uses_of(desk, record))


def _status_links(desk: Desk, word: str) -> list[tuple[str, str, bool]]:
    """Return the links to the keys of one status."""
    address, tell = desk.visit.url("/operator/keys"), desk.visit.translate
    return [(f"{address}?status={each.value}", tell(STATUSES[each]), each == word) for each in Status]


async def _exactly(desk: Desk, key_id: str) -> list[KeyRecord]:
    try:
        return [await CUSTOMERS.find(desk.service, desk.caller, key_id)]
    except KeyNotFound:
        return []


VIEWS = (
    view("GET", "/operator/keys", "showAllKeys", READS, show_all),
    view("GET", "/operator/keys/{key_id:key_id}", "showAnyKey", READS, show),
    view("GET", "/operator/keys/{key_id:key_id}/revoke", "showAnyRevoke", WRITES, show_revoke),
    view("POST", "/operator/keys/{key_id:key_id}/revoke", "revokeAnyKey", WRITES, revoke),
    view("POST", "/operator/keys/{key_id:key_id}/disable", "disableAnyKey", WRITES, disable),
    view("POST", "/operator/keys/{key_id:key_id}/enable", "enableAnyKey", WRITES, enable),
)
