"""The asynchronous clients of one vault, one per event loop; bounded and silent like the blocking client.

In addition, every call ends in time, whatever it waits for. The client of a loop lives in an asynchronous generator,
which ``asyncio.run`` closes with its loop if you did not call ``aclose``.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from secretsource._ground.flow import arun
from secretsource.providers._azure.client import Renewal, explained, flaw_of, import_azure, is_refusal
from secretsource.providers._azure.question import TIMED_OUT, held, listed, was_let_in
from secretsource.providers._azure.wiring import mark_of
from secretsource.providers._wire.bounded_http import Bounds, bounds_of_call
from secretsource.providers._wire.errand import in_thread
from secretsource.providers.base import Failed, FailureCode

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from secretsource.providers._azure.opened import Opened, VaultSettings
    from secretsource.providers._azure.question import Answer, Conversation, Question
    from secretsource.providers.base import NotFound, Outcome

__all__ = ["AsyncVaultClient"]

PACKAGES = ("azure.identity.aio", "azure.keyvault.secrets.aio", "secretsource.providers._azure.connections")

PATIENCE = 1.0
"""Seconds within which a call must end when the client is closed."""

CLOSED = Failed(FailureCode.UNAVAILABLE, "its client was closed before Key Vault could answer")


class OnLoop:
    """The asynchronous client on one event loop.

    Attributes:
        turn: Held by the call that runs alone.
        let_in: Whether the vault has accepted a token.
        opened: The client, or None if the next call must make it.
        is_closing: Whether the running calls are being ended.
    """

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.let_in = False
        self.opened: Opened | None = None
        self.is_closing = False
        self.renewal = Renewal()
        self._former: Opened | None = None
        self._calls: set[asyncio.Timeout] = set()
        self._is_idle = asyncio.Event()

    def begin(self, call: asyncio.Timeout) -> None:
        """Register a call, with the means to end it."""
        self._calls.add(call)

    def end(self, call: asyncio.Timeout) -> None:
        """Forget a call that has ended."""
        self._calls.discard(call)
        if not self._calls:
            self._is_idle.set()

    async def forget(self, opened: Opened | None) -> None:
        """Let the next call make a new client; the old one is closed when no call can use it any more."""
        if opened is not None and self.opened is opened:
            out_of_use, self._former = self._former, opened
            self.opened, self.let_in = None, False
            if out_of_use is not None:
                await out_of_use.aclose()

    async def close(self) -> None:
        """End every call, then close every client."""
        self.is_closing = True
        for call in self._calls:
            if not call.expired():
                call.reschedule(0)
        if self._calls:
            self._is_idle.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_idle.wait(), PATIENCE)
        for opened in (self.opened, self._former):
            if opened is not None:
                await opened.aclose()


class AsyncVaultClient:
    """The asynchronous clients of one vault, one per event loop.

    Args:
        settings: The vault, and the way to reach it.
    """

    def __init__(self, settings: VaultSettings) -> None:
        self._settings = settings
        self.reset()

    def reset(self) -> None:
        """Forget every client without using it."""
        self._loops: dict[asyncio.AbstractEventLoop, tuple[OnLoop, AsyncGenerator[OnLoop]]] = {}

    async def aclose(self) -> None:
        """Close the client of the running loop."""
        _, lifetime = self._loops.pop(asyncio.get_running_loop(), (None, None))
        if lifetime is not None:
            await lifetime.aclose()

    async def carry(self, conversation: Conversation, deadline: float) -> Outcome:
        """Put the questions of a conversation until it has an outcome, or until the deadline.

        Args:
            conversation: The questions to put.
            deadline: Monotonic seconds at which it must end.
        """
        left = deadline - monotonic()
        if left <= 0:
            return TIMED_OUT
        here = await self._here()
        outside = bounds_of_call.get()
        call = asyncio.timeout(left)
        try:
            bounds_of_call.set(Bounds(deadline))
            async with call:
                here.begin(call)
                return await arun(conversation, partial(self._ask, here, deadline))
        except TimeoutError:
            return CLOSED if here.is_closing else TIMED_OUT
        except asyncio.CancelledError as error:
            message = error.args
        finally:
            try:
                here.end(call)
            finally:
                bounds_of_call.set(outside)
        # An error raised from here carries none of azure's frames.
        raise asyncio.CancelledError(*message)

    async def _here(self) -> OnLoop:
        """Return the client of the running loop, stored until the loop ends."""
        loop = asyncio.get_running_loop()
        if loop not in self._loops:
            self._loops = {other: kept for other, kept in self._loops.items() if not other.is_closed()}
            lifetime = _lifetime()
            self._loops[loop] = (await anext(lifetime), lifetime)
        return self._loops[loop][0]

    async def _ask(self, here: OnLoop, deadline: float, question: Question) -> Answer:
        if not here.let_in:
            async with here.turn:
                if not here.let_in:
                    answer = await self._put(here, question, deadline)
                    here.let_in = was_let_in(answer)
                    return answer
        return await self._put(here, question, deadline)

    async def _put(self, here: OnLoop, question: Question, deadline: float, *, again: bool = True) -> Answer:
        """Make one call; an exception of azure becomes an answer."""
        opened: Opened | None = None
        try:
            opened = here.opened
            if opened is None:
                flaw = flaw_of(self._settings)
                if flaw is not None:
                    return flaw
                await in_thread(import_azure, deadline, *PACKAGES)
                opened = here.opened or self._open(here)
            if question.permission == "secrets/get":
                return held(await opened.client.get_secret(question.name, question.version))
            pages = opened.client.list_properties_of_secret_versions(question.name)
            return [listed(about) async for about in pages]
        except Exception as error:
            answer = explained(error, question.permission, opened, self._settings, deadline)
        if again and await self._renewed(here, answer, opened):
            return await self._put(here, question, deadline, again=False)
        return answer

    async def _renewed(self, here: OnLoop, answer: NotFound | Failed, opened: Opened | None) -> bool:
        """Do the same as the method of the blocking client."""
        if opened is None or not is_refusal(answer) or self._settings.credential is not None:
            return False
        if here.opened is opened:
            if not here.let_in and not here.renewal.begins(monotonic()):
                return False
            await here.forget(opened)
        return opened.mark != mark_of(os.environ)

    def _open(self, here: OnLoop) -> Opened:
        from secretsource.providers._azure.opening import aopen_vault

        here.opened = aopen_vault(self._settings)
        return here.opened


async def _lifetime() -> AsyncGenerator[OnLoop]:
    here = OnLoop()
    try:
        yield here
    finally:
        await here.close()
