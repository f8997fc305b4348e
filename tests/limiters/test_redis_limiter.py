"""Limits that processes share: one question per draw, never more than the limit, and a server that is down."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest
from tests.forks import begun, ended, needs_fork
from tests.servers.odd import REDIS_ANSWERS, drip, flood, odd, repeat
from tests.servers.valkey import valkey

from secretsource.exceptions import ConfigurationError, StoreError
from secretsource.issuing.limits import Plan, parse
from secretsource.limiters.redis import AsyncRedisLimiter, RedisLimiter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.servers.valkey import Valkey

PASSWORD = "password-of-the-limiter"


def plan(rate_limit: str | None = None, quota: str | None = None) -> Plan:
    """A plan that is there."""
    made = parse(rate_limit, quota)
    assert made is not None
    return made


@pytest.fixture
def connect() -> Iterator[Callable[..., RedisLimiter]]:
    """Make limiters; each is closed after the test."""
    made: list[RedisLimiter] = []

    def make(server: Valkey, **settings: Any) -> RedisLimiter:
        made.append(RedisLimiter(server.url, **settings))
        return made[-1]

    yield make
    for limiter in made:
        limiter.close()


@pytest.fixture
def limiter(server: Valkey, connect: Callable[..., RedisLimiter], one_day: None) -> RedisLimiter:
    """A limiter on the server without keys, whose clock is the server's."""
    return connect(server, timeout=2.0)


def commands(server: Valkey) -> dict[str, int]:
    """How often the server was asked what, by name."""
    with server.client() as client:
        stats: Any = client.info("commandstats")
    return {name.removeprefix("cmdstat_"): row["calls"] for name, row in stats.items()}


def test_a_draw_is_one_question(server: Valkey, limiter: RedisLimiter) -> None:
    """Whatever the number of rules, and refused or not."""
    rules = plan("3/minute, 100/hour", "1000/month, 500/day add")
    assert limiter.draw("k", rules, 1, 0.0, 0.0)  # it connects, and the script becomes known
    before = commands(server)
    assert [bool(limiter.draw("k", rules, 1, 0.0, 0.0)) for _ in range(4)] == [True, True, False, False]
    after = commands(server)
    asked = {name: after[name] - before.get(name, 0) for name in after}
    assert asked["evalsha"] == 4
    assert asked["mget"] == 4  # from within the script
    assert asked["set"] == 2 * 4
    assert {name for name, count in asked.items() if count} <= {
        "evalsha", "time", "mget", "set", "info", "hello", "client", "client|setinfo", "client|maint_notifications",
        "auth", "select",
    }  # fmt: skip


def test_several_limits_are_all_or_nothing(limiter: RedisLimiter) -> None:
    """The rule that would grant is not drawn on when another refuses, whichever comes first."""
    for name, written in (("a", "10/minute, 2/hour"), ("b", "2/hour, 10/minute")):
        draw = [limiter.draw(name, plan(written, "5/day"), 1, 0.0, 0.0) for _ in range(5)][-1]
        assert draw.refused_by is not None
        assert draw.refused_by.name == "hour"
        assert {state.name: state.remaining for state in draw.states} == {"minute": 8, "hour": 0, "day quota": 3}
        assert draw.retry_after is not None
        assert 1700 < draw.retry_after <= 1800


def test_a_window_that_is_knocked_at_resets(limiter: RedisLimiter) -> None:
    """A refused request costs nothing and moves nothing, so a client that never stops is let in when there is room."""
    rules = plan("10/second burst 1")
    began, granted = monotonic(), 0
    while granted < 4:
        granted += bool(limiter.draw("k", rules, 1, 0.0, 0.0))
        assert monotonic() - began < 30
    assert monotonic() - began > 0.29


def test_a_cost_of_nothing_only_looks(server: Valkey, limiter: RedisLimiter) -> None:
    """And leaves no key behind."""
    draw = limiter.draw("k", plan("2/minute", "3/day"), 0, 0.0, 0.0)
    assert draw
    assert [state.remaining for state in draw.states] == [2, 3]
    with server.client() as client:
        assert client.dbsize() == 0


def test_a_cost_beyond_all_numbers_is_refused(limiter: RedisLimiter) -> None:
    """And waiting does not help, nor does anything overflow."""
    for rules in (plan("2/minute"), plan(None, "2/day"), plan(None, "2/month add")):
        draw = limiter.draw("k", rules, 10**400, 0.0, 0.0)
        assert (draw.refused_by, draw.retry_after) == (rules.rules[0], None)


