"""A limiter by its URL: the built-in ones, those of other packages, and what no limiter is."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import ConfigurationError, StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys, AsyncApiKeys, Reason
from secretsource.limiters._registry import open_async_limiter, open_limiter
from secretsource.limiters.base import AsyncLimiter, ImmediateLimiter, Limiter
from secretsource.limiters.memory import LocalLimiter
from secretsource.limiters.redis import AsyncRedisLimiter, RedisLimiter
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore

if TYPE_CHECKING:
    from tests.servers.valkey import Valkey

    from secretsource.limiters.base import Draw, Plan

PEPPERS = ["a pepper of the tests, long enough"]
SCHEMES = ["redis", "rediss", "valkey", "valkeys", "unix"]


class Turnstile:
    """A limiter of another package."""

    def __init__(self, url: str) -> None:
        self.url, self.closed = url, 0

    @classmethod
    def open(cls, url: str) -> Turnstile:
        return cls(url)

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        raise StoreError("the turnstile is down")

    def close(self) -> None:
        self.closed += 1


class Point:
    """An entry point of another package."""

    def __init__(self, name: str, loaded: Any) -> None:
        self.name, self._loaded = name, loaded

    def load(self) -> Any:
        return self._loaded


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another package has a limiter, and one that is none."""
    points = [Point("turnstile", Turnstile), Point("sieve", dict)]

    def entry_points(*, group: str, name: str | None = None) -> list[Point]:
        assert group == "secretsource.limiters"
        return [point for point in points if name in {None, point.name}]

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)


def test_the_built_in_limiters_are_opened_by_their_urls() -> None:
    """Memory serves threads and event loops; nothing is asked before the first draw."""
    assert type(open_limiter("memory://")) is type(open_async_limiter("memory://")) is LocalLimiter
    for scheme in SCHEMES:
        assert type(open_limiter(f"{scheme}://localhost/0")) is RedisLimiter
        assert type(open_async_limiter(f"{scheme}://localhost/0")) is AsyncRedisLimiter


@pytest.mark.usefixtures("installed")
def test_a_limiter_of_another_package_is_opened_by_its_url() -> None:
    """By the entry point of its scheme, if it has the methods of a limiter."""
    limiter: Any = open_limiter("turnstile://gate/1")
    assert limiter.url == "turnstile://gate/1"
    with pytest.raises(ConfigurationError, match="unknown limiter 'sieve'"):
        open_limiter("sieve://gate")


@pytest.mark.parametrize("open_any", [open_limiter, open_async_limiter])
@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("valky://u:hunter2@host/0", "unknown limiter 'valky': did you mean 'valkey'"),
        ("localhost:hunter2", "a limiter is named by a URL: write  memory://  or  redis://localhost:6379/0"),
        (b"redis://hunter2@h", "a limiter is named by a URL"),
        (None, "a limiter is named by a URL"),
    ],
)
def test_what_is_no_limiter_is_refused_and_not_quoted(open_any: Any, url: Any, message: str) -> None:
    """A URL may hold a password."""
    with pytest.raises(ConfigurationError) as refused:
        open_any(url)
    assert str(refused.value).startswith(message)
    assert "hunter2" not in str(refused.value)


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the limiter is opened, and not in the middle of the first check."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "redis" else find_spec(name))
    for open_any in (open_limiter, open_async_limiter):
        with pytest.raises(ConfigurationError, match=r"pip install 'secretsource\[redis\]'"):
            open_any("redis://localhost/0")


def test_only_a_limiter_in_this_process_answers_at_once() -> None:
    """That is an ability, which a check from memory looks for; both kinds are limiters."""
    memory, redis = open_limiter("memory://"), open_limiter("redis://localhost/0")
    assert isinstance(memory, ImmediateLimiter)
    assert not isinstance(redis, ImmediateLimiter)
    assert isinstance(memory, Limiter)
    assert isinstance(open_async_limiter("redis://localhost/0"), AsyncLimiter)


def test_keys_open_and_close_a_limiter_by_its_url(server: Valkey) -> None:
    """Two services with one URL share a limit, as two processes do."""
    store = MemoryStore()
    with (
        ApiKeys(store, peppers=PEPPERS, limiter=server.url) as one,
        ApiKeys(store, peppers=PEPPERS, limiter=server.url) as other,
    ):
        text = one.issue(owner="acme", rate_limit="3/day").plaintext
        assert [bool(keys.check(text, scope=NO_SCOPE)) for keys in (one, other, one, other)] == [True] * 3 + [False]
        limiter: Any = one._parts.limiter
        assert limiter._lines._idle
    assert not limiter._lines._idle


async def test_keys_of_an_event_loop_do_the_same(server: Valkey) -> None:
    """The limiter for event loops is opened, and closed with them; memory is one for both."""
    for url in (server.url, "memory://"):
        async with AsyncApiKeys(AsyncMemoryStore(), peppers=PEPPERS, limiter=url) as keys:
            text = (await keys.issue(owner="acme", rate_limit="1/day")).plaintext
            assert await keys.check(text, scope=NO_SCOPE)
            assert (await keys.check(text, scope=NO_SCOPE)).reason is Reason.RATE_LIMITED  # type: ignore[union-attr]
            limiter: Any = keys._parts.limiter
        assert getattr(limiter, "_client", None) is None


@pytest.mark.usefixtures("installed")
def test_only_a_limiter_that_the_keys_opened_is_closed() -> None:
    """A limiter that was handed in may be shared with others."""
    mine = Turnstile("turnstile://mine")
    with ApiKeys(MemoryStore(), peppers=PEPPERS, limiter=mine):
        pass
    with ApiKeys(MemoryStore(), peppers=PEPPERS, limiter="turnstile://theirs") as keys:
        theirs: Any = keys._parts.limiter
    assert (mine.closed, theirs.closed) == (0, 1)


@pytest.mark.parametrize("limiter", [5, object(), ("redis://h",)])
def test_what_cannot_draw_is_refused(limiter: Any) -> None:
    """By its type alone, for it may hold a password."""
    with pytest.raises(ConfigurationError, match=f"its URL, not of type {type(limiter).__name__}$"):
        ApiKeys(MemoryStore(), peppers=PEPPERS, limiter=limiter)
