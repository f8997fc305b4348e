"""The rules for a driver with a native asynchronous client."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import pytest

from secretsource.providers.base import AsyncProvider, NotFound
from secretsource.testing._cases import (
    ABSENT,
    CANARY,
    NAME,
    OTHER,
    assert_unseen,
    failed,
    found,
    needs,
    provoke,
    told,
    value_of,
)
from secretsource.testing._providers.conformance import ProviderConformance

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from secretsource.providers.base import Outcome
    from secretsource.testing.harness import ProviderHarness

    Answer = TypeVar("Answer")

__all__ = ["AsyncProviderConformance"]


class AsyncProviderConformance(ProviderConformance):
    """The cases of an `AsyncProvider`, beside those of every provider; each runs on its own event loop."""

    def on_a_loop(self, harness: ProviderHarness, scenario: Callable[[AsyncProvider], Awaitable[Answer]]) -> Answer:
        """Play a scenario on a new event loop, and close the asynchronous client before the loop ends."""
        provider = harness.provider
        assert isinstance(provider, AsyncProvider)

        async def play() -> Answer:
            try:
                return await scenario(provider)
            finally:
                await provider.aclose()

        return asyncio.run(play())

    async def afetch(self, provider: AsyncProvider, harness: ProviderHarness, name: str = NAME) -> Outcome:
        """Ask for one name with the ordinary timeout."""
        return await provider.afetch(harness.ref(name).document, timeout=self.timeout)

    def test_async_agrees_with_fetch(self, harness: ProviderHarness) -> None:
        """The asynchronous answer is the synchronous one: value, version and absence."""
        harness.put(NAME, "there")

        async def scenario(provider: AsyncProvider) -> list[Outcome]:
            return [await self.afetch(provider, harness, name) for name in (NAME, ABSENT)]

        there, absent = self.on_a_loop(harness, scenario)
        assert value_of(there, harness.ref(NAME)) == "there"
        assert found(there).version == found(self.fetch(harness)).version
        assert isinstance(absent, NotFound)

    @needs("fault")
    def test_async_fault_agrees_with_fetch(
        self, fault: str, harness: ProviderHarness, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A fault has the same code on both paths, within the timeout, and neither shows a secret."""
        caplog.set_level(logging.DEBUG)
        harness.put(NAME, CANARY)
        provoke(harness, fault)
        ref, timeout = harness.ref(NAME).document, self.allowed(fault)

        async def scenario(provider: AsyncProvider) -> Outcome:
            return await provider.afetch(ref, timeout=timeout)

        started = monotonic()
        outcome = self.on_a_loop(harness, scenario)
        assert monotonic() - started <= timeout + self.slack
        assert failed(outcome).code is failed(harness.provider.fetch(ref, timeout=timeout)).code
        assert_unseen(CANARY, repr(outcome), repr(harness.provider), *told(caplog))

    def test_async_calls_run_at_once(self, harness: ProviderHarness) -> None:
        """Several tasks on one loop each get their own answer."""
        harness.put(NAME, "mine")
        harness.put(OTHER, "yours")

        async def scenario(provider: AsyncProvider) -> list[Outcome]:
            return await asyncio.gather(*(self.afetch(provider, harness, name) for name in [NAME, OTHER] * 4))

        answers = self.on_a_loop(harness, scenario)
        assert [value_of(outcome, harness.ref(NAME)) for outcome in answers] == ["mine", "yours"] * 4

    @needs("hang", "heal")
    def test_cancelled_while_waiting(self, harness: ProviderHarness) -> None:
        """A task cancelled while it waits for the service ends at once, and leaves the provider usable."""
        harness.put(NAME, "there")
        harness.hang()

        async def scenario(provider: AsyncProvider) -> Outcome:
            waiting = asyncio.ensure_future(self.afetch(provider, harness))
            done, _ = await asyncio.wait({waiting}, timeout=self.patience)
            assert not done
            waiting.cancel()
            await asyncio.wait({waiting}, timeout=self.slack)
            assert waiting.cancelled()
            harness.heal()
            return await self.afetch(provider, harness)

        assert value_of(self.on_a_loop(harness, scenario), harness.ref(NAME)) == "there"

    def test_async_on_a_second_event_loop(self, harness: ProviderHarness) -> None:
        """A client bound to a loop that has ended is not used on the next one."""
        harness.put(NAME, "there")

        async def scenario(provider: AsyncProvider) -> Outcome:
            return await self.afetch(provider, harness)

        for _ in range(2):
            assert value_of(self.on_a_loop(harness, scenario), harness.ref(NAME)) == "there"

    def test_async_closed_twice(self, harness: ProviderHarness) -> None:
        """Closing again, after use or without it, does nothing."""
        harness.put(NAME, "there")

        async def unused(provider: AsyncProvider) -> None:
            await provider.aclose()

        async def used(provider: AsyncProvider) -> None:
            await self.afetch(provider, harness)
            await provider.aclose()

        self.on_a_loop(harness, unused)
        self.on_a_loop(harness, used)
