"""The chores: what is told once, what is ended, what is deleted, and that one process at a time does them."""

from __future__ import annotations

import asyncio
import errno
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import PEPPER, FailingStore
from tests.issuing.manage.test_overview import Shell

from secretsource.exceptions import ConfigurationError, InvalidRequest, KeyNotFound, StoreError
from secretsource.issuing import NO_SCOPE, ROTATE_SELF, ApiKeys, AsyncApiKeys, ChoreReport, Status
from secretsource.stores._sql.sqlite_feed import Alone
from secretsource.stores.base import ChangeFeed
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from secretsource.stores.base import KeyChange, Subscription
    from secretsource.testing import FakeClock

DAY = 86400.0
RULES: dict[str, Any] = {"expiring_within": 30 * DAY, "unused_for": 90 * DAY}


async def _await(waiting: Any) -> Any:
    return await waiting


@pytest.fixture(params=["threads", "loop"])
def keys(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[Any]:
    """Keys in memory, for threads and for an event loop."""
    settings: Any = {"peppers": [PEPPER], "clock": clock}
    if request.param == "threads":
        with ApiKeys(MemoryStore(), **settings) as made:
            yield made
        return
    with asyncio.Runner() as runner:
        lasting = AsyncApiKeys(AsyncMemoryStore(), **settings)
        shell = Shell(lasting, lambda waiting: runner.run(_await(waiting)))
        vars(shell).update(plans=Shell(lasting.plans, shell._run), owners=Shell(lasting.owners, shell._run))
        yield shell
        runner.run(lasting.close())


def kinds(keys: Any, key_id: str) -> list[str]:
    """The events of a key."""
    return [event.kind.value for event in keys.events(key_id)]


@pytest.mark.parametrize(("fails", "ended"), [(1, 11), (8, 0)], ids=["a key", "the store"])
def test_a_key_that_the_store_fails_on_waits_for_the_next_round(fails: int, ended: int, clock: FakeClock) -> None:
    """Those behind it do not; after eight failures the store counts as down."""

    store = FailingStore()
    with ApiKeys(store, peppers=[PEPPER], clock=clock) as keys:
        ids: list[str] = []
        for _ in range(12):
            ids.append(keys.issue(owner="acme").record.key_id)
            clock.advance(1)
        clock.advance(2 * DAY)
        store.on = frozenset(ids[:fails])
        with pytest.raises(StoreError, match="the disk is full"):
            keys.run_chores(end_unused=DAY)
        assert [keys.get(key_id).status is Status.REVOKED for key_id in ids].count(True) == ended
        if fails == 1:
            store.on = frozenset()
            assert keys.run_chores(end_unused=DAY).revoked == 1


# Notices


def test_a_key_that_expires_soon_is_told_once(keys: Any, clock: FakeClock) -> None:
    """To the instant, by the author of the chores; again only when its end is moved."""
    record = keys.issue(owner="acme", expires_in=31 * DAY).record
    keys.issue(owner="lasting")
    assert keys.run_chores(**RULES).told == {}
    clock.advance(DAY)
    assert keys.run_chores(**RULES).told == {}
    clock.advance(1)
    assert keys.run_chores(**RULES) == ChoreReport(2, {"expiring": 1}, 0, 0, True)
    assert keys.run_chores(**RULES).told == {}
    event = keys.events(record.key_id)[-1]
    assert (event.kind.value, event.time, event.actor) == ("expiring", clock.now().wall, "chores")
    keys.update(record.key_id, expires_at=clock.now().wall + 5 * DAY)
    assert keys.run_chores(actor="cron", origin="host", **RULES).told == {"expiring": 1}
    assert keys.events(record.key_id)[-1][4:6] == ("cron", "host")


def test_an_unused_key_is_told_once_for_each_last_use(keys: Any, clock: FakeClock) -> None:
    """A use begins the time anew; a key that is not valid yet is not idle."""
    issued = keys.issue(owner="acme")
    keys.issue(owner="later", not_before=clock.now().wall + 80 * DAY)
    clock.advance(90 * DAY)
    for told in ({"unused": 1}, {}):
        assert keys.run_chores(**RULES).told == told
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    assert keys.run_chores(**RULES).told == {}
    clock.advance(80 * DAY)
    assert keys.run_chores(**RULES).told == {"unused": 1}
    clock.advance(10 * DAY)
    assert keys.run_chores(**RULES).told == {"unused": 1}
    assert kinds(keys, issued.record.key_id) == ["issued", "unused", "unused"]


def test_a_rotation_that_is_due_is_told_without_a_rule(keys: Any, clock: FakeClock) -> None:
    """Once; the successor inherits the time, and counts from its own issue."""
    issued = keys.issue(owner="acme", scopes=[ROTATE_SELF], rotate_every=timedelta(days=90))
    assert issued.record.rotation_due == clock.now().wall + 90 * DAY
    clock.advance(90 * DAY - 1)
    assert keys.run_chores().told == {}
    clock.advance(1)
    for told in ({"rotation_due": 1}, {}):
        assert keys.run_chores().told == told
    rotated = keys.rotate_by(issued.plaintext, overlap=DAY)
    assert rotated.predecessor.rotation_due is None
    assert (rotated.successor.rotate_every, rotated.successor.notices) == (90 * DAY, {})
    clock.advance(89 * DAY)
    assert keys.run_chores().told == {}
    clock.advance(DAY)
    assert keys.run_chores().told == {"rotation_due": 1}


def test_the_shorter_of_plan_and_key_counts(keys: Any, clock: FakeClock) -> None:
    """A plan makes its keys due; a key may be due sooner, and never later."""
    keys.plans.put("pro", rotate_every=90 * DAY)
    keys.owners.put("acme", plan="pro")
    issued = {every: keys.issue(owner="acme", rotate_every=every).record.key_id for every in (None, 10 * DAY, 99 * DAY)}
    clock.advance(10 * DAY)
    assert keys.run_chores().told == {"rotation_due": 1}
    clock.advance(80 * DAY)
    assert keys.run_chores().told == {"rotation_due": 2}
    assert [kinds(keys, key_id) for key_id in issued.values()] == [["issued", "rotation_due"]] * 3
    keys.plans.put("pro", rotate_every=None)
    assert keys.get(issued[None]).rotation_due is None


def test_ended_and_rotating_keys_need_nothing(keys: Any, clock: FakeClock) -> None:
    """They have a successor, or nobody can use them."""
    for end in ("revoke", "rotate", "expire"):
        record = keys.issue(owner="acme", rotate_every=5 * DAY, expires_in=120 * DAY).record
        if end == "revoke":
            keys.revoke(record.key_id)
        if end == "rotate":
            record = keys.rotate(record.key_id, overlap=100 * DAY).successor
            keys.revoke(record.key_id)
        if end == "expire":
            keys.update(record.key_id, expires_at=clock.now().wall + DAY)
    clock.advance(95 * DAY)
    assert keys.run_chores(end_unused=30 * DAY, **RULES) == ChoreReport(4, {}, 0, 0, True)


def test_several_notices_of_one_key_are_told_in_one_run(keys: Any, clock: FakeClock) -> None:
    """Each is an event of its own."""
    record = keys.issue(owner="acme", expires_in=100 * DAY, rotate_every=DAY).record
    clock.advance(95 * DAY)
    assert keys.run_chores(**RULES).told == {"rotation_due": 1, "expiring": 1, "unused": 1}
    assert sorted(kinds(keys, record.key_id)) == ["expiring", "issued", "rotation_due", "unused"]
    assert keys.get(record.key_id).revision == 4


def test_a_notice_changes_nothing_that_a_key_may_do(keys: Any, clock: FakeClock) -> None:
    """It is accepted as before, and its record differs by what was told alone."""
    issued = keys.issue(owner="acme", scopes=["a:b"], rotate_every=DAY)
    clock.advance(DAY)
    keys.run_chores()
    assert keys.check(issued.plaintext, scope="a:b")
    now = keys.get(issued.record.key_id)
    assert now._replace(revision=1, notices={}, last_used=None) == issued.record


# Ending what is unused


def test_a_policy_ends_what_is_unused(keys: Any, clock: FakeClock) -> None:
    """With the reason and one event; a key that was used, also without a flush, stays."""
    idle, used = keys.issue(owner="acme"), keys.issue(owner="acme")
    clock.advance(30 * DAY)
    assert keys.check(used.plaintext, scope=NO_SCOPE)
    report = keys.run_chores(end_unused=30 * DAY, unused_for=DAY)
    assert (report.revoked, report.told) == (1, {})
    record = keys.get(idle.record.key_id)
    assert (record.status, record.status_reason) == (Status.REVOKED, "not used for 30 days")
    assert kinds(keys, idle.record.key_id) == ["issued", "revoked"]
    assert not keys.check(idle.plaintext, scope=NO_SCOPE)
    assert keys.check(used.plaintext, scope=NO_SCOPE)


def test_nothing_is_ended_or_deleted_unless_asked(keys: Any, clock: FakeClock) -> None:
    """Both rules are off by default."""
    idle = keys.issue(owner="acme").record
    ended = keys.issue(owner="acme", expires_in=DAY).record
    clock.advance(3650 * DAY)
    assert keys.run_chores(**RULES)[2:4] == (0, 0)
    assert keys.get(idle.key_id).status is Status.ACTIVE
    assert keys.get(ended.key_id).key_id == ended.key_id


# Deleting what has ended


def test_ended_keys_are_deleted_after_their_time(keys: Any, clock: FakeClock) -> None:
    """Counted from the revocation, the expiry or the end of the overlap; one event of each stays in the feed."""
    lasting = keys.issue(owner="acme").record
    revoked, expiring, old = (keys.issue(owner="acme", expires_in=e).record for e in (None, 5 * DAY, None))
    keys.rotate(old.key_id, overlap=10 * DAY)
    clock.advance(15 * DAY)
    keys.revoke(revoked.key_id)
    for days, left in ((0, 5), (10, 4), (5, 3), (4.9, 3), (0.1, 2)):
        clock.advance(days * DAY)
        keys.run_chores(keep_ended=20 * DAY)
        assert len(keys.list()) == left, days
    assert lasting.key_id in {record.key_id for record in keys.list()}
    for gone in (revoked, expiring, old):
        with pytest.raises(KeyNotFound):
            keys.get(gone.key_id)
    told = [(event.id, event.actor) for event in keys.history(kind="deleted")]
    assert told == [(record.key_id, "chores") for record in (expiring, old, revoked)]
    assert {event.id for event in keys.history() if event.subject == "key"} >= {lasting.key_id}
    assert not [event for event in keys.history() if event.id == old.key_id and event.kind.value != "deleted"]


def test_a_revocation_without_its_time_counts_from_its_event(
    make_keys: Callable[..., ApiKeys], clock: FakeClock
) -> None:
    """A process of an older version notes no time; such a key is not deleted too early."""
    keys = make_keys()
    record = keys.issue(owner="acme").record
    clock.advance(10 * DAY)
    revoked = keys.revoke(record.key_id)
    store: Any = keys._store
    store._records[record.key_id] = revoked._replace(revoked=None, terms=None)
    clock.advance(19 * DAY)
    assert keys.run_chores(keep_ended=20 * DAY).deleted == 0
    clock.advance(DAY)
    assert keys.run_chores(keep_ended=20 * DAY).deleted == 1


# The round and its turn


def test_a_round_is_done_in_pieces(keys: Any, clock: FakeClock) -> None:
    """Each run looks at so many keys and goes on where the last one stopped; the next round begins anew."""
    for number in range(5):
        keys.issue(owner=f"o{number}", rotate_every=DAY)
        clock.advance(1)
    clock.advance(DAY)
    assert [keys.run_chores(limit=2)[:2] + keys.run_chores(limit=2)[:2] for _ in range(1)] == [
        (2, {"rotation_due": 2}, 2, {"rotation_due": 2})
    ]
    assert keys.run_chores(limit=2) == ChoreReport(1, {"rotation_due": 1}, 0, 0, True)
    assert keys.run_chores(limit=5) == ChoreReport(5, {}, 0, 0, True)


def test_results_of_runs_add_up() -> None:
    """The numbers of both, by kind; the later run says whether the round is done."""
    first = ChoreReport(3, {"expiring": 1, "unused": 2}, 4, 5)
    later = ChoreReport(30, {"unused": 20, "rotation_due": 7}, 40, 50, done=True)
    assert first.followed_by(later) == ChoreReport(33, {"expiring": 1, "unused": 22, "rotation_due": 7}, 44, 55, True)
    assert later.followed_by(ChoreReport(busy=True)) == later._replace(done=False, busy=True)


def test_one_process_at_a_time(make_keys: Callable[..., ApiKeys], clock: FakeClock) -> None:
    """Another one does nothing meanwhile, and goes on when a killed one's turn is over."""
    keys = make_keys()
    keys.issue(owner="acme", rotate_every=DAY)
    clock.advance(DAY)
    assert keys._store.upkeep is not None
    assert keys._store.upkeep.take("killed", clock.now().wall, clock.now().wall + 60) == ""
    assert keys.run_chores() == ChoreReport(busy=True)
    clock.advance(60)
    assert keys.run_chores().told == {"rotation_due": 1}


def test_a_rival_of_one_key_does_not_stop_the_round(make_keys: Callable[..., ApiKeys], clock: FakeClock) -> None:
    """A key that changes meanwhile waits for the next round, and the others are told."""
    keys = make_keys()
    for owner in ("a", "b"):
        keys.issue(owner=owner, rotate_every=DAY)
        clock.advance(1)
    clock.advance(DAY)
    store: Any = keys._store
    update, answers = store.update, iter([False])
    store.update = lambda change: next(answers, None) is None and update(change)
    assert keys.run_chores() == ChoreReport(2, {"rotation_due": 1}, 0, 0, True)
    assert keys.run_chores().told == {"rotation_due": 1}


def test_a_store_that_fails_loses_nothing(make_keys: Callable[..., ApiKeys], clock: FakeClock) -> None:
    """The run says so; when the turn is over, the next one tells what was not told."""
    keys = make_keys()
    keys.issue(owner="acme", rotate_every=DAY)
    clock.advance(DAY)
    store: Any = keys._store
    update = store.update

    def broken(_: object) -> bool:
        raise StoreError("the store is down: try again")

    store.update = broken
    with pytest.raises(StoreError):
        keys.run_chores()
    store.update = update
    clock.advance(60)
    assert keys.run_chores().told == {"rotation_due": 1}


def test_a_store_without_chores_says_so(make_keys: Callable[..., ApiKeys], store: Any) -> None:
    """A store of your own may delete nothing."""
    keys = make_keys()
    store.upkeep = None
    for work in (keys.run_chores, lambda: keys.purge(owner="acme")):
        with pytest.raises(ConfigurationError, match=r"a CountingStore .*: use a store in SQLite or PostgreSQL"):
            work()


# Rules and settings


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"expiring_within": 0}, "expiring_within must be over 0 seconds, not 0 seconds"),
        ({"unused_for": "90d"}, "unused_for is neither a timedelta nor a number"),
        ({"end_unused": 86399}, "end_unused must be at least a day"),
        ({"keep_ended": -1.0}, "keep_ended must be at least a day"),
        ({"keep_forever": 1}, "chores have no rule keep_forever: known are expiring_within"),
        ({"limit": 0}, "limit must be a whole number from 1 to 100000, not 0"),
        ({"limit": 100_001}, "limit must be a whole number from 1 to 100000, not 100001"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(keys: Any, rules: dict[str, Any], said: str) -> None:
    """The sentence names the rule; in the settings too."""
    with pytest.raises(InvalidRequest, match=said):
        keys.run_chores(**rules)
    if "limit" not in rules:
        with pytest.raises(ConfigurationError, match=said):
            ApiKeys(MemoryStore(), peppers=[PEPPER], chores=rules)  # type: ignore[arg-type]


@pytest.mark.parametrize("every", [0, 0.5, "1h"], ids=repr)
def test_a_pace_that_cannot_be_is_refused(every: Any) -> None:
    """The chores in the background are done at most once a second."""
    with pytest.raises(ConfigurationError, match="chores_every must be a number of seconds from 1"):
        ApiKeys(MemoryStore(), peppers=[PEPPER], chores_every=every)


def test_a_pace_is_refused_where_the_store_has_no_chores_done() -> None:
    """When the keys are opened, and not later, in the background, where the flushes would end with it."""
    store = MemoryStore()
    store.upkeep = None  # type: ignore[assignment]
    with pytest.raises(ConfigurationError, match="chores_every must be None, because a MemoryStore has no chores done"):
        ApiKeys(store, peppers=[PEPPER], chores_every=3600)


def test_a_thread_that_an_error_has_ended_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that raises what it must not loses no use: the next check that asks it starts the flushes anew."""
    store, ended, stored = MemoryStore(), threading.Event(), threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _: ended.set())
    record_uses = store.record_uses

    def fail(_: object) -> None:
        raise RuntimeError

    def record(uses: Any) -> None:
        record_uses(uses)
        stored.set()

    monkeypatch.setattr(store, "record_uses", fail)
    keys = ApiKeys(store, peppers=[PEPPER], flush_every=0.01)
    issued = keys.issue(owner="acme")
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    assert ended.wait(30)
    monkeypatch.setattr(store, "record_uses", record)
    assert keys.check(issued.plaintext, scope=NO_SCOPE, fresh=True)
    assert stored.wait(30)
    assert keys.get(issued.record.key_id).last_used is not None
    keys.close()


def test_a_system_without_a_thread_to_spare_is_no_reason_to_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a container has reached its bound: the check has the ttl, and the next one starts what is missing."""
    with ApiKeys.open(f"sqlite:///{tmp_path / 'keys.db'}", peppers=[PEPPER], ttl=0) as keys:
        key = keys.issue(owner="acme").plaintext
        with monkeypatch.context() as full:
            full.setattr(threading.Thread, "start", _refuse)
            assert keys.check(key, scope=NO_SCOPE)
            assert not keys.health().feeds[0].listening
        with monkeypatch.context() as late:
            late.setattr(threading.Thread, "start", _time_out)
            with pytest.raises(TimeoutError):  # as a signal's handler raises it
                keys.check(key, scope=NO_SCOPE)
        before = set(threading.enumerate())
        assert keys.check(key, scope=NO_SCOPE)
        assert len(set(threading.enumerate()) - before) == 2  # one listens, one flushes


class _Full(ChangeFeed):
    """A feed that needs a descriptor, where none is left at first."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)

    def subscribe(self, listener: Callable[[KeyChange], None]) -> Subscription:
        if self._errors:
            raise self._errors.pop(0)
        return Alone("nowhere")


async def test_a_loop_without_a_descriptor_to_spare_is_no_reason_to_refuse() -> None:
    """The same for an event loop."""
    feed = _Full(OSError(errno.EMFILE, "Too many open files"), TimeoutError())
    keys = AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER], ttl=0, feed=feed)
    key = (await keys.issue(owner="acme")).plaintext
    assert await keys.check(key, scope=NO_SCOPE)
    with pytest.raises(TimeoutError):
        await keys.check(key, scope=NO_SCOPE)
    assert await keys.check(key, scope=NO_SCOPE)
    assert any(each.listening for each in keys.health().feeds)
    await keys.close()


def _refuse(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def _time_out(_: threading.Thread) -> None:
    raise TimeoutError


def test_rules_of_a_call_stand_in_for_those_of_the_settings(
    make_keys: Callable[..., ApiKeys], clock: FakeClock
) -> None:
    """One by one; None switches one off for this run."""
    keys = make_keys(chores={"unused_for": timedelta(days=10), "end_unused": 20 * DAY})
    keys.issue(owner="acme")
    clock.advance(15 * DAY)
    assert keys.run_chores(unused_for=None).told == {}
    assert keys.run_chores().told == {"unused": 1}
    clock.advance(15 * DAY)
    assert keys.run_chores(end_unused=None).revoked == 0
    assert keys.run_chores().revoked == 1


def test_the_background_does_them_at_their_pace(make_keys: Callable[..., ApiKeys], clock: FakeClock) -> None:
    """When it is time, beside the flush, and not in every process by itself."""
    busy, idle = make_keys(chores_every=3600), make_keys()
    record = busy.issue(owner="acme", rotate_every=DAY).record
    clock.advance(DAY)
    idle._tend()
    assert kinds(idle, record.key_id) == ["issued"]
    busy._tend()
    assert kinds(idle, record.key_id) == ["issued", "rotation_due"]
    other = busy.issue(owner="acme", rotate_every=1.0).record
    clock.advance(3599)
    busy._tend()
    assert kinds(idle, other.key_id) == ["issued"]
    clock.advance(1)
    busy._tend()
    assert kinds(idle, other.key_id) == ["issued", "rotation_due"]
