"""Keys issued a thousand at a time among ten thousand keys on SQLite, and among a million: does the number matter?"""

from __future__ import annotations

import sqlite3
import statistics
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import lists
from benchmarks.harness import Figure, at_least, interleave, ratio
from benchmarks.keyring import issued, opened
from benchmarks.mint import BATCH, batch
from secretsource.issuing._key.base62 import random_text
from secretsource.stores._sql.rows.tables import EVENTS

TITLE = "growth: keys issued into a large store"
SIZES = (10_000, 1_000_000)

_OWN = {"key_id": "k.key_id", "time": "k.created"}
FILL = """
INSERT OR IGNORE INTO secretsource_events
SELECT {} FROM secretsource_keys AS k, (SELECT * FROM secretsource_events LIMIT 1) AS e
"""
"""The event that each key began with."""


def measure(sizes: tuple[int, int] = SIZES, rounds: int = 15) -> list[Figure]:
    """Issue a batch into each file in turn, as many as it takes for the first pages to be written back."""
    small, large = sizes
    with TemporaryDirectory(prefix="secretsource-") as folder, ExitStack() as stack:
        cases = {}
        for size in sizes:
            file = Path(folder) / f"{size}.db"
            filled(file, size)
            keys = stack.enter_context(opened(f"sqlite:///{file}"))
            batch(keys)
            cases[str(size)] = partial(batch, keys)
        samples = interleave(cases, rounds)
    one, other = samples[str(small)], samples[str(large)]
    return [
        Figure(f"keys a second among {large:,} / among {small:,}", ratio(one, other), "x", at_least(0.6)),
        *(Figure(f"keys a second among {size:,}", BATCH / statistics.median(samples[str(size)]), "") for size in sizes),
    ]


def filled(file: Path, size: int) -> None:
    """Make a file of so many keys at random places, with an event and all indexes for each."""
    with opened(f"sqlite:///{file}") as keys:
        issued(keys, 1)
    columns = ", ".join(_OWN.get(column.name, f'e."{column.name}"') for column in EVENTS.c)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.create_function("random_id", 0, partial(random_text, 22))
        for pragma in lists.HASTY:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(lists.filled({**lists.ON_SQLITE, "key_id": "random_id()"}, size))
        connection.execute(FILL.format(columns))
        connection.execute("PRAGMA journal_mode = WAL")
