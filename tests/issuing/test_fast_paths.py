"""Every short way of a check: a listener, a clock and a pepper act on it at once, and it counts each check once."""

from __future__ import annotations

import asyncio
from contextlib import closing
from sqlite3 import connect
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import PEPPER

from secretsource.exceptions import StoreError
from secretsource.issuing import (
    NO_SCOPE,
    Accepted,
    Admission,
    ApiKeys,
    AsyncApiKeys,
    CheckEvent,
    KeyRecord,
    PepperSet,
    Reason,
    Rejected,
)
from secretsource.issuing._check.verifier import Verifier
from secretsource.issuing.limits import LocalLimiter
from secretsource.limiters.base import AsyncLimiter
from secretsource.stores._sql.lookups.sqlite_lookup import SqliteLookup
from secretsource.stores.sql import AsyncSqlStore
from secretsource.testing.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from pathlib import Path

    from secretsource.issuing import Verdict
    from secretsource.issuing.limits import Draw, Plan

MEMORY, PAST, NEVER_KEPT = 5.0, 1e-9, 0.0
"""Times to live: a record that is in memory, one that is always past its ttl, and one that is never kept."""
WAYS = {
    "check, in memory": (ApiKeys, "memory", MEMORY, "check"),
    "check, past its ttl": (ApiKeys, "sqlite", PAST, "check"),
    "check, never kept": (ApiKeys, "sqlite", NEVER_KEPT, "check"),
    "glance": (ApiKeys, "memory", MEMORY, "glance"),
    "recall": (ApiKeys, "memory", MEMORY, "recall"),
    "loop, in memory": (AsyncApiKeys, "memory", MEMORY, "check"),
    "loop, past its ttl": (AsyncApiKeys, "sqlite", PAST, "check"),
    "loop, never kept": (AsyncApiKeys, "sqlite", NEVER_KEPT, "check"),
}
LIMITS: dict[str, dict[str, Any]] = {
    "free": {},
    "one rate": {"rate_limit": "1000/hour"},
    "two rates": {"rate_limit": "1000/hour, 5000/day"},
    "of an owner": {"rate_limit": "1000/hour", "owner": "shared"},
}


class World:
    """Keys that are checked in one way only, by a clock that obeys."""

    def __init__(self, way: str, folder: Path, store: str | None = None) -> None:
        kind, usual, ttl, self.name = WAYS[way]
        self.runner, self.clock = asyncio.Runner(), FakeClock()
        url = "memory://" if (store or usual) == "memory" else f"sqlite:///{folder / 'keys.db'}"
        settings: dict[str, Any] = {"peppers": [PEPPER], "clock": self.clock, "ttl": ttl, "miss_ttl": 0.0}
        self.keys: Any = self.of(kind.open(url, flush_every=3600.0, **settings))
        self.of(self.keys.owners.put("shared", rate_limit="9000/hour"))
        self._recall = Admission(self.keys, scope=NO_SCOPE).recalling(None)

    def of(self, answer: Any) -> Any:
        """The answer itself, awaited if need be."""
        return self.runner.run(_awaited(answer)) if hasattr(answer, "__await__") else answer

    def issued(self, **request: Any) -> str:
        """A new key that took the long way once."""
        text: str = self.of(self.keys.issue(**{"owner": "acme", **request})).plaintext
        for _ in range(2):
            assert self.of(self.keys.check(text, scope=NO_SCOPE))
        return text

    def ask(self, text: str) -> Verdict | None:
        """One check, a moment after the last one."""
        self.clock.advance(0.001)
        if self.name == "recall" and (found := self._recall(text.encode(), NO_SCOPE, None, 1)) is not None:
            return Accepted(found) if isinstance(found, KeyRecord) else found.verdict
        name = "check" if self.name == "recall" else self.name
        verdict: Verdict | None = self.of(getattr(self.keys, name)(text, scope=NO_SCOPE))
        return verdict

    def close(self) -> None:
        """End all of it."""
        self.of(self.keys.close(flush=False))
        self.runner.close()


async def _awaited(answer: Coroutine[Any, Any, Any]) -> Any:
    return await answer


