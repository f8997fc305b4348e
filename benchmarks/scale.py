"""A check among ten thousand keys, a million and ten million, on SQLite: does the number of keys matter?

The keys that are checked are real; the rest of each table is made by SQLite itself, of the same size, at random places.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.harness import Figure, Sample, at_most, compared, interleave, per_call
from benchmarks.keyring import SCOPE, around, issued, opened
from secretsource.stores._sql.rows.tables import KEYS

TITLE = "scale: a check among many keys, on SQLite"
SIZES = (10_000, 1_000_000, 10_000_000)
CHECKED = 5000
CHECK = f"check(next(texts), scope={SCOPE!r})"
GET = "get(next(ids))"

FILL = """
INSERT INTO secretsource_keys
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number})
SELECT hex(randomblob(11)), randomblob(32), pepper_version, display, owner, prefix, environment, created + i, name,
    scopes, rate_limit, quota, networks, begins, expires, status, status_reason, predecessor, successor, root,
    overlap_ends, last_used, metadata, "foreign", lookup, revision, credits, rotate_every, revoked, notices
FROM n, (SELECT * FROM secretsource_keys LIMIT 1)
"""
"""Rows that nobody has the key of; their identifiers have the length of ours, and lie among them at random."""

HASTY = ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000", "temp_store = MEMORY")
"""The file is thrown away, so it may be made without care."""


def measure(sizes: tuple[int, ...] = SIZES, rounds: int = 40, seconds: float = 0.01) -> list[Figure]:
    """Check keys of each table in turn, at random places, each once before anything is timed."""
    with TemporaryDirectory(prefix="secretsource-") as name, ExitStack() as stack:
        cases: dict[str, Sample] = {}
        for size in sizes:
            file = Path(name) / f"{size}.db"
            texts = filled(file, size)
            keys = stack.enter_context(opened(f"sqlite:///{file}", ttl=0))
            names: dict[str, Any] = {"check": keys.check, "get": keys._store.get}
            names |= {"texts": around(texts), "ids": around([text[-63:-41] for text in texts])}
            assert all(keys.check(text, scope=SCOPE) for text in texts)
            cases |= {f"{size} {way}": per_call(way, names, seconds) for way in (CHECK, GET)}
        samples = interleave(cases, rounds)
    least = sizes[0]
    return [
        *(
            compared(
                f"a check among {size:,} keys / among {least:,}",
                samples,
                f"{size} {CHECK}",
                f"{least} {CHECK}",
                at_most(1.5),
            )
            for size in sizes[1:]
        ),
        *(
            compared(
                f"the look-up alone among {size:,} keys / among {least:,}",
                samples,
                f"{size} {GET}",
                f"{least} {GET}",
            )
            for size in sizes[1:]
        ),
        *(
            Figure(f"a check among {size:,} keys", statistics.median(samples[f"{size} {CHECK}"]) * 1e6, "us")
            for size in sizes
        ),
    ]


def filled(file: Path, size: int) -> list[str]:
    """Make a table of so many keys, some of which can be checked: their texts, at random."""
    with opened(f"sqlite:///{file}") as keys:
        texts = issued(keys, min(CHECKED, size))
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for pragma in HASTY:
            connection.execute(f"PRAGMA {pragma}")
        # What the look-up does not read would take most of the time to make.
        for index in KEYS.indexes:
            connection.execute(f"DROP INDEX {index.name}")
        connection.execute("BEGIN")
        connection.execute(FILL.format(number=size - len(texts)))
        connection.execute("COMMIT")
    random.Random(size).shuffle(texts)
    return texts
