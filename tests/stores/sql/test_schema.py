"""The version of a database: made, brought up to date, compared, and refused in words."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event, inspect, text
from tests.stores.databases import do
from tests.stores.test_processes import start

from secretsource.exceptions import ConfigurationError, StoreError
from secretsource.stores import open_store, sql
from secretsource.stores._sql.connections import schema
from secretsource.stores._sql.connections.address import read
from secretsource.stores._sql.connections.database import Database
from secretsource.stores._sql.rows.tables import HEAD, METADATA, VERSION_TABLE, VERSIONS
from secretsource.stores.base import Count, CountQuery, KeyQuery, Unit, Use
from secretsource.stores.migratable import Migratable, Migration
from secretsource.testing._stores.samples import new, record

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.postgres import Postgres


@pytest.fixture
def new_database(server: Postgres) -> str:
    """The URL of an empty database of the server."""
    do(server.url, "DROP DATABASE IF EXISTS fresh WITH (FORCE)", "CREATE DATABASE fresh")
    return server.url.rpartition("/")[0] + "/fresh"


def drift(url: str) -> list[Any]:
    """How a database differs from the tables."""
    engine = create_engine(read(url).url)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
            )
            return list(compare_metadata(context, METADATA))
    finally:
        engine.dispose()


def down_to(url: str, version: str) -> None:
    """Take a database back to an older version."""

    def downgrade(connection: Any) -> None:
        command.downgrade(schema._configuration(connection), version)

    Database(read(url))._do(downgrade, writes=True, checked=False, migrates=True)


def test_the_newest_migration_is_the_version_of_the_tables() -> None:
    """Whoever adds a migration adds to `VERSIONS`, and there is one line of them."""
    scripts = ScriptDirectory(str(files("secretsource.stores") / "migrations"))
    assert [script.revision for script in scripts.walk_revisions()][::-1] == list(VERSIONS)


@pytest.mark.parametrize("way", ["migrated", "created"])
def test_both_ways_lead_to_the_same_file(tmp_path: Path, way: str) -> None:
    """The migrations make of an empty file what a first use makes of it."""
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    if way == "migrated":
        assert sql.migrate(url) == HEAD
    else:
        store = sql.SqlStore.open(url)
        store.count_by_pepper(1000.0)
        store.close()
    assert sql.current_revision(url) == HEAD
    assert drift(url) == []


@pytest.mark.parametrize("way", ["migrated", "created"])
def test_both_ways_lead_to_the_same_server(new_database: str, way: str) -> None:
    """The migrations make of an empty database what ``?create=true`` makes of it."""
    if way == "migrated":
        assert sql.migrate(new_database) == HEAD
    else:
        store = sql.PostgresStore.open(f"{new_database}?create=true")
        assert store.insert([new(1)]) == frozenset()
        store.close()
    assert sql.current_revision(new_database) == HEAD
    assert drift(new_database) == []
    assert options(new_database) == (
        {"secretsource_keys": ["fillfactor=70"], "secretsource_credits": ["fillfactor=50"]},
        {
            *(f"secretsource_keys_by_{end}" for end in ("expires", "overlap_ends", "owner_expires")),
            *(
                f"{table}_{index}"
                for table in ("secretsource_events", "secretsource_owner_events")
                for index in PARTIAL
            ),
        },
    )


PARTIAL = ("by_position", "without_position", "by_actor", "by_kind")
"""The indices of a table of events that hold a part of its rows."""


def options(url: str) -> tuple[dict[str, list[str]], set[str]]:
    """The options of the tables of a server, and the names of the indices that hold a part of their rows."""
    tables = "SELECT relname, reloptions FROM pg_class WHERE relkind = 'r' AND reloptions IS NOT NULL"
    indices = "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indpred IS NOT NULL"
    engine = create_engine(read(url).url)
    try:
        with engine.connect() as connection:
            filled = {
                name: found for name, found in connection.execute(text(tables)) if name.startswith("secretsource")
            }
            return filled, {name for (name,) in connection.execute(text(indices)) if name.startswith("secretsource")}
    finally:
        engine.dispose()


def test_an_older_file_is_brought_up_to_date(tmp_path: Path) -> None:
    """It is refused with the command to run, and after that its keys are there as before."""
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    store = sql.SqlStore.open(url)
    store.insert([new(1)])
    store.close()
    down_to(url, "0001")
    for _ in range(2):
        with pytest.raises(StoreError, match=rf"secretsource keys migrate .*version 0001, {HEAD} is needed"):
            store.get(record(1).key_id)
    assert sql.migrate(url) == HEAD
    assert store.get(record(1).key_id) == record(1)
    store.record_uses([Use(record(1).key_id, 5.0, 1)])
    assert store.usage(record(1).key_id).requests == 1
    store.close()


def test_an_older_server_is_brought_up_to_date(new_database: str) -> None:
    """As a file is; what is there needs no second run."""
    sql.migrate(new_database)
    down_to(new_database, "0001")
    store = sql.PostgresStore.open(new_database)
    with pytest.raises(StoreError, match="secretsource keys migrate"):
        store.insert([new(1)])
    assert sql.migrate(new_database) == sql.migrate(new_database) == HEAD
    assert store.insert([new(1)]) == frozenset()
    store.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_was_counted_before_is_added_up(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The sums of owners hold the counts of all their keys, also those from before there were sums."""
    url = f"sqlite:///{tmp_path / 'keys.db'}" if kind == "sqlite" else request.getfixturevalue("new_database")
    sql.migrate(url)
    store = (sql.SqlStore if kind == "sqlite" else sql.PostgresStore).open(url)
    counts: Any = store.counts
    store.insert([new(1), new(2), new(3, owner="other")])
    asked = CountQuery(Unit.DAY, 0, 86400 * 2, per_key=False)
    more = [Count(86400, key_id, "accepted", 2) for key_id in (*(record(number).key_id for number in (1, 2, 3)), "")]
    counts.add(more)
    before = counts.read(asked)
    assert [(each.owner, each.requests) for each in before] == [("", 2), ("acme", 4), ("other", 2)]
    store.close()
    down_to(url, "0014")
    sql.migrate(url)
    assert counts.read(asked) == before
    store.close()


