"""`ApiKeys` from end to end, on the memory store and a clock that obeys."""

from __future__ import annotations

import asyncio
import copy
import gc
import math
import pickle
import threading
import weakref
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import reason

from secretsource import override
from secretsource._ground.clock import Instant
from secretsource.exceptions import (
    ConfigurationError,
    InsufficientScope,
    InvalidKey,
    InvalidRequest,
    InvalidTransition,
    KeyNotFound,
    RateLimited,
    StoreError,
)
from secretsource.issuing import (
    NO_SCOPE,
    Accepted,
    ApiKeys,
    AsyncApiKeys,
    EventKind,
    KeyFormat,
    KeyRequest,
    Reason,
    Rejected,
    Status,
)
from secretsource.issuing._check.record_cache import RecordCache
from secretsource.issuing._key import foreign, lifecycle
from secretsource.issuing._manage.chores import AsyncChores, Chores
from secretsource.issuing.limits import LocalLimiter
from secretsource.stores._registry import open_store
from secretsource.stores._sql.async_store import AsyncSqlStore
from secretsource.stores.base import EventKind as Kind
from secretsource.stores.base import KeyRecord
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore
from secretsource.stores.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from secretsource.issuing import Verdict
    from secretsource.testing.clock import FakeClock

PEPPER = "a pepper of the tests, long enough"
OLD_PEPPER = "the pepper before it, long enough"


def test_an_issued_key_is_accepted_and_its_record_is_stored(keys: ApiKeys) -> None:
    """The round trip: mint, store, check, verify; nothing of the key is in the record."""
    issued = keys.issue(owner="acme", scopes=["invoices:read"], name="billing", actor="ann", origin="console")
    verdict = keys.check(issued.plaintext, scope="invoices:read")
    assert isinstance(verdict, Accepted)
    assert verdict.record == keys.get(issued.record.key_id) == issued.record
    assert keys.verify(issued.plaintext, scope=NO_SCOPE).owner == "acme"
    assert issued.plaintext not in repr(issued.record)
    assert issued.plaintext[30:62] not in str(tuple(issued.record))
    assert issued.record.created_at == datetime(2025, 1, 1, tzinfo=UTC)
    [event] = keys.events(issued.record.key_id)
    assert (event.kind, event.actor, event.origin, event.happened_at) == (
        EventKind.ISSUED,
        "ann",
        "console",
        issued.record.created_at,
    )


def test_what_was_issued_does_not_show_itself(keys: ApiKeys) -> None:
    """Neither printed nor pickled."""
    issued = keys.issue(owner="acme")
    rotated = keys.rotate(issued.record.key_id, overlap=60)
    for value, text in ((issued, issued.plaintext), (rotated, rotated.plaintext)):
        assert text is not None
        assert text not in repr(value)
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(value)


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("times", [1, 2])
def test_each_step_of_the_check_rejects_for_its_own_reason(
    keys: ApiKeys, clock: FakeClock, fresh: bool, times: int
) -> None:
    """Cached or not, at the first or the second time: steps 0 to 9."""
    good = keys.issue(owner="acme", scopes=["a:b"], networks=["10.0.0.0/8"]).plaintext
    dead = keys.issue(owner="acme")
    keys.revoke(dead.record.key_id)
    off = keys.issue(owner="acme")
    keys.disable(off.record.key_id)
    early = keys.issue(owner="acme", not_before=clock.now().wall + 60)
    late = keys.issue(owner="acme", expires_in=60)
    limited = keys.issue(owner="acme", rate_limit=f"{times - 1 or 1}/day")
    if times == 1:
        keys.check(limited.plaintext, scope=NO_SCOPE)
    keys.check(late.plaintext, scope=NO_SCOPE)
    clock.advance(59.0 if times == 2 else 60.0)
    expected: list[tuple[Any, Any, str | None, Reason | None]] = [
        (None, NO_SCOPE, None, Reason.MISSING),
        ("x" * 513, NO_SCOPE, None, Reason.MALFORMED),
        ("x" * 10_000_000, NO_SCOPE, None, Reason.MALFORMED),
        ("\ud800", NO_SCOPE, None, Reason.MALFORMED),
        ("", NO_SCOPE, None, Reason.MALFORMED),
        (good[:-1] + ("0" if good[-1] != "0" else "1"), NO_SCOPE, None, Reason.BAD_CHECKSUM),
        (KeyFormat().mint("sk", "live", "0" * 22), NO_SCOPE, None, Reason.NOT_OURS),
        (KeyFormat().mint("sk", "live", dead.record.key_id), NO_SCOPE, None, Reason.WRONG_SECRET),
        (dead.plaintext, NO_SCOPE, None, Reason.REVOKED),
        (off.plaintext, NO_SCOPE, None, Reason.DISABLED),
        (good, "a:b", "11.0.0.1", Reason.WRONG_NETWORK),
        (good, "a:b", None, Reason.WRONG_NETWORK),
        (good, "a:c", "10.0.0.1", Reason.INSUFFICIENT_SCOPE),
        (good, ["a:b", "a:c"], "10.0.0.1", Reason.INSUFFICIENT_SCOPE),
        (good, ["a:b"], "10.0.0.1", None),
    ]
    if times == 1:
        expected += [(late.plaintext, NO_SCOPE, None, Reason.EXPIRED), (early.plaintext, NO_SCOPE, None, None)]
        expected += [(limited.plaintext, NO_SCOPE, None, Reason.RATE_LIMITED)]
    else:
        expected += [(late.plaintext, NO_SCOPE, None, None), (early.plaintext, NO_SCOPE, None, Reason.NOT_YET)]
    for text, scope, ip, why in expected:
        for _ in range(times):
            verdict = keys.check(text, scope=scope, ip=ip, fresh=fresh)
            assert reason(verdict) is why, (text and text[:80], scope, ip)


