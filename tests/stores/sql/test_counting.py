"""Counts that are added while their owner is purged: no statement of the one comes between two of the other."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from secretsource.exceptions import StoreError
from secretsource.stores import sql
from secretsource.stores.base import Count, CountQuery, OwnerEvent, OwnerEventKind, Unit
from secretsource.testing._stores.samples import new, record

if TYPE_CHECKING:
    from tests.stores.databases import PostgresDatabase

KEY = record(1)
DAY = CountQuery(Unit.DAY, 0, 10 * 86400, KEY.owner)


def purged(store: sql.SqlStore) -> bool:
    """Delete the key, then what is left of its owner; whether nobody else held the key."""
    assert store.upkeep is not None
    try:
        gone = store.upkeep.delete([KEY], [])
    except StoreError:
        return False
    return bool(gone) and store.upkeep.purge(KEY.owner, OwnerEvent(KEY.owner, OwnerEventKind.PURGED, 1.0), always=False)


@pytest.mark.parametrize("table", ["secretsource_counts", "secretsource_sums"])
def test_a_purge_between_two_statements_leaves_nothing(postgres_database: PostgresDatabase, table: str) -> None:
    """It waits for the counts that are being added to a key, and then deletes them, too; so no sum lacks its counts."""
    url = postgres_database.url
    with (
        closing(sql.PostgresStore.open(url)) as store,
        closing(sql.PostgresStore.open(f"{url}?timeout=0.3")) as other,
    ):
        assert store.counts is not None
        store.insert([new(1)])
        store.counts.add([Count(5 * 86400, KEY.key_id, "accepted", 2)])
        tried: list[bool] = []

        def interfere(_: Any, __: Any, statement: str, *___: Any) -> None:
            if statement.startswith("INSERT") and f"{table} (" in statement:
                tried.append(purged(other))

        event.listen(store.database.open(), "before_cursor_execute", interfere)
        store.counts.add([Count(60, KEY.key_id, "accepted", 3), Count(86400, KEY.key_id, "accepted", 4)])
        assert len(tried) == 1
        if not tried[0]:
            assert [each.requests for each in store.counts.read(DAY)] == [3, 4, 2]
            assert [each.requests for each in store.counts.read(DAY._replace(per_key=False))] == [3, 4, 2]
            assert purged(other)
        for per_key in (True, False):
            assert store.counts.read(DAY._replace(per_key=per_key)) == []