def test_keys_expire_by_themselves(server: Valkey, limiter: RedisLimiter) -> None:
    """A rate when it is full again, a quota after its period; there is none without an end."""
    limiter.draw("k", plan("60/minute, 10/hour", "5/month, 7/day"), 2, 0.0, 0.0)
    limiter.draw("q", plan(None, "9/day add"), 2, 0.0, 0.0)
    with server.client() as client:
        left: dict[str, Any] = {key.decode(): client.pttl(key) for key in client.scan_iter()}
    day = 86_400_000
    bounds = {"{k}:minute": 3000, "{k}:hour": 721_000, "{k}:month quota": 32 * day, "{k}:day quota": 2 * day,
              "{q}:day quota": 400 * day}  # fmt: skip
    assert left.keys() == {f"secretsource:limit:{name}" for name in bounds}
    for name, most in bounds.items():
        assert most - 1000 < left[f"secretsource:limit:{name}"] <= most


def test_a_changed_rule_keeps_what_was_used_and_the_others_go_on(limiter: RedisLimiter) -> None:
    """Raising one limit does not refill another, and processes with the old number draw on the same level."""
    old, new = plan("10/hour, 100/day", "10/month"), plan("20/hour, 100/day", "20/month")
    limiter.draw("k", old, 5, 0.0, 0.0)
    for rules, remaining in ((new, [14, 94, 14]), (old, [3, 93, 3]), (new, [12, 92, 12])):
        assert [state.remaining for state in limiter.draw("k", rules, 1, 0.0, 0.0).states] == remaining


def test_the_clock_of_the_caller_does_not_count(limiter: RedisLimiter) -> None:
    """Two processes whose clocks are a year apart share one limit; each is told in its own monotonic time."""
    rules = plan("2/hour", "2/day")
    assert limiter.draw("k", rules, 1, 0.0, 0.0)
    assert limiter.draw("k", rules, 1, 3e7, 3e7)
    draw = limiter.draw("k", rules, 1, 1e6, 5.0)
    assert not draw
    assert abs(draw.wall - 1_700_000_000) < 5e9
    reset = draw.states[0].reset
    assert reset is not None
    assert 3590 < reset <= 3600


def test_a_script_that_was_forgotten_is_sent_again(server: Valkey, limiter: RedisLimiter) -> None:
    """After SCRIPT FLUSH, as after a restart: the same draw, once with the text and then by its digest again."""
    rules = plan("10/minute")
    limiter.draw("k", rules, 1, 0.0, 0.0)
    with server.client() as client:
        client.script_flush()
    before = commands(server)
    assert [limiter.draw("k", rules, 1, 0.0, 0.0).states[0].remaining for _ in range(3)] == [8, 7, 6]
    after = commands(server)
    assert after["eval"] - before.get("eval", 0) == 1
    assert after["evalsha"] - before["evalsha"] == 3


def test_threads_never_exceed_a_limit(limiter: RedisLimiter) -> None:
    """Eight threads after 100 requests are granted exactly 100."""
    rules = plan(None, "100/month")
    with ThreadPoolExecutor(8) as pool:
        granted = list(pool.map(lambda _: bool(limiter.draw("k", rules, 1, 0.0, 0.0)), range(200)))
    assert granted.count(True) == 100


def test_every_thread_that_asks_has_a_connection(limiter: RedisLimiter) -> None:
    """Also more of them than the hundred at which redis-py draws the line; that is no outage."""
    limiter.draw("k", plan("3/minute"), 1, 0.0, 0.0)
    lines = [limiter._lines._take() for _ in range(150)]
    assert len(set(map(id, lines))) == 150


CHILD = """
import sys
from secretsource.issuing.limits import parse
from secretsource.limiters.redis import RedisLimiter
limiter, plan = RedisLimiter(sys.argv[1], timeout=5.0), parse("150/day", "120/month")
print("ready", flush=True)
sys.stdin.readline()
print(sum(bool(limiter.draw("shared", plan, 1, 0.0, 0.0)) for _ in range(100)))
"""


