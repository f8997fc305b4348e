"""The outbox in an SQL database: a table of messages, and beside the turn of the chores the place of each queue."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import func, select

from secretsource.stores._sql.rows.tables import CHORES, OUTBOX
from secretsource.stores._sql.statements import UPSERTS
from secretsource.stores.registers.outbox import Backlog, Message, Outbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

    from secretsource.stores._sql.connections.database import Database
    from secretsource.stores._sql.history import SqlHistory

__all__ = ["SqlOutbox"]

_COLUMNS = OUTBOX.c


class SqlOutbox(Outbox):
    """The outbox of a database.

    Args:
        database: The database.
        history: The feed that queues follow.
    """

    def __init__(self, database: Database, history: SqlHistory) -> None:
        self._database = database
        self._history = history

    def begin(self, queue: str) -> int:
        """Return the place of a queue; see `Outbox.begin`."""
        place = self._database.read(partial(_place, queue=queue))
        if place is not None:
            return place
        return self._database.write(partial(_begin, queue=queue, place=self._history.end()))

    def follow(self, queue: str, after: int, place: int, messages: Sequence[Message]) -> bool:
        """Move a queue on; see `Outbox.follow`."""
        return self._database.write(partial(_follow, queue=queue, after=after, place=place, messages=messages))

    def put(self, messages: Sequence[Message]) -> None:
        """Store messages; see `Outbox.put`."""
        self._database.write(partial(_put, messages=messages))

    def take(self, queue: str, now: float, until: float, limit: int) -> Sequence[Message]:
        """Take messages that are due; see `Outbox.take`. A queue without any costs a reading, and no writing."""
        due = (_COLUMNS.queue == queue) & (_COLUMNS.due <= now)
        first = select(_COLUMNS.id).where(due).limit(1)
        if self._database.read(lambda connection: connection.execute(first).first()) is None:
            return []
        return self._database.write(partial(_take, due=due, until=until, limit=limit))

    def settle(self, taken: Message, later: Message | None) -> bool:
        """End an attempt; see `Outbox.settle`."""
        is_it = _is(taken.queue, taken.id) & (_COLUMNS.attempts == taken.attempts)
        if later is None:
            settle: Any = OUTBOX.delete().where(is_it)
        else:
            settle = OUTBOX.update().where(is_it).values(due=later.due, trouble=later.trouble)
        return self._database.write(lambda connection: connection.execute(settle).rowcount == 1)

    def list(self, queue: str | None = None, *, given_up: bool | None = None, limit: int = 100) -> Sequence[Message]:
        """Return messages; see `Outbox.list`."""
        found = select(OUTBOX).order_by(_COLUMNS.made, _COLUMNS.id).limit(limit)
        if queue is not None:
            found = found.where(_COLUMNS.queue == queue)
        if given_up is not None:
            found = found.where(_COLUMNS.due.is_(None) if given_up else _COLUMNS.due.is_not(None))
        return self._database.read(lambda connection: [Message(*row) for row in connection.execute(found)])

    def resend(self, queue: str, now: float, id: str | None = None) -> int:
        """Make messages due that were given up; see `Outbox.resend`."""
        which = _COLUMNS.queue == queue if id is None else _is(queue, id)
        again = OUTBOX.update().where(which, _COLUMNS.due.is_(None)).values(due=now, attempts=0)
        return self._database.write(lambda connection: connection.execute(again).rowcount)

    def forget(self, before: float) -> int:
        """Delete old messages; see `Outbox.forget`."""
        old = OUTBOX.delete().where(_COLUMNS.made < before)
        return self._database.write(lambda connection: connection.execute(old).rowcount)

    def backlog(self, queue: str) -> Backlog:
        """Count messages; see `Outbox.backlog`."""
        waits = _COLUMNS.due.is_not(None)
        counts = (func.count().filter(waits), func.count().filter(~waits), func.min(_COLUMNS.made).filter(waits))
        found = select(*counts).select_from(OUTBOX).where(_COLUMNS.queue == queue)
        return self._database.read(lambda connection: Backlog(*connection.execute(found).one()))


def _is(queue: str, id: str) -> ColumnElement[bool]:
    return (_COLUMNS.queue == queue) & (_COLUMNS.id == id)


def _name(queue: str) -> str:
    return f"outbox:{queue}"


def _place(connection: Connection, queue: str) -> int | None:
    place = connection.execute(select(CHORES.c.place).where(CHORES.c.name == _name(queue))).scalar()
    return None if place is None else int(place)


def _begin(connection: Connection, queue: str, place: int) -> int:
    """Give a queue its first place, unless another process has done it."""
    row = {"name": _name(queue), "holder": "", "until": 0.0, "place": str(place)}
    connection.execute(UPSERTS[connection.dialect.name](CHORES).values(row).on_conflict_do_nothing())
    begun = _place(connection, queue)
    return place if begun is None else begun


def _follow(connection: Connection, queue: str, after: int, place: int, messages: Sequence[Message]) -> bool:
    is_there = (CHORES.c.name == _name(queue)) & (CHORES.c.place == str(after))
    moved = connection.execute(CHORES.update().where(is_there).values(place=str(place))).rowcount == 1
    if moved:
        _put(connection, messages)
    return moved


def _put(connection: Connection, messages: Sequence[Message]) -> None:
    if messages:
        insert = UPSERTS[connection.dialect.name](OUTBOX).on_conflict_do_nothing()
        connection.execute(insert, [message._asdict() for message in messages])


def _take(connection: Connection, due: ColumnElement[bool], until: float, limit: int) -> Sequence[Message]:
    wanted = select(OUTBOX).where(due).order_by(_COLUMNS.due, _COLUMNS.made, _COLUMNS.id).limit(limit)
    found = [Message(*row) for row in connection.execute(wanted.with_for_update(skip_locked=True))]
    for message in found:
        taken = {"due": until, "attempts": message.attempts + 1}
        connection.execute(OUTBOX.update().where(_is(message.queue, message.id)).values(taken))
    return [message._replace(due=until, attempts=message.attempts + 1) for message in found]
