"""What tests run in another process: ``python -m tests.stores.child WORK URL …``."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from typing import Any

from sqlalchemy import event

from secretsource.exceptions import PlanExceeded
from secretsource.issuing import ApiKeys, AsyncApiKeys
from secretsource.stores import sql
from secretsource.stores._registry import open_store
from secretsource.testing._stores.samples import changed, new, record, rotated

PEPPER = "a pepper of the tests, long enough"


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


def issue(url: str, owners: str) -> None:
    """Issue a key to each owner whose plan has room for it, and rotate it; then say how many there were."""
    made = 0
    with ApiKeys.open(url, peppers=[PEPPER]) as keys:
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(int(owners)):
            with suppress(PlanExceeded):
                keys.rotate(keys.issue(owner=f"owner {number}").record.key_id, overlap=3600)
                made += 1
    print(made)


def issue_on_a_loop(url: str, owners: str) -> None:
    """Do the same, three at once."""
    turns = asyncio.Semaphore(3)

    async def one(keys: AsyncApiKeys, owner: str) -> bool:
        async with turns:
            return await made(keys, owner)

    async def made(keys: AsyncApiKeys, owner: str) -> bool:
        try:
            issued = await keys.issue(owner=owner)
        except PlanExceeded:
            return False
        return bool(await keys.rotate(issued.record.key_id, overlap=3600))

    async def scenario() -> int:
        async with await AsyncApiKeys.open(url, peppers=[PEPPER]) as keys:
            print("ready", flush=True)
            sys.stdin.readline()
            return sum(await asyncio.gather(*(one(keys, f"owner {number}") for number in range(int(owners)))))

    print(asyncio.run(scenario()))


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


WORK = {
    "add": add,
    "issue": issue,
    "issue on a loop": issue_on_a_loop,
    "migrate": migrate,
    "change": change,
    "die": die,
}

if __name__ == "__main__":
    WORK[sys.argv[1]](*sys.argv[2:])