def test_an_empty_server_is_not_filled_unasked(new_database: str) -> None:
    """It may be the wrong database."""
    store = sql.PostgresStore.open(new_database)
    with pytest.raises(StoreError, match="no tables of ours yet: run  secretsource keys migrate"):
        store.get(record(1).key_id)
    store.close()
    assert sql.current_revision(new_database) is None
    down_to(new_database, "base")
    assert drift(new_database) != []


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("9999", f"is of version 9999, and this package knows up to {HEAD}: upgrade secretsource"),
        ("0000", f"says that it is of version '0000', which never existed: restore its table {VERSION_TABLE}"),
        ("", f"says that it is of version '', which never existed: restore its table {VERSION_TABLE}"),
        ("000x", f"says that it is of version '000x', which never existed: restore its table {VERSION_TABLE}"),
    ],
)
def test_a_database_of_an_unknown_version_is_refused(version: str, said: str, tmp_path: Path) -> None:
    """By a package that does not know what its tables mean."""
    file = tmp_path / "keys.db"
    url = f"sqlite:///{file}"
    sql.migrate(url)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = ?", (version,))
        connection.commit()
    store = sql.SqlStore.open(url)
    with pytest.raises(StoreError, match=said):
        store.list(KeyQuery())
    for work in (store.migrate, store.plan_migration, lambda: sql.migrate(url)):
        with pytest.raises(ConfigurationError, match=said):
            work()
    assert sql.current_revision(url) == version
    store.close()


@pytest.mark.parametrize("kind", ["file", "server"])
def test_a_store_that_is_up_to_date_is_asked_for_its_version_once(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """A first question reads the version once and makes nothing, also where an empty database would be made."""
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    if kind == "server":
        url = f"{request.getfixturevalue('new_database')}?create=true"
    sql.migrate(url)
    asked: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        with closing(open_store(url)) as store:
            assert not list(store.list(KeyQuery()))
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert sum("version_num" in statement for statement in asked) == 1
    assert not [statement for statement in asked if "advisory" in statement or "CREATE" in statement]


def test_tables_of_others_are_left_alone(tmp_path: Path) -> None:
    """A file with a table of our name and no version is nobody's to fill."""
    file = tmp_path / "keys.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE secretsource_keys (theirs TEXT)")
    store = sql.SqlStore.open(f"sqlite:///{file}")
    with pytest.raises(StoreError, match="no tables of ours yet"):
        store.count_by_pepper(1000.0)
    store.close()
    engine = create_engine(f"sqlite:///{file}")
    assert inspect(engine).get_table_names() == ["secretsource_keys"]
    engine.dispose()


def test_a_failed_migration_is_undone(tmp_path: Path) -> None:
    """The version and the tables are as before, and the error says what it is."""
    file = tmp_path / "keys.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE secretsource_uses (theirs TEXT)")
    with pytest.raises(StoreError):
        sql.migrate(f"sqlite:///{file}")
    assert sql.current_revision(f"sqlite:///{file}") is None
    engine = create_engine(f"sqlite:///{file}")
    assert inspect(engine).get_table_names() == ["secretsource_uses"]
    engine.dispose()


def test_a_migration_says_from_where_to_where(tmp_path: Path) -> None:
    """From nothing, from an older version, and from the newest, which is no work; a plan makes no file."""
    file = tmp_path / "keys.db"
    store = sql.SqlStore.open(f"sqlite:///{file}")
    assert isinstance(store, Migratable)
    assert store.plan_migration() == Migration(None, HEAD)
    assert not file.exists()
    assert store.migrate() == Migration(None, HEAD)
    down_to(f"sqlite:///{file}", "0001")
    assert store.plan_migration() == store.migrate() == Migration("0001", HEAD)
    assert store.plan_migration() == store.migrate() == Migration(HEAD, HEAD)
    store.close()


@pytest.mark.parametrize("before", [None, "0001"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_processes_that_migrate_at_once(
    kind: str, before: str | None, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """One does it, whichever it is, and the others find it done."""
    url = f"sqlite:///{tmp_path / 'keys.db'}" if kind == "sqlite" else request.getfixturevalue("new_database")
    if before is not None:
        sql.migrate(url)
        down_to(url, before)
    children = [start("migrate", url) for _ in range(3)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    told = []
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    for child in children:
        told.append(child.communicate(timeout=60)[0].strip())
        assert child.returncode == 0
    assert sorted(told) == sorted([f"{before} {HEAD}", *[f"{HEAD} {HEAD}"] * 2])
    assert sql.current_revision(url) == HEAD
    assert drift(url) == []
