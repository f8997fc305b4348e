"""Limits that many processes share, in Redis or Valkey.

Each draw is one ``EVALSHA`` (a script, see `_gcra`), sent again with its text when the server does not have it yet. The
user needs ``+evalsha +eval +time +mget +set`` on the keys of the prefix.

    ApiKeys(store, limiter=RedisLimiter("redis://localhost:6379/0"), on_limiter_error="local", processes=8)

A server that does not answer, or with anything else, raises `StoreError`, and ``on_limiter_error`` decides about the
check; ``on_error`` is called for each such draw, whatever you chose.
"""

from __future__ import annotations

from functools import partial

from secretsource._redis import Address, Outage, require
from secretsource._traceless import traceless
from secretsource.exceptions import ConfigurationError
from secretsource.limiters._gcra import DRAW, UNDO, answered, moved, question, undoing
from secretsource.limiters._lines import Lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from typing import Any, Self, TypeVar

    import redis.asyncio

    from secretsource.exceptions import StoreError
    from secretsource.limiters._gcra import Script
    from secretsource.limiters.base import Draw, Plan

    Read = TypeVar("Read")

__all__ = ["AsyncRedisLimiter", "RedisLimiter"]

PREFIX = "secretsource:limit:"
DOING = "drawing on a limit"
AT_ONCE = 32
"""Draws of one event loop that are on their way at once, each on a connection; further draws wait for their turn."""


class RedisLimiter:
    """Levels in Redis or Valkey, shared by every process that asks the same server; for threads.

    Args:
        url: A URL such as ``redis://user:password@host:6379/0``; ``rediss://`` for TLS, ``valkey://`` is the same.
        timeout: Seconds that connecting, and an answer, may take.
        pause: Seconds for which a server that did not answer is not asked again; 0 always asks.
        prefix: The beginning of the names of its keys.
        on_error: Called with each failure, also with those within the pause: count them. It must return at once.

    Raises:
        ConfigurationError: The URL or the timeout is wrong.
    """

    @traceless
    def __init__(
        self,
        url: str,
        *,
        timeout: float = 0.25,
        pause: float = 1.0,
        prefix: str = PREFIX,
        on_error: Callable[[StoreError], None] | None = None,
    ) -> None:
        self._address = Address(url, timeout)
        self._outage = Outage(DOING, self._address.place, pause, on_error)
        self._prefix = prefix
        self._lines = Lines(self._address)

    @classmethod
    def open(cls, url: str) -> Self:
        """Return a limiter by its URL, with the defaults for all else.

        Args:
            url: As for `RedisLimiter`.

        Raises:
            ConfigurationError: The URL is wrong, or the package ``redis`` is not installed.
        """
        require()
        return cls(url)

    @property
    def failures(self) -> int:
        """The number of draws that failed."""
        return self._outage.failures

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:  # noqa: ARG002 - see below
        """Draw on the account ``key``; see `Plan.draw`. The wall clock is the server's.

        Raises:
            StoreError: The server could not be asked, or refused; it is unknown whether it has drawn.
            ConfigurationError: A part of the URL cannot be read.
        """
        asked = question(self._prefix, key, plan, cost)
        return self._ask(DRAW, asked, mono, partial(answered, plan, cost, mono))

    def refund(self, key: str, draw: Draw, cost: int, mono: float, wall: float) -> None:  # noqa: ARG002 - the same
        """Refund what a draw took; see `RefundingLimiter.refund`. Errors are those of `draw`."""
        self._ask(UNDO, undoing(self._prefix, key, draw, cost, renew=False), mono, _unread)

    def renew(self, key: str, draw: Draw, mono: float, wall: float) -> Draw:  # noqa: ARG002 - the same
        """Renew leases; see `RefundingLimiter.renew`. Errors are those of `draw`."""
        asked = undoing(self._prefix, key, draw, 0, renew=True)
        return self._ask(UNDO, asked, mono, partial(moved, draw, mono))

    def _ask(self, script: Script, asked: tuple[Any, ...], mono: float, read: Callable[[bytes], Read]) -> Read:
        if self._outage.lasts(mono):
            raise self._outage.tell()
        try:
            return read(_ask(self._lines, script, asked))
        except (ConfigurationError, ImportError):
            raise
        except Exception as error:  # what cannot be read may raise any in redis-py and here, such as ValueError
            failure = self._outage.begin(error, mono)
        raise failure

    def close(self) -> None:
        """Close the connections; you may call it again."""
        self._lines.close()

    def __repr__(self) -> str:
        return f"RedisLimiter({self._address.place!r})"


