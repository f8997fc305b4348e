"""Spent credits in an SQL database: each spending is one transaction, which no other can overtake."""

from __future__ import annotations

from functools import partial

from sqlalchemy import case, select

from secretsource.stores._sql.rows.tables import CREDITS, KEYS
from secretsource.stores._sql.statements import UPSERTS, chunks
from secretsource.stores.registers.credits import CreditStore, Purse, Spending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from secretsource.stores._sql.connections.database import Database
    from secretsource.stores.records import KeyRecord

__all__ = ["SqlCredits", "forget"]

_ACCOUNT, _SPENT = CREDITS.c.account, CREDITS.c.spent


class Exhausted(Exception):
    """A purse has too little left; the transaction was rolled back."""


class SqlCredits(CreditStore):
    """The credits of a database.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def spend(self, purses: Sequence[Purse], cost: int) -> Spending:
        """Take a cost from every purse or from none; see `CreditStore.spend`."""
        if cost:
            try:
                return Spending(True, self._database.write(partial(_spend, purses=purses, cost=cost)))
            except Exhausted:
                pass
        return Spending(not cost, self._database.read(partial(_spent, purses=purses)))

    def refund(self, purses: Sequence[Purse], cost: int) -> None:
        """Refund what was taken; see `CreditStore.refund`."""
        self._database.write(partial(_return, purses=purses, cost=cost))


def forget(connection: Connection, deleted: Sequence[KeyRecord]) -> None:
    """Forget the accounts of keys that were deleted, but for those that other keys of their chains draw on."""
    accounts = {record.limit_key for record in deleted}
    chained = {record.limit_key: record.owner for record in deleted if record.root or record.successor}
    for some in chunks(sorted(accounts)):
        rows = select(_ACCOUNT).where(_ACCOUNT.in_(some)).order_by(_ACCOUNT).with_for_update()
        found = set(connection.execute(rows).scalars())
        unused = found - _drawn_on(connection, {account: chained[account] for account in found & chained.keys()})
        connection.execute(CREDITS.delete().where(_ACCOUNT.in_(sorted(unused))))


def _drawn_on(connection: Connection, owners: Mapping[str, str]) -> set[str]:
    """Return those accounts of chains, each given with its owner, that have a key left.

    It walks along the keys of these owners once, for a chain has no index of its own.
    """
    if not owners:
        return set()
    is_first, is_later = KEYS.c.key_id.in_(sorted(owners)), KEYS.c.root.in_(sorted(owners))
    left = select(KEYS.c.key_id, KEYS.c.root).where(KEYS.c.owner.in_(sorted({*owners.values()})), is_first | is_later)
    return {root or key_id for key_id, root in connection.execute(left)}


def _spend(connection: Connection, purses: Sequence[Purse], cost: int) -> tuple[int, ...]:
    """Take the cost from each purse.

    Every process locks rows in the same order, so that no two wait for each other.

    Raises:
        Exhausted: A purse has too little left.
    """
    for purse in sorted(purses):
        if not _pay(connection, purse, cost):
            opened = UPSERTS[connection.dialect.name](CREDITS).on_conflict_do_nothing()
            connection.execute(opened, {"account": purse.account, "spent": 0})
            if not _pay(connection, purse, cost):
                raise Exhausted
    return _spent(connection, purses)


def _pay(connection: Connection, purse: Purse, cost: int) -> bool:
    """Take the cost from a purse that was paid from before, and return whether that fits."""
    taken = CREDITS.update().where(_is(purse), _SPENT + cost <= purse.granted).values(spent=_SPENT + cost)
    return connection.execute(taken).rowcount == 1


def _spent(connection: Connection, purses: Sequence[Purse]) -> tuple[int, ...]:
    found = select(_ACCOUNT, _SPENT).where(_ACCOUNT.in_([purse.account for purse in purses]))
    spent = {row[0]: row[1] for row in connection.execute(found)}
    return tuple([spent.get(purse.account, 0) for purse in purses])


def _return(connection: Connection, purses: Sequence[Purse], cost: int) -> None:
    left = case((_SPENT - cost > 0, _SPENT - cost), else_=0)
    for purse in sorted(purses):
        connection.execute(CREDITS.update().where(_is(purse)).values(spent=left))


def _is(purse: Purse) -> ColumnElement[bool]:
    return CREDITS.c.account.__eq__(purse.account)
