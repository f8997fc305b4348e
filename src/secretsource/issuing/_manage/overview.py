"""The overview of an operator: keys that expire soon, keys without a use, and the feed of all events."""

from __future__ import annotations

from collections.abc import Collection

from secretsource._ground.key_text import is_key_id, quote
from secretsource.exceptions import ConfigurationError, InvalidRequest
from secretsource.issuing._manage import field
from secretsource.stores.base import EventKind, HistoryQuery, KeyQuery, OwnerEventKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._manage.operations import Operations
    from secretsource.stores.base import HistoryEvent, KeyRecord, Page

LAST_POSITION = 2**63 - 1

_MOST = 1000
_KINDS = (*EventKind, *OwnerEventKind)


class Overview:
    """The flows that look at more than one key."""

    def __init__(self, parts: Parts, operations: Operations) -> None:
        self._parts = parts
        self._operations = operations

    def get_many(self, key_ids: Sequence[str]) -> Flow[Mapping[str, KeyRecord]]:
        """Return the records of several keys by one question."""
        given: object = key_ids
        if not isinstance(given, Collection) or isinstance(given, (str, bytes)):
            raise InvalidRequest("key_ids must be a list of texts", field="key_ids")
        wanted = [*dict.fromkeys(each for each in key_ids if is_key_id(each))]
        field.number(len(key_ids), "the number of key_ids", 0, _MOST)
        found: Mapping[str, KeyRecord] = (yield self._parts.store.peek_many(wanted)) if wanted else {}
        return found

    def expiring(self, within: timedelta | float, owner: str | None, after: str | None, limit: int) -> Flow[Page]:
        """Return one page of the living keys that expire within a time."""
        before = self._parts.clock.now().wall + field.duration(within, "within")
        query = KeyQuery(owner, expires_before=before, after=after, limit=limit, living=True)
        return (yield from self._operations.list(query))

    def unused(self, length: timedelta | float, owner: str | None, after: str | None, limit: int) -> Flow[Page]:
        """Return one page of the living keys that were not used for a time."""
        since = self._parts.clock.now().wall - field.duration(length, "for_")
        query = KeyQuery(owner, unused_since=since, after=after, limit=limit, living=True)
        return (yield from self._operations.list(query))

    def history(
        self, after: int | None, owner: str | None, actor: str | None, kind: str | None, limit: int, newest: bool
    ) -> Flow[Sequence[HistoryEvent]]:
        """Return events of all keys, owners and plans, in the order of their positions."""
        store = self._parts.store
        if store.history is None:
            raise ConfigurationError(
                f"a {type(store).__name__} keeps no history of all keys: use a store in SQLite or PostgreSQL"
            )
        after = 0 if after is None else after
        field.number(after, "after", 0, LAST_POSITION)
        field.number(limit, "limit", 1, _MOST)
        if kind is not None and kind not in _KINDS:
            raise InvalidRequest(f"kind must be one of {', '.join(_KINDS)}, not {quote(kind)}", field="kind")
        author = None if actor is None else field.text(actor, "actor")
        found: Sequence[HistoryEvent] = yield store.history.read(
            HistoryQuery(after, owner, author, kind, limit, newest)
        )
        return found