def test_verify_raises_what_the_outside_may_know(keys: ApiKeys) -> None:
    """One class per status; the inner reason is not in it."""
    issued = keys.issue(owner="acme", scopes=["a:b"], rate_limit="1/day")
    with pytest.raises(InvalidKey):
        keys.verify("nonsense", scope=NO_SCOPE)
    with pytest.raises(InsufficientScope):
        keys.verify(issued.plaintext, scope="a:c")
    keys.verify(issued.plaintext, scope="a:b")
    with pytest.raises(RateLimited):
        keys.verify(issued.plaintext, scope="a:b")


def test_a_wildcard_is_fast_the_second_time(keys: ApiKeys, store: Any) -> None:
    """What a wildcard granted once is remembered with the record, and no more than that."""
    text = keys.issue(owner="acme", scopes=["a:*"]).plaintext
    for _ in range(2):
        assert keys.check(text, scope="a:b")
        assert not keys.check(text, scope="b:a")
    assert store.asked.count("get") == 1


def test_a_demand_that_is_wrong_is_an_error_in_the_program(keys: ApiKeys) -> None:
    """Not a rejection of the client, on the first check as on a cached one."""
    text = keys.issue(owner="acme", scopes=["a:*", "a:b"]).plaintext
    for _ in range(2):
        demands: list[Any] = [[], "", "a:*", set()]
        for demand in demands:
            with pytest.raises(InvalidRequest):
                keys.check(text, scope=demand)
        with pytest.raises(InvalidRequest, match="cost"):
            keys.check(text, scope="a:b", cost=-1)
        assert keys.check(text, scope="a:b")


def test_every_verdict_is_told(make_keys: Callable[..., ApiKeys]) -> None:
    """The hook hears each one once, from the cache as from the store."""
    told: list[Verdict] = []
    keys = make_keys(on_check=told.append)
    text = keys.issue(owner="acme", rate_limit="2/day").plaintext
    returned = [keys.check(each, scope=NO_SCOPE) for each in (text, text, text, "junk")]
    assert told == returned
    assert [bool(verdict) for verdict in told] == [True, True, False, False]


def test_several_keys_are_issued_all_or_none(keys: ApiKeys) -> None:
    """A thousand of one owner are distinct, and one bad request spoils the batch."""
    issued = keys.issue_many([KeyRequest(owner="acme")] * 1000)
    assert len({each.plaintext for each in issued}) == len({each.record.key_id for each in issued}) == 1000
    with pytest.raises(InvalidRequest):
        keys.issue_many([{"owner": "other"}, {"owner": ""}])
    assert keys.list(owner="other").records == []


