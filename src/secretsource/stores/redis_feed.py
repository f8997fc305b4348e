"""News of changes over Redis or Valkey, beside any store: each `ApiKeys` announces its commits to the others.

    feed = RedisChangeFeed("redis://localhost:6379/0")
    keys = ApiKeys(store, feed=feed, peppers=peppers)

Pub/sub stores nothing for an absent listener (https://valkey.io/topics/pubsub/). So after every start and every gap,
the listener is told that any record may have changed. A silent connection is pinged, and dropped if it stays silent.
News that could not be sent is counted and passed to ``on_error``, never raised: the change is committed. The other
processes learn of the gap with the next news that can be sent. The listening half of the same process retries about
once a second; until then their caches have the ttl. The user needs ``+publish +subscribe +ping`` on the channel.
"""

from __future__ import annotations

from time import monotonic

from secretsource._redis import Address, Outage
from secretsource._traceless import traceless
from secretsource.stores._feed import news as _news
from secretsource.stores._feed.listening import Listening
from secretsource.stores._feed.news import GAP

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence
    from typing import Any

    import redis
    import redis.asyncio

    from secretsource.exceptions import StoreError
    from secretsource.stores.base import KeyChange, Subscription

__all__ = ["AsyncRedisChangeFeed", "RedisChangeFeed"]

CHANNEL = "secretsource:keys"
DOING = "announcing a changed key"
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
"""Seconds before a new attempt to connect; doubled each time."""


class _Feed:
    """The base of both feeds: a listening thread per subscription; its arguments are those of `RedisChangeFeed`."""

    @traceless
    def __init__(
        self,
        url: str,
        *,
        timeout: float = 0.25,
        pause: float = 1.0,
        patience: float = 3.0,
        channel: str = CHANNEL,
        on_error: Callable[[StoreError], None] | None = None,
    ) -> None:
        self._address = Address(url, timeout)
        self._outage = Outage(DOING, self._address.place, pause, on_error)
        self._patience = patience
        self._channel = channel
        self._untold = False

    @property
    def failures(self) -> int:
        """News that could not be sent."""
        return self._outage.failures

    @traceless
    def subscribe(self, listener: Callable[[KeyChange], None]) -> Subscription:
        """Start a subscription as `ChangeFeed.subscribe` does; it ends within a third of ``patience``.

        Raises:
            ConfigurationError: A part of the URL cannot be read.
        """
        ear = _Ear(self._address, self._channel, self._patience, self._catch_up)
        pauses = (FIRST_PAUSE, LONGEST_PAUSE)
        listening = Listening(self._address.place, ear.hear, _explain, listener, pauses)
        listening.begin()
        return listening

    def _take(self, changes: Sequence[KeyChange]) -> str:
        """Return the text for changes; earlier unsent news puts every record in doubt."""
        untold, self._untold = self._untold, False
        return " ".join(map(_news.written, [GAP] if untold else changes))

    def _drop(self) -> None:
        """Note news that is not sent, because the server did not answer a moment ago."""
        self._untold = True
        self._outage.tell()

    def _fail(self, error: Exception, now: float) -> None:
        """Note news that could not be sent."""
        self._untold = True
        self._outage.begin(error, now)

    def _catch_up(self, client: redis.Redis) -> None:
        """Announce the gap as soon as the server answers again."""
        if self._untold:
            message = self._take(())
            try:
                client.publish(self._channel, message)
            except BaseException:
                self._untold = True
                raise

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._address.place!r}, channel={self._channel!r})"


class RedisChangeFeed(_Feed):
    """News over Redis or Valkey, for `ApiKeys`.

    Args:
        url: The server, such as ``redis://user:password@host:6379/0``; ``rediss://`` for TLS, ``valkey://`` is the
            same.
        timeout: Seconds that connecting, and an answer, may take.
        pause: Seconds for which a server that did not answer is sent nothing; 0 always tries.
        patience: Seconds of silence, with a ping unanswered, after which a connection counts as lost.
        channel: The channel of the news; use one per set of keys.
        on_error: Called with each news that could not be sent: count them. It must return at once.

    Raises:
        ConfigurationError: The URL or the timeout cannot work.
    """

    _client: redis.Redis | None = None

    def publish(self, changes: Sequence[KeyChange]) -> None:
        """Announce committed changes; see `ChangeBus.publish`."""
        now = monotonic()
        if self._outage.lasts(now):
            self._drop()
            return
        client = self._client = self._client or self._address.connect()
        try:
            client.publish(self._channel, self._take(changes))
        except Exception as error:  # redis-py may raise any for an answer that it cannot read, such as ValueError
            self._fail(error, now)
        except BaseException:  # of a signal's handler: it may not have been sent
            self._untold = True
            raise

    def close(self) -> None:
        """Release the publishing connection; each subscriber ends its own subscription."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


class AsyncRedisChangeFeed(_Feed):
    """The same as `RedisChangeFeed`, for `AsyncApiKeys`."""

    _client: redis.asyncio.Redis | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    async def publish(self, changes: Sequence[KeyChange]) -> None:
        """Do the same as `RedisChangeFeed.publish`."""
        now = monotonic()
        if self._outage.lasts(now):
            self._drop()
            return
        client = self._connect()
        try:
            await client.publish(self._channel, self._take(changes))
        except Exception as error:  # as in `RedisChangeFeed.publish`
            self._fail(error, now)
        except BaseException:  # a cancellation: it may not have been sent
            self._untold = True
            raise

    def _connect(self) -> redis.asyncio.Redis:
        from asyncio import get_running_loop

        loop = get_running_loop()
        if self._client is None or self._loop is not loop:  # connections belong to the loop that opened them
            self._client, self._loop = self._address.aconnect(), loop
        return self._client

    async def close(self) -> None:
        """Do the same as `RedisChangeFeed.close`."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


class _Ear:
    """The listening function of one subscription."""

    def __init__(
        self, address: Address, channel: str, patience: float, catch_up: Callable[[redis.Redis], None]
    ) -> None:
        self._client = address.connect(listens=True)  # an unreadable URL is reported here, not in a thread
        self._channel = channel
        self._patience = patience
        self._catch_up = catch_up

    def hear(self, listening: Listening) -> None:
        """Listen until the end, or until nothing arrives for too long."""
        client: Any = self._client  # redis-py leaves its pubsub without types
        try:
            with client.pubsub() as pubsub:
                pubsub.subscribe(self._channel)
                self._pass_on(pubsub, listening)
        finally:
            client.close()

    def _pass_on(self, pubsub: Any, listening: Listening) -> None:
        heard = monotonic()
        while not listening.ended.is_set():
            self._catch_up(self._client)
            message = pubsub.get_message(timeout=self._patience / 3)
            if message is not None:
                heard = monotonic()
                _hear(message, listening)
            elif monotonic() - heard > self._patience:
                return
            else:
                pubsub.ping()


def _hear(message: dict[str, Any], listening: Listening) -> None:
    listening.note()
    if message["type"] == "subscribe":  # the client may also have reconnected by itself
        listening.prove()
        listening.tell(GAP)
    elif message["type"] == "message":
        for change in _read(message["data"]):
            listening.tell(change)


def _read(payload: bytes) -> list[KeyChange]:
    """Return the changes in a message; an unreadable message puts every record in doubt."""
    changes = [_news.read(word) for word in payload.decode("ascii", "replace").split(" ")]
    return [GAP] if GAP in changes else changes


def _explain(error: Exception) -> str:
    return f"cannot listen ({type(error).__name__}): look at the server, its address and its password"
