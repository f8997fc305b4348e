"""A key that ended through rotation and comes back: an alarm in the history, and never on the path of a check."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import PEPPER

from secretsource.exceptions import StoreError
from secretsource.issuing import NO_SCOPE, AsyncApiKeys, CheckEvent, EventKind, Reason, Rejected
from secretsource.issuing._check.noting import reuses
from secretsource.issuing._check.noting.reuses import Reuses
from secretsource.stores.memory import AsyncMemoryStore
from secretsource.testing._stores.samples import record

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.issuing.conftest import CountingStore

    from secretsource.issuing import ApiKeys, Issued, KeyEvent, Status
    from secretsource.testing import FakeClock

HOUR = 3600.0


def spent(keys: ApiKeys, clock: FakeClock, **request: Any) -> Issued:
    """Return a key whose overlap is over."""
    issued = keys.issue(owner="acme", **request)
    keys.rotate(issued.record.key_id, overlap=60)
    clock.advance(61)
    return issued


def alarms(keys: ApiKeys, issued: Issued) -> list[KeyEvent]:
    """Return the alarms in the history of a key, after a flush."""
    keys.flush()
    return [event for event in keys.events(issued.record.key_id) if event.kind is EventKind.REUSED]


@pytest.mark.parametrize("ttl", [0, 5.0], ids=["uncached", "cached"])
def test_a_use_after_the_overlap_is_an_alarm(make_keys: Callable[..., ApiKeys], clock: FakeClock, ttl: float) -> None:
    """The event has the time and the address of the first use, and the key's status does not change."""
    keys = make_keys(ttl=ttl)
    old = spent(keys, clock)
    used = clock.now().wall
    for _ in range(3):
        verdict = keys.check(old.plaintext, scope=NO_SCOPE, ip="203.0.113.9")
        assert isinstance(verdict, Rejected)
        assert verdict.reason is Reason.EXPIRED
        clock.advance(1)
    (alarm,) = alarms(keys, old)
    assert (alarm.time, alarm.origin, alarm.actor, alarm.fields) == (used, "203.0.113.9", None, ())
    assert keys.get(old.record.key_id).status_at(clock.now().wall).value == "expired"
    successor = keys.get(old.record.key_id).successor
    assert successor is not None
    assert keys.get(successor).status.value == "active"


@pytest.mark.parametrize("end", ["no overlap", "finished", "revoked", "disabled kind"])
def test_each_end_of_a_rotated_key_counts(keys: ApiKeys, clock: FakeClock, end: str) -> None:
    """Without an overlap, ended early, revoked meanwhile, or shown where another kind of key belongs."""
    issued = keys.issue(owner="acme")
    key_id = issued.record.key_id
    keys.rotate(key_id, overlap=0 if end == "no overlap" else 60)
    if end == "finished":
        keys.finish_rotation(key_id)
    if end == "revoked":
        keys.revoke(key_id)
    clock.advance(61)
    kind: dict[str, Any] = {"environment": "test"} if end == "disabled kind" else {}
    assert not keys.check(issued.plaintext, scope=NO_SCOPE, **kind)
    assert len(alarms(keys, issued)) == 1


def test_other_refusals_are_no_alarm(keys: ApiKeys, clock: FakeClock) -> None:
    """A key that was revoked or expired without a successor, a rotating key, a wrong secret, and a good key."""
    revoked, expired, rotating = (keys.issue(owner="acme", expires_in=e) for e in (None, 60, None))
    keys.revoke(revoked.record.key_id)
    clock.advance(61)
    successor = keys.rotate(rotating.record.key_id, overlap=600).plaintext
    old = spent(keys, clock)
    wrong = f"{old.plaintext[:40]}{'A' if old.plaintext[40] != 'A' else 'B'}{old.plaintext[41:]}"
    for text in (revoked.plaintext, expired.plaintext, rotating.plaintext, successor, wrong):
        keys.check(text, scope="no:such", ip="203.0.113.9")
    for issued in (revoked, expired, rotating, old):
        assert alarms(keys, issued) == []


def test_one_alarm_an_hour_over_all_processes(make_keys: Callable[..., ApiKeys], clock: FakeClock) -> None:
    """Two processes that see uses within an hour leave one event, and the next hour has its own."""
    one, two = make_keys(), make_keys()
    old = spent(one, clock)
    for keys in (one, two, one):
        assert not keys.check(old.plaintext, scope=NO_SCOPE)
        keys.flush()
    assert len(alarms(two, old)) == 1
    clock.advance(HOUR - 1)
    for keys in (one, two):
        assert not keys.check(old.plaintext, scope=NO_SCOPE)
        keys.flush()
    assert len(alarms(one, old)) == 1
    clock.advance(1)
    for keys in (one, two):
        assert not keys.check(old.plaintext, scope=NO_SCOPE)
        keys.flush()
    assert len(alarms(one, old)) == 2


