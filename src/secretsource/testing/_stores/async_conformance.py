"""The rules for every key store for event loops: all of `StoreConformance`, and the effects of a loop.

class TestCellar(AsyncStoreConformance):
    @pytest.fixture
    def harness(self, cellar_url):
        return CellarHarness(cellar_url)                    # an AsyncStoreHarness: `open` gives an AsyncKeyStore
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from secretsource.stores._adapted import adapted
from secretsource.stores.base import (
    ClaimStore,
    CountStore,
    CreditStore,
    History,
    KeyStore,
    Outbox,
    OwnerRecord,
    PassStore,
    PlanRecord,
    Register,
    Upkeep,
)
from secretsource.testing._stores.conformance import StoreConformance
from secretsource.testing._stores.races import ROUNDS
from secretsource.testing._stores.samples import changed, new, record, rotated

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from secretsource.stores.base import (
        AsyncKeyStore,
        Change,
        Crowded,
        KeyEvent,
        KeyQuery,
        KeyRecord,
        Page,
        Usage,
        Use,
    )

    Answer = TypeVar("Answer")

__all__ = ["AsyncStoreConformance"]


class OnALoop(KeyStore):
    """An asynchronous store for the cases of threads: each call runs on the event loop of its own thread.

    Args:
        store: The store under test.
    """

    def __init__(self, store: AsyncKeyStore) -> None:
        self.store = store
        self.owners = adapted(Register[OwnerRecord], store.owners, self._asked)
        self.plans = adapted(Register[PlanRecord], store.plans, self._asked)
        self.claims = adapted(ClaimStore, store.claims, self._asked)
        self.passes = adapted(PassStore, store.passes, self._asked)
        self.counts = adapted(CountStore, store.counts, self._asked)
        self.credits = adapted(CreditStore, store.credits, self._asked)
        self.history = adapted(History, store.history, self._asked)
        self.outbox = adapted(Outbox, store.outbox, self._asked)
        self.upkeep = adapted(Upkeep, store.upkeep, self._asked)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._start = threading.Lock()

    def _asked(self, method: Callable[..., Coroutine[Any, Any, Answer]], *arguments: Any, **named: Any) -> Answer:
        """Play a method of a register."""
        return self.play(method(*arguments, **named))

    def play(self, scenario: Coroutine[Any, Any, Answer]) -> Answer:
        """Play a scenario on the loop."""
        with self._start:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
                self._thread.start()
        return asyncio.run_coroutine_threadsafe(scenario, self._loop).result()

    def insert(self, changes: Sequence[Change]) -> frozenset[str]:
        """Await the method of this name."""
        return self.play(self.store.insert(changes))

    def insert_within(self, changes: Sequence[Change], most: Mapping[str, int], now: float) -> frozenset[str] | Crowded:
        """Await it."""
        return self.play(self.store.insert_within(changes, most, now))

    def get(self, key_id: str) -> KeyRecord | None:
        """Await the method of this name."""
        return self.play(self.store.get(key_id))

    def peek_many(self, key_ids: Sequence[str]) -> Mapping[str, KeyRecord]:
        """Await it."""
        return self.play(self.store.peek_many(key_ids))

    def revision(self, key_id: str) -> int | None:
        """Await the method of this name."""
        return self.play(self.store.revision(key_id))

    def find(self, lookups: Sequence[bytes]) -> KeyRecord | None:
        """Await the method of this name."""
        return self.play(self.store.find(lookups))

    def update(self, change: Change) -> bool:
        """Await the method of this name."""
        return self.play(self.store.update(change))

    def update_all(self, changes: Sequence[Change]) -> bool:
        """Await it."""
        return self.play(self.store.update_all(changes))

    def rotate(self, predecessor: Change, successor: Change) -> bool:
        """Await the method of this name."""
        return self.play(self.store.rotate(predecessor, successor))

    def list(self, query: KeyQuery) -> Page:
        """Await the method of this name."""
        return self.play(self.store.list(query))

    def events(self, key_id: str, *, after: int = 0, limit: int = 100) -> Sequence[KeyEvent]:
        """Await the method of this name."""
        return self.play(self.store.events(key_id, after=after, limit=limit))

    def record_uses(self, uses: Sequence[Use]) -> None:
        """Await the method of this name."""
        self.play(self.store.record_uses(uses))

    def forget_clients(self, now: float) -> None:
        """Await the method of this name."""
        self.play(self.store.forget_clients(now))

    def usage(self, key_id: str) -> Usage:
        """Await the method of this name."""
        return self.play(self.store.usage(key_id))

    def count_by_pepper(self, now: float) -> Mapping[str, int]:
        """Await the method of this name."""
        return self.play(self.store.count_by_pepper(now))

    def seals(self) -> Mapping[str, bytes]:
        """Await the method of this name."""
        return self.play(self.store.seals())

    def keep_seal(self, version: str, key: bytes) -> None:
        """Await the method of this name."""
        self.play(self.store.keep_seal(version, key))

    def close(self) -> None:
        """Await the method of this name, and end the loop."""
        self.play(self.store.close())
        loop, self._loop = self._loop, None
        assert loop is not None
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join()
        loop.close()

    def __repr__(self) -> str:
        return repr(self.store)


class AsyncStoreConformance(StoreConformance):
    """The cases of every `AsyncKeyStore`; subclass it and override the ``harness`` fixture."""

    def opened(self, harness: Any) -> KeyStore:
        """Return a store of the harness, bridged to the cases for threads."""
        return OnALoop(harness.open())

    def test_tasks_lose_no_update(self, another: Callable[[], OnALoop]) -> None:
        """Tasks of one loop that add to one record many times add up; a task that was too slow starts again."""
        bridge = another()
        store = bridge.store

        async def add() -> None:
            for _ in range(ROUNDS):
                while True:
                    old = await store.get(record(1).key_id)
                    assert old is not None
                    if await store.update(changed(old, metadata={"sum": old.metadata["sum"] + 1})):
                        break

        async def scenario() -> None:
            await store.insert([new(1, metadata={"sum": 0})])
            await asyncio.gather(add(), add(), add())

        bridge.play(scenario())
        final = bridge.get(record(1).key_id)
        assert final is not None
        assert (final.metadata["sum"], final.revision) == (3 * ROUNDS, 3 * ROUNDS + 1)

    def test_tasks_make_one_successor(self, another: Callable[[], OnALoop]) -> None:
        """If many tasks rotate one key at once, exactly one succeeds."""
        bridge = another()
        store = bridge.store

        async def scenario() -> list[bool]:
            await store.insert([new(1)])
            return await asyncio.gather(*(store.rotate(*rotated(record(1), number)) for number in range(2, 10)))

        won = bridge.play(scenario())
        assert sum(won) == 1
        assert [bridge.get(record(number).key_id) is not None for number in range(2, 10)] == won

    def test_tasks_may_be_cancelled(self, another: Callable[[], OnALoop]) -> None:
        """A cancelled call stores its change whole or not at all, and the store answers afterwards."""
        bridge = another()
        store = bridge.store

        async def scenario() -> None:
            await store.insert([new(number) for number in range(100, 100 + ROUNDS)])
            for number in range(ROUNDS):
                call = asyncio.ensure_future(store.rotate(*rotated(record(100 + number), 200 + number)))
                look = asyncio.ensure_future(store.get(record(100).key_id))
                for _ in range(number):
                    await asyncio.sleep(0)
                call.cancel()
                look.cancel()
                await asyncio.gather(call, look, return_exceptions=True)
            await store.insert([new(1)])

        bridge.play(scenario())
        bridge.close()
        after = another()
        for number in range(ROUNDS):
            old, successor = after.get(record(100 + number).key_id), after.get(record(200 + number).key_id)
            assert old is not None
            assert (old.successor is not None) == (successor is not None)
            assert len(after.events(old.key_id)) == old.revision
        assert after.get(record(1).key_id) == record(1)
