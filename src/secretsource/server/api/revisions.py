"""``If-Match``: a change that is made only to the revision that the client has read (RFC 9110, section 13.1.1)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Header
from pydantic import Field

from secretsource.exceptions import Conflict, OwnerNotFound, PlanNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["IfMatch", "etag_of", "put_existing", "put_matching", "revision_of"]

IfMatch = Annotated[
    Annotated[str, Field(pattern=r'^(?:"[0-9]{1,9}"|\*)$')] | None,
    Header(description="The `ETag` that you read: the request is refused with 412 if it has changed since."),
]


def etag_of(revision: int) -> str:
    """Return the `ETag` of a revision."""
    return f'"{revision}"'


def revision_of(if_match: str | None) -> int | None:
    """Return the revision that a change asks for, or None for any."""
    return None if if_match in {None, "*"} else int(str(if_match).strip('"'))


async def put_matching(register: Any, id: str, if_match: str | None, fields: Mapping[str, Any]) -> Any:
    """Make an owner or a plan, or change one.

    Args:
        register: The owners or the plans.
        id: Its id.
        if_match: The header of the request; ``*`` changes only one that is there.
        fields: The fields and the author of the change.

    Returns:
        Its record.

    Raises:
        Conflict: It has another revision than the client has read, or is not there.
    """
    if if_match != "*":
        return await register.put(id, revision=revision_of(if_match), **fields)
    is_there = False
    with suppress(OwnerNotFound, PlanNotFound):
        is_there = bool(await register.get(id))
    if not is_there:
        raise Conflict(f"{id!r:.80} does not exist, and  If-Match: *  changes only what does", revision=0)
    return await put_existing(register, id, None, fields)


async def put_existing(register: Any, id: str, if_match: str | None, fields: Mapping[str, Any]) -> Any:
    """Change an owner or a plan that is there; one that is deleted meanwhile is not made again.

    Args:
        register: The owners or the plans.
        id: Its id.
        if_match: The header of the request.
        fields: The fields to change, and the author of the change.

    Returns:
        Its record.

    Raises:
        OwnerNotFound: There is no such owner.
        PlanNotFound: There is no such plan.
        Conflict: It has another revision than the client has read.
    """
    wanted = revision_of(if_match)
    while True:
        held = (await register.get(id)).revision
        if wanted is not None:
            return await register.put(id, revision=wanted, **fields)
        with suppress(Conflict):  # it has changed since it was read here
            return await register.put(id, revision=held, **fields)
