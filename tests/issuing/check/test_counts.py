"""Requests are counted by key, minute and outcome, and add up to the checks that were made."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal

import pytest
from tests.issuing.conftest import PEPPER

from secretsource.exceptions import ConfigurationError, InvalidRequest, KeyNotFound, StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys, AsyncApiKeys
from secretsource.stores.base import Count
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore
from secretsource.testing._stores.counts import counts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.issuing.conftest import CountingStore

    from secretsource.testing.clock import FakeClock

    MakeKeys = Callable[..., ApiKeys]

UNITS: tuple[Literal["minute", "hour", "day"], ...] = ("minute", "hour", "day")


def sums(counts: Sequence[Count]) -> dict[tuple[str, str], int]:
    """Requests by key and outcome."""
    found: dict[tuple[str, str], int] = {}
    for count in counts:
        place = (count.key_id, count.outcome)
        found[place] = found.get(place, 0) + count.requests
    return found


def test_every_verdict_is_counted(make_keys: MakeKeys) -> None:
    """Accepted and refused, whichever way it was reached; what is no key of ours by its reason alone."""
    keys = make_keys()
    text, key_id = (issued := keys.issue(owner="acme", scopes=["a:read"], rate_limit="5/hour")).plaintext, ""
    key_id = issued.record.key_id
    for _ in range(3):
        keys.check(text, scope="a:read")
    keys.check(text, scope="a:read", fresh=True)
    assert keys.glance(text, scope="a:read")
    assert not keys.glance(text, scope="a:read")
    keys.check(text, scope="b:read")
    keys.check("no key", scope=NO_SCOPE)
    keys.check(text[:-1] + ("0" if text[-1] != "0" else "1"), scope=NO_SCOPE)
    keys.check(None, scope=NO_SCOPE)
    assert sums(keys.usage()) == {
        (key_id, "accepted"): 5,
        (key_id, "rate_limited"): 1,
        (key_id, "insufficient_scope"): 1,
        ("", "malformed"): 1,
        ("", "bad_checksum"): 1,
        ("", "missing"): 1,
    }


def test_counts_fall_into_their_minute_hour_and_day(make_keys: MakeKeys, clock: FakeClock) -> None:
    """To the second, however late they are flushed; each unit adds up to the same."""
    keys = make_keys()
    text = keys.issue(owner="acme").plaintext
    begin = clock.now().wall
    day = int(begin // 86400) * 86400
    clock.advance(day + 86400 - 1 - begin)
    for seconds, checks in ((0, 2), (1, 3), (59, 1), (1, 4), (3600, 5)):
        clock.advance(seconds)
        for _ in range(checks):
            assert keys.check(text, scope=NO_SCOPE)
    counted = {
        by: [(count.start - day - 86400, count.requests) for count in keys.usage(since=begin, by=by)] for by in UNITS
    }
    assert counted["minute"] == [(-60, 2), (0, 4), (60, 4), (3660, 5)]
    assert counted["hour"] == [(-3600, 2), (0, 8), (3600, 5)]
    assert counted["day"] == [(-86400, 2), (0, 13)]


def test_usage_is_narrowed_by_owner_key_plan_and_time(make_keys: MakeKeys, clock: FakeClock) -> None:
    """Only what was asked for; a key of another owner has none."""
    keys = make_keys()
    keys.plans.put("pro")
    keys.owners.put("acme", plan="pro")
    issued = [keys.issue(owner=owner) for owner in ("acme", "acme", "other")]
    for one in issued:
        keys.check(one.plaintext, scope=NO_SCOPE)
    keys.check(None, scope=NO_SCOPE)
    first, second, third = (one.record.key_id for one in issued)
    assert {count.key_id for count in keys.usage(owner="acme")} == {first, second}
    assert {count.owner for count in keys.usage(owner="acme")} == {"acme"}
    assert {count.key_id for count in keys.usage(plan="pro")} == {first, second}
    assert {count.key_id for count in keys.usage(key_id=third)} == {third}
    assert list(keys.usage(key_id=third, owner="acme")) == []
    assert {count.key_id for count in keys.usage()} == {first, second, third, ""}
    assert list(keys.usage(until=clock.now().wall - 7200)) == []


def test_a_question_that_cannot_be_is_refused(make_keys: MakeKeys, clock: FakeClock) -> None:
    """One sentence each."""
    keys = make_keys()
    with pytest.raises(InvalidRequest, match="usage is by minute, hour, day, not by 'week'"):
        keys.usage(by="week")  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match="ends before it begins"):
        keys.usage(since=clock.now().wall, until=clock.now().wall)
    with pytest.raises(KeyNotFound):
        keys.usage(key_id="0" * 22)

    class Plain(MemoryStore):
        def __init__(self) -> None:
            super().__init__()
            self.counts = None  # type: ignore[assignment]

    plain = make_keys(store=Plain())
    assert plain.check(plain.issue(owner="acme").plaintext, scope=NO_SCOPE)
    with pytest.raises(ConfigurationError, match="a Plain counts no requests"):
        plain.usage()
    assert not any(sum(counts.values()) for counts in plain._parts.uses.tally._minutes.values())


def test_threads_lose_no_count(make_keys: MakeKeys) -> None:
    """Also while others flush."""
    keys = make_keys()
    texts = [keys.issue(owner="acme").plaintext for _ in range(3)]

    def hammer(place: int) -> None:
        for _ in range(500):
            assert keys.check(texts[place % 3], scope=NO_SCOPE)

    with ThreadPoolExecutor(7) as threads:
        busy = [threads.submit(hammer, place) for place in range(6)]
        while not all(future.done() for future in busy):
            keys.flush()
        for future in busy:
            future.result()
    assert sum(count.requests for count in keys.usage(owner="acme")) == 3000


def test_what_the_store_does_not_take_waits_for_the_next_flush(make_keys: MakeKeys, store: CountingStore) -> None:
    """None is lost and none counted twice, and what was counted meanwhile is there too."""
    keys = make_keys()
    text = keys.issue(owner="acme").plaintext
    keys.check(text, scope=NO_SCOPE)
    stored = counts(store)
    add = stored.add

    def fail(_: Any) -> None:
        keys.check(text, scope=NO_SCOPE)
        raise StoreError("down")

    stored.add = fail  # type: ignore[assignment, method-assign]
    for _ in range(2):
        with pytest.raises(StoreError):
            keys.flush()
    stored.add = add  # type: ignore[method-assign]
    assert [count.requests for count in keys.usage()] == [3]
    assert [count.requests for count in keys.usage()] == [3]


def test_two_processes_add_up(make_keys: MakeKeys) -> None:
    """Each stores its own, and either tells the sum."""
    here, there = make_keys(), make_keys()
    text = here.issue(owner="acme").plaintext
    for keys in (here, there, there):
        keys.check(text, scope=NO_SCOPE)
    there.flush()
    assert [count.requests for count in here.usage(owner="acme")] == [3]


def test_old_counts_are_forgotten(make_keys: MakeKeys, clock: FakeClock) -> None:
    """Minutes after two days, hours after ninety, days after two years; by whichever process flushes."""
    keys = make_keys()
    text = keys.issue(owner="acme").plaintext
    keys.check(text, scope=NO_SCOPE)
    keys.flush()
    told = []
    for days in (1, 2, 88, 640):
        clock.advance(days * 86400)
        keys.check(None, scope=NO_SCOPE)  # a flush of nothing asks the store nothing
        keys.flush()
        told.append([len(keys.usage(owner="acme", since=0, by=by)) for by in UNITS])
    assert told == [[1, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0]]


def test_an_event_loop_counts_alike() -> None:
    """Awaited."""

    async def scenario() -> None:
        async with AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER]) as keys:
            issued = await keys.issue(owner="acme")
            for _ in range(3):
                assert await keys.check(issued.plaintext, scope=NO_SCOPE)
            counts = await keys.usage(key_id=issued.record.key_id, by="day")
            assert [(count.outcome, count.requests) for count in counts] == [("accepted", 3)]

    asyncio.run(scenario())