class AsyncRedisLimiter:
    """A `RedisLimiter` with the same arguments, for an event loop; a draw may be cancelled."""

    @traceless
    def __init__(
        self,
        url: str,
        *,
        timeout: float = 0.25,
        pause: float = 1.0,
        prefix: str = PREFIX,
        on_error: Callable[[StoreError], None] | None = None,
    ) -> None:
        self._address = Address(url, timeout)
        self._outage = Outage(DOING, self._address.place, pause, on_error)
        self._prefix = prefix
        self._client: redis.asyncio.Redis | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turns: asyncio.Semaphore | None = None

    @classmethod
    def open(cls, url: str) -> Self:
        """Return a limiter as `RedisLimiter.open` does."""
        require()
        return cls(url)

    @property
    def failures(self) -> int:
        """The number of draws that failed."""
        return self._outage.failures

    async def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:  # noqa: ARG002 - the same
        """Draw as `RedisLimiter.draw` does."""
        asked = question(self._prefix, key, plan, cost)
        return await self._ask(DRAW, asked, mono, partial(answered, plan, cost, mono))

    async def refund(self, key: str, draw: Draw, cost: int, mono: float, wall: float) -> None:  # noqa: ARG002 - the same
        """Refund as `RedisLimiter.refund` does."""
        await self._ask(UNDO, undoing(self._prefix, key, draw, cost, renew=False), mono, _unread)

    async def renew(self, key: str, draw: Draw, mono: float, wall: float) -> Draw:  # noqa: ARG002 - the same
        """Renew as `RedisLimiter.renew` does."""
        asked = undoing(self._prefix, key, draw, 0, renew=True)
        return await self._ask(UNDO, asked, mono, partial(moved, draw, mono))

    async def _ask(self, script: Script, asked: tuple[Any, ...], mono: float, read: Callable[[bytes], Read]) -> Read:
        client, turns = self._connect()
        async with turns:
            if self._outage.lasts(mono):  # asked now, for the server may have failed while this question waited
                raise self._outage.tell()
            try:
                return read(await _aask(client, script, asked))
            except Exception as error:  # as in `RedisLimiter._ask`
                failure = self._outage.begin(error, mono)
        raise failure

    def _connect(self) -> tuple[redis.asyncio.Redis, asyncio.Semaphore]:
        from asyncio import Semaphore, get_running_loop

        loop = get_running_loop()
        if self._client is None or self._turns is None or self._loop is not loop:
            # A connection belongs to the loop that opened it.
            self._client, self._turns, self._loop = self._address.aconnect(), Semaphore(AT_ONCE), loop
        return self._client, self._turns

    async def close(self) -> None:
        """Close as `RedisLimiter.close` does."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def __repr__(self) -> str:
        return f"AsyncRedisLimiter({self._address.place!r})"


def _unread(_: bytes) -> None:
    """Take any answer: a refund has none that matters."""


def _ask(lines: Lines, script: Script, asked: tuple[Any, ...]) -> bytes:
    from redis.exceptions import NoScriptError

    answer: bytes
    try:
        answer = lines.ask("EVALSHA", script.digest, *asked)
    except NoScriptError:  # restarted, or flushed: its text also makes it known for the next time
        answer = lines.ask("EVAL", script.text, *asked)
    return answer


async def _aask(client: Any, script: Script, asked: tuple[Any, ...]) -> bytes:
    """Ask again on another connection, as `Lines.ask` does, if the server became a replica."""
    from redis import ReadOnlyError

    try:
        return await _aask_once(client, script, asked)
    except ReadOnlyError:
        await client.connection_pool.disconnect(inuse_connections=False)
    return await _aask_once(client, script, asked)


async def _aask_once(
    client: Any, script: Script, asked: tuple[Any, ...]
) -> bytes:  # redis-py does not type what a script answers
    from redis.exceptions import NoScriptError

    answer: bytes
    try:
        answer = await client.execute_command("EVALSHA", script.digest, *asked)
    except NoScriptError:
        answer = await client.execute_command("EVAL", script.text, *asked)
    return answer
