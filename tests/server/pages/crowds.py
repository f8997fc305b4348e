"""Very many keys of a customer, made by SQLite itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, literal, select, true

from secretsource.stores._sql.rows.tables import KEYS

if TYPE_CHECKING:
    from tests.server.conftest import World

__all__ = ["engine_of", "multiply"]


def engine_of(world: World) -> Any:
    """The engine of the store."""
    store: Any = world.keys._store
    return store._store.database.open()


def multiply(world: World, key_id: str, number: int) -> None:
    """Store so many more keys like the given one, which nobody has the text of, each a second younger."""
    numbers = select(literal(1).label("number")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.number + 1).where(numbers.c.number < number))
    new = {
        "key_id": func.hex(func.randomblob(11)),
        "hash": func.randomblob(32),
        "created": KEYS.c.created + numbers.c.number,
        "lookup": literal(None),
    }
    rows = select(*(new.get(column.name, column) for column in KEYS.c)).where(KEYS.c.key_id == key_id)
    with engine_of(world).begin() as connection:
        connection.execute(insert(KEYS).from_select([*KEYS.c], rows.select_from(KEYS.join(numbers, true()))))
