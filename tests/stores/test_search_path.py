"""Which tables are ours: those in one schema, whatever another user of the database puts in front of them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest
from tests.stores.databases import PostgresDatabase, do

from secretsource.exceptions import StoreError
from secretsource.stores import sql
from secretsource.stores.base import KeyQuery
from secretsource.testing.store_samples import changed, new, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.postgres import Postgres

PASSWORD = "password-of-the-role"
SHOW = "SHOW search_path"
GRANTS = "GRANT ALL ON ALL TABLES IN SCHEMA"


@pytest.fixture
def app(server: Postgres, database_url: str) -> Iterator[str]:
    """The URL of a role of its own, with rights to the tables in ``public``."""
    PostgresDatabase(database_url)
    do(database_url, f"CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'", f"{GRANTS} public TO app")
    yield server.url_of("app", PASSWORD)
    do(database_url, "DROP SCHEMA IF EXISTS app CASCADE", "DROP SCHEMA IF EXISTS keys CASCADE")
    do(database_url, "DROP OWNED BY app", "DROP ROLE app")


def plant(url: str, schema: str) -> None:
    """Put tables of the same names into another schema, as a stranger who may make schemas can."""
    do(url, f"CREATE SCHEMA {schema}", f"GRANT USAGE ON SCHEMA {schema} TO app")
    for table in ("keys", "events", "schema"):
        do(url, f"CREATE TABLE {schema}.secretsource_{table} AS SELECT * FROM public.secretsource_{table}")
    do(url, f"{GRANTS} {schema} TO app")


def test_tables_that_come_first_are_not_believed(database_url: str, app: str) -> None:
    """A schema of the name of the user is looked into first: that there are two is told, with what to write."""
    with closing(sql.PostgresStore.open(app)) as store:
        store.insert([new(1)])
        plant(database_url, "app")
        do(database_url, f"UPDATE app.secretsource_keys SET owner = 'mallory' WHERE key_id = '{record(1).key_id}'")
        store.close()  # and opens new sessions
        assert store.get(record(1).key_id) == record(1)
        assert store.list(KeyQuery()).records == [record(1)]
    with closing(sql.PostgresStore.open(app)) as store:
        for ask in (lambda: store.get("x"), lambda: store.list(KeyQuery())):
            with pytest.raises(StoreError, match=r"in several schemas.*schema="):
                ask()
    with closing(sql.PostgresStore.open(f"{app}?schema=public")) as store:
        assert store.get(record(1).key_id) == record(1)
        assert store.update(changed(record(1), name="stored"))


def test_tables_for_the_session_do_not_come_first(app: str) -> None:
    """``pg_temp`` would be looked into before any schema; here it is the last."""
    with closing(sql.PostgresStore.open(app)) as store:
        store.insert([new(1)])
        cursor = store._lookup._connect()  # type: ignore[attr-defined]
        store._lookup._seats.take(0)  # type: ignore[attr-defined]
        store._lookup._seats.give(cursor)  # type: ignore[attr-defined]
        cursor.execute("CREATE TEMPORARY TABLE secretsource_keys AS SELECT * FROM public.secretsource_keys LIMIT 0")
        assert store.get(record(1).key_id) == record(1)
        assert cursor.execute(SHOW).fetchone() == ("public, pg_temp",)
        assert store.database.read(lambda each: each.exec_driver_sql(SHOW).scalar()) == "public, pg_temp"


@pytest.mark.parametrize("how", ["options", "schema", "role"])
async def test_tables_in_a_schema_of_their_own(database_url: str, app: str, how: str) -> None:
    """Named by libpq's options, by ours, or by what the role is set to; they are made there, and found there."""
    do(database_url, "CREATE SCHEMA keys", "GRANT ALL ON SCHEMA keys TO app")
    url = app + {"options": "?options=-csearch_path%3Dkeys", "schema": "?schema=keys", "role": ""}[how]
    if how == "role":
        do(database_url, "ALTER ROLE app SET search_path = keys, pg_catalog")
    assert sql.migrate(url) == sql.current_revision(url)
    with closing(sql.PostgresStore.open(url)) as store:
        store.insert([new(1)])
        assert store.get(record(1).key_id) == record(1)
        path = store.database.read(lambda each: str(each.exec_driver_sql(SHOW).scalar()))
        assert path.replace('"', "") == "keys, pg_temp"
        loop_store = sql.AsyncPostgresStore(store)
        assert await loop_store.get(record(1).key_id) == record(1)
        await loop_store.close()
    with psycopg.connect(database_url) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {schema}.secretsource_keys".encode()).fetchone()
            for schema in ("keys", "public")
        ]
    assert counts == [(1,), (0,)]


def test_a_schema_of_any_name(database_url: str, app: str) -> None:
    """Its name is quoted, whatever is in it."""
    name = "a\"b'c%d, e"
    quoted = '"' + name.replace('"', '""') + '"'
    do(database_url, f"CREATE SCHEMA {quoted}", f"GRANT ALL ON SCHEMA {quoted} TO app")
    try:
        url = f"{app}?create=true&schema=a%22b%27c%25d%2C%20e"
        with closing(sql.PostgresStore.open(url)) as store:
            store.insert([new(1)])
            assert store.get(record(1).key_id) == record(1)
    finally:
        do(database_url, f"DROP SCHEMA {quoted} CASCADE")
