"""A plan that changes, with ten thousand keys of its owners and with a million: one row, in the same time."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from sqlalchemy import event
from tests.servers.postgres import postgres

from benchmarks.harness import Figure, Sample, at_most, exactly, interleave, ratio
from benchmarks.keyring import PEPPER
from benchmarks.lists import on_postgresql, on_sqlite
from secretsource.issuing import ApiKeys
from secretsource.stores.sql import SqlStore

TITLE = "plans: a plan that changes, and the keys that it is for"
SIZES = (10_000, 1_000_000)
OWNERS = 100
"""As many as `lists` divides its keys among."""


def measure(sizes: tuple[int, int] = SIZES, rounds: int = 30) -> list[Figure]:
    """Change the plan of both tables in turn."""
    with TemporaryDirectory(prefix="secretsource-") as folder, ExitStack() as stack:
        files = {size: stack.enter_context(on_sqlite(Path(folder) / f"{size}.db", size)) for size in sizes}
        figures = compared("SQLite", files, rounds)
    with postgres() as server, ExitStack() as stack:
        databases = {size: stack.enter_context(on_postgresql(server.url, size)) for size in sizes}
        return [*figures, *compared("PostgreSQL", databases, rounds)]


def compared(database: str, stores: Mapping[int, SqlStore], rounds: int) -> list[Figure]:
    """A change with many keys beside one with few, and the rows that it writes."""
    small, large = stores
    changes = {f"{size}": _change(store) for size, store in stores.items()}
    written = _written(stores[large])
    changes[f"{large}"]()
    of_events = written.pop("owner events", 0)
    rows = [
        Figure(f"{database}, rows that a change writes", written.total(), "", exactly(1)),
        Figure(f"{database}, and events", of_events, "", exactly(1)),
    ]
    samples = interleave(changes, rounds)
    times = ratio(samples[f"{large}"], samples[f"{small}"])
    return [
        Figure(f"{database}, with {large:,} keys / with {small:,}", times, "x", at_most(2)),
        *rows,
        Figure(f"{database}, with {large:,} keys", statistics.median(samples[f"{large}"]) * 1e3, "ms"),
    ]


def _change(store: SqlStore) -> Sample:
    """A change of the plan that every owner of the store is on."""
    keys, limits = ApiKeys(store, peppers=[PEPPER]), count(1)
    keys.plans.put("pro", rate_limit="1000/minute", scopes=["invoices:*"])
    for number in range(OWNERS):
        keys.owners.put(f"owner {number}", plan="pro")

    def change() -> float:
        limit = f"{next(limits)}/minute"
        begun = perf_counter()
        keys.plans.put("pro", rate_limit=limit)
        return perf_counter() - begun

    return change


def _written(store: SqlStore) -> Counter[str]:
    """The rows that are written from now on, by table."""
    written = Counter[str]()

    def note(_: Any, cursor: Any, __: str, ___: Any, context: Any, ____: bool) -> None:
        if context.isinsert or context.isupdate or context.isdelete:
            table = context.compiled.statement.table.name
            written[table.removeprefix("secretsource_").replace("_", " ")] += cursor.rowcount

    event.listen(store.database.open(), "after_cursor_execute", note)
    return written
