"""News over Redis: it comes at once, gaps are told, and nothing is raised where nothing can be done."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from tests.servers.odd import REDIS_ANSWERS, odd, repeat
from tests.servers.valkey import valkey
from tests.stores.ears import Ear

from secretsource.exceptions import ConfigurationError, StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys
from secretsource.stores.base import ChangeBus, KeyChange
from secretsource.stores.memory import MemoryStore
from secretsource.stores.redis_feed import AsyncRedisChangeFeed, RedisChangeFeed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers.valkey import Valkey

    Listen = Callable[[RedisChangeFeed | AsyncRedisChangeFeed], "Ear"]

GAP = KeyChange(None, 0)
ONE, OTHER = KeyChange("a" * 22, 2), KeyChange("b" * 22, 7)
PASSWORD = "password-of-the-feed"


@pytest.fixture(scope="module")
def running_valkey() -> Iterator[Valkey]:
    """A server for the tests that leave it alone."""
    with valkey() as running:
        yield running


@pytest.fixture
def fragile() -> Iterator[Valkey]:
    """A server that a test may kill and freeze."""
    with valkey() as running:
        yield running


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Subscribe; the subscriptions end after the test."""
    ends: list[Callable[[], None]] = []

    def make(feed: RedisChangeFeed | AsyncRedisChangeFeed) -> Ear:
        ear = Ear()
        ends.append(feed.subscribe(ear))
        return ear

    yield make
    for end in ends:
        end()


def test_news_reaches_every_listener_in_order(running_valkey: Valkey, listen: Listen) -> None:
    """Each hears first that everything is in doubt, for it has just begun."""
    feed = RedisChangeFeed(running_valkey.url, patience=0.9)
    assert isinstance(feed, ChangeBus)
    ears = [listen(feed), listen(RedisChangeFeed(running_valkey.url, patience=0.9))]
    assert [ear.next() for ear in ears] == [GAP, GAP]
    feed.publish([ONE, OTHER])
    feed.publish([OTHER._replace(revision=8)])
    for ear in ears:
        assert [ear.next() for _ in range(3)] == [ONE, OTHER, KeyChange("b" * 22, 8)]
    feed.close()
    feed.close()


def test_a_channel_of_its_own(running_valkey: Valkey, listen: Listen) -> None:
    """Two sets of keys on one server do not hear each other."""
    ours, theirs = (RedisChangeFeed(running_valkey.url, channel=name) for name in ("ours", "theirs"))
    ear = listen(ours)
    assert ear.next() == GAP
    theirs.publish([OTHER])
    ours.publish([ONE])
    assert ear.next() == ONE
    assert repr(ours) == f"RedisChangeFeed('redis://127.0.0.1:{running_valkey.port}/0', channel='ours')"
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    "payload",
    ["", "what?", "a:", ":3", "a:-1", "a:1 b", "a:1  b:2", f"{'a' * 22}:²", f"{'a' * 22}:" + "9" * 4301, b"\xff:1"],
)
def test_what_cannot_be_read_puts_everything_in_doubt(
    payload: str | bytes, running_valkey: Valkey, listen: Listen
) -> None:
    """Whoever else speaks on the channel can empty caches, and no more."""
    ear = listen(RedisChangeFeed(running_valkey.url, patience=0.9))
    assert ear.next() == GAP
    with running_valkey.client() as client:
        client.publish("secretsource:keys", payload)
        client.publish("secretsource:keys", f"{ONE.key_id}:{ONE.revision}")
    assert [ear.next(), ear.next()] == [GAP, ONE]


def test_silence_is_no_gap(running_valkey: Valkey, listen: Listen) -> None:
    """A quiet connection is pinged and kept."""
    feed = RedisChangeFeed(running_valkey.url, patience=0.6)
    ear = listen(feed)
    assert ear.next() == GAP
    assert ear.is_quiet(1.5)
    feed.publish([ONE])
    assert ear.next() == ONE
    feed.close()


def test_a_restart_is_a_gap(fragile: Valkey, listen: Listen) -> None:
    """Killed and started again: told as soon as the connection is back, and then news as before."""
    feed = RedisChangeFeed(fragile.url, patience=0.9)
    ear = listen(feed)
    assert ear.next() == GAP
    fragile.kill()
    fragile.start()
    assert ear.next() == GAP
    feed.publish([ONE])
    heard = ear.next()
    while heard == GAP:  # a client may connect twice
        heard = ear.next()
    assert heard == ONE
    feed.close()


