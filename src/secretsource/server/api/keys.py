"""The routes of customers' keys: issue, list and update them."""

from __future__ import annotations

from time import time
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from secretsource.exceptions import InvalidRequest, OwnerNotFound
from secretsource.issuing import Page, Status
from secretsource.issuing.documents import page_document
from secretsource.server.api.answers import Issued, Key, KeyId, KeyPage
from secretsource.server.api.fields import (
    Asked,
    EnvironmentName,
    Instant,
    Lines,
    Metadata,
    Name,
    Networks,
    OwnerId,
    Prefix,
    Quota,
    Reason,
    Rules,
    Scopes,
    Seconds,
    given,
)
from secretsource.server.api.life import repeated
from secretsource.server.api.managed import CUSTOMERS, shown
from secretsource.server.api.repeats import Token, issue_for
from secretsource.server.api.revisions import IfMatch, revision_of
from secretsource.server.api.route import Caller, Serving, on, router
from secretsource.server.problems import Fault, Problem
from secretsource.server.rights import ROOT_PREFIX, RootCaller

__all__ = ["routes"]

routes = router("keys")


class NewKey(Asked):
    """A key to issue."""

    owner: OwnerId | None = Field(
        None, description="The customer that the key is for; only a root key that is bound to it may leave it out."
    )
    prefix: Prefix = Field("sk", description="Your own, such as acme: scanners take sk_live_ for another vendor's key.")
    environment: EnvironmentName = Field("live", description="Such as live or test.")
    scopes: Scopes = Field([], examples=[["invoices:read"]])
    expires_in: Seconds | None = Field(None, description="Its life, in seconds.", examples=[7776000])
    expires_at: Instant | None = Field(None, description="Its end, instead.")
    not_before: Instant | None = Field(None, description="When it becomes valid.")
    rate_limit: Rules | None = Field(None, examples=["100/minute, 10/second burst 20"])
    quota: Quota | None = Field(None, examples=["10000/month"])
    networks: Networks = Field([], description="Addresses that may use it; empty for any.")
    name: Name = Field("", description="A name for people.")
    metadata: Metadata = Field({})


class KeyPatch(Asked):
    """The fields to change; a field that is left out stays, and null clears a field."""

    name: Name | None = None
    scopes: Scopes | None = None
    rate_limit: Rules | None = None
    quota: Quota | None = None
    networks: Networks | None = None
    begins_at: Instant | None = None
    expires_at: Instant | None = None
    metadata: Metadata | None = None
    reason: Reason = None


class KeyFilter(Asked):
    """The keys to list."""

    owner: OwnerId | None = None
    environment: EnvironmentName | None = None
    prefix: Annotated[str, Field(pattern="^[a-z][a-z0-9]{0,15}$")] | None = None
    status: Status | None = None
    expiring_within: Annotated[float, Field(gt=0, le=10**9)] | None = Field(
        None, description="Only keys that expire within so many seconds; with `owner` alone."
    )
    unused_for: Annotated[float, Field(gt=0, le=10**9)] | None = Field(
        None, description="Only keys that were not used for so many seconds; with `owner` alone."
    )
    cursor: Annotated[str, Field(max_length=64)] | None = Field(None, description="`next` of the page before.")
    limit: Lines = 100


@on(routes, "POST", "/v1/keys", "issueKey", Issued, "keys:write", 404, 409, status=201, more=repeated(Issued))
async def issue(new: NewKey, caller: Caller, service: Serving, request: Request, token: Token = None) -> Response:
    """Issue a key. The answer holds its text, which is never shown again."""
    fields = {**given(new), "owner": owner_of(new.owner, caller)}
    return CUSTOMERS.issued(await issue_for(service, caller, request, token, fields))


@on(routes, "GET", "/v1/keys", "listKeys", KeyPage, "keys:read")
async def list_keys(asked: Annotated[KeyFilter, Query()], caller: Caller, service: Serving) -> Response:
    """List keys, the oldest first."""
    if caller.owner is not None and asked.owner not in {None, caller.owner}:
        return shown({"keys": [], "next": None})
    page = await _page(asked.model_copy(update={"owner": asked.owner or caller.owner}), service)
    own = [record for record in page.records if record.prefix != ROOT_PREFIX]
    return shown(page_document(Page(own, page.next), time()))


@on(routes, "PATCH", "/v1/keys/{key_id:key_id}", "updateKey", Key, "keys:write", 409, 412)
async def update(
    key_id: KeyId, asked: KeyPatch, caller: Caller, service: Serving, if_match: IfMatch = None
) -> Response:
    """Change a key that has not ended. A scope that you take away is refused everywhere within the revocation bound."""
    await CUSTOMERS.find(service, caller, key_id)
    record = await service.keys.update(
        key_id, revision=revision_of(if_match), actor=caller.actor, origin=caller.ip, **given(asked)
    )
    return CUSTOMERS.record(record)


def owner_of(asked: str | None, caller: RootCaller) -> str:
    """Return the owner that a request is about.

    Raises:
        Problem: The request names none, and neither does the root key.
        OwnerNotFound: It is not for the caller.
    """
    owner = asked or caller.owner
    if owner is None:
        raise Problem(
            422, "invalid_request", "a key needs an owner: name a customer", fault=Fault("pointer", "/owner", "missing")
        )
    if not caller.sees(owner):
        raise OwnerNotFound(owner)
    return owner


async def _page(asked: KeyFilter, service: Serving) -> Page:
    keys = service.keys
    paging: dict[str, Any] = {"owner": asked.owner, "after": asked.cursor, "limit": asked.limit}
    narrow: dict[str, Any] = {"environment": asked.environment, "prefix": asked.prefix, "status": asked.status}
    special = [each for each in ("expiring_within", "unused_for") if getattr(asked, each) is not None]
    if len(special) + any(value is not None for value in narrow.values()) > 1 and special:
        raise InvalidRequest(f"{special[0]} goes with owner alone: leave the other filters out")
    if asked.expiring_within is not None:
        return await keys.expiring(within=asked.expiring_within, **paging)
    if asked.unused_for is not None:
        return await keys.unused(for_=asked.unused_for, **paging)
    return await keys.list(**narrow, **paging)
