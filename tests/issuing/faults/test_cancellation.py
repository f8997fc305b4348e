"""Tasks that are cancelled wherever they wait: nothing is stuck, half made or counted twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.issuing import NO_SCOPE, AsyncApiKeys
from secretsource.issuing.limits import LocalLimiter
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from secretsource.issuing.limits import Draw, Plan

PEPPER = "a pepper of the tests, long enough"


class WaitingStore(AsyncMemoryStore):
    """A store that waits before and after everything it does."""

    def __getattribute__(self, name: str) -> Any:
        given: Any = super().__getattribute__(name)
        if name.startswith("_") or name == "subscribe":
            return given
        return WaitingRegister(given) if name in {"owners", "plans", "counts", "credits"} else waiting(given)


class WaitingRegister:
    """A register that waits before and after everything it does."""

    def __init__(self, register: Any) -> None:
        self._register = register

    def __getattr__(self, name: str) -> Any:
        return waiting(getattr(self._register, name))


def waiting(given: Any) -> Any:
    """A coroutine function that waits before and after what it does."""

    async def wait(*arguments: Any, **keywords: Any) -> Any:
        await asyncio.sleep(0)
        answer = await given(*arguments, **keywords)
        await asyncio.sleep(0)
        return answer

    return wait


class WaitingLimiter:
    """A limiter that waits before and after each draw."""

    def __init__(self) -> None:
        self._local = LocalLimiter()

    async def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        await asyncio.sleep(0)
        draw = self._local.draw(key, plan, cost, mono, wall)
        await asyncio.sleep(0)
        return draw


class World:
    """Keys of a rotated key, a limited one and an imported one, over a store that waits."""

    async def begin(self) -> World:
        self.store = MemoryStore()
        self.keys = AsyncApiKeys(
            WaitingStore(self.store), peppers=[PEPPER], flush_every=1e9, limiter=WaitingLimiter(), imported=True
        )
        self.limited = await self.keys.issue(owner="acme", rate_limit="1000000/second")
        self.old = await self.keys.issue(owner="acme")
        self.new = await self.keys.rotate(self.old.record.key_id, overlap=3600)
        return self

    async def check(self) -> None:
        for text in (self.limited.plaintext, self.old.plaintext):
            assert await self.keys.check(text, scope=NO_SCOPE, fresh=True)

    async def judge(self) -> None:
        """Everything answers; each record has its events; uses of the old key are counted once."""
        before = self.store.usage(self.old.record.key_id).requests
        assert before in {0, 1}
        for text in (self.limited.plaintext, self.new.plaintext):
            assert text is not None
            assert await self.keys.check(text, scope=NO_SCOPE)
        issued = await self.keys.issue(owner="more")
        assert await self.keys.check(issued.plaintext, scope=NO_SCOPE)
        await self.keys.flush()
        assert self.store.usage(self.old.record.key_id).requests in {0, 1}
        for record in (await self.keys.list()).records:
            events = await self.keys.events(record.key_id)
            assert [event.revision for event in events] == [*range(1, record.revision + 1)]
        await self.keys.close()


async def flush(world: World) -> None:
    """A use that is stored."""
    await world.check()
    await world.keys.flush()


ACTS: dict[str, Callable[[World], Awaitable[object]]] = {
    "check": World.check,
    "flush": flush,
    "issue": lambda world: world.keys.issue_many([{"owner": "x"}, {"owner": "y"}]),
    "rotate": lambda world: world.keys.rotate(world.limited.record.key_id, overlap=60),
    "rotation_status": lambda world: world.keys.rotation_status(world.old.record.key_id),
    "finish_rotation": lambda world: world.keys.finish_rotation(world.old.record.key_id),
    "revoke": lambda world: world.keys.revoke(world.old.record.key_id),
    "revoke_all": lambda world: world.keys.revoke_all(owner="nobody"),
    "disable": lambda world: world.keys.disable(world.limited.record.key_id),
    "surrender": lambda world: world.keys.surrender(world.old.plaintext),
    "import": lambda world: world.keys.import_rows([{"owner": "z", "hash": "sha256$" + "0" * 64}]),
    "list": lambda world: world.keys.list(),
    "close": lambda world: world.keys.close(),
}


async def test_a_check_that_is_cancelled_while_it_pays_holds_no_place() -> None:
    """Wherever it waits for the store of the credits, the next request finds the place free."""
    cancelled, is_over = 0, False
    while not is_over:
        keys = AsyncApiKeys(WaitingStore(MemoryStore()), peppers=[PEPPER], flush_every=1e9)
        issued = await keys.issue(owner="acme", credits=9, rate_limit="1 at once")
        task = asyncio.ensure_future(keys.check(issued.plaintext, scope=NO_SCOPE, fresh=True))
        for _ in range(cancelled + 1):
            await asyncio.sleep(0)
        is_over = task.done()
        if is_over:
            await keys.release(await task)
        else:
            task.cancel()
            await asyncio.wait({task})
            cancelled += 1
        assert await keys.check(issued.plaintext, scope=NO_SCOPE, fresh=True)
        await keys.close()
    assert cancelled > 2


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
async def test_keys_outlive_a_cancellation_at_each_wait(
    act: Callable[[World], Awaitable[object]], record_property: Callable[[str, object], None]
) -> None:
    """Afterwards all keys are checked, made and flushed as before."""
    cancelled = 0
    while True:
        world = await World().begin()
        task = asyncio.ensure_future(act(world))
        for _ in range(cancelled + 1):
            await asyncio.sleep(0)
        if done := task.done():
            await task
        else:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled()
        if act is ACTS["disable"]:
            await asyncio.wait_for(world.keys.enable(world.limited.record.key_id), 10)
        await asyncio.wait_for(world.judge(), 10)
        if done:
            break
        cancelled += 1
    assert cancelled
    record_property("signals", f"cancelled: {cancelled}")
