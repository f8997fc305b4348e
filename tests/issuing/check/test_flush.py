"""A flush that is under way when something else happens: nothing of it is lost, and nothing is counted twice."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from tests.forks import is_right_in_child, needs_fork

from secretsource.exceptions import StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys, AsyncApiKeys
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from secretsource.stores.base import Use

PEPPER = "a pepper of the tests, long enough"


class SlowStore(MemoryStore):
    """A store that takes the first uses only when it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.released = threading.Event(), threading.Event()

    def record_uses(self, uses: Sequence[Use]) -> None:
        self.begun.set()
        assert self.released.wait(30)
        super().record_uses(uses)


@pytest.fixture
def slow() -> Iterator[SlowStore]:
    """A slow store, which holds nothing up after the test."""
    store = SlowStore()
    yield store
    store.released.set()


def flushing(keys: ApiKeys, store: SlowStore) -> str:
    """The identifier of a key whose first use is being flushed in the background."""
    issued = keys.issue(owner="acme")
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    assert store.begun.wait(30)
    return issued.record.key_id


@pytest.mark.parametrize("end", [ApiKeys.close, ApiKeys.flush])
def test_who_flushes_waits_for_the_flush_under_way(end: Callable[[ApiKeys], None], slow: SlowStore) -> None:
    """When `close` or `flush` returns, what the background had taken out is stored: a program may end then."""
    keys = ApiKeys(slow, peppers=[PEPPER], flush_every=0.001)
    key_id = flushing(keys, slow)
    threading.Timer(0.05, slow.released.set).start()
    end(keys)
    assert slow.usage(key_id).last_used is not None
    keys.close()


@needs_fork
def test_a_forked_child_does_not_wait_for_its_parents_flush(slow: SlowStore) -> None:
    """The thread that holds it up is not there."""
    keys = ApiKeys(slow, peppers=[PEPPER], flush_every=0.001)
    flushing(keys, slow)
    keys._chores.after_fork()  # what fork does to the lock,
    keys._parts.uses.after_fork()  # and to what the parent stores
    keys.flush()
    slow.released.set()
    keys.close()


@needs_fork
def test_a_forked_child_does_not_store_what_its_parent_has_seen(tmp_path: Path) -> None:
    """Both flush, and a request that was made before the fork is counted once."""
    with ApiKeys.open(f"sqlite:///{tmp_path / 'keys.db'}", peppers=[PEPPER]) as keys:
        issued = keys.issue(owner="acme")
        keys.rotate(issued.record.key_id, overlap=3600)
        assert keys.check(issued.plaintext, scope=NO_SCOPE)

        def act() -> bool:
            accepted = keys.check(issued.plaintext, scope=NO_SCOPE)
            keys.flush()
            return bool(accepted)

        assert is_right_in_child(act)
        assert keys.rotation_status(issued.record.key_id).usage.requests == 2


class AsyncSlowStore(AsyncMemoryStore):
    """As an SQL store is for an event loop: what it does, a thread does, to the end."""

    def __init__(self, store: SlowStore) -> None:
        super().__init__(store)

    async def record_uses(self, uses: Iterable[Use]) -> None:
        await asyncio.to_thread(self._store.record_uses, [*uses])


async def rotating(keys: AsyncApiKeys) -> str:
    """The identifier of a rotated key that was used once, which is counted."""
    issued = await keys.issue(owner="acme")
    await keys.rotate(issued.record.key_id, overlap=3600)
    assert await keys.check(issued.plaintext, scope=NO_SCOPE)
    return issued.record.key_id


async def test_a_cancelled_flush_counts_once(slow: SlowStore) -> None:
    """Whoever waited for it has given up, and it went on: the next flush adds nothing."""
    async with AsyncApiKeys(AsyncSlowStore(slow), peppers=[PEPPER]) as keys:
        key_id = await rotating(keys)
        waiting = asyncio.create_task(keys.flush())
        assert await asyncio.to_thread(slow.begun.wait, 10)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        slow.released.set()
    assert slow.usage(key_id).requests == 1


async def test_closing_in_the_middle_of_a_flush_counts_once(slow: SlowStore) -> None:
    """The task that flushes is stopped, its flush is not; `close` waits for it."""
    keys = AsyncApiKeys(AsyncSlowStore(slow), peppers=[PEPPER], flush_every=0.001)
    key_id = await rotating(keys)
    assert await asyncio.to_thread(slow.begun.wait, 10)
    asyncio.get_running_loop().call_later(0.05, slow.released.set)
    await keys.close()
    assert slow.usage(key_id).requests == 1


class BusyStore(AsyncSlowStore):
    """A store of keys that are in use all the time: each flush finds another use behind it."""

    def __init__(self, store: SlowStore) -> None:
        super().__init__(store)
        self.flushed = 0
        self.use: Callable[[], Awaitable[object]] | None = None

    async def record_uses(self, uses: Iterable[Use]) -> None:
        self.flushed += 1
        await super().record_uses(uses)
        if self.use is not None:
            await self.use()


async def test_all_that_wait_for_a_flush_share_one(slow: SlowStore) -> None:
    """Those that ask while a flush is under way wait for one more, which has all that was seen until then."""
    store = BusyStore(slow)
    async with AsyncApiKeys(store, peppers=[PEPPER], flush_every=3600) as keys:
        issued = await keys.issue(owner="acme")
        await keys.rotate(issued.record.key_id, overlap=3600)
        store.use = partial(keys.check, issued.plaintext, scope=NO_SCOPE)
        await store.use()
        first = asyncio.create_task(keys.flush())
        assert await asyncio.to_thread(slow.begun.wait, 10)
        await store.use()
        others = [asyncio.create_task(keys.flush()) for _ in range(3)]
        await asyncio.sleep(0)
        slow.released.set()
        await asyncio.gather(first, *others)
        assert store.flushed == 2
        assert slow.usage(issued.record.key_id).requests == 3
        await keys.flush()
        assert store.flushed == 3
        store.use = None


async def test_a_flush_that_fails_fails_for_all_that_wait_for_it(slow: SlowStore) -> None:
    """Each is told, and the next flush stores what was seen."""
    slow.released.set()
    async with AsyncApiKeys(BusyStore(slow), peppers=[PEPPER], flush_every=3600) as keys:
        key_id = await rotating(keys)
        store: Any = keys._store

        async def fail() -> None:
            raise StoreError("it is away")

        store.use = fail
        told = await asyncio.gather(keys.flush(), keys.flush(), return_exceptions=True)
        assert [str(each) for each in told] == ["it is away"] * 2
        store.use = None
        await keys.flush()
        assert slow.usage(key_id).requests > 0


def test_a_flush_of_a_loop_that_is_gone_is_not_waited_for(slow: SlowStore) -> None:
    """It will never end."""
    keys: Any = AsyncApiKeys(AsyncMemoryStore(slow), peppers=[PEPPER])
    gone = asyncio.new_event_loop()
    keys._chores._flushes.add(gone.create_future())
    gone.close()
    slow.released.set()
    key_id = asyncio.run(rotating(keys))
    asyncio.run(asyncio.wait_for(keys.close(), 10))
    assert slow.usage(key_id).requests == 1
