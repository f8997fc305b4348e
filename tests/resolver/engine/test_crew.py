"""The tasks that carry the flights of one batch to a driver with a native client."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from secretsource import AsyncResolver
from secretsource.exceptions import ProviderUnavailable
from secretsource.providers.base import Found
from secretsource.testing import ScriptedAsyncProvider

if TYPE_CHECKING:
    from secretsource.providers.base import Outcome, SecretRef

NAMES = [f"N{i}" for i in range(40)]


class Counting(ScriptedAsyncProvider):
    """Counts how many calls are under way; each is, for a few turns of the loop."""

    now = most = 0

    async def afetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        self.now += 1
        self.most = max(self.most, self.now)
        for _ in range(3):
            await asyncio.sleep(0)
        self.now -= 1
        return await super().afetch(ref, timeout=timeout)


class Stubborn(ScriptedAsyncProvider):
    """Answers when it is told to go."""

    async def afetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return Found("late")


async def test_no_more_than_32_at_once() -> None:
    """A large batch is asked for in turns."""
    provider = Counting(dict.fromkeys(NAMES, "v"))
    resolver = AsyncResolver([provider])
    assert await resolver.get_many(NAMES) == dict.fromkeys(NAMES, "v")
    assert (provider.calls, provider.most) == (40, 32)
    await asyncio.sleep(0)
    assert not resolver._tasks


async def test_the_end_of_their_time() -> None:
    """All are cut off at the deadline; a name whose turn had not come is not held against its provider."""
    provider = ScriptedAsyncProvider(dict.fromkeys(NAMES, "v"))
    resolver = AsyncResolver([provider], deadline=0.1)
    with provider.hold(), pytest.raises(ProviderUnavailable):
        await resolver.get_many(NAMES)
    assert provider.calls == 32
    assert await resolver.get(NAMES[-1]) == "v"
    with pytest.raises(ProviderUnavailable):
        await resolver.get(NAMES[0])
    assert provider.calls == 33
    await resolver.close()


async def test_one_that_is_cancelled() -> None:
    """Who waits for its flight is told so at once; the others go on, and take on what it had left."""
    provider = ScriptedAsyncProvider(dict.fromkeys(NAMES, "v"))
    resolver = AsyncResolver([provider])
    with provider.hold() as gate:
        batch = asyncio.create_task(resolver.get_many(NAMES))
        while provider.calls < 32:
            await asyncio.sleep(0)
        single = asyncio.create_task(resolver.get(provider.awaited[0].location))
        await asyncio.sleep(0)
        first = min(resolver._tasks, key=lambda task: int(task.get_name().rpartition("-")[2]))
        first.cancel()
        with pytest.raises(ProviderUnavailable, match="interrupted"):
            await single
        assert not batch.done()
        gate.open()
        with pytest.raises(ProviderUnavailable, match="interrupted"):
            await batch
    assert provider.calls == 40
    assert await resolver.get_many(NAMES[1:]) == dict.fromkeys(NAMES[1:], "v")
    assert provider.calls == 40


async def test_one_that_does_not_go() -> None:
    """What a driver says after it was cut off is not kept."""
    resolver = AsyncResolver([Stubborn()], deadline=0.05)
    with pytest.raises(ProviderUnavailable):
        await resolver.get("NAME")
    while resolver._tasks:
        await asyncio.sleep(0)
    with pytest.raises(ProviderUnavailable):
        await resolver.get("NAME")
