"""What is between a process and the others: a slow store, and news that is lost, late and reordered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from tests.simulation.issuing.world import Heard

from secretsource.exceptions import StoreError
from secretsource.stores._adapted import adapted
from secretsource.stores.base import AsyncCreditStore, AsyncKeyStore, AsyncRegister, KeyChange, OwnerRecord, PlanRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.simulation.issuing.world import World

    from secretsource.stores.base import Change, Crowded, KeyEvent, KeyQuery, KeyRecord, Page, Usage, Use

__all__ = ["Bus", "Radio", "SlowStore"]

T = TypeVar("T")


class SlowStore(AsyncKeyStore):
    """The world's store behind a network: it pauses before and after it works, and fails at either time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._store = world.store
        self.owners = adapted(AsyncRegister[OwnerRecord], world.store.owners, self._asked)
        self.plans = adapted(AsyncRegister[PlanRecord], world.store.plans, self._asked)
        self.credits = adapted(AsyncCreditStore, world.store.credits, self._asked)

    async def _asked(self, question: Callable[..., T], *words: Any) -> T:
        world = self._world
        await world.pause()
        if world.chance(0.01):
            raise StoreError("the store could not be reached")
        answer = question(*words)
        await world.pause()
        if world.chance(0.01):
            raise StoreError("the answer of the store was lost")
        return answer

    async def get(self, key_id: str) -> KeyRecord | None:
        return await self._asked(self._store.get, key_id)

    async def revision(self, key_id: str) -> int | None:
        return await self._asked(self._store.revision, key_id)

    async def find(self, lookups: Sequence[bytes]) -> KeyRecord | None:
        return await self._asked(self._store.find, lookups)

    async def insert(self, changes: Sequence[Change]) -> frozenset[str]:
        return await self._asked(self._store.insert, changes)

    async def insert_within(
        self, changes: Sequence[Change], most: Mapping[str, int], now: float
    ) -> frozenset[str] | Crowded:
        return await self._asked(self._store.insert_within, changes, most, now)

    async def update(self, change: Change) -> bool:
        return await self._asked(self._store.update, change)

    async def update_all(self, changes: Sequence[Change]) -> bool:
        return await self._asked(self._store.update_all, changes)

    async def rotate(self, predecessor: Change, successor: Change) -> bool:
        return await self._asked(self._store.rotate, predecessor, successor)

    async def list(self, query: KeyQuery) -> Page:
        return await self._asked(self._store.list, query)

    async def events(self, key_id: str, *, after: int = 0, limit: int = 100) -> Sequence[KeyEvent]:
        return await self._asked(lambda: self._store.events(key_id, after=after, limit=limit))

    async def record_uses(self, uses: Sequence[Use]) -> None:
        await self._asked(self._store.record_uses, uses)

    async def usage(self, key_id: str) -> Usage:
        return await self._asked(self._store.usage, key_id)

    async def count_by_pepper(self, now: float) -> Mapping[str, int]:
        return await self._asked(self._store.count_by_pepper, now)

    async def seals(self) -> Mapping[str, bytes]:
        return self._store.seals()

    async def keep_seal(self, version: str, key: bytes) -> None:
        self._store.keep_seal(version, key)


class Bus:
    """Carries news to every process; it loses some, delays some, and repeats or makes up some."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._listeners: dict[int, Callable[[KeyChange], None]] = {}

    def listen(self, process: int, listener: Callable[[KeyChange], None]) -> None:
        """Let a process hear, in place of what it heard with before."""
        self._listeners[process] = listener

    def leave(self, process: int) -> None:
        """Let a process hear no more."""
        self._listeners.pop(process, None)

    def send(self, change: KeyChange) -> None:
        """Set one piece of news on its way to every process."""
        world = self._world
        for process in self._listeners:
            drawn = world.random.random()
            if drawn < 0.2:
                continue
            if drawn < 0.24:
                self._carry(process, KeyChange(None, 0))
            elif drawn < 0.26 and change.key_id is not None:
                self._carry(process, change._replace(revision=change.revision + 3))
            elif drawn < 0.3:
                self._carry(process, change)
            self._carry(process, change)

    def _carry(self, process: int, change: KeyChange) -> None:
        delay = self._world.random.choice((0.0, 0.0, 0.02, 0.3, 1.5, 4.0))
        asyncio.get_running_loop().call_later(delay, self.hear, process, change)

    def hear(self, process: int, change: KeyChange) -> None:
        """Let one process hear of a change now."""
        listener, world = self._listeners.get(process), self._world
        if listener is not None:
            listener(change)
            if change.owner is None and change.plan is None:
                world.heard.append(Heard(process, change.key_id, change.revision, world.moment()))


class Radio:
    """The bus as one process has it: a `ChangeBus`."""

    def __init__(self, bus: Bus, process: int) -> None:
        self._bus = bus
        self._process = process

    def subscribe(self, listener: Callable[[KeyChange], None]) -> Callable[[], None]:
        """Hear what is carried from now on."""
        self._bus.listen(self._process, listener)
        return lambda: self._bus.leave(self._process)

    async def publish(self, changes: Sequence[KeyChange]) -> None:
        """Set news on its way."""
        for change in changes:
            self._bus.send(change)
