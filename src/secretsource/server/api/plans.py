"""The routes of plans: rules that all keys of an owner share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Path, Query
from pydantic import Field
from starlette.responses import Response

from secretsource.exceptions import PlanNotFound
from secretsource.issuing.documents import plan_document
from secretsource.server.api.answers.registers import PlanPage, PlanRecord
from secretsource.server.api.fields import (
    Asked,
    EnvironmentName,
    Lines,
    Place,
    Quota,
    Reason,
    Rules,
    Scopes,
    Seconds,
    given,
    next_of,
)
from secretsource.server.api.managed import listed, shown
from secretsource.server.api.revisions import IfMatch, etag_of, put_existing, put_matching
from secretsource.server.api.route import Caller, Serving, on, router

if TYPE_CHECKING:
    from secretsource.issuing import PlanRecord as Plan

__all__ = ["routes"]

routes = router("plans")

ONE = "/v1/plans/{plan:id}"
READS, WRITES = "plans:read", "plans:write"


def _plan(plan: Annotated[str, Path(min_length=1, max_length=255)], caller: Caller) -> str:
    """Return the plan that a path names; a root key that is bound to a customer sees no plan."""
    if caller.owner is not None or not plan.isprintable():
        raise PlanNotFound(plan)
    return plan


Named = Annotated[str, Depends(_plan)]


class PlanBody(Asked):
    """A plan as it shall be; a field that is left out is cleared."""

    rate_limit: Rules | None = Field(None, examples=["1000/minute"])
    quota: Quota | None = Field(None, examples=["100000/month"])
    max_keys: Annotated[int, Field(ge=1, le=10**6, strict=True)] | None = Field(
        None, description="Greatest number of keys of an owner that have not ended."
    )
    max_life: Seconds | None = Field(None, description="The longest life of a new key, in seconds.")
    rotate_every: Seconds | None = Field(None, description="Seconds from the issue of a key to its rotation.")
    scopes: Scopes | None = Field(None, description="The most that a key may do.")
    environments: Annotated[list[EnvironmentName], Field(min_length=1, max_length=100)] | None = None


class PlanFilter(Asked):
    """The plans to list."""

    cursor: Place | None = None
    limit: Lines = 100


@on(routes, "GET", "/v1/plans", "listPlans", PlanPage, READS)
async def list_plans(asked: Annotated[PlanFilter, Query()], caller: Caller, service: Serving) -> Response:
    """List plans, by their ids."""
    if caller.owner is not None:
        return shown({"plans": [], "next": None})
    found = await service.keys.plans.list(after=asked.cursor, limit=asked.limit)
    last = next_of(found[-1].id) if len(found) == asked.limit else None
    return await listed("plans", found, plan_document, next=last)


@on(routes, "PUT", ONE, "putPlan", PlanRecord, WRITES, 412)
async def put(plan: Named, asked: PlanBody, caller: Caller, service: Serving, if_match: IfMatch = None) -> Response:
    """Make a plan, or replace the fields of one: one write, whatever the number of keys."""
    fields = {name: getattr(asked, name) for name in PlanBody.model_fields}
    return _record(await put_matching(service.keys.plans, plan, if_match, {**fields, **caller.by}))


@on(routes, "GET", ONE, "getPlan", PlanRecord, READS)
async def get(plan: Named, service: Serving) -> Response:
    """Read a plan. The header `ETag` has its revision."""
    return _record(await service.keys.plans.get(plan))


@on(routes, "PATCH", ONE, "updatePlan", PlanRecord, WRITES, 412)
async def update(plan: Named, asked: PlanBody, caller: Caller, service: Serving, if_match: IfMatch = None) -> Response:
    """Change a plan; a field that is left out stays, and null clears a field."""
    return _record(await put_existing(service.keys.plans, plan, if_match, {**given(asked), **caller.by}))


@on(routes, "DELETE", ONE, "deletePlan", PlanRecord, WRITES)
async def delete(plan: Named, caller: Caller, service: Serving, reason: Reason = None) -> Response:
    """Delete a plan without owners."""
    return shown(plan_document(await service.keys.plans.delete(plan, reason=reason, **caller.by)))


def _record(record: Plan) -> Response:
    return shown(plan_document(record), ETag=etag_of(record.revision))
