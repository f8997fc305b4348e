"""A hundred thousand cached key records: the bytes of each, and how long the garbage collector stops for them."""

from __future__ import annotations

import gc
import json
import sqlite3
import statistics
import sys
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from time import thread_time

from benchmarks import scale
from benchmarks.edge import HASH_NS
from benchmarks.harness import Figure, at_most, in_new_process
from benchmarks.memory import traced
from secretsource.issuing._check.record_cache import RecordCache
from secretsource.stores.sql import SqlStore

TITLE = "records: many cached key records"
RECORDS = 100_000


def measure(records: int = RECORDS) -> list[Figure]:
    """Read so many records from an SQLite file into a cache, in a new process: once under tracemalloc, once timed."""
    with TemporaryDirectory(prefix="secretsource-") as folder:
        file = Path(folder) / "keys.db"
        scale.filled(file, records)
        size = in_new_process(__name__, "bytes", file)[0]
        ours, by_hand, hashed = in_new_process(__name__, "stops", file)
    return [
        Figure(f"each of {records:,} records, as Python allocates it", size / records, "bytes", at_most(1200)),
        Figure(f"gc.collect() of them, where SHA-256 takes {HASH_NS:.0f} ns", ours / hashed * HASH_NS / 1e6, "ms",
               at_most(60 * records / RECORDS)),
        Figure("gc.collect() of them, here", ours * 1e3, "ms"),
        Figure("gc.collect() of them / of as many objects with one attribute", ours / by_hand, "x"),
    ]  # fmt: skip


class Plain:
    """An object by hand that holds one text."""

    def __init__(self, text: str) -> None:
        self.text = text


def sizes(file: Path) -> list[float]:
    """The bytes that the records of a file take in a cache."""
    ids = key_ids(file)
    gc.collect()
    before = traced()
    cache = filled(file, ids)
    gc.collect()
    assert len(cache) == len(ids)
    return [float(traced() - before)]


def stops(file: Path) -> list[float]:
    """Seconds that a collection takes for the records of a file, for plain objects, and that a hash takes."""
    ids = key_ids(file)
    bare = collecting()
    cache = filled(file, ids)
    ours = collecting() - bare
    plain = [Plain(key_id) for key_id in ids]
    by_hand = collecting() - bare - ours
    assert len(cache) == len(plain)
    text = b"k" * 91
    return [ours, by_hand, timed(lambda: [sha256(text).digest() for _ in range(1000)]) / 1000]


def collecting() -> float:
    """The seconds of a whole collection, in the median."""
    return timed(gc.collect)


def timed(work: Callable[[], object]) -> float:
    """The processor seconds of some work, in the median of nine times."""
    took: list[float] = []
    for _ in range(9):
        begun = thread_time()
        work()
        took.append(thread_time() - begun)
    return statistics.median(took)


def key_ids(file: Path) -> list[str]:
    """The identifiers of all keys of a file."""
    with closing(sqlite3.connect(file)) as connection:
        return [key_id for (key_id,) in connection.execute("SELECT key_id FROM secretsource_keys")]


def filled(file: Path, ids: list[str]) -> RecordCache:
    """A cache of these records, each read as a check reads it."""
    cache, store = RecordCache(ttl=1e6), SqlStore.open(f"sqlite:///{file}")
    for key_id in ids:
        record = store.get(key_id[:1] + key_id[1:])  # a text of its own, as a check has it
        assert record is not None
        cache.fill(record.hash, record, 1.0, 1.0, cache.begin())
    store.close()
    return cache


if __name__ == "__main__":
    print(json.dumps({"bytes": sizes, "stops": stops}[sys.argv[1]](Path(sys.argv[2]))))