def test_a_check_writes_nothing(make_keys: Callable[..., ApiKeys], clock: FakeClock, store: CountingStore) -> None:
    """A check only reads; a flush writes the event, and the next flush nothing."""
    keys = make_keys()
    old = spent(keys, clock)
    keys.flush()
    store.asked.clear()
    assert not keys.check(old.plaintext, scope=NO_SCOPE)
    assert not keys.check(old.plaintext, scope=NO_SCOPE)
    assert set(store.asked) == {"get"}
    store.asked.clear()
    keys.flush()
    assert store.asked == ["get", "update"]
    store.asked.clear()
    keys.flush()
    assert store.asked == []


def test_a_store_that_is_down_delays_the_alarm(keys: ApiKeys, clock: FakeClock, store: CountingStore) -> None:
    """The check is refused as ever, and the flush after the fault writes the event with the time of the use."""
    old = spent(keys, clock)
    keys.flush()
    used = clock.now().wall
    assert not keys.check(old.plaintext, scope=NO_SCOPE)
    update: Any = store.update

    def broken(change: object) -> bool:
        raise StoreError("the store is down: try again")

    store.update = broken  # type: ignore[method-assign, assignment]  # the fault
    with pytest.raises(StoreError):
        keys.flush()
    store.update = update  # type: ignore[method-assign]
    clock.advance(5)
    (alarm,) = alarms(keys, old)
    assert alarm.time == used


def test_a_rival_change_does_not_lose_the_alarm(keys: ApiKeys, clock: FakeClock, store: CountingStore) -> None:
    """When another writer is quicker, the alarm is written on the newer record."""
    old = spent(keys, clock)
    keys.flush()
    assert not keys.check(old.plaintext, scope=NO_SCOPE)
    update: Any = store.update
    answers = iter([False])
    store.update = lambda change: next(answers, None) is None and update(change)  # type: ignore[method-assign]
    keys.flush()
    store.update = update  # type: ignore[method-assign]
    assert len(alarms(keys, old)) == 1


def test_a_listener_hears_each_use(keys: ApiKeys, clock: FakeClock) -> None:
    """Each check of such a key says so, and no other check does."""
    heard: list[CheckEvent] = []
    stop = keys.on_event(heard.append)
    good = keys.issue(owner="acme")
    old = spent(keys, clock)
    for text in (old.plaintext, good.plaintext, old.plaintext, None):
        keys.check(text, scope=NO_SCOPE)
    keys._listeners.settle(10)
    stop()
    assert [event.is_reuse for event in heard] == [True, False, True, False]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> None:
    """While the store is down, no more than so many alarms wait, and no more keys are remembered."""
    monkeypatch.setattr(reuses, "MOST", 3)
    log = Reuses()
    ended: dict[str, Any] = {"successor": "s" * 22, "expires": 1.0}
    for number in range(10):
        log.note(record(number, **ended), clock.now(), None)
    assert [reuse.key_id for reuse in log.waiting()] == [record(number).key_id for number in range(3)]
    assert len(log._quiet) <= 3


def test_a_later_use_is_not_forgotten_with_an_earlier_one(clock: FakeClock) -> None:
    """A use that was noted while an earlier one was being written waits for its own flush."""
    log, ended = Reuses(), record(1, successor="s" * 22, expires=1.0)
    log.note(ended, clock.now(), "a")
    (first,) = log.waiting()
    clock.advance(HOUR)
    log.note(ended, clock.now(), "b")
    log.written(first)
    assert [reuse.origin for reuse in log.waiting()] == ["b"]


def test_an_event_loop_raises_the_alarm_too(clock: FakeClock) -> None:
    """The awaited check and flush do the same."""

    async def scenario() -> list[Status | EventKind]:
        async with AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER], clock=clock) as keys:
            issued = await keys.issue(owner="acme")
            await keys.rotate(issued.record.key_id, overlap=0)
            assert not await keys.check(issued.plaintext, scope=NO_SCOPE)
            await keys.flush()
            return [event.kind for event in await keys.events(issued.record.key_id)]

    assert asyncio.run(scenario()) == [EventKind.ISSUED, EventKind.ROTATED, EventKind.REUSED]
