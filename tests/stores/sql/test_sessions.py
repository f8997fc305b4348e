"""Sessions on PostgreSQL are what the store needs, whatever a user, a role or a database has set."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.stores.databases import PostgresDatabase, do

from secretsource.stores import sql
from secretsource.testing._stores.samples import new, record

if TYPE_CHECKING:
    from collections.abc import Generator

SHOW = "SELECT pg_catalog.current_setting('synchronous_commit')"


@contextmanager
def setting(url: str, name: str, value: str) -> Generator[None]:
    """Set something for the user of the store, as an administrator does."""
    do(url, f"ALTER ROLE postgres SET {name} = '{value}'")
    try:
        yield
    finally:
        do(f"{url}?client_encoding=utf8", "ALTER ROLE postgres RESET ALL")


@pytest.mark.parametrize("option", ["", "?client_encoding=latin1"])
@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "UTF8"])
async def test_text_is_kept_whatever_the_encoding_of_the_user(encoding: str, option: str, database_url: str) -> None:
    """Every letter of an owner is stored and read back, over both ways to the server."""
    PostgresDatabase(database_url)
    letters = new(1, owner="\u00fcn\u00ef \u65e5\u672c")
    with (
        setting(database_url, "client_encoding", encoding),
        closing(sql.PostgresStore.open(database_url + option)) as store,
    ):
        store.insert([letters])
        assert store.get(record(1).key_id) == letters.record
        on_a_loop = sql.AsyncPostgresStore.open(database_url + option)
        try:
            assert await on_a_loop.get(record(1).key_id) == letters.record
        finally:
            await on_a_loop.close()


@pytest.mark.parametrize(
    ("given", "kept"), [("off", "on"), ("local", "local"), ("on", "on"), ("remote_apply", "remote_apply")]
)
def test_a_confirmed_change_is_on_the_disk(given: str, kept: str, database_url: str) -> None:
    """Where commits are set to be confirmed before they are written, those of keys are not; more care stays."""
    PostgresDatabase(database_url)
    with (
        setting(database_url, "synchronous_commit", given),
        closing(sql.PostgresStore.open(database_url)) as store,
    ):
        store.insert([new(1)])
        told = store.database.read(lambda connection: connection.exec_driver_sql(SHOW).scalar_one())
    assert told == kept
