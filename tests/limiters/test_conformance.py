"""The limiters keep the contract, in memory and on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from secretsource.limiters.memory import LocalLimiter
from secretsource.limiters.redis import AsyncRedisLimiter, RedisLimiter
from secretsource.testing import (
    AsyncLimiterConformance,
    AsyncLimiterHarness,
    FakeClock,
    LimiterConformance,
    LimiterHarness,
)

if TYPE_CHECKING:
    from tests.servers.valkey import Valkey

    from secretsource.limiters.base import AsyncLimiter, Limiter

PASSWORD = "password-of-the-limiter"
NO_SERVER = "it keeps its levels in this process"


class MemoryHarness(LimiterHarness):
    """A limiter of one process, and a clock that obeys."""

    def __init__(self) -> None:
        self._clock = FakeClock()

    def open(self) -> LocalLimiter:
        return LocalLimiter()

    def now(self) -> tuple[float, float]:
        now = self._clock.now()
        return now.mono, now.wall

    def wait(self, seconds: float) -> None:
        self._clock.advance(seconds)


class TestMemory(LimiterConformance):
    """This process."""

    impossible: ClassVar = dict.fromkeys(("share", "lose", "hang", "forbid"), NO_SERVER)

    @pytest.fixture
    def harness(self) -> MemoryHarness:
        """No accounts."""
        return MemoryHarness()


class Break:
    """Breaks the server of a limiter, with a user of its own."""

    hidden: tuple[str, ...] = (PASSWORD,)

    def __init__(self, server: Valkey) -> None:
        self.server, self._fault = server, ""
        self.introduce()

    def introduce(self) -> None:
        """Make the user known, who may do what a limiter needs and no more."""
        with self.server.client() as client:
            client.acl_setuser(
                "limiter", enabled=True, passwords=[f"+{PASSWORD}"], keys=["secretsource:limit:*"],
                commands=["+evalsha", "+eval", "+time", "+mget", "+set"],
            )  # fmt: skip

    @property
    def url(self) -> str:
        return self.server.url.replace("//", f"//limiter:{PASSWORD}@")

    def lose(self) -> None:
        self._fault = "lose"
        self.server.kill()

    def hang(self) -> None:
        self._fault = "hang"
        self.server.freeze()

    def forbid(self) -> None:
        self._fault = "forbid"
        with self.server.client() as client:
            client.acl_setuser("limiter", keys=["elsewhere:*"], reset_keys=True)

    def heal(self) -> None:
        if self._fault == "lose":
            self.server.start()
            self.introduce()  # it forgot the user, too
        elif self._fault == "hang":
            self.server.thaw()
        else:
            with self.server.client() as client:
                client.acl_setuser("limiter", keys=["secretsource:limit:*"])


class RedisHarness(Break, LimiterHarness):
    """Limiters for threads."""

    def open(self) -> Limiter:
        return RedisLimiter(self.url, timeout=2.0, pause=0)


class AsyncRedisHarness(Break, AsyncLimiterHarness):
    """Limiters for event loops."""

    def open(self) -> AsyncLimiter:
        return AsyncRedisLimiter(self.url, timeout=2.0, pause=0)


@pytest.fixture
def breakable(request: pytest.FixtureRequest) -> Valkey:
    """The server of all tests without keys; one that a test breaks is its own."""
    found: Any = request.getfixturevalue("fragile" if "fault" in request.fixturenames else "server")
    return found


class TestRedis(LimiterConformance):
    """A server."""

    @pytest.fixture
    def harness(self, breakable: Valkey) -> RedisHarness:
        """A user of a server without keys."""
        return RedisHarness(breakable)


class TestAsyncRedis(AsyncLimiterConformance):
    """A server, from event loops."""

    @pytest.fixture
    def harness(self, breakable: Valkey) -> AsyncRedisHarness:
        """A user of a server without keys."""
        return AsyncRedisHarness(breakable)
