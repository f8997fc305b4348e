"""Owners and plans in this process's memory.

Both are in one state that is replaced as a whole, because a signal's handler may make a change in the middle of
another.
"""

from __future__ import annotations

import threading
from typing import Any, Generic

from secretsource._ground.frozen import frozen_document
from secretsource._ground.namedtuple import NamedTuple
from secretsource.stores.feeds import KeyChange
from secretsource.stores.owners import (
    Kept,
    OwnerEvent,
    OwnerEventKind,
    OwnerRecord,
    PlanRecord,
    Refused,
    Register,
    Terms,
    account_of,
)
from secretsource.stores.registers.history import HistoryEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from typing import TypeAlias

    Stage: TypeAlias = tuple[dict[Any, Any], dict[Any, Any]]
    """Stored values, and the new ones among them."""

__all__ = ["ALONE", "Book", "MemoryRegister"]

ALONE: Stage = ({}, {})
"""Nothing beside a change."""


class _State(NamedTuple):
    """Everything in a book.

    Attributes:
        records: Owners and plans, by subject and id.
        events: Their events, oldest first, with the subject.
        last: The number of the last event; it is not given again when events are deleted.
    """

    records: Mapping[tuple[str, str], Any]
    events: tuple[tuple[str, OwnerEvent], ...]
    last: int


class Book:
    """Owners and plans together.

    Args:
        tell: Called with news of each change, once it is made.
        forget: Called with a set of the account of an owner that was deleted.
    """

    def __init__(self, tell: Callable[[KeyChange], None], forget: Callable[[AbstractSet[str]], object]) -> None:
        self._tell = tell
        self._forget = forget
        self._state = _State({}, (), 0)
        self._lock = threading.RLock()

    @property
    def state(self) -> _State:
        """The present state."""
        return self._state

    def change(self, subject: str, record: Any, event: OwnerEvent, *, delete: bool, beside: Stage = ALONE) -> Any:
        """Store or delete a record, with what belongs to it elsewhere; or return the reason why not."""
        kept_beside, new_beside = beside
        place = (subject, record.id)
        with self._lock:
            while True:
                state = self._state
                refused = _refusal(state, subject, record, delete=delete)
                if refused is not None:
                    return refused
                revision = state.last + 1
                after = record._replace(revision=revision)
                records = {**state.records, place: after}
                if delete:
                    del records[place]
                changed = _State(records, (*state.events, (subject, event._replace(revision=revision))), revision)
                if self._state is state:  # else a signal's handler has made a change meanwhile
                    kept_beside |= new_beside  # both at once: there is no call, so that no handler runs in between
                    self._state = changed
                    break
        if delete and subject == "owner":
            self._forget({account_of(record.id)})
        self._tell(KeyChange.of_terms(subject, record.id))
        return after

    def note(self, subject: str, events: Sequence[OwnerEvent], beside: Stage = ALONE) -> None:
        """Write events that change no record, with what belongs to them elsewhere."""
        kept_beside, new_beside = beside
        with self._lock:
            while True:
                state = self._state
                noted = _noted(state, subject, events)
                if self._state is state:  # else a signal's handler has made a change meanwhile
                    kept_beside |= new_beside  # both at once, as in `change`
                    self._state = noted
                    return

    def purge(self, owner: str, event: OwnerEvent, *, always: bool) -> None:
        """Delete an owner and its events, and write the event that stays, unless it would only repeat one."""
        with self._lock:
            while True:
                state = self._state
                purged = _purged(state, owner, event, always=always)
                if self._state is state:
                    self._state = purged
                    break
        self._tell(KeyChange.of_terms("owner", owner))

    def happened(self) -> Iterator[HistoryEvent]:
        """Return the events of owners and plans, for the feed of all events; without positions."""
        for subject, event in self._state.events:
            owner = event.id if subject == "owner" else None
            about = (event.time, event.actor, event.origin, event.reason, event.fields, owner)
            yield HistoryEvent(0, subject, event.id, event.revision, event.kind, *about)

    def terms(self, owner: str) -> Terms | None:
        """Return the terms of an owner's keys."""
        records = self._state.records
        found = records.get(("owner", owner))
        return None if found is None else Terms(found, records.get(("plan", found.plan)))


