"""The shared parts of the drivers of Redis and Valkey: reading an address, making a client, and surviving an outage."""

from __future__ import annotations

from functools import lru_cache
from time import monotonic

from secretsource._ground import fork
from secretsource._ground.key_text import quote
from secretsource._ground.listeners import Listeners
from secretsource.exceptions import ConfigurationError, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any

    import redis
    import redis.asyncio

SCHEMES = {"valkey": "redis", "valkeys": "rediss", "redis": "redis", "rediss": "rediss", "unix": "unix"}

_CONNECTIONS = {"redis": "Connection", "rediss": "SSLConnection", "unix": "UnixDomainSocketConnection"}
"""redis-py's classes of connections, by the scheme."""
MOST_CONNECTIONS = 10_000
"""Connections of one client: as many as threads ask at once. redis-py refuses more than 100 unless it is told."""


class Address:
    """The place of a server, and its time limit.

    Args:
        url: ``redis://user:password@host:6379/0``, ``rediss://`` (TLS), ``unix:///path``; ``valkey://`` and
            ``valkeys://`` are the same. Parameters as redis-py reads them.
        timeout: Seconds that connecting, and an answer, may take.

    Attributes:
        timeout: Seconds that connecting, and an answer, may take.
        place: The place without user and password; for messages.

    Raises:
        ConfigurationError: The URL cannot work; it is not quoted, for it may hold a password.
    """

    __slots__ = ("_url", "place", "timeout")

    def __init__(self, url: str, timeout: float) -> None:
        scheme, colon, rest = url.partition("://")
        if not colon or scheme not in SCHEMES:
            del url, rest
            raise ConfigurationError("the address of a Redis or Valkey must be a URL such as  redis://localhost:6379/0")
        if not timeout > 0:
            del url, rest
            raise ConfigurationError(f"a timeout must be in seconds and over 0, not {quote(timeout)}")
        place = rest.rpartition("@")[2].partition("?")[0]
        self._url = f"{SCHEMES[scheme]}://{rest}"
        self.place = f"{scheme}://{place}"
        self.timeout = timeout

    def connect(self, *, listens: bool = False) -> redis.Redis:
        """Return a client for threads; it connects when it is first asked.

        A connection that broke while idle is replaced once. A late answer is not requested again, because the server
        may have done the work.

        Args:
            listens: Whether it waits for news; otherwise each answer must be whole within the timeout.

        Raises:
            ConfigurationError: A part of the URL cannot be read.
        """
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        once = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
        kind: dict[str, Any] = {} if listens else {"connection_class": _punctual(self._url.partition("://")[0])}
        try:
            return redis.Redis.from_url(
                self._url,
                socket_timeout=self.timeout,
                socket_connect_timeout=self.timeout,
                retry=once,
                max_connections=MOST_CONNECTIONS,
                **kind,
            )
        except ValueError:
            pass
        raise ConfigurationError(f"the URL of {self.place} cannot be read: look at its port and its parameters")

    def aconnect(self) -> redis.asyncio.Redis:
        """Do the same as `connect`, for one event loop."""
        import redis.asyncio
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        once = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
        try:
            return redis.asyncio.Redis.from_url(
                self._url, socket_timeout=self.timeout, socket_connect_timeout=self.timeout, retry=once
            )
        except ValueError:
            pass
        raise ConfigurationError(f"the URL of {self.place} cannot be read: look at its port and its parameters")

    def __repr__(self) -> str:
        return f"Address({self.place!r})"


@lru_cache(maxsize=3)
def _punctual(scheme: str) -> type:
    """Return the class of redis-py's connections of a scheme, on a `_PunctualSocket`."""
    import redis.connection

    plain: Any = getattr(redis.connection, _CONNECTIONS[scheme])

    class Connection(plain):  # type: ignore[misc]  # the class follows from the scheme
        def _connect(self) -> Any:
            connected, timeout = super()._connect(), self.socket_timeout
            return connected if timeout is None else _PunctualSocket(connected, timeout)

    return Connection


class _PunctualSocket:
    """A socket on which an answer must be whole within a time after its question.

    redis-py gives that time to each piece of an answer, so that a server which sends a byte now and then would hold a
    thread for good.

    Args:
        connected: The socket.
        timeout: Its timeout, in seconds.
    """

    __slots__ = ("_begun", "_is_shortened", "_socket", "_timeout", "_until")

    def __init__(self, connected: socket.socket, timeout: float) -> None:
        self._socket = connected
        self._timeout = timeout
        self._until = 0.0
        self._begun = self._is_shortened = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def sendall(self, question: bytes) -> None:
        """Send a question; its time begins now."""
        if self._is_shortened:
            self._socket.settimeout(self._timeout)
            self._is_shortened = False
        self._begun, self._until = False, monotonic() + self._timeout
        self._socket.sendall(question)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return a piece of the answer."""
        if not flags:  # with them, it only looks whether the server has gone
            self._take()
        return self._socket.recv(size, flags)

    def recv_into(self, buffer: bytearray) -> int:
        """Do the same, into a buffer: hiredis reads so."""
        self._take()
        return self._socket.recv_into(buffer)

    def _take(self) -> None:
        if self._begun:  # the first piece has all the time, and mostly there is no other
            left = self._until - monotonic()
            if left <= 0:
                raise TimeoutError("the answer is not whole in time")
            self._socket.settimeout(left)
            self._is_shortened = True
        self._begun = True


class Outage:
    """The memory of a server that did not answer: it is not asked again for a moment, and each failure is announced.

    Args:
        doing: The failing work, for messages: "drawing on a limit".
        place: The place of the server.
        pause: Seconds for which a server that did not answer is not asked; 0 always asks.
        on_error: Called with each failure; it must return at once, and what it raises goes no further.

    Attributes:
        failures: The number of missing answers, including those not requested during a pause.
    """

    __slots__ = ("_doing", "_listeners", "_lock", "_pause", "_place", "_until", "failures")

    def __init__(self, doing: str, place: str, pause: float, on_error: Callable[[StoreError], None] | None) -> None:
        self._doing = doing
        self._place = place
        self._pause = pause
        self._listeners = Listeners[StoreError]()
        if on_error is not None:
            self._listeners.add(on_error)
        self._until = float("-inf")
        self._lock = fork.lock()  # a signal's handler may ask, too
        self.failures = 0

    def lasts(self, mono: float) -> bool:
        """Return whether to leave the server alone at ``mono`` (monotonic seconds)."""
        return mono < self._until

    def begin(self, fault: BaseException, mono: float) -> StoreError:
        """Note that the server failed, and announce it; a refusal of one request is not an outage."""
        if isinstance(fault, _silence()):
            self._until = mono + self._pause
        return self.tell(type(fault).__name__)

    def tell(self, why: str = "it did not answer a moment ago") -> StoreError:
        """Return the error to raise, after counting and announcing it."""
        error = StoreError(
            f"{self._doing} failed at {self._place} ({why}): look at the server, its address and its password"
        )
        with self._lock:
            self.failures += 1
        self._listeners.tell(error)
        return error


def require() -> None:
    """Report now, and not at the first question, that redis-py is not installed.

    Raises:
        ConfigurationError: It is not.
    """
    from importlib.util import find_spec

    if find_spec("redis") is None:
        raise ConfigurationError("Redis and Valkey need the package redis: run  pip install 'secretsource[redis]'")


@lru_cache(maxsize=1)
def _silence() -> tuple[type[Exception], ...]:
    from redis import ConnectionError, TimeoutError

    return (ConnectionError, TimeoutError, OSError)
