"""The routes of root keys: make, list and update them. A root key never gives another one more than it has."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from secretsource.server.api.answers.form import KeyId
from secretsource.server.api.answers.keys import IssuedRootKey, RootKey, RootKeyPage
from secretsource.server.api.fields import Asked, Instant, Lines, Name, Networks, OwnerId, Reason, Seconds, given
from secretsource.server.api.life import repeated
from secretsource.server.api.managed import ROOTS, check_within, end_of, listed
from secretsource.server.api.repeats import Token, issue_for
from secretsource.server.api.revisions import IfMatch, revision_of
from secretsource.server.api.route import Caller, Serving, on, router
from secretsource.server.rights import BOUND, ROOT_OWNER, ROOT_PREFIX, is_root, is_within

if TYPE_CHECKING:
    from secretsource.issuing import KeyRecord
    from secretsource.server.rights import RootCaller


__all__ = ["NewRootKey", "root_request", "routes"]

routes = router("root keys")

RootScope = Literal[
    "keys:read", "keys:write", "keys:verify", "keys:*",
    "owners:read", "owners:write", "owners:*",
    "plans:read", "plans:write", "plans:*",
    "events:read", "events:write", "usage:read", "portal:write",
    "root:read", "root:write", "root:*",
]  # fmt: skip
RootScopes = Annotated[list[RootScope], Field(min_length=1, max_length=len(get_args(RootScope)))]


class NewRootKey(Asked):
    """A root key to make."""

    name: Name = ""
    scopes: RootScopes = Field(examples=[["keys:verify"]])
    owner: OwnerId | None = Field(None, description="The only customer that it sees; all when left out.")
    expires_in: Seconds | None = None
    expires_at: Instant | None = None
    networks: Networks = Field([], description="Addresses that may use it; empty for any.")


class RootKeyPatch(Asked):
    """The fields to change; a field that is left out stays, and null clears a field."""

    name: Name | None = None
    scopes: RootScopes | None = None
    networks: Networks | None = None
    expires_at: Instant | None = None
    reason: Reason = None


class RootKeyFilter(Asked):
    """The root keys to list."""

    cursor: Annotated[str, Field(max_length=64)] | None = None
    limit: Lines = 100


@on(
    routes,
    "POST",
    "/v1/root-keys",
    "issueRootKey",
    IssuedRootKey,
    "root:write",
    409,
    status=201,
    more=repeated(IssuedRootKey),
)
async def issue(new: NewRootKey, caller: Caller, service: Serving, request: Request, token: Token = None) -> Response:
    """Make a root key. The answer holds its text, which is never shown again."""
    return ROOTS.issued(await issue_for(service, caller, request, token, root_request(caller, new, time())))


@on(routes, "GET", "/v1/root-keys", "listRootKeys", RootKeyPage, "root:read")
async def list_root_keys(asked: Annotated[RootKeyFilter, Query()], caller: Caller, service: Serving) -> Response:
    """List the root keys that can do no more than the one of the request, the oldest first."""
    page = await service.keys.list(owner=ROOT_OWNER, prefix=ROOT_PREFIX, after=asked.cursor, limit=asked.limit)
    now = time()
    seen = [each for each in page.records if is_root(each) and is_within(each, caller.record)]
    return await listed("keys", seen, lambda each: ROOTS.document(each, now), next=page.next)


@on(routes, "PATCH", "/v1/root-keys/{key_id:key_id}", "updateRootKey", RootKey, "root:write", 409, 412)
async def update(
    key_id: KeyId, asked: RootKeyPatch, caller: Caller, service: Serving, if_match: IfMatch = None
) -> Response:
    """Change a root key that has not ended."""
    record, fields = await ROOTS.find(service, caller, key_id), given(asked)
    check_within(caller, _changed(record, fields))
    changed = await service.keys.update(key_id, revision=revision_of(if_match), **caller.by, **fields)
    return ROOTS.record(changed)


def root_request(caller: RootCaller, new: NewRootKey, now: float) -> dict[str, Any]:
    """Return the fields of a new root key, whose customer and end are those of its maker if they are left out.

    Args:
        caller: The root key that makes it.
        new: The root key to make.
        now: The present, in seconds since 1970 UTC.

    Raises:
        Problem: It would have more than its maker.
    """
    fields = given(new)
    bound = fields.pop("owner", None) or caller.owner
    metadata = {} if bound is None else {BOUND: bound}
    end = end_of(fields, now)
    if end is None and caller.record.expires is not None:
        fields["expires_at"] = end = caller.record.expires
    wanted = caller.record._replace(
        scopes=frozenset(new.scopes), expires=end, networks=tuple(new.networks), metadata=metadata
    )
    check_within(caller, wanted)
    always = {"owner": ROOT_OWNER, "prefix": ROOT_PREFIX, "environment": caller.record.environment}
    return {**fields, **always, "metadata": metadata}


def _changed(record: KeyRecord, fields: dict[str, Any]) -> KeyRecord:
    """Return a root key as it would be."""
    new: dict[str, Any] = {}
    if "scopes" in fields:
        new["scopes"] = frozenset(fields["scopes"] or ())
    if "networks" in fields:
        new["networks"] = tuple(fields["networks"] or ())
    if "expires_at" in fields:
        new["expires"] = end_of(fields, 0.0)
    return record._replace(**new)
