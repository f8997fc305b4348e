"""``If-Match``: a change that is made only to the revision that the client has read (RFC 9110, section 13.1.1)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header
from pydantic import Field

__all__ = ["IfMatch", "etag_of", "revision_of"]

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
