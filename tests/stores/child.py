"""What tests run in another process: ``python -m tests.stores.child WORK URL …``."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

from sqlalchemy import event

from secretsource.stores import sql
from secretsource.stores._registry import open_store
from secretsource.testing._stores.samples import changed, new, record, rotated


def add(url: str, rounds: str) -> None:
    """Add to one record many times; a writer that was too slow begins anew."""
    store = open_store(url)
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(rounds)):
        while True:
            old = store.get(record(1).key_id)
            assert old is not None
            if store.update(changed(old, metadata={"sum": old.metadata["sum"] + 1})):
                break
    store.close()


def migrate(url: str) -> None:
    """Bring the tables up to date, at the moment that the parent says."""
    print("ready", flush=True)
    sys.stdin.readline()
    store = sql.SqlStore.open(url)
    print(*store.migrate())


def change(url: str) -> None:
    """Change a record, and insert another."""
    store = open_store(url)
    old = store.get(record(1).key_id)
    assert old is not None
    assert store.update(changed(old, name="from another process"))
    assert store.insert([new(2)]) == frozenset()
    store.close()


def die(url: str, work: str, before: str) -> None:
    """Be killed in the middle of a transaction, right before one of its statements."""
    store = open_store(url)
    assert isinstance(store, sql.SqlStore)
    store.database.open()
    engine: Any = store.database._engine

    @event.listens_for(engine, "commit" if before == "COMMIT" else "before_cursor_execute")
    def strike(_: Any, cursor: Any = None, statement: str = "COMMIT", *rest: Any) -> None:
        if statement.replace("public.", "").startswith(before):
            os.kill(os.getpid(), signal.SIGKILL)

    if work == "insert":
        store.insert([new(number) for number in range(10, 3000)])
    elif work == "update":
        store.update(changed(record(1), name="never"))
    elif work == "rotate":
        store.rotate(*rotated(record(1), 2))
    else:
        asyncio.run(sql.AsyncSqlStore(store).rotate(*rotated(record(1), 2)))


if __name__ == "__main__":
    {"add": add, "migrate": migrate, "change": change, "die": die}[sys.argv[1]](*sys.argv[2:])
