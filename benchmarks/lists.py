"""One page of a list among ten thousand keys and among a million, on SQLite and PostgreSQL: does the number matter?

In both tables, 200 keys are unlike the others in one way: they have another prefix, were revoked, have ended, …
So both give a full page of what is rare, and of what is common.
"""

from __future__ import annotations

import sqlite3
import statistics
from collections.abc import Generator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import psycopg
from tests.servers.postgres import postgres

from benchmarks.harness import Figure, at_most, interleave, ratio
from benchmarks.keyring import issued, opened
from secretsource.stores.base import KeyQuery, Status
from secretsource.stores.sql import PostgresStore, SqlStore, migrate

TITLE = "lists: one page of keys, by what they are narrowed by"
SIZES = (10_000, 1_000_000)
BEGUN, USED, NOW = 1_700_000_000.0, 1_750_000_000.0, 1_800_000_000.0
"""Every key was made after the first and used at the second."""
LISTS = {
    "owner": KeyQuery(owner="owner 7"),
    "status": KeyQuery(status=Status.REVOKED, now=NOW),
    "status active": KeyQuery(status=Status.ACTIVE, now=NOW),
    "status expired": KeyQuery(status=Status.EXPIRED, now=NOW),
    "prefix": KeyQuery(prefix="rk"),
    "no such prefix": KeyQuery(prefix="zz"),
    "prefix and status": KeyQuery(prefix="sk", status=Status.REVOKED, now=NOW),
    "environment": KeyQuery(environment="test"),
    "expiry": KeyQuery(expires_before=NOW),
    "last use": KeyQuery(unused_since=NOW),
    "no such last use": KeyQuery(unused_since=USED, now=NOW, living=True),
    "beginning": KeyQuery(beginning="000000000000000000", newest=True),
    "rare beginning": KeyQuery(beginning="000000000000000042", newest=True),
}
STATS = "keys stats"
RARE = 200

FILL = """
INSERT INTO secretsource_keys
SELECT {key_id}, hash, pepper_version, display, 'owner ' || (i % 100),
    CASE WHEN i % {each} = 1 THEN 'rk' ELSE 'sk' END, CASE WHEN i % {each} = 2 THEN 'test' ELSE 'live' END, {begun} + i,
    name, scopes, rate_limit, quota, networks, begins, CASE WHEN i % {each} = 3 THEN {begun} + i + 60 END,
    CASE WHEN i % {each} = 4 THEN 'revoked' WHEN i % {each} = 5 THEN 'rotating' ELSE 'active' END, status_reason,
    predecessor, successor, root, CASE WHEN i % {each} = 5 THEN {begun} + i + 60 END, {used}, metadata,
    "foreign", lookup, revision, credits, rotate_every, revoked, notices
FROM {numbers}, (SELECT * FROM secretsource_keys LIMIT 1) AS one
"""
"""Keys that nobody has the text of."""
ON_SQLITE = {
    "key_id": "printf('%022d', (i * 7919) % 1000003)",
    "numbers": "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {size}) SELECT i FROM n)",
}
ON_POSTGRESQL = {
    "key_id": "lpad(((i * 7919) % 1000003)::text, 22, '0')",
    "numbers": "generate_series(1, {size}::bigint) AS n(i)",
}
HASTY = ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000")


def measure(sizes: tuple[int, int] = SIZES, rounds: int = 20) -> list[Figure]:
    """Ask for each page of both tables in turn."""
    with TemporaryDirectory(prefix="secretsource-") as folder, ExitStack() as stack:
        files = {size: stack.enter_context(on_sqlite(Path(folder) / f"{size}.db", size)) for size in sizes}
        figures = compared("SQLite", files, rounds)
    with postgres() as server, ExitStack() as stack:
        databases = {size: stack.enter_context(on_postgresql(server.url, size)) for size in sizes}
        return [*figures, *compared("PostgreSQL", databases, rounds)]


def compared(database: str, stores: Mapping[int, SqlStore], rounds: int) -> list[Figure]:
    """Each list in the large table beside the same in the small one, and the keys that `keys stats` counts in a second.

    A count cannot take as long for a million keys as for ten thousand; so its figure is for one key.
    """
    small, large = stores
    samples = interleave(
        {
            f"{size} {what}": partial(timed, store, query)
            for size, store in stores.items()
            for what, query in [*LISTS.items(), (STATS, None)]
        },
        rounds,
    )
    figures = [
        Figure(
            f"{database}, {what}: {large:,} keys / {small:,}",
            ratio(samples[f"{large} {what}"], samples[f"{small} {what}"]),
            "x",
            at_most(2),
        )
        for what in LISTS
    ]
    counted = {size: [seconds / size for seconds in samples[f"{size} {STATS}"]] for size in stores}
    each = ratio(counted[large], counted[small])
    return [
        *figures,
        Figure(f"{database}, {STATS}, for each key: {large:,} keys / {small:,}", each, "x", at_most(2)),
        Figure(f"{database}, {STATS} of {large:,}", statistics.median(samples[f"{large} {STATS}"]) * 1e3, "ms"),
        Figure(f"{database}, a page by status", statistics.median(samples[f"{large} status"]) * 1e3, "ms"),
    ]


def timed(store: SqlStore, query: KeyQuery | None) -> float:
    """The seconds that a page takes, or the count of all."""
    begun = perf_counter()
    if query is None:
        store.count_by_pepper(NOW)
    else:
        store.list(query)
    return perf_counter() - begun


@contextmanager
def on_sqlite(file: Path, size: int) -> Generator[SqlStore]:
    """A file of so many keys."""
    with opened(f"sqlite:///{file}") as keys:
        issued(keys, 1)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for pragma in HASTY:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(filled(ON_SQLITE, size))
    with closing(SqlStore.open(f"sqlite:///{file}")) as store:
        yield store


@contextmanager
def on_postgresql(url: str, size: int) -> Generator[SqlStore]:
    """A database of so many keys on a server."""
    own = f"{url.rpartition('/')[0]}/keys{size}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE keys{size}".encode())
    migrate(own)
    with opened(own) as keys:
        issued(keys, 1)
    with psycopg.connect(own, autocommit=True) as connection:
        connection.execute(filled(ON_POSTGRESQL, size).encode())
        connection.execute("VACUUM ANALYZE")
    with closing(PostgresStore.open(own)) as store:
        yield store


def filled(dialect: Mapping[str, str], size: int) -> str:
    """The statement that fills a table."""
    written: dict[str, Any] = {name: part.format(size=size) for name, part in dialect.items()}
    return FILL.format(begun=BEGUN, used=USED, each=size // RARE, **written)
