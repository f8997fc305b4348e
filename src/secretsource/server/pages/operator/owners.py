"""The owners: search them, see one with its keys and limits, and put it on a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unicodedata import normalize

from secretsource.exceptions import Conflict, InvalidRequest, OwnerNotFound, PlanNotFound
from secretsource.issuing import owner_id
from secretsource.server.api.fields import given
from secretsource.server.api.owners import OwnerBody, check_plan
from secretsource.server.pages.operator.desk import LINES, view
from secretsource.server.pages.operator.fields import number, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from secretsource.issuing import HistoryEvent, OwnerRecord
    from secretsource.server.pages.operator.desk import Desk

__all__ = ["VIEWS", "find", "named"]

READS, WRITES = "owners:read", "owners:write"
KEYS = EVENTS = 15
"""Keys, and events, on the page of an owner."""
_TEXTS = ("name", "plan", "rate_limit", "quota")


async def show_all(desk: Desk) -> Response:
    """Show a page of owners: all, those of a plan, or those whose id begins with a text."""
    text, plan, after = normalize("NFC", desk.asked("q")), desk.asked("plan"), desk.asked("after")  # as ids are stored
    found = await _found(desk, text, plan, after)
    last = found[-1].id if len(found) == LINES else None
    return desk.page("operator/owners.html", owners=found, text=text, plan=plan, next=last)


async def show(desk: Desk) -> Response:
    """Show an owner, with its newest keys, its limits and its events."""
    owner = named(desk, desk.asked("id"))
    record = await find(desk, owner)
    keys = await desk.keys.list(owner=owner, newest_first=True, limit=KEYS) if desk.may("keys:read") else None
    limits = await desk.keys.owners.remaining(owner) if record is not None else ()
    events: Sequence[HistoryEvent] = ()
    if desk.may("events:read"):
        events = await desk.keys.history(owner=owner, newest_first=True, limit=EVENTS)
    if record is None and not (keys and keys.records) and not events:
        raise OwnerNotFound(owner)
    known = {} if keys is None else {each.key_id: each for each in keys.records}
    return desk.page(
        "operator/owner.html", owner=owner, record=record, keys=keys, limits=limits, events=events, keys_of_events=known
    )


async def show_edit(desk: Desk) -> Response:
    """Show the form of an owner, also of one that is not registered yet."""
    owner = named(desk, desk.asked("id"))
    return await _edit_page(desk, owner, await find(desk, owner))


async def edit(desk: Desk) -> Response:
    """Register an owner, or change one at the revision that the operator has seen."""
    owner = named(desk, desk.form.text("owner"))
    form = desk.form
    asked = read(form, OwnerBody, {name: form.text(name) or None for name in _TEXTS}, desk.visit.reader)
    revision = number(form, "revision", desk.visit.translate("Open the page again: the form is incomplete."))
    if asked is not None and not form.errors:
        try:
            await check_plan(desk.keys, desk.caller, owner, asked.plan)
            await desk.keys.owners.put(owner, revision=revision or 0, **desk.by(), **given(asked))
        except PlanNotFound as error:
            desk.visit.refuse(error, "plan")
        except (Conflict, InvalidRequest) as error:
            desk.visit.refuse(error)
        else:
            return desk.go(f"/operator/owner?{desk.query(id=owner)}")
    return await _edit_page(desk, owner, await find(desk, owner), 422)


async def find(desk: Desk, owner: str) -> OwnerRecord | None:
    """Return the record of an owner, or None if it is not registered."""
    try:
        return await desk.keys.owners.get(owner)
    except OwnerNotFound:
        return None


def named(desk: Desk, text: str) -> str:
    """Return the owner that a text names, if the operator may see it.

    Raises:
        OwnerNotFound: No owner has this id, or the operator may not see it; the two look alike.
    """
    try:
        owner = owner_id(text)
    except InvalidRequest:
        owner = None
    if owner is None or not desk.caller.sees(owner):
        raise OwnerNotFound(text)
    return owner


async def _found(desk: Desk, text: str, plan: str, after: str) -> Sequence[OwnerRecord]:
    """Return owners by their ids; an id that is written whole comes first."""
    only = desk.caller.owner
    if only is not None:
        record = await find(desk, only)
        is_wanted = record is not None and only.startswith(text) and plan in {"", record.plan}
        return [record] if record is not None and is_wanted and not after else []
    listed = await desk.keys.owners.list(plan=plan or None, after=after or text or None, limit=LINES)
    begun = [each for each in listed if each.id.startswith(text)]
    exact = await find(desk, text) if text and not after else None
    return begun if exact is None or plan not in {"", exact.plan} else [exact, *begun][:LINES]


async def _edit_page(desk: Desk, owner: str, record: OwnerRecord | None, status: int = 200) -> Response:
    """Show the form, with the plans to choose from as far as the operator sees them."""
    plans = None
    if desk.may("plans:read") and desk.sees_all:
        plans = [(each.id, each.id) for each in await desk.keys.plans.list(limit=1000)]
    return desk.page("operator/owner-edit.html", status, owner=owner, record=record, plans=plans)


VIEWS = (
    view("GET", "/operator/owners", "showOwners", READS, show_all),
    view("GET", "/operator/owner", "showOwner", READS, show),
    view("GET", "/operator/owner/edit", "showOwnerEdit", WRITES, show_edit),
    view("POST", "/operator/owner/edit", "editOwner", WRITES, edit),
)
