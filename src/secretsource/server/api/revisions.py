"""``If-Match``: a change that is made only to the revision that the client has read (RFC 9110, section 13.1.1)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Header
from pydantic import Field

from secretsource.exceptions import Conflict, OwnerNotFound, PlanNotFound, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["IfMatch", "etag_of", "put_existing", "put_matching", "revision_of"]

MOST_ATTEMPTS = 64
"""How often a change is decided anew; the answer is 503 then."""
NO_REVISION = 2**31 - 1
"""Beyond every revision that a tag may name."""
IfMatch = Annotated[
    Annotated[str, Field(pattern=r'^(?:"[0-9]{1,9}"|\*)$')] | None,
    Header(description="The `ETag` that you read: the request is refused with 412 if it has changed since."),
]


def etag_of(revision: int) -> str:
    """Return the `ETag` of a revision."""
    return f'"{revision}"'


def revision_of(if_match: str | None) -> int | None:
    """Return the revision that a change asks for, or None for any.

    A tag is compared as it is written (RFC 9110, section 8.8.3.2): one that `etag_of` never writes, such as ``"0"`` or
    ``"07"``, asks for a revision that nothing has. For the library, revision 0 is a record to make.
    """
    if if_match in {None, "*"}:
        return None
    number = int(str(if_match).strip('"'))
    return number if number and if_match == etag_of(number) else NO_REVISION


async def put_matching(register: Any, id: str, if_match: str | None, fields: Mapping[str, Any]) -> Any:
    """Make an owner or a plan, or change one; with the header, change only one that is there.

    Args:
        register: The owners or the plans.
        id: Its id.
        if_match: The header of the request.
        fields: The fields and the author of the change.

    Returns:
        Its record.

    Raises:
        Conflict: It has another revision than the client has read, or is not there.
    """
    if if_match is None:
        return await register.put(id, **fields)
    try:
        await register.get(id)
    except (OwnerNotFound, PlanNotFound) as error:
        missing = error
    else:
        return await put_existing(register, id, if_match, fields)
    raise Conflict(f"{missing.id!r:.80} does not exist, and  If-Match  changes only what does", revision=0)


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
        StoreError: It was changed by others each time that it was to be changed here.
    """
    wanted = revision_of(if_match)
    for _ in range(MOST_ATTEMPTS):
        held = (await register.get(id)).revision
        if wanted is not None:
            return await register.put(id, revision=wanted, **fields)
        with suppress(Conflict):  # it has changed since it was read here
            return await register.put(id, revision=held, **fields)
    raise StoreError(f"this changed {MOST_ATTEMPTS} times while it was to be changed here: try again")
