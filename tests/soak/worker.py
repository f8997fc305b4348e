"""One of the processes: ``python -m tests.soak.worker SETTINGS``, a stage per line in, a report per line out."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import sys
from collections import Counter
from contextvars import ContextVar
from itertools import cycle, islice
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.soak.plan import GIVEN_UP, OTHER, SAMPLE, SCOPE, SHARED, Stage
from tests.soak.report import Note, Report, Turn

from secretsource._ground.clock import Instant
from secretsource.exceptions import StoreError
from secretsource.issuing import ApiKeys, AsyncApiKeys, Rejected, Status
from secretsource.limiters.redis import AsyncRedisLimiter, RedisLimiter
from secretsource.stores import sql
from secretsource.stores.redis_feed import AsyncRedisChangeFeed, RedisChangeFeed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.stores.base import Use

PAUSE = 0.005
"""Seconds between two rounds of checks."""
AT_ONCE = 4
"""Checks at once on an event loop."""


class Settings(NamedTuple):
    """How a process is to work.

    Attributes:
        database: The URL of PostgreSQL, or of a file.
        redis: The URL of Valkey, for limits.
        news: How it hears of changes: ``notify``, ``sqlite``, ``redis`` or ``ttl``.
        is_async: Whether it checks on an event loop.
        drift: Wall seconds minus monotonic seconds, the same in all processes.
        ttl: Seconds for which a record is used without reading it again.
        on_limiter_error: What becomes of limits without Valkey.
        processes: Among how many processes limits are divided then.
    """

    database: str
    redis: str
    news: str
    is_async: bool
    drift: float
    ttl: float
    on_limiter_error: Any
    processes: int


class SharedClock:
    """Two clocks that go alike in every process, and the last reading of each task and thread."""

    def __init__(self, drift: float) -> None:
        self._drift = drift
        self._last: ContextVar[float] = ContextVar("last", default=0.0)

    def now(self) -> Instant:
        mono = monotonic()
        self._last.set(mono)
        return Instant(mono, mono + self._drift)

    def sleep(self, seconds: float) -> None:
        raise NotImplementedError

    def last(self) -> float:
        """What this task or thread has read last."""
        return self._last.get()


class WatchedFile(sql.SqlStore):
    """A store that notes what was in flushes that failed."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.doubtful: Counter[str] = Counter()

    def record_uses(self, uses: Sequence[Use]) -> None:
        try:
            super().record_uses(uses)
        except StoreError:
            self.doubtful.update({use.key_id: use.requests for use in uses if use.requests})
            raise


class WatchedStore(WatchedFile, sql.PostgresStore):
    """The same on PostgreSQL."""


