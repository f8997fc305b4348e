"""The events of all keys, owners and plans, the newest first; and the checks of a customer, counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

from secretsource.issuing import EventKind, OwnerEventKind
from secretsource.server.pages.looks.words import EVENTS
from secretsource.server.pages.operator.bars import STEPS, bars_of
from secretsource.server.pages.operator.desk import LINES, view
from secretsource.server.pages.operator.owners import named

if TYPE_CHECKING:
    from starlette.responses import Response

    from secretsource.server.pages.operator.desk import Desk

__all__ = ["VIEWS"]

KINDS = (*EventKind, *OwnerEventKind)
SPANS = {"hour": 48, "day": 30}
"""The bars of a page of usage, by their unit."""


async def show(desk: Desk) -> Response:
    """Show a page of events."""
    asked_owner, actor, word = desk.asked("owner"), desk.asked("actor"), desk.asked("kind")
    owner = named(desk, asked_owner) if asked_owner else desk.caller.owner
    kind = next((each for each in KINDS if each.value == word), None)
    events = await desk.keys.history(
        after=desk.position(), owner=owner, actor=actor or None, kind=kind, newest_first=True,
        limit=LINES,
    )  # fmt: skip
    asked = {"owner": asked_owner, "actor": actor, "kind": "" if kind is None else kind.value}
    last = events[-1].position if len(events) == LINES else None
    return desk.page(
        "operator/events.html", events=events, keys=await desk.keys_of(events), next=last, asked=asked,
        kind_options=_kinds(desk),
    )  # fmt: skip


def _kinds(desk: Desk) -> list[tuple[str, str]]:
    """Return the kinds of events to choose from, in words."""
    visit = desk.visit
    return [("", visit.translate("any")), *((each.value, visit.translate(EVENTS[each])) for each in KINDS)]


async def show_usage(desk: Desk) -> Response:
    """Show the checks of a customer's keys, by outcome."""
    owner = named(desk, desk.asked("owner"))
    by: Literal["hour", "day"] = "day" if desk.asked("by") == "day" else "hour"
    number, now = SPANS[by], desk.visit.now
    since = now - (number - 1) * STEPS[by]
    found = await desk.keys.usage(owner=owner, since=since, until=now, by=by, per_key=False)
    outcomes = Counter[str]()
    for each in found:
        outcomes[each.outcome] += each.requests
    chart = bars_of(desk.visit.reader, found, by, number, now)
    return desk.page("operator/usage.html", owner=owner, by=by, chart=chart, outcomes=dict(outcomes.most_common()))


VIEWS = (
    view("GET", "/operator/events", "showAllEvents", "events:read", show),
    view("GET", "/operator/usage", "showOwnerUsage", "usage:read", show_usage),
)
