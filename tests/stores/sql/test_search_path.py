"""Which tables are ours: those in one schema, whatever another user of the database puts in front of them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest
from tests.stores.databases import PostgresDatabase, do

from secretsource.exceptions import StoreError
from secretsource.stores import sql
from secretsource.stores.base import KeyQuery, Status, Use
from secretsource.testing._stores.samples import changed, new, record

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
        assert cursor.execute(SHOW).fetchone() == ("pg_catalog, pg_temp",)
        assert store.database.read(lambda each: each.exec_driver_sql(SHOW).scalar()) == "pg_catalog, pg_temp"


TRAPS = """
CREATE FUNCTION {schema}.trap({left}, {right}) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
CREATE OPERATOR {schema}.= (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = {schema}.trap);
CREATE OPERATOR {schema}.< (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = {schema}.trap);
CREATE OPERATOR {schema}.> (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = {schema}.trap);
CREATE FUNCTION {schema}.pg_notify({left}, {right}) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
"""
"""Functions and operators that fit our statements better than PostgreSQL's own do."""
KINDS = ("varchar", "text", "name")


@pytest.mark.parametrize("schema", ["public", "keys"])
async def test_functions_and_operators_beside_the_tables_are_not_called(
    database_url: str, app: str, schema: str
) -> None:
    """Even in the schema of the tables, where another user may have been allowed to make some."""
    if schema == "keys":
        do(database_url, "CREATE SCHEMA keys", "GRANT ALL ON SCHEMA keys TO app")
    url = f"{app}?schema={schema}"
    assert sql.migrate(url if schema == "keys" else database_url)
    pairs = [(left, right) for left in KINDS for right in KINDS if "varchar" in (left, right)]
    do(database_url, *(TRAPS.format(schema=schema, left=left, right=right) for left, right in pairs))
    try:
        with closing(sql.PostgresStore.open(url)) as store:
            assert store.insert([new(1, lookup=b"1" * 32)]) == frozenset()
            assert store.insert([new(1)]) == {record(1).key_id}
            change = changed(record(1, lookup=b"1" * 32), name="stored")
            assert store.update(change)
            assert store.find([b"1" * 32]) == store.get(record(1).key_id) == store.peek(record(1).key_id)
            assert store.revision(record(1).key_id) == 2
            assert store.list(KeyQuery(owner="acme", status=Status.ACTIVE, after="0.0 " + "0" * 22, now=5.0)).records
            assert len(store.events(record(1).key_id)) == 2
            store.record_uses([Use(record(1).key_id, 5.0, 1, {"192.0.2.1": 5.0}, {"agent": 5.0})])
            store.forget_clients(5.0)
            assert store.usage(record(1).key_id).requests == 1
            assert store.count_by_pepper(5.0) == {"01234567": 1}
            store.keep_seal("01234567", b"1" * 16)
            assert store.seals() == {"01234567": b"1" * 16}
            loop_store = sql.AsyncPostgresStore(store)
            assert await loop_store.get(record(1).key_id) == change.record._replace(last_used=5.0)
            await loop_store.close()
    finally:
        do(database_url, *(f"DROP FUNCTION {schema}.trap({left}, {right}) CASCADE" for left, right in pairs))
        do(database_url, *(f"DROP FUNCTION {schema}.pg_notify({left}, {right})" for left, right in pairs))


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