def test_a_server_that_hangs_is_a_gap(fragile: Valkey, listen: Listen) -> None:
    """Its connection stays open and says nothing: it is given up, and begun again when the server goes on."""
    ear = listen(RedisChangeFeed(fragile.url, patience=0.6, timeout=0.5))
    assert ear.next() == GAP
    fragile.freeze()
    assert ear.is_quiet(1.5)
    fragile.thaw()
    assert ear.next() == GAP


def test_a_connection_that_was_cut_is_a_gap(running_valkey: Valkey, listen: Listen) -> None:
    """By an operator, or by the server because its listener was too slow."""
    ear = listen(RedisChangeFeed(running_valkey.url, patience=0.9))
    assert ear.next() == GAP
    with running_valkey.client() as client:
        client.client_kill_filter(_type="pubsub")
    assert ear.next() == GAP


def test_a_subscription_that_ended_hears_nothing(running_valkey: Valkey) -> None:
    """And its thread goes away."""
    ear, feed = Ear(), RedisChangeFeed(running_valkey.url, patience=0.15)
    end = feed.subscribe(ear)
    assert ear.next() == GAP
    end()
    with running_valkey.client() as client:
        until = monotonic() + 30
        while client.pubsub_numsub("secretsource:keys")[0][1]:
            assert monotonic() < until
    feed.publish([ONE])
    assert ear.is_quiet(0.05)
    feed.close()


def test_news_that_cannot_be_sent_is_counted_and_not_raised(fragile: Valkey) -> None:
    """And a server that hangs holds up one change per pause, not each."""
    heard: list[StoreError] = []
    feed = RedisChangeFeed(fragile.url, timeout=0.5, pause=60, on_error=heard.append)
    feed.publish([ONE])
    fragile.freeze()
    began = monotonic()
    for _ in range(100):
        feed.publish([ONE])
    assert monotonic() - began < 30  # one after the other, they would take 50 seconds
    assert feed.failures == len(heard) == 100
    assert "announcing a changed key failed at redis://127.0.0.1" in str(heard[0])
    feed.close()


def test_no_change_fails_because_counting_lost_news_does(caplog: pytest.LogCaptureFixture) -> None:
    """A key that is stored is handed out, and all keys of an owner are revoked, though `on_error` raises each time."""

    def fail(_: StoreError) -> None:
        raise OSError("the counter is down, too")

    feed = RedisChangeFeed("redis://127.0.0.1:1/0", on_error=fail)
    with ApiKeys(MemoryStore(), peppers=["a pepper of the tests, long enough"], feed=feed) as keys:
        issued = [keys.issue(owner="acme") for _ in range(3)]
        assert len(keys.revoke_all(owner="acme")) == 3
        assert not any(keys.check(each.plaintext, scope=NO_SCOPE) for each in issued)
    assert feed.failures >= 6
    assert "a listener for StoreError raised OSError" in caplog.text


@pytest.mark.parametrize("answer", REDIS_ANSWERS[:3], ids=lambda answer: repr(answer[:9]))
async def test_no_change_fails_because_an_answer_to_news_cannot_be_read(answer: bytes) -> None:
    """All keys of an owner are revoked, whatever redis-py raises for it; the news is counted as lost."""
    with odd(repeat(answer)) as port:
        feed = RedisChangeFeed(f"redis://127.0.0.1:{port}/0", timeout=30.0)
        with ApiKeys(MemoryStore(), peppers=["a pepper of the tests, long enough"], feed=feed) as keys:
            issued = [keys.issue(owner="acme") for _ in range(2)]
            assert len(keys.revoke_all(owner="acme")) == 2
            assert not any(keys.check(each.plaintext, scope=NO_SCOPE) for each in issued)
        assert feed.failures >= 4
        of_loop = AsyncRedisChangeFeed(f"redis://127.0.0.1:{port}/0", timeout=30.0)
        await of_loop.publish([ONE])
        assert of_loop.failures == 1
        await of_loop.close()


def test_news_that_was_not_sent_is_a_gap_with_the_next(fragile: Valkey, listen: Listen) -> None:
    """The server was back, and the listeners with it, while whoever had news still left it alone."""
    feed = RedisChangeFeed(fragile.url, pause=0)
    fragile.kill()
    feed.publish([ONE])
    fragile.start()
    ear = listen(RedisChangeFeed(fragile.url, patience=0.9))
    assert ear.next() == GAP
    feed.publish([OTHER])
    feed.publish([OTHER])
    assert [ear.next(), ear.next()] == [GAP, OTHER]
    feed.close()


