"""The page of one key: may the old one go, its requests, what is left of its limits, and what happened to it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from secretsource.server.pages.customer import evidence
from secretsource.server.pages.customer.fields import OVERLAPS, read_longer
from secretsource.server.pages.customer.standing import own_key
from secretsource.server.pages.looks.charts import Bar
from secretsource.server.pages.looks.words import SERIES, series_of
from secretsource.server.pages.sessions import Role
from secretsource.server.pages.view import View

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.responses import Response

    from secretsource.issuing import Count, KeyRecord
    from secretsource.server.pages.visit import Visit

__all__ = ["ONE", "VIEWS", "show_key"]

ONE = "/portal/keys/{key_id:key_id}"
EVENTS = 10
"""Events on the page; the page of events has all."""
_HOUR = 3600


async def show(visit: Visit) -> Response:
    """Show a key."""
    return await show_key(visit, await own_key(visit))


async def finish(visit: Visit) -> Response:
    """End a rotation: at once if the old key is quiet, else if the customer confirms it."""
    record = await own_key(visit)
    rotation = await visit.keys.rotation_status(record.key_id)
    quiet = evidence.rotation_of(rotation, (), visit.now).may_go
    if not quiet and not visit.form.has("sure"):
        visit.form.wrong("sure", visit.translate("The old key is still in use: confirm that it is to end now."))
        return await show_key(visit, record, 422)
    await visit.keys.finish_rotation(record.key_id, actor=visit.actor, origin=visit.origin)
    return visit.go(f"/portal/keys/{rotation.successor.key_id}")


async def extend(visit: Visit) -> Response:
    """Let the old key of a rotation work for longer."""
    record = await own_key(visit)
    overlap = read_longer(visit.form, record.overlap_ends, visit.now, visit.translate)
    if visit.form.errors:
        return await show_key(visit, record, 422)
    await visit.keys.extend_rotation(record.key_id, overlap=overlap, actor=visit.actor, origin=visit.origin)
    return visit.go(f"/portal/keys/{record.key_id}")


async def show_key(visit: Visit, record: KeyRecord, status: int = 200) -> Response:
    """Show a key, and with it the other half of its rotation.

    Args:
        visit: The visit.
        record: The key.
        status: The status of the answer.
    """
    others = await visit.keys.get_many([each for each in (record.predecessor, record.successor) if each is not None])
    ids = [record.key_id, *others]
    hours = await _hours_of(visit, ids)
    old = evidence.old_of(record, others, visit.now)
    rotation = None
    if old is not None:
        rotation = evidence.rotation_of(await visit.keys.rotation_status(old.key_id), hours, visit.now)
    shown = [record.key_id] if rotation is None else [rotation.old.key_id, rotation.new.key_id]
    bars = evidence.bars_of(hours, shown, visit.now)
    events = await visit.keys.events(record.key_id, after=max(0, record.revision - EVENTS), limit=EVENTS)
    return visit.page(
        "customer/key.html",
        status,
        key=record,
        word=record.status_at(visit.now).value,
        ended=record.has_ended(visit.now),
        rotation=rotation,
        overlaps=OVERLAPS,
        bars=[_bar(visit, start, outcomes) for start, outcomes in bars],
        begins=[start for start, _ in bars],
        limits=await visit.keys.remaining(record.key_id),
        events=[*reversed(events)],
        successor=others.get(record.successor or ""),
        predecessor=others.get(record.predecessor or ""),
    )


async def _hours_of(visit: Visit, key_ids: Sequence[str]) -> Sequence[Count]:
    """Return the counted requests of some keys of the last 48 hours, by hour."""
    since = (visit.now // _HOUR - evidence.HOURS + 1) * _HOUR
    return await visit.keys.usage(owner=visit.owner, key_ids=key_ids, since=since, by="hour")


def _bar(visit: Visit, start: int, outcomes: Mapping[str, int]) -> Bar:
    """Return a bar of the chart, with its words."""
    parts = Counter[str]()
    for outcome, requests in outcomes.items():
        parts[series_of(outcome)] += requests
    said = ", ".join(
        f"{visit.reader.number(parts[kind])} {visit.translate(word)}" for kind, word in SERIES.items() if parts[kind]
    )
    return Bar(f"{visit.reader.moment(start)}: {said or 0}", {kind: parts[kind] for kind in SERIES})


VIEWS = (
    View("GET", ONE, "showKey", Role.CUSTOMER, show),
    View("POST", f"{ONE}/finish", "finishOwnRotation", Role.CUSTOMER, finish),
    View("POST", f"{ONE}/extend", "extendOwnRotation", Role.CUSTOMER, extend),
)
