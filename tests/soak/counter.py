"""One of the processes that are counted: ``python -m tests.soak.counter URL KIND TEXT…``.

It checks until its standard input ends, and says on its standard output what it has made and stored, a line at a time:
a line that was written stays, also when the process is killed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.soak.plan import OTHER, SCOPE
from tests.soak.worker import settled

from secretsource.issuing import ApiKeys, AsyncApiKeys
from secretsource.stores import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.stores.base import Count, CountStore

PEPPER = "a pepper of the tests, long enough"
FLUSH_EVERY = 0.2
ROUND = 0.005
"""Seconds between two rounds of checks."""


def say(what: str, counts: Counter[str]) -> None:
    """Write a line in one step."""
    os.write(1, (json.dumps([what, counts]) + "\n").encode())


class Told:
    """The counts of a store, which says what it is about to add, and what it has added."""

    def __init__(self, counts: CountStore) -> None:
        self._counts = counts

    def add(self, counts: Sequence[Count]) -> None:
        more = Counter[str]()
        for count in counts:
            more[count.outcome] += count.requests
        say("adds", more)
        self._counts.add(counts)
        say("added", more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._counts, name)


class Counting:
    """What a process has made, by outcome, and the store that says what it adds.

    Args:
        url: Of the database.
    """

    def __init__(self, url: str) -> None:
        self.made = Counter[str]()
        kind = sql.SqlStore if url.startswith("sqlite") else sql.PostgresStore
        self.store = kind.open(url)
        assert self.store.counts is not None
        self.store.counts = Told(self.store.counts)  # type: ignore[assignment]

    def tell_flushes(self, keys: Any, kind: str) -> None:
        """Have keys say, at the end of each flush, what was made before it began; checks go on during it."""
        flush = keys.flush

        def told() -> None:
            before = self.made.copy()
            flush()
            say("flush", before)

        async def atold() -> None:
            before = self.made.copy()
            await flush()
            say("flush", before)

        keys.flush = atold if kind == "async" else told


async def main(url: str, kind: str, texts: Sequence[str]) -> None:
    """Check good keys with a scope that they have and one that they lack, and a text that is no key."""
    logging.disable()
    counting = Counting(url)
    on_loop = sql.AsyncSqlStore if url.startswith("sqlite") else sql.AsyncPostgresStore
    store: Any = on_loop(counting.store) if kind == "async" else counting.store
    keys: Any = (AsyncApiKeys if kind == "async" else ApiKeys)(store, peppers=[PEPPER], flush_every=FLUSH_EVERY)
    counting.tell_flushes(keys, kind)
    ended = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
    while not ended.done():
        for text in texts:
            for credential, scope in ((text, SCOPE), (text, SCOPE), (text, OTHER), ("not a key", SCOPE)):
                verdict = await settled(keys.check(credential, scope=scope))
                counting.made[verdict.reason.value if not verdict else "accepted"] += 1
        say("made", counting.made)
        await asyncio.sleep(ROUND)
    await settled(keys.close())
    await settled(store.close())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