def test_news_that_was_not_sent_is_a_gap_as_soon_as_its_listener_is_back(fragile: Valkey, listen: Listen) -> None:
    """Nobody has to have news again: another process that listens hears of it from the one that fell silent."""
    feed = RedisChangeFeed(fragile.url, pause=60, patience=0.15)
    own = listen(feed)
    assert own.next() == GAP
    fragile.kill()
    feed.publish([ONE])
    fragile.start()
    assert [own.next(), own.next()] == [GAP, GAP]  # it is connected again, and hears its own word
    ear = listen(RedisChangeFeed(fragile.url, patience=0.9))
    assert ear.next() == GAP
    feed.publish([OTHER])  # within the pause: it is not even tried
    assert feed.failures == 2
    assert ear.next() == GAP
    feed.close()


async def test_news_that_was_cancelled_is_a_gap_with_the_next(running_valkey: Valkey, listen: Listen) -> None:
    """Nobody knows whether it was sent."""
    feed = AsyncRedisChangeFeed(running_valkey.url, channel="cancelled")
    ear = listen(RedisChangeFeed(running_valkey.url, patience=0.9, channel="cancelled"))
    assert await asyncio.to_thread(ear.next) == GAP
    task = asyncio.create_task(feed.publish([ONE]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await feed.publish([OTHER])
    assert await asyncio.to_thread(ear.next) == GAP
    await feed.close()


def test_news_that_a_signal_cut_short_is_a_gap_with_the_next(
    running_valkey: Valkey, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows whether it was sent."""

    def cut_short(*_: object) -> None:
        raise KeyboardInterrupt

    feed = RedisChangeFeed(running_valkey.url, channel="signal")
    ear = listen(RedisChangeFeed(running_valkey.url, patience=0.9, channel="signal"))
    assert ear.next() == GAP
    feed.publish([ONE])
    assert ear.next() == ONE
    with monkeypatch.context() as patched:
        patched.setattr(feed._client, "publish", cut_short)
        with pytest.raises(KeyboardInterrupt):
            feed.publish([ONE])
    feed.publish([OTHER])
    assert ear.next() == GAP
    feed.close()


async def test_the_asynchronous_feed_does_the_same(fragile: Valkey, listen: Listen) -> None:
    """Told, heard, and quiet about a server that is gone."""
    feed = AsyncRedisChangeFeed(fragile.url, timeout=0.5, pause=60, patience=0.9)
    assert isinstance(feed, ChangeBus)
    ear = listen(feed)
    assert await asyncio.to_thread(ear.next) == GAP
    await feed.publish([ONE, OTHER])
    assert [await asyncio.to_thread(ear.next) for _ in range(2)] == [ONE, OTHER]
    fragile.kill()
    for _ in range(3):
        await feed.publish([ONE])
    assert feed.failures == 3
    await feed.close()
    await feed.close()


def test_an_event_loop_of_its_own_each_time(running_valkey: Valkey, listen: Listen) -> None:
    """Connections are not taken from one loop into the next."""
    feed = AsyncRedisChangeFeed(running_valkey.url, patience=0.9)
    ear = listen(feed)
    assert ear.next() == GAP

    async def once() -> None:
        await feed.publish([ONE])
        await feed._connect().aclose()

    for _ in range(2):
        asyncio.run(once())
        assert ear.next() == ONE
    assert feed.failures == 0


def test_a_wrong_password_is_not_told() -> None:
    """It is a failure like any other."""
    heard: list[StoreError] = []
    with valkey("--requirepass", PASSWORD) as server:
        feed = RedisChangeFeed(server.url.replace("//", f"//:{PASSWORD}-not@"), on_error=heard.append)
        feed.publish([ONE])
        feed.close()
    assert "AuthenticationError" in str(heard[0])
    assert PASSWORD not in f"{heard[0]} {heard[0].__context__} {feed!r}"


def test_an_address_that_cannot_be_is_refused_at_once() -> None:
    """Not in a thread that nobody sees."""
    with pytest.raises(ConfigurationError, match="URL"):
        RedisChangeFeed("localhost")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        RedisChangeFeed("redis://localhost:port").subscribe(Ear())
