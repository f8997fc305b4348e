"""A flush of the last uses of many keys, on PostgreSQL beside SQLite."""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, time

from tests.servers.postgres import postgres

from benchmarks.harness import Figure, Sample, at_most, compared, interleave
from benchmarks.keyring import issued, opened
from benchmarks.raw import LOCATOR
from secretsource.issuing import ApiKeys
from secretsource.stores.base import Use
from secretsource.stores.sql import migrate

TITLE = "flush: the last uses of many keys"


def measure(rounds: int = 20, number: int = 5000) -> list[Figure]:
    """Flush the uses of so many keys into each database in turn."""
    with TemporaryDirectory(prefix="secretsource-") as folder, postgres() as server, ExitStack() as stack:
        migrate(server.url)
        urls = {"SQLite": f"sqlite:///{Path(folder) / 'keys.db'}", "PostgreSQL": server.url}
        cases = {name: _flush(stack.enter_context(opened(url)), number) for name, url in urls.items()}
        samples = interleave(cases, rounds)
    return [
        compared("PostgreSQL / SQLite", samples, "PostgreSQL", "SQLite", at_most(2)),
        *(Figure(f"a key, on {name}", statistics.median(taken) * 1e6, "us") for name, taken in samples.items()),
    ]


def _flush(keys: ApiKeys, number: int) -> Sample:
    ids = [text[LOCATOR] for text in issued(keys, number)]
    instants = count(time())
    store = keys._parts.store

    def flush() -> float:
        instant = next(instants)
        begun = perf_counter()
        store.record_uses([Use(key_id, instant) for key_id in ids])
        return (perf_counter() - begun) / number

    return flush
