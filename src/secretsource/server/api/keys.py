"""The routes of customers' keys: issue, list and update them, add credits, and report a leak."""

from __future__ import annotations

from functools import partial
from time import time
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import Field, SecretStr
from starlette.responses import Response

from secretsource.exceptions import InvalidKey, InvalidRequest, KeyNotFound, OwnerNotFound
from secretsource.issuing import Page, Status
from secretsource.issuing.documents import limit_document, record_document
from secretsource.server.api.answers.form import KEY, KeyId
from secretsource.server.api.answers.keys import Issued, Key, KeyPage, Limits, Reported
from secretsource.server.api.fields import (
    LONGEST,
    Asked,
    Credits,
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
    Word,
    given,
)
from secretsource.server.api.life import TopUp, authored, repeated
from secretsource.server.api.managed import CUSTOMERS, listed, shown
from secretsource.server.api.repeats import Token, identity, issue_for
from secretsource.server.api.revisions import IfMatch, revision_of
from secretsource.server.api.route import Caller, Serving, on, router
from secretsource.server.problems import Fault, Problem
from secretsource.server.rights import ROOT_PREFIX, RootCaller

__all__ = ["routes"]

routes = router("keys")

ONE = "/v1/keys/{key_id:key_id}"


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
    credits: Credits | None = None
    networks: Networks = Field([], description="Addresses that may use it; empty for any.")
    rotate_every: Seconds | None = Field(None, description="Seconds from its issue to its rotation.")
    name: Name = Field("", description="A name for people.")
    metadata: Metadata = Field({})


class KeyPatch(Asked):
    """The fields to change; a field that is left out stays, and null clears a field."""

    name: Name | None = None
    scopes: Scopes | None = None
    rate_limit: Rules | None = None
    quota: Quota | None = None
    credits: Credits | None = None
    networks: Networks | None = None
    rotate_every: Seconds | None = None
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
    name: Name | None = Field(None, description="Only keys of exactly this name.")
    metadata: Annotated[str, Field(pattern="^[^=]+=", max_length=512)] | None = Field(
        None, description="`FIELD=TEXT`: only keys whose metadata has this; with `owner`.", examples=["tier=gold"]
    )
    beginning: Annotated[str, Field(pattern="^[0-9A-Za-z]{1,22}$")] | None = Field(
        None, description="Only keys whose `key_id` begins with this."
    )
    newest: bool = Field(False, description="Whether the newest come first.")
    expiring_within: Annotated[float, Field(gt=0, le=10**9)] | None = Field(
        None, description="Only keys that expire within so many seconds; with `owner` alone."
    )
    unused_for: Annotated[float, Field(gt=0, le=10**9)] | None = Field(
        None, description="Only keys that were not used for so many seconds; with `owner` alone."
    )
    cursor: Annotated[str, Field(max_length=64)] | None = Field(None, description="`next` of the page before.")
    limit: Lines = 100


class Leak(Asked):
    """A key that was found where it does not belong."""

    key: SecretStr = Field(description="The text that was found.", examples=[KEY])
    source: Annotated[Word, Field(min_length=1)] = Field(
        description="The scanner or person that found it, for the history, cut to 255 characters.", examples=["ops"]
    )
    place: Word | None = Field(None, description="Where it was found, such as an address of a file; cut as well.")
    policy: Literal["revoke", "rotate", "tell"] = Field(
        "revoke", description="End it, or give it a successor, or note the place alone."
    )
    overlap: Annotated[float, Field(ge=0, le=LONGEST, strict=True, allow_inf_nan=False)] = Field(
        3600, description="With `rotate`: seconds for which the old key works."
    )


@on(routes, "POST", "/v1/keys", "issueKey", Issued, "keys:write", 404, 409, status=201, more=repeated(Issued))
async def issue(new: NewKey, caller: Caller, service: Serving, request: Request, token: Token = None) -> Response:
    """Issue a key. The answer holds its text, which is never shown again."""
    fields = {**given(new), "owner": owner_of(new.owner, caller)}
    return CUSTOMERS.issued(await issue_for(service, caller, request, token, fields))


@on(routes, "GET", "/v1/keys", "listKeys", KeyPage, "keys:read")
async def list_keys(asked: Annotated[KeyFilter, Query()], caller: Caller, service: Serving) -> Response:
    """List keys, the oldest first. A page may be short, or empty, and yet have a `next`: it looks at 5,000 keys."""
    if caller.owner is not None and asked.owner not in {None, caller.owner}:
        return shown({"keys": [], "next": None})
    page = await _page(asked.model_copy(update={"owner": asked.owner or caller.owner}), service)
    own = [record for record in page.records if record.prefix != ROOT_PREFIX]
    return await listed("keys", own, partial(record_document, now=time()), next=page.next)


