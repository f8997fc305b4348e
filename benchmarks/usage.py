"""The counted requests of one owner in a month, among ten million counted minutes, on SQLite and PostgreSQL.

Counts are kept by minute for two days, and so many minutes are those of some 3,500 keys, four to an owner. All keys are
also counted by hour and by day, for a month. So a question for a month reads days or hours, and no minute.
"""

from __future__ import annotations

import sqlite3
import statistics
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import psycopg
from tests.servers.postgres import postgres

from benchmarks.harness import Figure, Sample, at_most, interleave, ratio
from benchmarks.keyring import issued, opened
from benchmarks.raw import LOCATOR
from secretsource.stores._sql.rows.tables import COUNTS
from secretsource.stores.base import CountQuery, Unit
from secretsource.stores.sql import PostgresStore, SqlStore, migrate

TITLE = "usage: a month of one owner, among many counted minutes"
ROWS = 10_000_000
MINUTES, DAYS = 2880, 31
KEYS = 4
"""Keys of an owner."""
BEGUN = 1_800_057_600
"""The beginning of a day."""

FILL = """
INSERT INTO secretsource_counts
SELECT {owner}, '{unit}', {begun} + i / {keys} % {starts} * {seconds}, {key_id}, 'accepted', 7 FROM {numbers}
"""
ON_SQLITE = {
    "owner": "'owner ' || (i / ({keys} * {starts}))",
    "key_id": "printf('%022d', i / ({keys} * {starts}) * {keys} + i % {keys})",
    "numbers": "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {rows} - 1) SELECT i FROM n)",
}
ON_POSTGRESQL = {
    "owner": "'owner ' || (i / ({keys} * {starts}))",
    "key_id": "lpad((i / ({keys} * {starts}) * {keys} + i % {keys})::text, 22, '0')",
    "numbers": "generate_series(0, {rows}::bigint - 1) AS n(i)",
}
HASTY = ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000")


def measure(rows: int = ROWS, rounds: int = 40) -> list[Figure]:
    """Ask for the month of an owner, and for one record, in turn."""
    with (
        TemporaryDirectory(prefix="secretsource-") as folder,
        on_sqlite(Path(folder) / "keys.db", rows) as (store, ids),
    ):
        figures = compared("SQLite", store, ids, rounds)
    with postgres() as server, on_postgresql(server.url, rows) as (store, ids):
        return [*figures, *compared("PostgreSQL", store, ids, rounds)]


def compared(database: str, store: SqlStore, ids: list[str], rounds: int) -> list[Figure]:
    """The month by day and by hour, beside the look-up of a record by its primary key."""
    month = {unit: CountQuery(unit, BEGUN, BEGUN + DAYS * 86400, "owner 1", limit=100_001) for unit in Unit}
    counts = store.counts
    assert counts is not None
    assert len(counts.read(month[Unit.DAY])) == DAYS * KEYS
    cases: dict[str, Sample] = {
        "a look-up": timed(lambda: [store.get(key_id) for key_id in ids], len(ids)),
        "by day": timed(lambda: counts.read(month[Unit.DAY])),
        "by hour": timed(lambda: counts.read(month[Unit.HOUR])),
    }
    samples = interleave(cases, rounds)
    return [
        Figure(f"{database}, by day / a look-up", ratio(samples["by day"], samples["a look-up"]), "x", at_most(50)),
        *(Figure(f"{database}, {name}", statistics.median(taken) * 1e6, "us") for name, taken in samples.items()),
    ]


def timed(ask: Callable[[], object], number: int = 1) -> Sample:
    """A sample of the seconds that one of so many questions takes."""

    def sample() -> float:
        begun = perf_counter()
        ask()
        return (perf_counter() - begun) / number

    return sample


@contextmanager
def on_sqlite(file: Path, rows: int) -> Generator[tuple[SqlStore, list[str]]]:
    """A file of so many counted minutes, and the ids of some keys."""
    with opened(f"sqlite:///{file}") as keys:
        ids = [text[LOCATOR] for text in issued(keys, 100)]
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for pragma in HASTY:
            connection.execute(f"PRAGMA {pragma}")
        for statement in filled(ON_SQLITE, rows):
            connection.execute(statement)
    with closing(SqlStore.open(f"sqlite:///{file}")) as store:
        yield store, ids


@contextmanager
def on_postgresql(url: str, rows: int) -> Generator[tuple[SqlStore, list[str]]]:
    """A database of so many counted minutes, and the ids of some keys."""
    migrate(url)
    with opened(url) as keys:
        ids = [text[LOCATOR] for text in issued(keys, 100)]
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in filled(ON_POSTGRESQL, rows):
            connection.execute(statement.encode())
        connection.execute("VACUUM ANALYZE")
    with closing(PostgresStore.open(url)) as store:
        yield store, ids


def filled(dialect: dict[str, str], rows: int) -> Generator[str]:
    """The statements that fill a table: in its order, and without the index that no question of this page reads."""
    owners = max(2, rows // MINUTES // KEYS)
    for index in COUNTS.indexes:
        yield f"DROP INDEX {index.name}"
    for unit, starts in ((Unit.DAY, DAYS), (Unit.HOUR, DAYS * 24), (Unit.MINUTE, MINUTES)):
        sizes = {"keys": KEYS, "starts": starts, "rows": owners * KEYS * starts}
        parts = {name: part.format(**sizes) for name, part in dialect.items()}
        yield FILL.format(unit=unit.value, begun=BEGUN, seconds=unit.seconds, **sizes, **parts)
