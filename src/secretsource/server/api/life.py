"""The life of a key, for both kinds: read it, rotate it, finish the rotation, switch it off and on, revoke it."""

from __future__ import annotations

from functools import cache
from time import time
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from secretsource.issuing.documents import event_document, recent_use_document, rotation_document
from secretsource.server.api.answers.form import KeyId
from secretsource.server.api.answers.history import Events
from secretsource.server.api.answers.keys import RecentUse
from secretsource.server.api.fields import LONGEST, Asked, Flag, Instant, Lines, MoreCredits, Reason, Seconds, given
from secretsource.server.api.managed import listed, shown
from secretsource.server.api.repeats import Token, identity
from secretsource.server.api.route import Caller, Serving, on, router

if TYPE_CHECKING:
    from secretsource.server.api.managed import Managed
    from secretsource.server.rights import RootCaller

__all__ = ["Cause", "TopUp", "authored", "life", "repeated"]


def repeated(form: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Return the answer to a repeated request, for the document."""
    return {200: {"model": form, "description": "An earlier request made the key, and was given its text."}}


class Cause(Asked):
    """The reason for a change."""

    reason: Reason = None


class TopUp(Cause):
    """The credits to add."""

    credits: MoreCredits


class Revocation(Cause):
    """How far a revocation goes."""

    family: Flag = Field(False, description="Whether to end the whole chain of its rotations too.")


class Overlap(Cause):
    """The terms of a rotation."""

    overlap: Annotated[float, Field(ge=0, le=LONGEST, strict=True, allow_inf_nan=False)] = Field(
        description="Seconds for which both keys work; 0 ends the old key at once, as after a leak.", examples=[604800]
    )
    expires_in: Seconds | None = Field(None, description="Life of the new key, in seconds.")
    expires_at: Instant | None = Field(None, description="End of the new key.")
    keep_expiry: Flag = Field(False, description="Whether the new key ends when the old one would have ended.")


class Longer(Cause):
    """The time that the old key of a rotation gets."""

    overlap: Seconds = Field(description="Seconds from now for which both keys still work.", examples=[604800])


class Quiet(Cause):
    """When the overlap of a rotation may end."""

    quiet_for: Seconds | None = Field(None, description="Refuse if the old key was used in the last so many seconds.")


def authored(caller: RootCaller, asked: Cause | None) -> dict[str, Any]:
    """Return the author of a change and its reason, as arguments of the library.

    Args:
        caller: The root key that asks for the change.
        asked: The body of the request, which may be left out.
    """
    return {**caller.by, "reason": None if asked is None else asked.reason}


@cache
def life(kind: Managed, tag: str) -> APIRouter:
    """Return the routes of the life of one kind of keys, which all applications share.

    Args:
        kind: The kind.
        tag: The heading of its routes in the document.
    """
    routes = router(tag)
    _add_reading(routes, kind)
    _add_rotation(routes, kind)
    _add_switches(routes, kind)
    return routes


def _add_reading(routes: APIRouter, kind: Managed) -> None:
    one = f"{kind.path}/{{key_id:key_id}}"

    @on(routes, "GET", one, f"get{kind.noun}", kind.forms.one, kind.reads)
    async def get(key_id: KeyId, caller: Caller, service: Serving) -> Response:
        """Read a key. The header `ETag` has its revision."""
        return kind.record(await kind.find(service, caller, key_id))

    @on(routes, "GET", f"{one}/rotation", f"get{kind.noun}Rotation", kind.forms.rotation, kind.reads, 409)
    async def rotation(key_id: KeyId, caller: Caller, service: Serving) -> Response:
        """Show who still uses the old key of a rotation."""
        await kind.find(service, caller, key_id)
        status, now = await service.keys.rotation_status(key_id), time()
        keys = {"old_key": kind.document(status.predecessor, now), "new_key": kind.document(status.successor, now)}
        return shown({**rotation_document(status, now), **keys})

    @on(routes, "GET", f"{one}/recent-use", f"get{kind.noun}RecentUse", RecentUse, kind.reads)
    async def recent_use(key_id: KeyId, caller: Caller, service: Serving) -> Response:
        """Show the clients and the requests of the last 24 hours, which fail when the key is revoked."""
        await kind.find(service, caller, key_id)
        return shown(recent_use_document(await service.keys.recent_use(key_id)))

    @on(routes, "GET", f"{one}/events", f"list{kind.noun}Events", Events, kind.reads)
    async def events(
        key_id: KeyId, caller: Caller, service: Serving, after: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0,
        limit: Lines = 100,
    ) -> Response:  # fmt: skip
        """List the changes of a key, the oldest first."""
        await kind.find(service, caller, key_id)
        found = await service.keys.events(key_id, after=after, limit=limit)
        last = found[-1].revision if len(found) == limit else None
        return await listed("events", found, event_document, next=last)


def _add_rotation(routes: APIRouter, kind: Managed) -> None:
    one = f"{kind.path}/{{key_id:key_id}}"
    new, again = kind.forms.rotated, repeated(kind.forms.rotated)

    @on(routes, "POST", f"{one}:rotate", f"rotate{kind.noun}", new, kind.writes, 409, status=201, more=again)
    async def rotate(
        key_id: KeyId, asked: Overlap, caller: Caller, service: Serving, request: Request, token: Token = None
    ) -> Response:
        """Give a key a successor with the same rights. Both work until the overlap ends.

        Repeats and races make one successor in all; only the request that made it is given its text.
        """
        await kind.find(service, caller, key_id)
        fields: dict[str, Any] = kind.ending(caller, given(asked), time())
        fields.update(caller.by)
        if token is None:
            return kind.rotated(await service.keys.rotate(key_id, **fields))
        repeated = await identity(request, caller)
        return kind.rotated(await service.keys.rotate_once(token, key_id, **repeated, **fields))

    @on(routes, "POST", f"{one}:extend", f"extend{kind.noun}Rotation", kind.forms.one, kind.writes, 409)
    async def extend(key_id: KeyId, asked: Longer, caller: Caller, service: Serving) -> Response:
        """Let the old key of a rotation work for longer, up to its own end; `:rotate` again shortens its time."""
        await kind.find(service, caller, key_id)
        more = authored(caller, asked)
        return kind.record(await service.keys.extend_rotation(key_id, overlap=asked.overlap, **more))

    @on(routes, "POST", f"{one}:finish", f"finish{kind.noun}Rotation", kind.forms.one, kind.writes, 409)
    async def finish(
        key_id: KeyId, caller: Caller, service: Serving, asked: Annotated[Quiet | None, Body()] = None
    ) -> Response:
        """End the overlap of a rotation early: the old key is revoked, its successor stays valid."""
        await kind.find(service, caller, key_id)
        fields = {} if asked is None else given(asked)
        return kind.record(await service.keys.finish_rotation(key_id, **caller.by, **fields))


def _add_switches(routes: APIRouter, kind: Managed) -> None:
    one = f"{kind.path}/{{key_id:key_id}}"

    @on(routes, "POST", f"{one}:revoke", f"revoke{kind.noun}", kind.forms.one, kind.writes)
    async def revoke(
        key_id: KeyId, caller: Caller, service: Serving, asked: Annotated[Revocation | None, Body()] = None
    ) -> Response:
        """Revoke a key for good. A key that has ended stays as it is."""
        await kind.find(service, caller, key_id)
        fields = {} if asked is None else given(asked)
        return kind.record(await service.keys.revoke(key_id, **caller.by, **fields))

    @on(routes, "POST", f"{one}:disable", f"disable{kind.noun}", kind.forms.one, kind.writes, 409)
    async def disable(
        key_id: KeyId, caller: Caller, service: Serving, asked: Annotated[Cause | None, Body()] = None
    ) -> Response:
        """Switch a key off until it is enabled again."""
        await kind.find(service, caller, key_id)
        return kind.record(await service.keys.disable(key_id, **authored(caller, asked)))

    @on(routes, "POST", f"{one}:enable", f"enable{kind.noun}", kind.forms.one, kind.writes, 409)
    async def enable(
        key_id: KeyId, caller: Caller, service: Serving, asked: Annotated[Cause | None, Body()] = None
    ) -> Response:
        """Switch a disabled key on again. A revoked key stays revoked."""
        await kind.find(service, caller, key_id)
        return kind.record(await service.keys.enable(key_id, **authored(caller, asked)))
