"""Scheme to limiter: the built-in table, then the entry points of other packages."""

from __future__ import annotations

from secretsource._drivers import Drivers
from secretsource._traceless import traceless
from secretsource.limiters.base import AsyncLimiter, Limiter

_LIKE = "memory://  or  redis://localhost:6379/0"
_GROUP = "secretsource.limiters"
_MEMORY = {"memory": "secretsource.limiters.memory:LocalLimiter"}
_REDIS = ("redis", "rediss", "valkey", "valkeys", "unix")
LIMITERS = Drivers(
    "limiter",
    like=_LIKE,
    extra="redis",
    group=_GROUP,
    targets=_MEMORY | dict.fromkeys(_REDIS, "secretsource.limiters.redis:RedisLimiter"),
)
ASYNC_LIMITERS = Drivers(
    "limiter",
    like=_LIKE,
    extra="redis",
    group=_GROUP,
    targets=_MEMORY | dict.fromkeys(_REDIS, "secretsource.limiters.redis:AsyncRedisLimiter"),
)


@traceless
def open_limiter(url: str) -> Limiter:
    """Return the limiter that a URL names, for threads.

    Args:
        url: A URL such as ``memory://``, ``redis://user:password@host:6379/0`` or ``valkey://…``.

    Raises:
        ConfigurationError: No limiter has this scheme, or its package is not installed; quotes nothing else of the URL.
    """
    limiter: Limiter = LIMITERS.open(url, Limiter)
    return limiter


@traceless
def open_async_limiter(url: str) -> AsyncLimiter | Limiter:
    """Return the limiter that a URL names, for an event loop; a limiter that answers at once serves both.

    Args:
        url: As for `open_limiter`.

    Raises:
        ConfigurationError: As for `open_limiter`.
    """
    limiter: AsyncLimiter | Limiter = ASYNC_LIMITERS.open(url, AsyncLimiter)
    return limiter
