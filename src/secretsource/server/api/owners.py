"""The routes of owners: register them, put them on plans, suspend them, and revoke their keys."""

from __future__ import annotations

from contextlib import suppress
from time import time
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Body, Depends, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from secretsource.exceptions import InvalidRequest, OwnerNotFound, PlanNotFound
from secretsource.issuing import owner_id
from secretsource.issuing.documents import (
    limit_document,
    owner_record_document,
    purge_document,
    revoked_document,
    signed_out_document,
)
from secretsource.server.api.answers.keys import Limits, RevokedKeys
from secretsource.server.api.answers.registers import OwnerPage, OwnerRecord, PortalLink, Purge, SignedOut
from secretsource.server.api.fields import (
    Asked,
    Credits,
    Lines,
    Metadata,
    Name,
    Place,
    PlanId,
    Quota,
    Reason,
    Rules,
    given,
    next_of,
)
from secretsource.server.api.life import Cause, TopUp, authored
from secretsource.server.api.managed import listed, shown
from secretsource.server.api.repeats import Token, identity
from secretsource.server.api.revisions import IfMatch, etag_of, put_existing, put_matching
from secretsource.server.api.route import Caller, Serving, on, router
from secretsource.server.open_paths.links import WAYS_IN, address_of, new_link
from secretsource.server.problems import Problem
from secretsource.server.rights import ROOT_OWNER

if TYPE_CHECKING:
    from secretsource.issuing import AsyncApiKeys
    from secretsource.issuing import OwnerRecord as Owner
    from secretsource.server.rights import RootCaller

__all__ = ["check_plan", "routes"]

routes = router("owners")

ONE = "/v1/owners/{owner:id}"
READS, WRITES = "owners:read", "owners:write"


def _owner(owner: Annotated[str, Path(min_length=1, max_length=255)], caller: Caller) -> str:
    """Return the owner that a path names, if the caller may see it."""
    try:
        name = owner_id(owner)
    except InvalidRequest:
        name = ROOT_OWNER
    if not caller.sees(name):
        raise OwnerNotFound(owner)
    return name


Named = Annotated[str, Depends(_owner)]


class OwnerBody(Asked):
    """The fields of an owner."""

    name: Name | None = None
    plan: PlanId | None = Field(None, description="The id of its plan.")
    rate_limit: Rules | None = Field(None, description="Rules that all its keys share.", examples=["1000/minute"])
    quota: Quota | None = Field(None, description="Rules that all its keys share.", examples=["100000/month"])
    credits: Credits | None = Field(
        None,
        description="Requests that all its keys may make in all; null for no bound.",
    )
    metadata: Metadata | None = None


class Visitor(Asked):
    """The person that a portal link is for."""

    name: Name | None = Field(None, description="The person, as in the events `customer globex: ops@globex.example`.")


class OwnerFilter(Asked):
    """The owners to list."""

    plan: PlanId | None = None
    cursor: Place | None = None
    limit: Lines = 100


@on(routes, "GET", "/v1/owners", "listOwners", OwnerPage, READS)
async def list_owners(asked: Annotated[OwnerFilter, Query()], caller: Caller, service: Serving) -> Response:
    """List registered owners, by their ids."""
    if caller.owner is not None:
        return shown({"owners": await _alone(caller.owner, asked, service), "next": None})
    found = await service.keys.owners.list(plan=asked.plan, after=asked.cursor, limit=asked.limit)
    last = next_of(found[-1].id) if len(found) == asked.limit else None
    seen = [each for each in found if caller.sees(each.id)]
    return await listed("owners", seen, owner_record_document, next=last)


@on(routes, "PUT", ONE, "putOwner", OwnerRecord, WRITES, 412)
async def put(owner: Named, asked: OwnerBody, caller: Caller, service: Serving, if_match: IfMatch = None) -> Response:
    """Register an owner, or replace its fields: a field that is left out is cleared.

    Credits are a balance, not a setting: left out, they stay, and null takes the bound away.
    """
    await check_plan(service.keys, caller, owner, asked.plan)
    settings = {name: getattr(asked, name) for name in OwnerBody.model_fields if name != "credits"}
    fields = {**settings, **given(asked)}
    return _record(await put_matching(service.keys.owners, owner, if_match, {**fields, **caller.by}))


@on(routes, "GET", ONE, "getOwner", OwnerRecord, READS)
async def get(owner: Named, service: Serving) -> Response:
    """Read an owner. The header `ETag` has its revision."""
    return _record(await service.keys.owners.get(owner))


@on(routes, "GET", f"{ONE}/limits", "getOwnerLimits", Limits, READS)
async def limits(owner: Named, service: Serving) -> Response:
    """Show what is left of the limits and credits that all keys of an owner share."""
    return shown({"limits": [limit_document(each) for each in await service.keys.owners.remaining(owner)]})


@on(routes, "PATCH", ONE, "updateOwner", OwnerRecord, WRITES, 412)
async def update(
    owner: Named, asked: OwnerBody, caller: Caller, service: Serving, if_match: IfMatch = None
) -> Response:
    """Change a registered owner; a field that is left out stays, and null clears a field."""
    await check_plan(service.keys, caller, owner, asked.plan)
    return _record(await put_existing(service.keys.owners, owner, if_match, {**given(asked), **caller.by}))


