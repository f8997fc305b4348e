"""The overview of an operator: keys that expire soon, and keys that nobody uses."""

from __future__ import annotations

from secretsource.exceptions import InvalidRequest
from secretsource.issuing._manage import request
from secretsource.stores.base import KeyQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import timedelta

    from secretsource._flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._manage.operations import Operations
    from secretsource.stores.base import Page


class Overview:
    """The flows that look at more than one key."""

    def __init__(self, parts: Parts, operations: Operations) -> None:
        self._parts = parts
        self._operations = operations

    def expiring(self, within: timedelta | float, owner: str | None, after: str | None, limit: int) -> Flow[Page]:
        """Return one page of the living keys that expire within a time."""
        before = self._parts.clock.now().wall + _length(within, "within")
        query = KeyQuery(owner, expires_before=before, after=after, limit=limit, living=True)
        return (yield from self._operations.list(query))

    def unused(self, length: timedelta | float, owner: str | None, after: str | None, limit: int) -> Flow[Page]:
        """Return one page of the living keys that were not used for a time."""
        since = self._parts.clock.now().wall - _length(length, "for_")
        query = KeyQuery(owner, unused_since=since, after=after, limit=limit, living=True)
        return (yield from self._operations.list(query))


def _length(given: timedelta | float, what: str) -> float:
    length = request.seconds(given, what)
    if length <= 0:
        raise InvalidRequest(f"{what} must be over 0 seconds, not {length:g}")
    return length