@on(routes, "PATCH", ONE, "updateKey", Key, "keys:write", 409, 412)
async def update(
    key_id: KeyId, asked: KeyPatch, caller: Caller, service: Serving, if_match: IfMatch = None
) -> Response:
    """Change a key that has not ended. A scope that you take away is refused everywhere within the revocation bound."""
    await CUSTOMERS.find(service, caller, key_id)
    record = await service.keys.update(key_id, revision=revision_of(if_match), **caller.by, **given(asked))
    return CUSTOMERS.record(record)


@on(routes, "POST", f"{ONE}:addCredits", "addKeyCredits", Key, "keys:write", 409)
async def add_credits(
    key_id: KeyId, asked: TopUp, caller: Caller, service: Serving, request: Request, token: Token = None
) -> Response:
    """Add credits to those of a key and its rotation. With an `Idempotency-Key`, a repeat adds none."""
    await CUSTOMERS.find(service, caller, key_id)
    more = authored(caller, asked)
    if token is None:
        return CUSTOMERS.record(await service.keys.add_credits(key_id, asked.credits, **more))
    repeated = await identity(request, caller)
    return CUSTOMERS.record(await service.keys.add_credits_once(token, key_id, asked.credits, **repeated, **more))


@on(routes, "GET", f"{ONE}/limits", "getKeyLimits", Limits, "keys:read")
async def limits(key_id: KeyId, caller: Caller, service: Serving) -> Response:
    """Show what is left of the limits and credits of a key, its owner and its plan; nothing is taken."""
    await CUSTOMERS.find(service, caller, key_id)
    return shown({"limits": [limit_document(each) for each in await service.keys.remaining(key_id)]})


@on(routes, "POST", "/v1/keys:reportLeak", "reportLeak", Reported, "keys:write", 404)
async def report_leak(asked: Leak, caller: Caller, service: Serving) -> Response:
    """End a key that was found where it does not belong, and write the place into its history.

    A repeated report changes nothing more. A key that cannot be rotated, such as a disabled one, is revoked.
    """
    try:
        found = await service.keys.identify(asked.key.get_secret_value())
        record = await CUSTOMERS.find(service, caller, found.key_id)
    except (InvalidKey, KeyNotFound):
        raise Problem(404, "key_not_found", "the text is not one of your keys") from None
    how: dict[str, Any] = {"policy": asked.policy, "overlap": asked.overlap, **caller.by}
    report = await service.keys.report_leak(key_id=record.key_id, source=asked.source, place=asked.place, **how)
    text = None if report.rotated is None else report.rotated.plaintext
    return shown({**record_document(report.record, time()), "key": text, "is_new": report.is_new})


def owner_of(asked: str | None, caller: RootCaller) -> str:
    """Return the owner that a request is about.

    Raises:
        Problem: The request names none, and neither does the root key.
        OwnerNotFound: It is not for the caller.
    """
    owner = asked or caller.owner
    if owner is None:
        needed = Fault("pointer", "/owner", "this is needed")
        raise Problem(422, "invalid_request", "a key needs an owner: name a customer", fault=needed)
    if not caller.sees(owner):
        raise OwnerNotFound(owner)
    return owner


_NARROWING = ("environment", "prefix", "status", "name", "beginning")
"""The fields of a `KeyFilter` that go to the list as they are."""


async def _page(asked: KeyFilter, service: Serving) -> Page:
    keys = service.keys
    paging: dict[str, Any] = {"owner": asked.owner, "after": asked.cursor, "limit": asked.limit}
    narrow: dict[str, Any] = {each: getattr(asked, each) for each in _NARROWING}
    narrow["newest_first"] = asked.newest or None
    if asked.metadata is not None:
        field, _, text = asked.metadata.partition("=")
        narrow["metadata"] = {field: text}
    special = [each for each in ("expiring_within", "unused_for") if getattr(asked, each) is not None]
    if len(special) + any(value is not None for value in narrow.values()) > 1 and special:
        raise InvalidRequest(f"{special[0]} goes with owner alone: leave the other filters out")
    if asked.expiring_within is not None:
        return await keys.expiring(within=asked.expiring_within, **paging)
    if asked.unused_for is not None:
        return await keys.unused(for_=asked.unused_for, **paging)
    return await keys.list(**narrow, **paging)