@pytest.fixture(params=WAYS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Each way in turn."""
    made = World(request.param, tmp_path)
    yield made
    made.close()


@pytest.fixture
def on_loop(tmp_path: Path) -> Iterator[World]:
    """The way of an event loop whose records are past their ttl."""
    made = World("loop, past its ttl", tmp_path)
    yield made
    made.close()


@pytest.fixture
def long_ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A mark for each time that the long way is taken."""
    way, taken = Verifier.check, list[str]()

    def note(self: Verifier, *given: Any) -> Any:
        taken.append("taken")
        return way(self, *given)

    monkeypatch.setattr(Verifier, "check", note)
    return taken


@pytest.mark.parametrize("limits", LIMITS)
def test_a_listener_that_is_added_hears_the_next_check(world: World, limits: str, long_ways: list[str]) -> None:
    """Once, on the short way, and none more when it is gone; each check is counted once."""
    text, heard = world.issued(**LIMITS[limits]), list[CheckEvent]()
    long_ways.clear()
    assert world.ask(text)
    stop = world.keys._listeners.add(heard.append)
    assert world.ask(text)
    stop()
    assert world.ask(text)
    assert [bool(event.verdict) for event in heard] == [True]
    assert long_ways == []
    assert sum(count.requests for count in world.of(world.keys.usage(since=0))) == 5


@pytest.mark.parametrize("limits", LIMITS)
def test_the_injected_clock_is_the_only_one(world: World, limits: str) -> None:
    """A key ends when that clock says so, however short the way is."""
    text = world.issued(expires_in=3, **LIMITS[limits])
    world.clock.advance(2.9)
    assert world.of(world.keys.check(text, scope=NO_SCOPE))
    assert world.ask(text)
    world.clock.advance(0.1)
    verdict = world.ask(text)
    assert isinstance(verdict, Rejected)
    assert verdict.reason is Reason.EXPIRED


@pytest.mark.parametrize("rates", ["3/second", "3/second, 1000/day"])
def test_a_limit_is_refilled_by_the_injected_clock(world: World, rates: str) -> None:
    """Three requests a second, of which the first two took the long way."""
    text = world.issued(rate_limit=rates)
    assert [bool(world.ask(text)) for _ in range(2)] == [True, False]
    world.clock.advance(1)
    assert world.of(world.keys.check(text, scope=NO_SCOPE))
    assert [bool(world.ask(text)) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("limits", LIMITS)
def test_a_pepper_that_is_renewed_acts_at_once(world: World, limits: str) -> None:
    """A key of the pepper that is gone is refused by the next check, and a key of the new one accepted."""
    text = world.issued(**LIMITS[limits])
    assert world.ask(text)
    world.keys._adopt(world.keys._parts.renewed(PepperSet(["another pepper of the tests, long enough"])))
    refused = world.of(world.keys.check(text, scope=NO_SCOPE))
    assert isinstance(refused, Rejected)
    assert not world.ask(text)
    assert world.ask(world.issued(**LIMITS[limits]))


def test_a_file_that_would_be_waited_for_is_read_in_a_thread(
    on_loop: World, monkeypatch: pytest.MonkeyPatch, long_ways: list[str]
) -> None:
    """The loop gives up, the long way asks once more, and the check is counted once."""
    text = on_loop.issued()
    here = on_loop.keys._store.here
    ask = SqliteLookup._ask

    def busy(self: SqliteLookup, query: str, key_id: str) -> object:
        if self is here:
            raise StoreError("the key store is locked")
        return ask(self, query, key_id)

    monkeypatch.setattr(SqliteLookup, "_ask", busy)
    long_ways.clear()
    assert on_loop.ask(text)
    assert long_ways == ["taken"]
    assert sum(count.requests for count in on_loop.of(on_loop.keys.usage(since=0))) == 3


def test_a_key_that_is_being_rotated_is_waited_for(on_loop: World) -> None:
    """The date of its rotation is asked for on the long way, so its answer has it."""
    text = on_loop.issued()
    key_id = on_loop.of(on_loop.keys.check(text, scope=NO_SCOPE)).key_id
    rotated_at = on_loop.clock.now().wall
    on_loop.of(on_loop.keys.rotate(key_id, overlap=60))
    verdict: Any = on_loop.ask(text)
    assert verdict.rotated == rotated_at


class Awaited(AsyncLimiter):
    """Limits that have to be awaited, as those of a server."""

    def __init__(self) -> None:
        self.limiter = LocalLimiter()

    async def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        await asyncio.sleep(0)
        return self.limiter.draw(key, plan, cost, mono, wall)


async def test_a_shared_limiter_is_waited_for(tmp_path: Path) -> None:
    """A key on SQLite whose limits are elsewhere is drawn on once with each check."""
    async with await AsyncApiKeys.open(
        f"sqlite:///{tmp_path / 'keys.db'}", peppers=[PEPPER], ttl=0.0, limiter=Awaited()
    ) as keys:
        text = (await keys.issue(owner="acme", rate_limit="3/hour")).plaintext
        assert [bool(await keys.check(text, scope=NO_SCOPE)) for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize("way", ["check, never kept", "loop, never kept", "check, in memory"])
@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        ("status = 'disabled'", Reason.DISABLED),
        ("expires = 1", Reason.EXPIRED),
        ("begins = 9e9", Reason.NOT_YET),
        ("networks = '[\"192.0.2.0/24\"]'", Reason.WRONG_NETWORK),
        ("scopes = '[\"other\"]'", Reason.INSUFFICIENT_SCOPE),
        ("hash = zeroblob(32)", Reason.WRONG_SECRET),
        ("rate_limit = '1/day'", Reason.RATE_LIMITED),
        (None, Reason.UNKNOWN),
    ],
)
def test_what_is_written_past_the_library_is_seen_where_nothing_is_believed(
    way: str, edit: str | None, reason: Reason, tmp_path: Path
) -> None:
    """Without a ttl, or past the cache, each check goes by what the database says then, to the last column."""
    question = {"scope": "read", "ip": "198.51.100.7", "fresh": way == "check, in memory"}
    with closing(World(way, tmp_path, "sqlite")) as world:
        text = world.of(world.keys.issue(owner="acme", scopes=["read"])).plaintext
        for _ in range(3):
            assert world.of(world.keys.check(text, **question))
        with closing(connect(tmp_path / "keys.db")) as database, database:
            database.execute(f"UPDATE secretsource_keys SET {edit}" if edit else "DELETE FROM secretsource_keys")
        asked = [world.of(world.keys.check(text, **question)) for _ in range(2)]
    assert asked[-1].reason is reason
    assert [bool(verdict) for verdict in asked] == [reason is Reason.RATE_LIMITED, False]


def test_a_store_says_whether_the_loop_may_ask_it(on_loop: World, tmp_path: Path) -> None:
    """An open file may be asked; one that is not open yet, or that is read in threads, may not."""
    on_loop.issued()
    assert on_loop.keys._store.here is not None
    for option in ("", "?lookups=threads"):
        store = AsyncSqlStore.open(f"sqlite:///{tmp_path / 'keys.db'}{option}")
        assert store.here is None
        on_loop.of(store.get("0" * 22))
        assert (store.here is None) is bool(option)
        on_loop.of(store.close())


@pytest.mark.parametrize("limits", LIMITS)
def test_what_memory_recalls_is_not_asked_for_again(limits: str, long_ways: list[str], tmp_path: Path) -> None:
    """The function that takes a key from its header decides by itself, as often as it is asked."""
    with closing(World("recall", tmp_path)) as world:
        text = world.issued(**LIMITS[limits])
        recall = Admission(world.keys, scope=NO_SCOPE).recalling(b"authorization")
        long_ways.clear()
        known, unknown = (f"Bearer {text}", f"bearer  {text} "), (text, "Bearer", f"Bearer {' ' * 5000}{text}")
        for value, is_known in (*((each, True) for each in known), *((each, False) for each in unknown)):
            assert (recall(value.encode(), NO_SCOPE, None, 1) is not None) is is_known
        assert (recall(f"Bearer {text}".encode(), "a:b", None, 1), long_ways) == (None, [])
        closed: list[dict[str, Any]] = [{"hide": True}, {"credentials": ["Authorization: Basic password"]}]
        for rules in closed:
            recall = Admission(world.keys, scope=NO_SCOPE, **rules).recalling(b"authorization")
            assert [recall(value.encode(), NO_SCOPE, None, 1) for value in (text, f"Bearer {text}")] == [None, None]


@pytest.mark.parametrize("header", [None, b"authorization", b"x-api-key"])
def test_memory_recalls_no_key_from_what_is_no_text(header: bytes | None, tmp_path: Path) -> None:
    """Whatever a client or a framework hands over: the long way decides, and no error shows the key in it."""
    with closing(World("recall", tmp_path)) as world:
        text, recall = world.issued(), Admission(world.keys, scope=NO_SCOPE).recalling(header)
        values: list[Any] = [f"{text}\xff".encode("latin-1"), f"Bearer {text}\xff".encode("latin-1"), text, None]
        assert [recall(value, NO_SCOPE, None, 1) for value in values] == [None] * len(values)


def test_a_key_without_limits_has_one_verdict(tmp_path: Path) -> None:
    """Until its record changes; a key with limits has a new one for each check."""
    with closing(World("check, in memory", tmp_path)) as world:
        free, limited = world.issued(), world.issued(rate_limit="1000/hour")
        first: Any = world.ask(free)
        key_id = first.key_id
        assert world.ask(free) is first
        assert world.ask(limited) is not world.ask(limited)
        world.keys.update(key_id, name="another")
        assert world.keys.check(free, scope=NO_SCOPE).record.name == "another"
        third: Any = world.ask(free)
        assert (third.record.name, world.ask(free) is third) == ("another", True)