class MemoryRegister(Register[Kept], Generic[Kept]):
    """Owners, or plans, of a book.

    Args:
        book: Their book.
        subject: The kind of record: ``owner`` or ``plan``.
    """

    def __init__(self, book: Book, subject: str) -> None:
        self._book = book
        self._subject = subject

    def get(self, id: str) -> Kept | None:
        """Return the record under an id; see `Register.get`."""
        return self._book.state.records.get((self._subject, id))

    def put(self, record: Kept, event: OwnerEvent) -> Kept | Refused:
        """Compare and set; see `Register.put`."""
        return self.put_beside(record, event, ALONE)

    def put_beside(self, record: Kept, event: OwnerEvent, beside: Stage) -> Kept | Refused:
        """Compare and set, with what belongs to the change elsewhere."""
        if isinstance(record, OwnerRecord):
            record = record._replace(metadata=frozen_document(record.metadata))
        stored: Kept | Refused = self._book.change(self._subject, record, event, delete=False, beside=beside)
        return stored

    def delete(self, record: Kept, event: OwnerEvent) -> Kept | Refused:
        """Compare and delete; see `Register.delete`."""
        deleted: Kept | Refused = self._book.change(self._subject, record, event, delete=True)
        return deleted

    def list(self, *, after: str | None = None, limit: int = 100, plan: str | None = None) -> Sequence[Kept]:
        """Return records in the order of their ids; see `Register.list`."""
        found = sorted(self._book.state.records.items())
        mine = [record for (subject, id), record in found if subject == self._subject and id > (after or "")]
        if plan is not None and self._subject == "owner":
            mine = [record for record in mine if record.plan == plan]
        return mine[:limit]

    def events(self, id: str, *, after: int = 0, limit: int = 100) -> Sequence[OwnerEvent]:
        """Return the events under an id; see `Register.events`."""
        happened = self._book.state.events
        mine = [event for subject, event in happened if subject == self._subject and event.id == id]
        return [event for event in mine if event.revision > after][:limit]


def _refusal(state: _State, subject: str, record: OwnerRecord | PlanRecord, *, delete: bool) -> Refused | None:
    held = state.records.get((subject, record.id))
    if (0 if held is None else held.revision) != record.revision or (delete and held is None):
        return Refused.OUTDATED
    if delete:
        on_it = subject == "plan" and any(
            of == "owner" and owner.plan == record.id for (of, _), owner in state.records.items()
        )
        return Refused.IN_USE if on_it else None
    if isinstance(record, OwnerRecord) and record.plan is not None and ("plan", record.plan) not in state.records:
        return Refused.NO_PLAN
    return None


def _noted(state: _State, subject: str, events: Sequence[OwnerEvent]) -> _State:
    numbered = [(subject, event._replace(revision=number)) for number, event in enumerate(events, state.last + 1)]
    return state._replace(events=(*state.events, *numbered), last=state.last + len(numbered))


def _purged(state: _State, owner: str, event: OwnerEvent, *, always: bool) -> _State:
    place = ("owner", owner)
    of_owner = [told for subject, told in state.events if (subject, told.id) == place]
    before = [told for told in of_owner if told.kind is OwnerEventKind.PURGED]
    is_over = bool(before) and place not in state.records and len(of_owner) == len(before)
    if is_over and not always:
        return state
    kept = tuple(
        (subject, told)
        for subject, told in state.events
        if (subject, told.id) != place or told.kind is OwnerEventKind.PURGED
    )
    records = {where: record for where, record in state.records.items() if where != place}
    return _noted(_State(records, kept, state.last), "owner", [event])