class Quiet:
    """A store that keeps its news to itself."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        if name == "subscribe":
            raise AttributeError(name)
        return getattr(self._store, name)


class Worker:
    """Checks and changes keys as it is told to, over one `ApiKeys` or `AsyncApiKeys`.

    Args:
        settings: How.
    """

    def __init__(self, settings: Settings) -> None:
        self._clock = SharedClock(settings.drift)
        self._is_async = settings.is_async
        shared = settings.news == "sqlite"
        self._store = (WatchedFile if shared else WatchedStore).open(settings.database)
        self._limiter = (AsyncRedisLimiter if self._is_async else RedisLimiter)(settings.redis, timeout=5.0)
        on_loop = sql.AsyncSqlStore if shared else sql.AsyncPostgresStore
        store: Any = on_loop(self._store) if self._is_async else self._store
        feed = None
        if settings.news == "redis":
            feed = (AsyncRedisChangeFeed if self._is_async else RedisChangeFeed)(settings.redis)
        kind: Any = AsyncApiKeys if self._is_async else ApiKeys
        self._keys = kind(
            store if settings.news in ("notify", "sqlite") else Quiet(store),
            peppers=["a pepper of the tests, long enough"],
            ttl=settings.ttl,
            flush_every=0.3,
            clock=self._clock,
            limiter=self._limiter,
            feed=feed,
            on_limiter_error=settings.on_limiter_error,
            processes=settings.processes,
        )

    async def play(self, stage: Stage) -> Report:
        """Do what a stage says, go on until every change has been heard of, and flush."""
        self._begin(stage)
        await asyncio.sleep(max(0.0, stage.begins - monotonic()))
        while monotonic() < stage.begins + stage.seconds or self._checks < stage.checks or self._deeds:
            await self._change(monotonic() - stage.begins)
            await self._round()
        given_up = monotonic() + GIVEN_UP
        while not self._is_settled() and monotonic() < given_up:
            await self._round()
        await self._flush(given_up)
        failures = self._limiter.failures - self._failures
        return Report(
            self._checks, self._notes, self._changed, self._turns, self._failed, failures,
            dict(self._store.doubtful), self._raised,
        )  # fmt: skip

    async def close(self) -> None:
        """End the chores."""
        await settled(self._keys.close())
        await settled(self._limiter.close())
        self._store.close()

    def _begin(self, stage: Stage) -> None:
        self._texts = dict(stage.texts)
        shared = stage.of(SHARED)
        self._each = [key_id for key_id in stage.texts if stage.kinds[key_id] != SHARED]
        self._sample = cycle(random.sample(shared, len(shared)))
        self._owners = stage.owners
        self._fated = stage.fated()
        self._deeds = list(stage.deeds)
        self._notes = {key_id: Note({}) for key_id in stage.texts}
        self._changed: dict[str, float] = {}
        self._turns: list[Turn] = []
        self._checks = self._failed = 0
        self._failures = self._limiter.failures
        self._raised: list[str] = []
        self._store.doubtful.clear()

    async def _round(self) -> None:
        """Check every key once, but some only of those that share a limit, and pause."""
        waiting = [*self._each, *islice(self._sample, SAMPLE)]
        if not self._is_async:
            for key_id in waiting:
                await self._check(key_id)
        else:
            for start in range(0, len(waiting), AT_ONCE):
                await asyncio.gather(*map(self._check, waiting[start : start + AT_ONCE]))
        await asyncio.sleep(PAUSE)

    async def _check(self, key_id: str) -> None:
        began = monotonic()
        try:
            verdict = await settled(self._keys.check(self._texts[key_id], scope=SCOPE))
        except Exception as error:
            self._raised.append(repr(error))  # it is what is looked for
            return
        self._checks += 1
        note = self._notes[key_id]
        if isinstance(verdict, Rejected):
            reason = verdict.reason.value
            note.refused[reason] = note.refused.get(reason, 0) + 1
            self._notes[key_id] = note._replace(last=reason)
            return
        self._notes[key_id] = note._replace(
            accepted=note.accepted + 1,
            undrawn=note.undrawn + (verdict.draw is None),
            counted=note.counted + (verdict.record.status is Status.ROTATING),
            began=max(note.began, began),
            used=max(note.used, self._clock.last()),
            last=None,
        )

    async def _change(self, elapsed: float) -> None:
        """Make the changes that are due; one that the store does not answer is due again in the next round."""
        while self._deeds and self._deeds[0].at <= elapsed:
            deed = self._deeds[0]
            try:
                await getattr(self, f"_{deed.what}")(deed.key_id)
            except StoreError:
                self._failed += 1
                return
            if deed.key_id in self._fated:
                self._changed[deed.key_id] = monotonic()
            self._deeds.pop(0)

    async def _revoke(self, key_id: str) -> None:
        await settled(self._keys.revoke(key_id))

    async def _narrow(self, key_id: str) -> None:
        await settled(self._keys.update(key_id, scopes=[OTHER]))

    async def _bind(self, key_id: str) -> None:
        await settled(self._keys.plans.put(self._owners[key_id], scopes=[OTHER]))

    async def _suspend(self, key_id: str) -> None:
        await settled(self._keys.owners.suspend(self._owners[key_id]))

    async def _rotate(self, key_id: str) -> None:
        rotated = await settled(self._keys.rotate(key_id, overlap=3600))
        new, text = rotated.successor.key_id, rotated.plaintext
        if text is not None:
            self._texts[new], self._notes[new] = text, Note({})
            self._each.append(new)
            await self._check(new)
        self._turns.append(Turn(key_id, new, text is not None))

    def _is_settled(self) -> bool:
        return all(self._notes[key_id].last == reason for key_id, reason in self._fated.items())

    async def _flush(self, given_up: float) -> None:
        """Store what was seen, as soon as the store takes it."""
        while True:
            try:
                await settled(self._keys.flush())
                return
            except StoreError:
                if monotonic() > given_up:
                    raise
            await asyncio.sleep(PAUSE)


async def settled(answer: Any) -> Any:
    """What a method of either shell answers."""
    return await answer if hasattr(answer, "__await__") else answer


async def main(written: str) -> None:
    """Play stages until there are no more."""
    logging.disable()  # psycopg's word on each connection that breaks
    worker = Worker(Settings(*json.loads(written)))
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        report = await worker.play(Stage.read(json.loads(line)))
        print(json.dumps(report), flush=True)
    await worker.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
