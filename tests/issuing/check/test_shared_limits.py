"""Several processes' worth of `ApiKeys` that share a Redis: its limits, its news, and what happens without it."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any

import pytest
from tests.servers.valkey import valkey

from secretsource.exceptions import ConfigurationError, StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys, AsyncApiKeys, LocalLimiter, Reason
from secretsource.limiters.redis import AsyncRedisLimiter, RedisLimiter
from secretsource.stores.base import KeyChange, Subscription
from secretsource.stores.memory import AsyncMemoryStore
from secretsource.stores.redis_feed import AsyncRedisChangeFeed, RedisChangeFeed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers.valkey import Valkey

    from secretsource.stores.memory import MemoryStore

PEPPERS = ["a pepper of the tests, long enough"]
PROCESSES = 4


@pytest.fixture
def server() -> Iterator[Valkey]:
    """A server that a test may kill and freeze."""
    with valkey() as running:
        yield running


class HearingFeed(RedisChangeFeed):
    """A feed whose news can be waited for, after it has been acted on."""

    def __init__(self, url: str) -> None:
        super().__init__(url, patience=0.9)
        self.heard: queue.Queue[KeyChange] = queue.Queue()

    def subscribe(self, listener: Callable[[KeyChange], None]) -> Subscription:
        def hear(change: KeyChange) -> None:
            listener(change)
            self.heard.put(change)

        return super().subscribe(hear)


@pytest.fixture
def workers(server: Valkey, make_keys: Callable[..., ApiKeys], one_day: None) -> Iterator[Callable[..., list[ApiKeys]]]:
    """As many `ApiKeys` as processes, over one store, each with a limiter of its own on one server."""
    limiters: list[RedisLimiter] = []

    def make(**settings: Any) -> list[ApiKeys]:
        made = []
        for _ in range(PROCESSES):
            limiters.append(RedisLimiter(server.url, timeout=1.0, pause=60))
            made.append(make_keys(limiter=limiters[-1], processes=PROCESSES, **settings))
        return made

    yield make
    for limiter in limiters:
        limiter.close()


def granted(workers: list[ApiKeys], text: str, times: int) -> int:
    """How many requests get through when each worker is asked so often."""
    return sum(bool(keys.check(text, scope=NO_SCOPE)) for _ in range(times) for keys in workers)


def test_workers_share_one_limit(workers: Callable[..., list[ApiKeys]]) -> None:
    """Together they grant the limit, and each says what is left of all of it."""
    keys = workers()
    text = keys[0].issue(owner="acme", rate_limit="10/day", quota="100/month").plaintext
    verdict = keys[3].check(text, scope=NO_SCOPE, cost=2)
    assert verdict
    assert [state.remaining for state in verdict.limits] == [8, 98]
    assert granted(keys, text, 5) == 8
    refused = keys[1].check(text, scope=NO_SCOPE)
    assert refused.reason is Reason.RATE_LIMITED  # type: ignore[union-attr]


def test_keys_of_one_owner_share_its_limit_in_one_question(
    server: Valkey, workers: Callable[..., list[ApiKeys]]
) -> None:
    """All workers and keys together grant the owner's limit; what it refuses costs the key's own nothing."""
    keys = workers()
    keys[0].plans.put("pro", rate_limit="10/day", quota="100/month")
    keys[0].owners.put("acme", plan="pro")
    texts = [keys[0].issue(owner="acme", rate_limit=limit).plaintext for limit in ("6/day", None)]
    with server.client() as client:
        client.config_resetstat()
        assert granted(keys, texts[0], 3) == 6
        assert granted(keys, texts[1], 3) == 4
        stats: Any = client.info("commandstats")
    assert stats["cmdstat_evalsha"]["calls"] + stats.get("cmdstat_eval", {"calls": 0})["calls"] <= 24 + 1
    refused = keys[2].check(texts[1], scope=NO_SCOPE)
    assert [(state.name, state.remaining) for state in refused.limits] == [("plan day", 0), ("plan month quota", 90)]
    assert refused.draw.refused_by.name == "plan day"  # type: ignore[union-attr]
    keys[0].plans.put("pro", rate_limit="20/day")
    assert [bool(keys[3].check(texts[0], scope=NO_SCOPE)) for _ in range(2)] == [False, False]
    assert granted(keys, texts[1], 5) == 10


@pytest.mark.parametrize(("choice", "expected"), [("open", 20), ("closed", 0), ("local", 12)])
def test_without_the_server_an_owners_limit_is_not_multiplied(
    choice: str, expected: int, server: Valkey, workers: Callable[..., list[ApiKeys]]
) -> None:
    """Each of four workers grants a quarter of it to all keys of the owner."""
    keys = workers(on_limiter_error=choice)
    keys[0].owners.put("acme", rate_limit="12/day")
    texts = [keys[0].issue(owner="acme", rate_limit=limit).plaintext for limit in ("100/day", None)]
    server.kill()
    assert granted(keys, texts[0], 2) + granted(keys, texts[1], 3) == expected


@pytest.mark.parametrize(("choice", "expected"), [("open", 20), ("closed", 0), ("local", 12)])
def test_without_the_server_the_limit_is_not_multiplied(
    choice: str, expected: int, server: Valkey, workers: Callable[..., list[ApiKeys]]
) -> None:
    """Counting locally, four workers grant four quarters of the limit and not four times the limit; all is counted."""
    keys = workers(on_limiter_error=choice)
    text = keys[0].issue(owner="acme", rate_limit="12/day").plaintext
    server.kill()
    assert granted(keys, text, 5) == expected
    assert [worker._parts.limiter.failures for worker in keys] == [5] * PROCESSES  # type: ignore[union-attr]


def test_counting_locally_needs_the_number_of_processes(server: Valkey, make_keys: Callable[..., ApiKeys]) -> None:
    """Left out, each process would grant all of the limit; a limiter that is local anyway needs no number."""
    with pytest.raises(ConfigurationError, match="number"):
        make_keys(limiter=RedisLimiter(server.url), on_limiter_error="local")
    for settings in ({"limiter": RedisLimiter(server.url), "processes": 1}, {"limiter": LocalLimiter()}, {}):
        assert make_keys(**settings, on_limiter_error="local")._parts.processes == 1


def test_a_server_that_comes_back_is_used_again(server: Valkey, make_keys: Callable[..., ApiKeys]) -> None:
    """The clock of the check is the clock of the pause."""
    heard: list[StoreError] = []
    limiter = RedisLimiter(server.url, pause=0, on_error=heard.append)
    keys = make_keys(limiter=limiter, on_limiter_error="closed")
    text = keys.issue(owner="acme", rate_limit="2/day").plaintext
    server.kill()
    assert not keys.check(text, scope=NO_SCOPE)
    server.start()
    assert [bool(keys.check(text, scope=NO_SCOPE)) for _ in range(3)] == [True, True, False]
    assert len(heard) == 1
    limiter.close()


def test_what_one_worker_does_the_others_hear(
    server: Valkey, store: MemoryStore, make_keys: Callable[..., ApiKeys]
) -> None:
    """A key is revoked here and refused there, though its record is still fresh in that cache; a new one is known."""
    hearing = HearingFeed(server.url)
    telling = RedisChangeFeed(server.url)
    here, there = make_keys(feed=telling, store=NoNews(store)), make_keys(feed=hearing, store=NoNews(store))
    issued = here.issue(owner="acme")
    assert there.check(issued.plaintext, scope=NO_SCOPE)
    assert hearing.heard.get(timeout=30) == KeyChange(None, 0)
    assert there.check(issued.plaintext, scope=NO_SCOPE)
    here.revoke(issued.record.key_id)
    assert hearing.heard.get(timeout=30) == KeyChange(issued.record.key_id, 2)
    assert not there.check(issued.plaintext, scope=NO_SCOPE)
    here.owners.put("M\u00fcller & Co")
    here.plans.put("pro")
    told = [hearing.heard.get(timeout=30) for _ in range(2)]
    assert told == [KeyChange(None, 0, owner="M\u00fcller & Co"), KeyChange(None, 0, plan="pro")]
    several = here.issue_many([{"owner": "acme"}, {"owner": "acme"}])
    assert {hearing.heard.get(timeout=30).key_id for _ in several} == {one.record.key_id for one in several}
    rotated = here.rotate(several[0].record.key_id, overlap=0)
    assert {hearing.heard.get(timeout=30) for _ in range(2)} == {
        KeyChange(rotated.predecessor.key_id, 2), KeyChange(rotated.successor.key_id, 1),
    }  # fmt: skip
    hearing.close()
    telling.close()


def test_a_revoke_stands_when_it_cannot_be_told(server: Valkey, make_keys: Callable[..., ApiKeys]) -> None:
    """It is committed; the others have their ttl, and this process knows at once."""
    feed = RedisChangeFeed(server.url)
    keys = make_keys(feed=feed)
    issued = keys.issue(owner="acme")
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    server.kill()
    keys.revoke(issued.record.key_id)
    assert not keys.check(issued.plaintext, scope=NO_SCOPE)
    assert feed.failures == 1
    feed.close()


def test_a_revoke_that_is_called_again_tells_again(
    server: Valkey, store: MemoryStore, make_keys: Callable[..., ApiKeys]
) -> None:
    """Whoever called it first may have been killed between the commit and the news."""
    hearing, telling = HearingFeed(server.url), RedisChangeFeed(server.url)
    dying = make_keys(store=NoNews(store))
    here, there = make_keys(feed=telling, store=NoNews(store)), make_keys(feed=hearing, store=NoNews(store))
    issued = here.issue(owner="acme")
    assert there.check(issued.plaintext, scope=NO_SCOPE)
    assert hearing.heard.get(timeout=30) == KeyChange(None, 0)
    dying.revoke(issued.record.key_id)
    here.revoke(issued.record.key_id)
    assert hearing.heard.get(timeout=30) == KeyChange(issued.record.key_id, 2)
    assert not there.check(issued.plaintext, scope=NO_SCOPE)
    hearing.close()
    telling.close()


async def test_the_asynchronous_half_does_the_same(server: Valkey) -> None:
    """One limit, one news."""
    limiter, feed = AsyncRedisLimiter(server.url, timeout=2.0), AsyncRedisChangeFeed(server.url, timeout=2.0)
    async with AsyncApiKeys(AsyncMemoryStore(), peppers=PEPPERS, limiter=limiter, feed=feed) as keys:
        issued = await keys.issue(owner="acme", rate_limit="2/day")
        assert [bool(await keys.check(issued.plaintext, scope=NO_SCOPE)) for _ in range(3)] == [True, True, False]
        await keys.revoke(issued.record.key_id)
        assert not await keys.check(issued.plaintext, scope=NO_SCOPE)
        assert feed.failures == limiter.failures == 0
    await feed.close()
    await limiter.close()


class NoNews:
    """A store without news of its own, as SQLite is between processes."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        if name == "subscribe":
            raise AttributeError(name)
        return getattr(self._store, name)