@on(routes, "DELETE", ONE, "deleteOwner", OwnerRecord, WRITES)
async def delete(owner: Named, caller: Caller, service: Serving, reason: Reason = None) -> Response:
    """Delete the registration of an owner; its keys stay, without the rules of a plan."""
    return _record(await service.keys.owners.delete(owner, reason=reason, **caller.by))


@on(routes, "POST", f"{ONE}:addCredits", "addOwnerCredits", OwnerRecord, WRITES)
async def add_credits(
    owner: Named, asked: TopUp, caller: Caller, service: Serving, request: Request, token: Token = None
) -> Response:
    """Add credits to those of an owner, which all its keys share. With an `Idempotency-Key`, a repeat adds none."""
    owners, more = service.keys.owners, authored(caller, asked)
    if token is None:
        return _record(await owners.add_credits(owner, asked.credits, **more))
    repeated = await identity(request, caller)
    return _record(await owners.add_credits_once(token, owner, asked.credits, **repeated, **more))


@on(routes, "POST", f"{ONE}:suspend", "suspendOwner", OwnerRecord, WRITES)
async def suspend(
    owner: Named, caller: Caller, service: Serving, asked: Annotated[Cause | None, Body()] = None
) -> Response:
    """Refuse every key of an owner until it is resumed; the keys stay as they are."""
    return _record(await service.keys.owners.suspend(owner, **authored(caller, asked)))


@on(routes, "POST", f"{ONE}:resume", "resumeOwner", OwnerRecord, WRITES)
async def resume(
    owner: Named, caller: Caller, service: Serving, asked: Annotated[Cause | None, Body()] = None
) -> Response:
    """Accept the keys of a suspended owner again."""
    return _record(await service.keys.owners.resume(owner, **authored(caller, asked)))


@on(routes, "POST", f"{ONE}:revokeKeys", "revokeOwnerKeys", RevokedKeys, "keys:write")
async def revoke_keys(
    owner: Named, caller: Caller, service: Serving, asked: Annotated[Cause | None, Body()] = None
) -> Response:
    """Revoke every key of an owner that has not ended, also those that appear meanwhile."""
    revoked = await service.keys.revoke_all(owner=owner, **authored(caller, asked))
    return shown(revoked_document(revoked, time()))


@on(routes, "POST", f"{ONE}:purge", "purgeOwner", Purge, (WRITES, "keys:write"))
async def purge(
    owner: Named, caller: Caller, service: Serving, asked: Annotated[Cause | None, Body()] = None
) -> Response:
    """Delete an owner for good, with its keys, their history and its counted requests. One event stays."""
    return shown(purge_document(await service.keys.purge(owner=owner, **authored(caller, asked))))


@on(routes, "POST", f"{ONE}/portal-links", "makePortalLink", PortalLink, "portal:write", 409, status=201)
async def portal_link(owner: Named, service: Serving, asked: Annotated[Visitor | None, Body()] = None) -> Response:
    """Make a link that signs a customer in to the pages, where it sees its own keys. It works once, for a minute."""
    pages = service.settings.pages
    if pages is None:
        raise Problem(409, "pages_off", "this service shows no pages: add the table [server.pages] to its settings")
    link = await new_link(service.keys, owner, None if asked is None else asked.name)
    url = address_of(link, pages.address or f"http://{service.settings.host}:{service.settings.port}")
    return shown({"url": url, "ends_at": link.record.ends_at.strftime("%Y-%m-%dT%H:%M:%SZ")}, 201)


@on(routes, "POST", f"{ONE}:signOut", "signOwnerOut", SignedOut, "portal:write")
async def sign_out(
    owner: Named, caller: Caller, service: Serving, asked: Annotated[Cause | None, Body()] = None
) -> Response:
    """End every session of a customer on the pages, and every link that was not used yet. Its keys stay as they are."""
    ended = await service.keys.owners.sign_out(owner, WAYS_IN, **authored(caller, asked))
    return shown(signed_out_document(owner, ended))


async def check_plan(keys: AsyncApiKeys, caller: RootCaller, owner: str, plan: str | None) -> None:
    """Refuse a plan that a bound caller gives to its customer: it sees no plan but the one that the customer is on.

    Args:
        keys: The keys, with the owners.
        caller: The caller.
        owner: The customer.
        plan: The plan that is asked for, or None.

    Raises:
        PlanNotFound: The caller is bound, and its customer is on another plan; whether this one exists is not told.
    """
    if caller.owner is None or plan is None:
        return
    with suppress(OwnerNotFound, InvalidRequest):
        if (await keys.owners.get(owner)).plan == owner_id(plan):  # plans and owners are spelled alike
            return
    raise PlanNotFound(plan)


async def _alone(owner: str, asked: OwnerFilter, service: Serving) -> list[dict[str, Any]]:
    """Return the only owner that a caller sees, if it is registered and of the plan."""
    try:
        record = await service.keys.owners.get(owner)
    except OwnerNotFound:
        return []
    is_wanted = asked.plan in {None, record.plan} and (asked.cursor is None or record.id > asked.cursor)
    return [owner_record_document(record)] if is_wanted else []


def _record(record: Owner) -> Response:
    return shown(owner_record_document(record), ETag=etag_of(record.revision))