def test_two_processes_never_exceed_a_limit(server: Valkey) -> None:
    """Together they are granted the limit, all of it and no more, however they race."""
    children = [
        subprocess.Popen([sys.executable, "-c", CHILD, server.url], stdin=-1, stdout=-1, text=True) for _ in range(2)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    assert sum(int(child.communicate(timeout=20)[0]) for child in children) == 120


def test_a_server_that_is_gone_is_told_and_found_again(fragile: Valkey, connect: Callable[..., RedisLimiter]) -> None:
    """Killed: an error at once. Started again: the next draw works, with the script sent anew."""
    heard: list[StoreError] = []
    limiter, rules = connect(fragile, pause=0, on_error=heard.append), plan("10/minute")
    limiter.draw("k", rules, 1, 0.0, 0.0)
    fragile.kill()
    began = monotonic()
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:[0-9]+/0 \(ConnectionError\)") as caught:
        limiter.draw("k", rules, 1, 0.0, 0.0)
    assert monotonic() - began < 30
    assert (heard, limiter.failures) == ([caught.value], 1)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    fragile.start()
    assert limiter.draw("k", rules, 1, 0.0, 0.0)


def test_an_outage_is_the_same_error_where_counting_it_fails() -> None:
    """So that `on_limiter_error` still decides about the check."""

    def fail(_: StoreError) -> None:
        raise OSError("the counter is down, too")

    limiter = RedisLimiter("redis://127.0.0.1:1/0", on_error=fail)
    with pytest.raises(StoreError, match="drawing on a limit failed"):
        limiter.draw("k", plan("10/minute"), 1, 0.0, 0.0)
    assert limiter.failures == 1


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("answer", REDIS_ANSWERS, ids=lambda answer: repr(answer[:9]))
async def test_an_answer_that_cannot_be_read_is_a_failed_draw(answer: bytes, protocol: int) -> None:
    """Whatever redis-py raises for it: `on_limiter_error` decides about the check, as for a server that is down."""
    rules = plan("10/minute")
    with odd(repeat(answer)) as port:
        url = f"redis://127.0.0.1:{port}/0?protocol={protocol}"
        limiter, of_loop = RedisLimiter(url, timeout=30.0), AsyncRedisLimiter(url, timeout=30.0)
        for _ in range(2):
            with pytest.raises(StoreError, match="drawing on a limit failed at redis://127"):
                limiter.draw("k", rules, 1, 0.0, 0.0)
            with pytest.raises(StoreError, match="drawing on a limit failed at redis://127"):
                await of_loop.draw("k", rules, 1, 0.0, 0.0)
        assert limiter.failures == of_loop.failures == 2
        limiter.close()
        await of_loop.close()


@pytest.mark.parametrize(
    "answer", [drip(b"$100000\r\n"), drip(b""), flood(b"", b" ")], ids=["a text", "a line", "a long line"]
)
async def test_an_answer_that_never_ends_is_a_failed_draw(answer: Any) -> None:
    """A server that sends a byte now and then holds no check for longer than the timeout."""
    rules, began = plan("10/minute"), monotonic()
    with odd(answer) as port:
        url = f"redis://127.0.0.1:{port}/0"
        limiter, of_loop = RedisLimiter(url, timeout=0.3), AsyncRedisLimiter(url, timeout=0.3)
        with pytest.raises(StoreError, match="drawing on a limit failed at redis://127"):
            limiter.draw("k", rules, 1, 0.0, 0.0)
        with pytest.raises(StoreError, match="drawing on a limit failed at redis://127"):
            await of_loop.draw("k", rules, 1, 0.0, 0.0)
        limiter.close()
        await of_loop.close()
    assert monotonic() - began < 30


def test_a_restart_between_two_draws_is_not_noticed(fragile: Valkey, connect: Callable[..., RedisLimiter]) -> None:
    """A connection that broke while nobody used it is replaced."""
    limiter, rules = connect(fragile), plan("10/minute")
    limiter.draw("k", rules, 1, 0.0, 0.0)
    fragile.kill()
    fragile.start()
    assert limiter.draw("k", rules, 1, 0.0, 0.0)
    assert limiter.failures == 0


def test_a_server_that_hangs_costs_one_timeout_per_pause(fragile: Valkey, connect: Callable[..., RedisLimiter]) -> None:
    """Then nobody waits for it until the pause is over; each draw is counted all the same."""
    limiter, rules = connect(fragile, timeout=0.5, pause=1.0), plan("10/minute")
    limiter.draw("k", rules, 1, 0.0, 0.0)
    fragile.freeze()
    began = monotonic()
    with pytest.raises(StoreError, match="TimeoutError"):
        limiter.draw("k", rules, 1, 100.0, 0.0)
    assert 0.5 <= monotonic() - began < 30
    for _ in range(50):
        with pytest.raises(StoreError, match="did not answer a moment ago"):
            limiter.draw("k", rules, 1, 100.9, 0.0)
    fragile.thaw()
    assert limiter.draw("k", rules, 1, 101.0, 0.0)
    assert limiter.failures == 51


async def test_a_primary_that_became_a_replica_is_left_for_the_new_one(tmp_path: Path) -> None:
    """It keeps its connections, and refuses to write on them; the address leads to the new primary meanwhile."""
    old, new, address = (tmp_path / name for name in ("old", "new", "address"))
    with valkey("--unixsocket", str(old)) as before, valkey("--unixsocket", str(new)):
        address.symlink_to(old)
        limiter, of_loop = RedisLimiter(f"unix://{address}"), AsyncRedisLimiter(f"unix://{address}")
        few = plan("5/day")
        assert limiter.draw("account", few, 1, monotonic(), 0.0)
        assert await of_loop.draw("account", few, 1, monotonic(), 0.0)
        with before.client() as client:
            client.replicaof("127.0.0.1", "1")
        with pytest.raises(StoreError, match="ReadOnlyError"):
            limiter.draw("account", few, 1, monotonic(), 0.0)
        address.unlink()
        address.symlink_to(new)
        assert limiter.draw("account", few, 5, monotonic(), 0.0)
        assert not (await of_loop.draw("account", few, 1, monotonic(), 0.0))
        limiter.close()
        await of_loop.close()


def test_one_broken_key_is_no_outage(server: Valkey, limiter: RedisLimiter) -> None:
    """A key that something else wrote fails its own account and nobody else's."""
    with server.client() as client:
        client.set("secretsource:limit:{bad}:minute", "not ours")
    with pytest.raises(StoreError, match="ResponseError"):
        limiter.draw("bad", plan("10/minute"), 1, 0.0, 0.0)
    assert limiter.draw("good", plan("10/minute"), 1, 0.0, 0.0)


def test_a_password_is_used_and_never_told() -> None:
    """The right one works; the wrong one is an error that shows neither it nor the user."""
    with valkey("--requirepass", PASSWORD) as server:
        limiter = RedisLimiter(server.url.replace("//", f"//:{PASSWORD}@").replace("redis:", "valkey:"))
        assert limiter.draw("k", plan("10/minute"), 1, 0.0, 0.0)
        assert repr(limiter) == f"RedisLimiter('valkey://127.0.0.1:{server.port}/0')"
        limiter.close()
        limiter = RedisLimiter(server.url.replace("//", f"//:{PASSWORD}-not@"))
        with pytest.raises(StoreError, match="AuthenticationError") as caught:
            limiter.draw("k", plan("10/minute"), 1, 0.0, 0.0)
        assert PASSWORD not in f"{caught.value} {caught.value.__context__} {limiter!r} {limiter._address!r}"
        limiter.close()


@pytest.mark.parametrize(
    "url", ["", "localhost:6379", "http://localhost", f"postgres://u:{PASSWORD}@h/0", f":{PASSWORD}@"]
)
def test_an_address_that_cannot_be_is_refused_at_once(url: str) -> None:
    """And not quoted, for it may hold a password."""
    for make in (RedisLimiter, AsyncRedisLimiter):
        with pytest.raises(ConfigurationError) as caught:
            make(url)
        assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_is_over_zero(timeout: float) -> None:
    """A limiter without an end to its patience would hold up every check."""
    with pytest.raises(ConfigurationError, match="timeout"):
        RedisLimiter("redis://localhost", timeout=timeout)


async def test_a_url_that_cannot_be_read_is_told_when_it_is_used() -> None:
    """Without what stands in front of the host."""
    url = f"redis://u:{PASSWORD}@localhost:port/0"
    with pytest.raises(ConfigurationError, match="redis://localhost:port/0") as caught:
        RedisLimiter(url).draw("k", plan("1/day"), 1, 0.0, 0.0)
    with pytest.raises(ConfigurationError, match="redis://localhost:port/0") as other:
        await AsyncRedisLimiter(url).draw("k", plan("1/day"), 1, 0.0, 0.0)
    for error in (caught.value, other.value):
        assert PASSWORD not in f"{error} {error.__context__} {error.__cause__}"


async def test_the_asynchronous_limiter_does_the_same(server: Valkey) -> None:
    """Fifty tasks after 30 requests are granted exactly 30, beside a script that is not known yet."""
    with server.client() as client:
        client.script_flush()
    limiter, rules = AsyncRedisLimiter(server.url, timeout=5.0), plan("30/day", "40/month")
    draws = await asyncio.gather(*(limiter.draw("k", rules, 1, 0.0, 0.0) for _ in range(50)))
    assert sum(map(bool, draws)) == 30
    assert repr(limiter) == f"AsyncRedisLimiter('redis://127.0.0.1:{server.port}/0')"
    await limiter.close()
    await limiter.close()


async def test_the_asynchronous_limiter_meets_the_same_faults(fragile: Valkey) -> None:
    """Frozen, within the pause, killed, and back again."""
    limiter, rules = AsyncRedisLimiter(fragile.url, timeout=0.5, pause=1.0), plan("10/minute")
    await limiter.draw("k", rules, 1, 0.0, 0.0)
    fragile.freeze()
    with pytest.raises(StoreError, match="TimeoutError") as caught:
        await limiter.draw("k", rules, 1, 0.0, 0.0)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    with pytest.raises(StoreError, match="a moment ago"):
        await limiter.draw("k", rules, 1, 0.9, 0.0)
    fragile.kill()
    with pytest.raises(StoreError, match="ConnectionError"):
        await limiter.draw("k", rules, 1, 1.0, 0.0)
    fragile.start()
    assert await limiter.draw("k", rules, 1, 2.0, 0.0)
    assert limiter.failures == 3
    await limiter.close()


async def test_a_cancelled_draw_leaves_no_answer_behind(fragile: Valkey) -> None:
    """The next draw on the same connection is not given the answer of the one before."""
    limiter, rules = AsyncRedisLimiter(fragile.url, timeout=5.0), plan("10/minute, 100/hour")
    await limiter.draw("k", rules, 1, 0.0, 0.0)
    fragile.freeze()
    task = asyncio.create_task(limiter.draw("k", rules, 1, 0.0, 0.0))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    fragile.thaw()
    other = await limiter.draw("other", plan("7/minute"), 1, 0.0, 0.0)
    assert [state.remaining for state in other.states] == [6]
    await limiter.close()


def test_an_event_loop_of_its_own_each_time(server: Valkey) -> None:
    """Connections are not taken from one loop into the next."""
    limiter = AsyncRedisLimiter(server.url, timeout=5.0)

    async def once() -> int:
        draw = await limiter.draw("k", plan("10/day"), 1, 0.0, 0.0)
        await limiter.close()
        return draw.states[0].remaining

    assert [asyncio.run(once()), asyncio.run(once())] == [9, 8]


def test_as_many_connections_as_threads_ask_at_once(server: Valkey, limiter: RedisLimiter) -> None:
    """And one is enough for one thread, however often it asks; they are closed at the end."""
    rules, together = plan("1000/day"), threading.Barrier(4)
    for _ in range(20):
        limiter.draw("k", rules, 1, 0.0, 0.0)
    assert len(limiter._lines._idle) == 1

    def begin() -> None:
        together.wait(30)
        for _ in range(50):
            limiter.draw("k", rules, 1, 0.0, 0.0)

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= len(limiter._lines._idle) <= 4
    assert limiter.draw("k", rules, 0, 0.0, 0.0).states[0].remaining == 1000 - 220
    limiter.close()
    limiter.close()
    assert limiter.draw("k", rules, 1, 0.0, 0.0)


def test_a_thread_that_was_slower_to_open_uses_what_is_open(limiter: RedisLimiter) -> None:
    """Two threads may find nothing open at the same time."""
    limiter._lines._open()
    client = limiter._lines._client
    limiter._lines._open()
    assert limiter._lines._client is client is not None


def test_an_interrupted_draw_leaves_no_answer_behind(
    server: Valkey, limiter: RedisLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C between question and answer: the next draw is not given the answer of the one before."""
    limiter.draw("k", plan("10/minute, 100/hour"), 1, 0.0, 0.0)
    line = limiter._lines._idle[0]

    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(line, "read_response", interrupt)
        with pytest.raises(KeyboardInterrupt):
            limiter.draw("k", plan("10/minute, 100/hour"), 1, 0.0, 0.0)
    assert [state.remaining for state in limiter.draw("other", plan("7/minute"), 1, 0.0, 0.0).states] == [6]
    assert limiter._lines._idle[0] is line


@needs_fork
def test_a_forked_child_has_connections_of_its_own(limiter: RedisLimiter) -> None:
    """Parent and child ask on, and neither hears the answers of the other."""
    rules = plan("1000/day")
    limiter.draw("k", rules, 1, 0.0, 0.0)

    def drawn(key: str) -> bool:
        left = [limiter.draw(key, rules, 1, 0.0, 0.0).states[0].remaining for _ in range(100)]
        return left == list(range(999, 899, -1))

    child = begun(lambda: drawn("child"))
    assert drawn("parent")
    assert ended(child)
