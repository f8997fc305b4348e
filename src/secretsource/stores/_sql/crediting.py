"""Spent credits in an SQL database: each spending is one transaction, which no other can overtake."""

from __future__ import annotations

from functools import partial

from sqlalchemy import case, select

from secretsource.stores._sql.rows.statements import UPSERTS
from secretsource.stores._sql.rows.tables import CREDITS
from secretsource.stores.registers.credits import CreditStore, Purse, Spending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

    from secretsource.stores._sql.connections.database import Database

__all__ = ["SqlCredits"]

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