def test_a_taken_locator_is_drawn_again(keys: ApiKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the store and within one batch; and when all are taken, it ends with an error, not in a loop."""
    first = keys.issue(owner="acme").record.key_id
    serials = iter(
        [first, first, keys._operations._locator("b"), "0" * 22, "0" * 22, *(f"{n:022}" for n in range(1, 9))]
    )
    monkeypatch.setattr(keys._operations, "_locator", lambda owner: next(serials))
    assert keys.issue(owner="acme").record.key_id not in (first, "0" * 22)
    assert len({each.record.key_id for each in keys.issue_many([KeyRequest(owner="acme")] * 2)}) == 2
    monkeypatch.setattr(keys._operations, "_locator", lambda owner: first)
    with pytest.raises(StoreError, match="no unused locator"):
        keys.issue(owner="acme")


def test_a_live_key_needs_a_pepper(make_keys: Callable[..., ApiKeys]) -> None:
    """Without one, only `test` keys are minted, unless it is said in so many words."""
    bare = make_keys(peppers=[])
    assert bare.check(bare.issue(owner="acme", environment="test").plaintext, scope=NO_SCOPE)
    with pytest.raises(ConfigurationError, match="SECRETSOURCE_PEPPER"):
        bare.issue(owner="acme", environment="live")
    allowed = make_keys(peppers=[], allow_unpeppered=True)
    assert allowed.check(allowed.issue(owner="acme").plaintext, scope=NO_SCOPE)


def test_rotation_overlaps_and_then_ends(keys: ApiKeys, clock: FakeClock) -> None:
    """Both keys work until the overlap ends, and then the new one only."""
    old = keys.issue(owner="acme", scopes=["a:b"])
    rotated = keys.rotate(old.record.key_id, overlap=timedelta(hours=1), actor="ann", reason="yearly")
    assert rotated.plaintext is not None
    verdict = keys.check(old.plaintext, scope="a:b")
    assert isinstance(verdict, Accepted)
    assert verdict.sunset == clock.now().wall + 3600
    assert rotated.predecessor.overlap_ends_at == datetime(2025, 1, 1, 1, tzinfo=UTC)
    clock.advance(3599)
    assert keys.check(old.plaintext, scope="a:b")
    assert keys.check(rotated.plaintext, scope="a:b")
    clock.advance(1)
    assert reason(keys.check(old.plaintext, scope="a:b")) is Reason.EXPIRED
    assert keys.check(rotated.plaintext, scope="a:b")
    assert [event.kind for event in keys.events(old.record.key_id)] == [EventKind.ISSUED, EventKind.ROTATED]


def test_a_rotation_makes_one_successor_however_often_it_is_asked(keys: ApiKeys) -> None:
    """Retries and races find the successor that is there; only one call is given its text."""
    old = keys.issue(owner="acme").record.key_id
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(keys.rotate(old, overlap=60))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.successor.key_id for answer in answers}) == 1
    assert sum(answer.plaintext is not None for answer in answers) == 1
    assert len(keys.list(owner="acme").records) == 2


def test_the_rotation_says_who_still_uses_the_old_key(keys: ApiKeys, clock: FakeClock) -> None:
    """Last use, requests, networks and user agents since the rotation; then it can be finished."""
    old = keys.issue(owner="acme")
    with pytest.raises(InvalidTransition, match="not been rotated"):
        keys.rotation_status(old.record.key_id)
    keys.check(old.plaintext, scope=NO_SCOPE, ip="10.0.0.9", agent="before/1")
    clock.advance(1)
    new = keys.rotate(old.record.key_id, overlap=3600)
    assert not keys.rotation_status(old.record.key_id).old_key_used
    for number in range(3):
        clock.advance(1)
        assert keys.check(old.plaintext, scope=NO_SCOPE, ip=f"10.0.0.{number}", agent="curl/8")
    status = keys.rotation_status(old.record.key_id)
    assert status.usage.requests == 3
    assert [*status.usage.networks] == ["10.0.0.0", "10.0.0.1", "10.0.0.2"]
    assert [*status.usage.agents] == ["curl/8"]
    assert status.usage.last_used == clock.now().wall
    assert (status.old_key_used, status.successor_used, status.status) == (True, False, Status.ROTATING)
    with pytest.raises(InvalidTransition, match="still in use"):
        keys.finish_rotation(old.record.key_id, quiet_for=60)
    clock.advance(61)
    assert new.plaintext is not None
    keys.check(new.plaintext, scope=NO_SCOPE)
    assert keys.rotation_status(old.record.key_id).successor_used
    assert keys.finish_rotation(old.record.key_id, quiet_for=60).status is Status.REVOKED
    assert keys.finish_rotation(old.record.key_id).revision == 3  # once more changes nothing
    assert reason(keys.check(old.plaintext, scope=NO_SCOPE)) is Reason.REVOKED


def test_a_leaked_key_is_replaced_at_once(keys: ApiKeys) -> None:
    """No overlap: the old one is refused by the next check."""
    old = keys.issue(owner="acme")
    assert keys.check(old.plaintext, scope=NO_SCOPE)
    new = keys.rotate(old.record.key_id, overlap=0, reason="leaked")
    assert reason(keys.check(old.plaintext, scope=NO_SCOPE)) is Reason.REVOKED
    assert keys.check(new.plaintext, scope=NO_SCOPE)


def test_predecessor_and_successor_share_one_account(keys: ApiKeys) -> None:
    """Rotating a key refills nothing, however often."""
    old = keys.issue(owner="acme", rate_limit="3/day")
    middle = keys.rotate(old.record.key_id, overlap=60)
    newest = keys.rotate(middle.successor.key_id, overlap=60)
    for text in (old.plaintext, middle.plaintext, newest.plaintext):
        assert keys.check(text, scope=NO_SCOPE)
    assert reason(keys.check(newest.plaintext, scope=NO_SCOPE)) is Reason.RATE_LIMITED


def test_a_key_is_disabled_and_enabled(keys: ApiKeys) -> None:
    """Back and forth, with immediate effect here; a revoked one stays revoked."""
    issued = keys.issue(owner="acme")
    for _ in range(2):
        keys.disable(issued.record.key_id, reason="holiday")
        assert reason(keys.check(issued.plaintext, scope=NO_SCOPE)) is Reason.DISABLED
        keys.enable(issued.record.key_id)
        assert keys.check(issued.plaintext, scope=NO_SCOPE)
    keys.revoke(issued.record.key_id)
    assert keys.revoke(issued.record.key_id).revision == 6
    with pytest.raises(InvalidTransition, match="it is revoked"):
        keys.enable(issued.record.key_id)


def test_all_keys_of_an_owner_are_revoked(keys: ApiKeys, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over several pages; keys that have ended are passed over, and those of others left alone."""
    monkeypatch.setattr("secretsource.issuing._manage.ending.revocations._BATCH", 2)
    expired = keys.issue(owner="acme", expires_in=1)
    clock.advance(2)
    mine = [keys.issue(owner="acme") for _ in range(4)]
    keys.revoke(mine[0].record.key_id)
    other = keys.issue(owner="other")
    assert {each.key_id for each in keys.revoke_all(owner="acme")} == {each.record.key_id for each in mine[1:]}
    assert keys.get(expired.record.key_id).status is Status.ACTIVE
    assert keys.check(other.plaintext, scope=NO_SCOPE)


def test_a_key_is_revoked_by_showing_it(keys: ApiKeys) -> None:
    """Whoever holds a leaked key can end it, and nobody who holds less than all of it."""
    issued = keys.issue(owner="acme")
    for other in ("junk", KeyFormat().mint("sk", "live", issued.record.key_id)):
        with pytest.raises(InvalidKey):
            keys.surrender(other)
    assert keys.surrender(issued.plaintext, reason="found on the web").status_reason == "found on the web"
    assert reason(keys.check(issued.plaintext, scope=NO_SCOPE)) is Reason.REVOKED


def test_a_key_that_is_not_there_is_named(keys: ApiKeys) -> None:
    """Each operation says which."""
    nobody = "nobody".rjust(22, "0")
    for call in (
        keys.get,
        keys.revoke,
        keys.disable,
        keys.enable,
        keys.finish_rotation,
        keys.rotation_status,
        keys.events,
    ):
        with pytest.raises(KeyNotFound, match=nobody):
            call(nobody)
    with pytest.raises(KeyNotFound):
        keys.rotate(nobody, overlap=1)


@pytest.mark.parametrize(
    "given", ["", "nobody", "\0" * 22, "\ud800" * 22, "é" * 22, "x" * 10_000_000, None, 22, b"x" * 22]
)
def test_what_is_no_key_id_reaches_no_store(given: Any, keys: ApiKeys, store: Any) -> None:
    """One short sentence, whatever it was."""
    for call in (
        keys.get,
        keys.revoke,
        keys.disable,
        keys.enable,
        keys.finish_rotation,
        keys.rotation_status,
        keys.events,
    ):
        with pytest.raises(KeyNotFound) as caught:
            call(given)
        assert (len(str(caught.value)) < 200, caught.value.key_id) == (True, "")
    assert store.asked == []


def test_a_key_in_place_of_its_key_id_is_not_quoted(keys: ApiKeys, store: Any) -> None:
    """Nor does the store, which may log its statements, hear of it."""
    text = keys.issue(owner="acme").plaintext
    store.asked.clear()
    for call in (keys.get, keys.revoke, keys.disable, keys.enable, keys.finish_rotation, keys.rotation_status):
        with pytest.raises(KeyNotFound) as caught:
            call(text)
        assert text[30:62] not in f"{caught.value} {caught.value.args} {vars(caught.value)}"
    with pytest.raises(KeyNotFound):
        keys.rotate(text, overlap=0)
    assert store.asked == []


def test_whose_needs_no_store(keys: ApiKeys, store: Any) -> None:
    """From a key, from its locator, by candidates; and nothing of a key that is not ours."""
    text = keys.issue(owner=42).plaintext
    hashed = keys.issue(owner="Acme GmbH").record.key_id
    store.asked.clear()
    assert keys.whose(text) == keys.whose(text[8:30]) == (1, 42, "42")
    unnamed, named = keys.whose(hashed), keys.whose(hashed, ["x", "Acme GmbH"])
    assert unnamed is not None
    assert named is not None
    assert (unnamed.name, named.name) == (None, "Acme GmbH")
    assert keys.whose("junk") is None
    assert keys.whose("0" * 22) is None
    assert store.asked == []


def test_records_are_listed_page_by_page(keys: ApiKeys, clock: FakeClock) -> None:
    """Oldest first, narrowed by what is given."""
    for number in range(5):
        keys.issue(owner=str(number % 2), prefix="pk" if number == 4 else "sk", environment="live")
        clock.advance(1)
    first = keys.list(limit=3)
    second = keys.list(limit=3, after=first.next)
    assert [record.owner for record in first.records + second.records] == ["0", "1", "0", "1", "0"]
    assert second.next is None
    assert [record.prefix for record in keys.list(owner=0).records] == ["sk", "sk", "pk"]
    assert len(keys.list(prefix="pk", environment="live", status=Status.ACTIVE).records) == 1
    assert keys.list(environment="test").records == []


def test_last_use_is_collected_and_flushed(keys: ApiKeys, clock: FakeClock, store: Any) -> None:
    """Checks write nothing; one flush writes the latest of many uses."""
    issued = keys.issue(owner="acme")
    for _ in range(5):
        clock.advance(1)
        keys.check(issued.plaintext, scope=NO_SCOPE)
    assert "record_uses" not in store.asked
    assert keys.get(issued.record.key_id).last_used is None
    keys.flush()
    keys.flush()
    assert keys.get(issued.record.key_id).last_used_at == datetime(2025, 1, 1, 0, 0, 5, tzinfo=UTC)
    assert store.asked.count("record_uses") == 1


def test_a_failed_flush_loses_nothing(keys: ApiKeys, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be stored waits for the next flush."""
    issued = keys.issue(owner="acme")
    keys.check(issued.plaintext, scope=NO_SCOPE)

    def fail(*_: object) -> None:
        raise StoreError("down")

    with monkeypatch.context() as down:
        down.setattr(store, "record_uses", fail)
        with pytest.raises(StoreError):
            keys.flush()
    keys.flush()
    assert keys.get(issued.record.key_id).last_used is not None


def test_a_failed_rehash_waits_for_the_next_flush(
    make_keys: Callable[..., ApiKeys], store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As uses do."""
    issued = make_keys(peppers=[OLD_PEPPER]).issue(owner="acme")
    keys = make_keys(peppers=[PEPPER, OLD_PEPPER])
    assert keys.check(issued.plaintext, scope=NO_SCOPE)

    def fail(*_: object) -> None:
        raise StoreError("down")

    with monkeypatch.context() as down:
        down.setattr(store, "update", fail)
        with pytest.raises(StoreError):
            keys.flush()
    keys.flush()
    assert keys.get(issued.record.key_id).revision == 2


def test_a_store_without_news_needs_none(keys: ApiKeys) -> None:
    """The feed of changes is an ability, not a duty."""
    cache = RecordCache()
    chores = Chores(keys, 60.0, cache, object())
    chores.begin()
    before = set(threading.enumerate())
    chores._start()  # as a thread does that came second
    assert set(threading.enumerate()) <= before
    chores.end()
    assert cache.begin() == 0


def test_a_forked_child_begins_its_own_chores(keys: ApiKeys) -> None:
    """It has none of its parent's threads, though it remembers that they were begun."""
    chores = Chores(keys, 60.0, RecordCache(), object())
    chores.begin()
    chores._stop.set()  # what fork does to the thread
    inherited = set(threading.enumerate())
    chores.after_fork()
    chores.begin()
    assert set(threading.enumerate()) - inherited
    chores.end()


def test_chores_of_a_loop_begin_once_for_each_loop_and_each_process(keys: ApiKeys) -> None:
    """Also in a forked child whose loop is, by all that can be seen, that of its parent."""
    chores = AsyncChores(keys, 60.0, RecordCache())
    begun: list[asyncio.Task[None] | None] = []

    async def begin() -> None:
        for is_forked in (False, False, True):
            if is_forked:
                chores.after_fork()
            chores.begin()
            begun.append(chores._task)

    with asyncio.Runner() as one, asyncio.Runner() as other:
        for runner in (one, other):
            runner.run(begin())
    first, again, forked, *other_loop = begun
    assert first is again
    assert len({first, forked, *other_loop}) == 4


def test_open_keys_are_not_pickled(keys: ApiKeys) -> None:
    """As an argument of another process, or in a copy, they say in one sentence what to do."""
    opened = asyncio.run(AsyncApiKeys.open("memory://", peppers=["a pepper for a test"]))
    try:
        for each in (keys, opened):
            for copied in (pickle.dumps, copy.copy, copy.deepcopy):
                with pytest.raises(TypeError, match="is not pickled or copied: open one in each process"):
                    copied(each)
    finally:
        asyncio.run(opened.close())


def test_a_presented_key_does_not_show_itself(keys: ApiKeys) -> None:
    """What stands for a key during a check is masked, and not pickled."""
    issued = keys.issue(owner="acme")
    presented = keys._verifier.gate.present(issued.plaintext)
    assert repr(presented) == f"Presented(<masked>, key_id='{issued.record.key_id}')"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(presented)


def test_an_old_pepper_still_verifies_and_is_renewed_on_use(make_keys: Callable[..., ApiKeys]) -> None:
    """The rotation of a pepper: old keys work, are rehashed as they are used, and then the old one may go."""
    before = make_keys(peppers=[OLD_PEPPER])
    used, unused = (before.issue(owner="acme") for _ in range(2))
    during = make_keys(peppers=[PEPPER, OLD_PEPPER])
    assert during.check(used.plaintext, scope=NO_SCOPE)
    assert sorted(during.count_by_pepper().values()) == [2]
    during.flush()
    assert sorted(during.count_by_pepper().values()) == [1, 1]
    assert [event.kind for event in during.events(used.record.key_id)] == [EventKind.ISSUED, EventKind.REHASHED]
    after = make_keys(peppers=[PEPPER])
    # Its locator was sealed under the old pepper, so without it the key is not even looked up.
    assert not after.check(unused.plaintext, scope=NO_SCOPE)


def test_a_hash_of_a_retired_pepper_is_told_apart_inside_only(
    make_keys: Callable[..., ApiKeys], store: MemoryStore
) -> None:
    """An operator who dropped a pepper too early finds the reason; the client hears what it always hears."""
    keys = make_keys()
    issued = keys.issue(owner="acme")
    store._records[issued.record.key_id] = issued.record._replace(pepper_version="00000000")
    verdict = keys.check(issued.plaintext, scope=NO_SCOPE, fresh=True)
    assert reason(verdict) is Reason.PEPPER_RETIRED
    assert isinstance(verdict, Rejected)
    assert verdict.answer == Reason.WRONG_SECRET.answer


def imported(store: MemoryStore, keys: ApiKeys, described: str, head: str | None = None) -> str:
    """Put an imported record into a store."""
    record = KeyRecord(
        keys._operations._locator("acme"), b"", "", "old…", "acme", "old", "live", 0.0, foreign=described,
        lookup=foreign.lookup(described, head),
    )  # fmt: skip
    assert store.insert([lifecycle.issue(record, 0.0, kind=Kind.IMPORTED)]) == frozenset()
    return record.key_id


def test_an_imported_key_is_verified_once_by_its_own_rule_and_then_by_ours(
    make_keys: Callable[..., ApiKeys], store: MemoryStore
) -> None:
    """The first use renews the hash; the foreign one is gone, and the key still works, also without the cache."""
    keys = make_keys(imported=True)
    key_id = imported(store, keys, "sha256$" + "ef" * 32)
    import hashlib

    text = "legacy_key_12345"
    key_id = imported(store, keys, "sha256$" + hashlib.sha256(text.encode()).hexdigest())
    for _ in range(2):
        assert keys.check(text, scope=NO_SCOPE)
    keys.flush()
    record = keys.get(key_id)
    assert (record.foreign, record.revision) == (None, 2)
    assert keys.check(text, scope=NO_SCOPE, fresh=True)
    for other in ("legacy_key_12346", "", "x\n", "legacy_key_é"):
        for _ in range(2):
            assert not keys.check(other, scope=NO_SCOPE)
    assert not make_keys().check(text, scope=NO_SCOPE)


def test_a_salted_imported_key_is_found_by_its_head(make_keys: Callable[..., ApiKeys], store: MemoryStore) -> None:
    """Another key with the same head is a wrong secret."""
    import bcrypt

    keys = make_keys(imported=True)
    imported(store, keys, "bcrypt$" + bcrypt.hashpw(b"abcd.secret", bcrypt.gensalt(4)).decode(), "abcd")
    assert reason(keys.check("abcd.other", scope=NO_SCOPE)) is Reason.WRONG_SECRET
    assert keys.check("abcd.secret", scope=NO_SCOPE)


def test_a_key_of_ours_does_not_match_an_imported_record(make_keys: Callable[..., ApiKeys], store: MemoryStore) -> None:
    """A text of our grammar is compared with our hash only."""
    keys = make_keys(imported=True)
    key_id = imported(store, keys, "sha256$" + "ab" * 32)
    assert reason(keys.check(KeyFormat().mint("old", "live", key_id), scope=NO_SCOPE)) is Reason.WRONG_SECRET


def test_a_text_that_nobody_issued_is_told_apart_inside_only(make_keys: Callable[..., ApiKeys]) -> None:
    """What is wrong with it is the same, whether imported keys are looked for or not."""
    text = make_keys().issue(owner="acme").plaintext
    keys = make_keys(imported=True)
    for other, why in (
        ("nonsense", Reason.MALFORMED),
        (text[:-1] + "-", Reason.MALFORMED),
        ("a" * 9, Reason.MALFORMED),
    ):
        for _ in range(2):
            verdict = keys.check(other, scope=NO_SCOPE)
            assert reason(verdict) is reason(make_keys().check(other, scope=NO_SCOPE)) is why
            assert verdict.answer == Reason.UNKNOWN.answer  # type: ignore[union-attr]


class SharedLimiter:
    """A limiter that is not in this process, as far as the check can see."""

    def __init__(self) -> None:
        self.real = LocalLimiter()

    def draw(self, *arguments: Any) -> Any:
        return self.real.draw(*arguments)


class DownSharedLimiter(SharedLimiter):
    """The same, down."""

    def draw(self, *arguments: Any) -> Any:
        raise StoreError("redis is down")


def test_a_shared_limiter_is_asked_each_time(make_keys: Callable[..., ApiKeys]) -> None:
    """Cached records or not."""
    keys = make_keys(limiter=SharedLimiter())
    text = keys.issue(owner="acme", rate_limit="2/day").plaintext
    assert [bool(keys.check(text, scope=NO_SCOPE)) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("open", [None] * 3), ("closed", [Reason.LIMITER_UNAVAILABLE] * 3), ("local", [None, None, Reason.RATE_LIMITED])],
)
def test_a_limiter_that_is_down_does_what_was_chosen(
    choice: str, expected: list[Reason | None], make_keys: Callable[..., ApiKeys]
) -> None:
    """Let in, keep out, or count here with this process's share of the limit."""
    keys = make_keys(limiter=DownSharedLimiter(), on_limiter_error=choice, processes=2)
    text = keys.issue(owner="acme", rate_limit="4/day").plaintext
    assert [reason(keys.check(text, scope=NO_SCOPE)) for _ in range(3)] == expected


@pytest.mark.parametrize("cost", [0.5, 1.0, "1", None, -1, 10**9 + 1, pytest.param(10**5000, id="endless")])
def test_a_cost_must_be_a_whole_number(keys: ApiKeys, cost: Any) -> None:
    """Also where the cache knows the key, and the check would count a fraction."""
    text = keys.issue(owner="acme", rate_limit="5/minute", quota="10/month").plaintext
    for _ in range(2):
        with pytest.raises(InvalidRequest, match="a whole number"):
            keys.check(text, scope=NO_SCOPE, cost=cost)
        keys.check(text, scope=NO_SCOPE)


def test_a_cost_that_no_limit_ever_grants_is_refused_for_good(make_keys: Callable[..., ApiKeys]) -> None:
    """From the store and from the cache; a share of the limit, in an outage, does not say so."""
    keys = make_keys(limiter=DownSharedLimiter(), on_limiter_error="local", processes=2)
    text = keys.issue(owner="acme", rate_limit="4/day").plaintext
    assert reason(keys.check(text, scope=NO_SCOPE, cost=3)) is Reason.RATE_LIMITED
    keys = make_keys()
    for _ in range(2):
        refused = keys.check(text, scope=NO_SCOPE, cost=5)
        assert (reason(refused), refused.retry_after) == (Reason.COST_TOO_HIGH, None)  # type: ignore[union-attr]
        assert "again" not in refused.answer.sentence  # type: ignore[union-attr]
        assert keys.check(text, scope=NO_SCOPE, cost=0).remaining == 4  # type: ignore[union-attr]


def test_a_store_that_is_down_rejects_what_is_not_cached(
    keys: ApiKeys, store: Any, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail closed: fresh records still serve, and nothing else does."""
    text = keys.issue(owner="acme").plaintext
    assert keys.check(text, scope=NO_SCOPE)

    def fail(*_: object) -> None:
        raise StoreError("down")

    monkeypatch.setattr(store, "get", fail)
    monkeypatch.setattr(store, "revision", fail)
    assert keys.check(text, scope=NO_SCOPE)
    clock.advance(5)
    assert reason(keys.check(text, scope=NO_SCOPE)) is Reason.STORE_UNAVAILABLE
    with pytest.raises(StoreError, match="try again later"):
        keys.verify(text, scope=NO_SCOPE)


def test_contention_that_does_not_end_is_an_error(keys: ApiKeys, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After 64 lost races, not in an endless loop."""
    key_id = keys.issue(owner="acme").record.key_id
    monkeypatch.setattr(store, "update", lambda change: False)
    monkeypatch.setattr(store, "rotate", lambda *changes: False)
    with pytest.raises(StoreError, match="try again"):
        keys.revoke(key_id)
    with pytest.raises(StoreError, match="try again"):
        keys.rotate(key_id, overlap=1)


@pytest.mark.parametrize("made", [True, False], ids=["the constructor", "open"])
@pytest.mark.parametrize(
    ("kind", "other"), [(ApiKeys, AsyncMemoryStore()), (AsyncApiKeys, MemoryStore())], ids=["threads", "tasks"]
)
def test_what_is_no_store_is_refused(kind: Any, other: object, made: bool) -> None:
    """An unset variable, a path, a store of the other half: the error names the type, and what takes a URL."""
    for given in (None, Path("keys.db"), other, *(["sqlite:///keys.db"] if made else [])):
        with pytest.raises(ConfigurationError, match=rf"{type(given).__name__}: write  ApiKeys\.open\(URL\)"):
            _at_once(kind(given, peppers=[PEPPER]) if made else kind.open(given, peppers=[PEPPER]))


def _at_once(answer: Any) -> None:
    if asyncio.iscoroutine(answer):
        asyncio.run(answer)


@pytest.mark.parametrize(
    "settings",
    [{"ttl": -1}, {"miss_ttl": -1}, {"max_entries": 0}, {"processes": 0}, {"flush_every": 0}, {"ttl": float("nan")},
     {"on_limiter_error": "maybe"}, {"peppers": "one text, not a list"}, {"peppers": ["short"]},
     {"allow_unpeppered": "false"}, {"imported": 1}, {"feed": "redis://:one text@localhost"}],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused_at_start(settings: dict[str, Any]) -> None:
    """And no error shows a pepper."""
    with pytest.raises(ConfigurationError) as caught:
        ApiKeys(MemoryStore(), **settings)
    assert "one text" not in str(caught.value)
    assert "short'" not in str(caught.value)


def test_the_package_that_seals_keys_is_missed_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not with the first key, deep inside; the error names the extra."""
    monkeypatch.setattr("secretsource.issuing._settings.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"cryptography: run  pip install 'secretsource\[issuing\]'"):
        ApiKeys.open("memory://", peppers=[PEPPER])


@pytest.mark.parametrize("kind", [ApiKeys, AsyncApiKeys])
def test_a_mistyped_setting_is_refused_with_the_nearest_one(kind: Any) -> None:
    """A pepper that nothing reads would leave the keys without one."""
    store: Any = MemoryStore() if kind is ApiKeys else AsyncMemoryStore()
    mistyped: dict[str, Any] = {"pepper": PEPPER}
    with pytest.raises(ConfigurationError, match=r"^unknown setting 'pepper': did you mean 'peppers'"):
        kind(store, **mistyped)


def test_a_flush_runs_now_and_then_and_survives_a_failure(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a daemon thread that begins with the first check, ends with `close`, and counts what failed."""
    flushed, failed = threading.Event(), threading.Event()
    real = store.record_uses

    def record_uses(uses: Any) -> None:
        if not failed.is_set():
            failed.set()
            raise StoreError("down")
        real(uses)
        flushed.set()

    monkeypatch.setattr(store, "record_uses", record_uses)

    def names() -> list[str]:
        return [thread.name for thread in threading.enumerate()]

    with ApiKeys(store, peppers=[PEPPER], flush_every=0.01) as keys:
        issued = keys.issue(owner="acme")
        assert "secretsource-flush" not in names()
        assert keys.check(issued.plaintext, scope=NO_SCOPE)
        assert keys.check(issued.plaintext, scope=NO_SCOPE, fresh=True)
        assert flushed.wait(30)
        assert keys._chores.failures == 1
        assert keys.get(issued.record.key_id).last_used is not None


@pytest.mark.parametrize("scope", ["read", ["read", "write"]], ids=["at a glance", "the long way"])
def test_a_check_is_of_one_moment(scope: Any, make_keys: Callable[..., ApiKeys], clock: FakeClock) -> None:
    """Both clocks are read at once: the use that is stored is of the moment that decided."""
    read: list[float] = []

    class Passing:
        sleep = clock.sleep

        def now(self) -> Instant:
            clock.advance(0.25)
            read.append(clock.now().wall)
            return clock.now()

    keys = make_keys(clock=Passing())
    issued = keys.issue(owner="acme", scopes=["read", "write"])
    for _ in range(2):
        assert keys.check(issued.plaintext, scope=scope)
    decided = read[-1]
    keys.flush()
    assert keys.get(issued.record.key_id).last_used == decided


def test_keys_that_are_dropped_are_collected(store: Any) -> None:
    """The thread holds its owner weakly, and ends when it is gone."""
    keys = ApiKeys(store, peppers=[PEPPER], flush_every=0.01)
    keys.check(keys.issue(owner="acme").plaintext, scope=NO_SCOPE)
    [flusher] = [thread for thread in threading.enumerate() if thread.name == "secretsource-flush"]
    gone = weakref.ref(keys)
    del keys
    flusher.join(30)
    gc.collect()
    assert gone() is None
    assert not flusher.is_alive()
    assert store._listeners == {}


def test_open_closes_a_store_that_it_is_given(tmp_path: Path) -> None:
    """As one that it opens by a URL."""
    stores = [open_store(f"sqlite:///{tmp_path}/keys.db") for _ in range(2)]
    store, behind = (one for one in stores if isinstance(one, SqlStore))
    with ApiKeys.open(store, peppers=[PEPPER]) as keys:
        issued = keys.issue(owner="acme", prefix="sk")
        was_open = [store.database.is_open]

    async def check() -> None:
        async with await AsyncApiKeys.open(AsyncSqlStore(behind), peppers=[PEPPER]) as keys:
            assert await keys.check(issued.plaintext, scope=NO_SCOPE)
            was_open.append(behind.database.is_open)

    asyncio.run(check())
    assert was_open == [True, True]
    assert [one.database.is_open for one in (store, behind)] == [False, False]


def test_open_takes_a_url_and_the_pepper_of_the_consuming_half(caplog: pytest.LogCaptureFixture) -> None:
    """The pepper comes from the secret SECRETSOURCE_PEPPER; without one there is a warning, and no live key."""
    with override({"SECRETSOURCE_PEPPER": PEPPER}), ApiKeys.open("memory://") as keys:
        assert keys.check(keys.issue(owner="acme").plaintext, scope=NO_SCOPE)
        assert PEPPER not in repr(keys)
        assert "MemoryStore" in repr(keys)
    with override({"SECRETSOURCE_PEPPER": None}):
        assert ApiKeys.open("memory://")._parts.peppers.is_empty
    assert "there is no pepper" in caplog.text
    for url in ("memory", "nosuch://x:password@y", "memory://somewhere"):
        with pytest.raises(ConfigurationError) as caught:
            ApiKeys.open(url, peppers=[PEPPER])
        assert "password" not in str(caught.value)


@pytest.mark.parametrize("cost", [-1, math.nan, math.inf, 10**400, 10**9 + 1, None, "1"])
@pytest.mark.parametrize("limits", [{}, {"rate_limit": "2/hour"}, {"quota": "2/day"}])
def test_a_cost_that_cannot_be_takes_nothing(cost: Any, limits: dict[str, Any], keys: ApiKeys) -> None:
    """From the store and from the cache; what is no number would otherwise leave a limit that is never reached."""
    text = keys.issue(owner="acme", **limits).plaintext
    for _ in range(2):
        with pytest.raises(InvalidRequest, match="cost"):
            keys.check(text, scope=NO_SCOPE, cost=cost)
        keys.check(text, scope=NO_SCOPE)
    assert bool(keys.check(text, scope=NO_SCOPE)) is not limits


@pytest.mark.parametrize("scope", [None, 5, object()])
def test_a_demand_of_another_kind_is_refused(scope: Any, keys: ApiKeys) -> None:
    """From the store and from the cache."""
    text = keys.issue(owner="acme").plaintext
    for _ in range(2):
        with pytest.raises(InvalidRequest, match="NO_SCOPE"):
            keys.check(text, scope=scope)
        keys.check(text, scope=NO_SCOPE)


@pytest.mark.parametrize("sent", ["a\0b", "\ud800", "x" * 100_000, "a\nb", 5, b"x"])
def test_no_client_keeps_a_flush_from_being_stored(
    sent: Any, make_keys: Callable[..., ApiKeys], tmp_path: Path
) -> None:
    """What it calls itself, and where it says it comes from, is remembered of a rotated key as printable text."""
    store = open_store(f"sqlite:///{tmp_path / 'keys.db'}")
    keys = make_keys(store=store)
    old = keys.issue(owner="acme")
    keys.rotate(old.record.key_id, overlap=3600)
    assert keys.check(old.plaintext, scope=NO_SCOPE, agent=sent, ip=sent)
    usage = keys.rotation_status(old.record.key_id).usage
    store.close()
    assert usage.requests == 1
    assert all(each.isprintable() and len(each) <= 255 for each in [*usage.agents, *usage.networks])
    assert bool(usage.agents) is isinstance(sent, str)


def test_whose_is_asked_of_texts(keys: ApiKeys) -> None:
    """Anything else is no key of ours."""
    for given in (None, 5, b"x" * 22, ["x"], object()):
        assert keys.whose(given) is None  # type: ignore[arg-type]
