"""The plans: list them, and change one after a page has shown the changes, and how many customers they reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretsource.exceptions import Conflict, InvalidRequest, PlanNotFound
from secretsource.server.api.plans import PlanBody
from secretsource.server.pages.operator.desk import LINES, MOST_COUNTED, view
from secretsource.server.pages.operator.fields import DAY, number, read, seconds

if TYPE_CHECKING:
    from starlette.responses import Response

    from secretsource.issuing import PlanRecord
    from secretsource.server.pages.operator.desk import Desk

__all__ = ["VIEWS"]

READS, WRITES = "plans:read", "plans:write"
FIELDS = ("rate_limit", "quota", "max_keys", "max_life", "scopes", "environments")
"""The fields of the form, in its order."""


async def show_all(desk: Desk) -> Response:
    """Show a page of plans, by their ids."""
    _check_sees_all(desk)
    found = await desk.keys.plans.list(after=desk.asked("after") or None, limit=LINES)
    return desk.page("operator/plans.html", plans=found, next=found[-1].id if len(found) == LINES else None)


async def show(desk: Desk) -> Response:
    """Show the form of a plan; without an id, that of a new one."""
    _check_sees_all(desk)
    plan = desk.asked("id")
    record = await desk.keys.plans.get(plan) if plan else None
    values = {name: _written(name, None if record is None else getattr(record, name)) for name in FIELDS}
    return await _form_page(desk, plan, record, values)


async def edit(desk: Desk) -> Response:
    """Show the changes, and how many customers they reach; make them if the operator has seen that."""
    _check_sees_all(desk)
    form, plan = desk.form, desk.form.text("plan")
    revision = number(form, "revision", desk.visit.translate("Open the page again: the form is incomplete.")) or 0
    fields = _asked(desk)
    record = await _current(desk, plan)
    if (0 if record is None else record.revision) != revision:
        form.wrong("", desk.visit.translate("Somebody else has changed this meanwhile: open it again."))
    if not plan:
        form.wrong("plan", desk.visit.translate("A plan needs an id."))
    values = {name: form.text(name) for name in FIELDS}
    if fields is None or form.errors:
        return await _form_page(desk, plan, record, values, 422)
    if not form.text("sure"):
        changes = [(name, _written(name, getattr(record, name, None)), _written(name, fields[name])) for name in FIELDS]
        differing = [(name, before, after) for name, before, after in changes if before != after]
        return desk.page(
            "operator/plan-confirm.html", plan=plan, revision=revision, values=values, changes=differing,
            owners=await _owners_on(desk, plan), most=MOST_COUNTED,
        )  # fmt: skip
    try:
        await desk.keys.plans.put(plan, revision=revision, **desk.by(), **fields)
    except (InvalidRequest, Conflict) as error:
        desk.visit.refuse(error)
        return await _form_page(desk, plan, record, values, 422)
    return desk.go(f"/operator/plan?{desk.query(id=plan)}")


def _check_sees_all(desk: Desk) -> None:
    """Refuse an operator that sees one customer alone: it sees no plan, as over the management API."""
    if not desk.sees_all:
        raise PlanNotFound("")


def _asked(desk: Desk) -> dict[str, Any] | None:
    """Return the fields of the form, all of them; None if one is wrong."""
    form, visit = desk.form, desk.visit
    given: dict[str, object] = {
        "rate_limit": form.text("rate_limit") or None,
        "quota": form.text("quota") or None,
        "max_keys": number(form, "max_keys", visit.translate("Write a whole number, such as 10.")),
        "max_life": seconds(form, "max_life", visit.translate("Write a number of days, such as 90.")),
        "scopes": form.lines("scopes") or None,
        "environments": form.lines("environments") or None,
    }
    asked = read(form, PlanBody, given, visit.reader)
    return None if asked is None else {name: getattr(asked, name) for name in FIELDS}


async def _current(desk: Desk, plan: str) -> PlanRecord | None:
    try:
        return await desk.keys.plans.get(plan) if plan else None
    except PlanNotFound:
        return None


async def _owners_on(desk: Desk, plan: str) -> int:
    """Return how many owners are on a plan, up to a bound."""
    return len(await desk.keys.owners.list(plan=plan, limit=MOST_COUNTED))


async def _form_page(
    desk: Desk, plan: str, record: PlanRecord | None, values: dict[str, str], status: int = 200
) -> Response:
    owners = 0 if record is None else await _owners_on(desk, plan)
    return desk.page(
        "operator/plan.html", status, plan=plan, record=record, values=values, owners=owners, most=MOST_COUNTED
    )


def _written(name: str, value: Any) -> str:
    """Return the value of a field as the form has it."""
    if value is None:
        return ""
    if name == "max_life":
        return f"{value / DAY:g}"
    return ", ".join(sorted(value)) if isinstance(value, (frozenset, list)) else str(value)


VIEWS = (
    view("GET", "/operator/plans", "showPlans", READS, show_all),
    view("GET", "/operator/plan", "showPlan", READS, show),
    view("POST", "/operator/plan", "editPlan", WRITES, edit),
)
