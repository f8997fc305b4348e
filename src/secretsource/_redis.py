"""What the drivers of Redis and Valkey share: how an address is read, a client made, and an outage told and sat out."""

from __future__ import annotations

from functools import lru_cache

from secretsource import _fork
from secretsource.exceptions import ConfigurationError, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    import redis
    import redis.asyncio

SCHEMES = {"valkey": "redis", "valkeys": "rediss", "redis": "redis", "rediss": "rediss", "unix": "unix"}


class Address:
    """Where a server is, and how long it may take.

    Args:
        url: ``redis://user:password@host:6379/0``, ``rediss://`` (TLS), ``unix:///path``; ``valkey://`` and
            ``valkeys://`` are the same. Parameters as redis-py reads them.
        timeout: Seconds that connecting, and an answer, may take.

    Attributes:
        timeout: Seconds that connecting, and an answer, may take.
        place: Where, without user and password; for messages.

    Raises:
        ConfigurationError: The URL cannot work; it is not quoted, for it may hold a password.
    """

    __slots__ = ("_url", "place", "timeout")

    def __init__(self, url: str, timeout: float) -> None:
        scheme, colon, rest = url.partition("://")
        if not colon or scheme not in SCHEMES:
            del url, rest
            raise ConfigurationError("the address of a Redis or Valkey is a URL such as  redis://localhost:6379/0")
        if not timeout > 0:
            del url, rest
            raise ConfigurationError(f"a timeout is in seconds and over 0, not {timeout!r}")
        place = rest.rpartition("@")[2].partition("?")[0]
        self._url = f"{SCHEMES[scheme]}://{rest}"
        self.place = f"{scheme}://{place}"
        self.timeout = timeout

    def connect(self) -> redis.Redis:
        """A client for threads; it connects when it is first asked.

        A connection that broke while it was idle is replaced once; an answer that is late is not asked for again, for
        the question may have been heard.

        Raises:
            ConfigurationError: A part of the URL cannot be read.
        """
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        once = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
        try:
            return redis.Redis.from_url(
                self._url, socket_timeout=self.timeout, socket_connect_timeout=self.timeout, retry=once
            )
        except ValueError:
            pass
        raise ConfigurationError(f"the URL of {self.place} cannot be read: look at its port and its parameters")

    def aconnect(self) -> redis.asyncio.Redis:
        """As `connect`, for one event loop."""
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


class Outage:
    """What is known of a server that did not answer: it is not asked again for a moment, and each failure is told.

    Args:
        doing: What fails meanwhile, for messages: "drawing on a limit".
        place: Where.
        pause: Seconds for which a server that did not answer is left alone; 0 always asks.
        on_error: What to tell each failure; it returns at once and does not raise.

    Attributes:
        failures: How often there was no answer, those included that were not asked for.
    """

    __slots__ = ("_doing", "_lock", "_on_error", "_pause", "_place", "_until", "failures")

    def __init__(self, doing: str, place: str, pause: float, on_error: Callable[[StoreError], None] | None) -> None:
        self._doing = doing
        self._place = place
        self._pause = pause
        self._on_error = on_error
        self._until = float("-inf")
        self._lock = _fork.lock()  # a signal's handler may ask, too
        self.failures = 0

    def lasts(self, mono: float) -> bool:
        """Whether the server is to be left alone at ``mono`` (monotonic seconds)."""
        return mono < self._until

    def begin(self, fault: BaseException, mono: float) -> StoreError:
        """Note that the server failed, and say so; what it refused in particular does not make it an outage."""
        if isinstance(fault, _silence()):
            self._until = mono + self._pause
        return self.tell(type(fault).__name__)

    def tell(self, why: str = "it did not answer a moment ago") -> StoreError:
        """The error to raise, after it was counted and told."""
        error = StoreError(
            f"{self._doing} failed at {self._place} ({why}): look at the server, its address and its password"
        )
        with self._lock:
            self.failures += 1
        if self._on_error is not None:
            self._on_error(error)
        return error


@lru_cache(maxsize=1)
def faults() -> tuple[type[Exception], ...]:
    """What redis-py raises when a server cannot be asked, or refuses."""
    from redis import RedisError

    return (RedisError, OSError)


@lru_cache(maxsize=1)
def _silence() -> tuple[type[Exception], ...]:
    from redis import ConnectionError, TimeoutError

    return (ConnectionError, TimeoutError, OSError)
