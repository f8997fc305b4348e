"""Owners and plans: registered, changed, suspended, and what they make of keys that are checked and issued."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import PEPPER, DeafStore, reason

from secretsource.exceptions import (
    ConfigurationError,
    InvalidRequest,
    KeyNotFound,
    OwnerNotFound,
    PlanExceeded,
    PlanNotFound,
    RateLimited,
)
from secretsource.issuing import NO_SCOPE, Accepted, ApiKeys, AsyncApiKeys, Reason, Rejected
from secretsource.stores.base import OwnerEventKind, OwnerStatus
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore
from secretsource.testing._stores.owners import registers

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.issuing.conftest import CountingStore

    from secretsource.issuing import KeyRecord, Verdict
    from secretsource.testing.clock import FakeClock

    MakeKeys = Callable[..., ApiKeys]


def refused_by(verdict: Verdict) -> str:
    """The name of the limit that refused a key."""
    assert isinstance(verdict, Rejected)
    assert verdict.draw is not None
    assert verdict.draw.refused_by is not None
    return verdict.draw.refused_by.name


# Registering


def test_put_registers_and_then_changes_what_is_given(make_keys: MakeKeys, clock: FakeClock) -> None:
    """What is left out stays, None clears, and each change has an event with the fields and who did it."""
    keys = make_keys()
    first = keys.owners.put("acme", name="Acme", rate_limit="5/minute", actor="eve", origin="desk")
    clock.advance(10)
    second = keys.owners.put("acme", rate_limit=None, metadata={"seats": 3})
    assert (first.name, first.rate_limit) == (second.name, "5/minute") == ("Acme", "5/minute")
    assert (second.rate_limit, second.metadata, second.created) == (None, {"seats": 3}, first.created)
    assert keys.owners.get("acme") == second
    told = [(event.kind, event.fields, event.actor, event.revision) for event in keys.owners.events("acme")]
    assert told == [
        (OwnerEventKind.REGISTERED, ("name", "rate_limit"), "eve", first.revision),
        (OwnerEventKind.CHANGED, ("metadata", "rate_limit"), None, second.revision),
    ]


def test_a_change_that_changes_nothing_writes_nothing(make_keys: MakeKeys) -> None:
    """A retry is answered with the record as it is."""
    keys = make_keys()
    made = keys.plans.put("pro", max_keys=3)
    assert keys.plans.put("pro", max_keys=3) == made
    assert len(keys.plans.events("pro")) == 1


def test_ids_are_compared_in_one_spelling(make_keys: MakeKeys) -> None:
    """Composed, and without blanks around them, as the owners of keys are; a number is its digits."""
    keys = make_keys()
    keys.owners.put("  Mu\u0308ller ", name="one")
    assert keys.owners.get("M\u00fcller").name == "one"
    keys.owners.put(7)
    assert [owner.id for owner in keys.owners.list()] == ["7", "M\u00fcller"]
    keys.plans.put(" pro ")
    keys.owners.put(7, plan="pro")
    assert [owner.id for owner in keys.owners.list(plan=" pro")] == ["7"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"color": "red"}, "an owner has no color: known are name"),
        ({"name": "a\nb"}, "name must be a text"),
        ({"plan": " "}, "a plan needs a name"),
        ({"rate_limit": "often"}, "rate limit 'often' is not of the form"),
        ({"rate_limit": 5}, "rate_limit"),
        ({"quota": ["9/day"]}, "quota"),
        ({"quota": "-5/day"}, "quota '-5/day' is not of the form"),
        ({"metadata": [1]}, "metadata must be a JSON object"),
    ],
)
def test_an_owner_that_cannot_be_is_refused_whole(make_keys: MakeKeys, given: Any, said: str) -> None:
    """One sentence says what is wrong, and nothing is stored."""
    keys = make_keys()
    with pytest.raises(InvalidRequest, match=said):
        keys.owners.put("acme", **given)
    assert list(keys.owners.list()) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"color": "red"}, "a plan has no color"),
        ({"max_keys": 0}, "max_keys must be a whole number from 1 to 1000000, not 0"),
        ({"max_keys": True}, "max_keys must be a whole number from 1 to 1000000, not True"),
        ({"max_life": 0}, "max_life must be over 0 seconds"),
        ({"max_life": "long"}, "max_life is neither a timedelta nor"),
        ({"scopes": "a:b"}, "scopes must be a list"),
        ({"scopes": ["*"]}, "must be like"),
        ({"environments": []}, "would let no key be issued"),
        ({"environments": ["LIVE"]}, "must be 2 to 8 of a-z"),
        ({"environments": "live"}, "environments must be a list"),
        ({"rate_limit": "1/minute, 2/minute"}, "two limits cover the same period"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_whole(make_keys: MakeKeys, given: Any, said: str) -> None:
    """One sentence says what is wrong, and nothing is stored."""
    keys = make_keys()
    with pytest.raises(InvalidRequest, match=said):
        keys.plans.put("pro", **given)
    assert list(keys.plans.list()) == []


def test_what_is_not_there_is_named(make_keys: MakeKeys) -> None:
    """An unknown plan, an owner that was never registered, and a plan that is in use have a sentence each."""
    keys = make_keys()
    with pytest.raises(PlanNotFound, match="there is no plan 'gold': make it with"):
        keys.owners.put("acme", plan="gold")
    assert list(keys.owners.list()) == []
    for ask in (keys.owners.get, keys.owners.suspend, keys.owners.resume, keys.owners.delete):
        with pytest.raises(OwnerNotFound, match="no owner 'acme' is registered"):
            ask("acme")
    for ask_plan in (keys.plans.get, keys.plans.delete):
        with pytest.raises(PlanNotFound, match="there is no plan 'pro'"):
            ask_plan("pro")
    keys.plans.put("pro")
    keys.owners.put("acme", plan="pro")
    with pytest.raises(InvalidRequest, match="plan 'pro' has owners: give them another plan"):
        keys.plans.delete("pro")
    assert keys.owners.delete("acme").plan == "pro"
    assert keys.plans.delete("pro").id == "pro"


def test_a_suspension_cannot_be_deleted(make_keys: MakeKeys) -> None:
    """Without the registration the keys of the owner would be accepted again; so it is resumed first, or purged."""
    keys = make_keys()
    text = keys.issue(owner="acme", scopes=["a:read"]).plaintext
    keys.owners.put("acme")
    keys.owners.suspend("acme")
    with pytest.raises(InvalidRequest, match="owner 'acme' is suspended, and without the registration"):
        keys.owners.delete("acme")
    assert reason(keys.check(text, scope="a:read", fresh=True)) is Reason.OWNER_SUSPENDED
    keys.owners.resume("acme")
    assert keys.owners.delete("acme").id == "acme"
    assert keys.check(text, scope="a:read", fresh=True)


def test_a_store_that_keeps_no_owners_says_so(make_keys: MakeKeys) -> None:
    """Its keys are issued and checked as ever."""

    class Plain(MemoryStore):
        def __init__(self) -> None:
            super().__init__()
            self.owners = self.plans = None

    keys = make_keys(store=Plain())
    with pytest.raises(ConfigurationError, match="a Plain keeps no owners: use a store in SQLite or PostgreSQL"):
        keys.owners.put("acme")
    assert keys.check(keys.issue(owner="acme").plaintext, scope=NO_SCOPE)


def test_overlapping_changes_of_different_fields_both_hold(make_keys: MakeKeys, store: CountingStore) -> None:
    """Who was too slow decides anew on what is there then."""
    one, two = make_keys(), make_keys()
    one.owners.put("acme", name="Acme")
    register, _ = registers(store)
    read = register.get
    pending = [lambda: two.owners.put("acme", rate_limit="9/minute")]

    def get(id: str) -> Any:
        found = read(id)
        while pending:
            pending.pop()()
        return found

    register.get = get  # type: ignore[method-assign]
    one.owners.put("acme", quota="9/day")
    assert one.owners.get("acme")[4:6] == ("9/minute", "9/day")


# Suspending


def test_a_suspended_owner_has_no_good_key_anywhere(make_keys: MakeKeys, clock: FakeClock) -> None:
    """Neither here nor in another process, as soon as it hears of it; keys that it was issued since neither."""
    here, there = make_keys(), make_keys()
    texts = [here.issue(owner="acme").plaintext for _ in range(2)]
    other = here.issue(owner="other").plaintext
    for keys in (here, there):
        assert all(keys.check(text, scope=NO_SCOPE) for text in [*texts, other])
    here.owners.put("acme")
    assert here.owners.suspend("acme", reason="unpaid").status is OwnerStatus.SUSPENDED
    texts.append(here.issue(owner="acme").plaintext)
    for keys in (here, there):
        assert {reason(keys.check(text, scope=NO_SCOPE)) for text in texts} == {Reason.OWNER_SUSPENDED}
        assert {reason(keys.check(text, scope=NO_SCOPE)) for text in texts} == {Reason.OWNER_SUSPENDED}
        assert keys.check(other, scope=NO_SCOPE)
    here.owners.resume("acme")
    for keys in (here, there):
        assert all(keys.check(text, scope=NO_SCOPE) for text in texts)


def test_a_suspension_looks_like_a_revocation_from_outside() -> None:
    """The same status, code and challenge."""
    assert Reason.OWNER_SUSPENDED.answer == Reason.REVOKED.answer
    assert Reason.OWNER_SUSPENDED.answer.status == 401


def test_a_revoked_key_of_a_suspended_owner_is_revoked(make_keys: MakeKeys) -> None:
    """The key's own end is told first."""
    keys = make_keys()
    issued = keys.issue(owner="acme")
    keys.owners.put("acme")
    keys.owners.suspend("acme")
    keys.revoke(issued.record.key_id)
    assert reason(keys.check(issued.plaintext, scope=NO_SCOPE)) is Reason.REVOKED


def test_without_news_a_suspension_holds_after_the_ttl(clock: FakeClock) -> None:
    """Where no news comes, a record is renewed by its stamp, in which the terms are."""

    store = DeafStore()
    here, there = (ApiKeys(store, peppers=[PEPPER], clock=clock) for _ in range(2))
    text = here.issue(owner="acme").plaintext
    here.owners.put("acme")
    assert there.check(text, scope=NO_SCOPE)
    here.owners.suspend("acme")
    assert there.check(text, scope=NO_SCOPE)
    clock.advance(5.001)
    assert reason(there.check(text, scope=NO_SCOPE)) is Reason.OWNER_SUSPENDED
    here.close()
    there.close()


def test_a_reading_that_began_before_a_suspension_is_not_kept(make_keys: MakeKeys, store: CountingStore) -> None:
    """It is on its way when the news comes, and may have missed it."""
    keys = make_keys()
    text = keys.issue(owner="acme").plaintext
    keys.owners.put("acme")
    read = store.peek

    def peek(key_id: str) -> KeyRecord | None:
        found = read(key_id)
        keys.owners.suspend("acme")
        return found

    store.peek = peek  # type: ignore[method-assign]
    assert keys.check(text, scope=NO_SCOPE)
    store.peek = read  # type: ignore[method-assign]
    assert reason(keys.check(text, scope=NO_SCOPE)) is Reason.OWNER_SUSPENDED


# Limits


def test_ten_keys_of_an_owner_share_its_limit(make_keys: MakeKeys) -> None:
    """A refusal names the limit of the owner, and another owner is not touched."""
    keys = make_keys()
    keys.owners.put("acme", rate_limit="10/minute")
    texts = [keys.issue(owner="acme").plaintext for _ in range(10)]
    other = keys.issue(owner="other").plaintext
    verdicts = [keys.check(text, scope=NO_SCOPE) for _ in range(2) for text in texts]
    assert [bool(verdict) for verdict in verdicts] == [True] * 10 + [False] * 10
    assert reason(verdicts[-1]) is Reason.RATE_LIMITED
    assert refused_by(verdicts[-1]) == "owner minute"
    assert keys.check(other, scope=NO_SCOPE)


def test_limits_of_key_owner_and_plan_are_all_or_nothing(make_keys: MakeKeys, clock: FakeClock) -> None:
    """What one of them refuses costs none of the others anything."""
    keys = make_keys()
    keys.plans.put("pro", quota="6/day")
    keys.owners.put("acme", plan="pro", rate_limit="4/minute")
    small = keys.issue(owner="acme", rate_limit="2/minute").plaintext
    large = keys.issue(owner="acme", rate_limit="9/minute").plaintext
    assert [bool(keys.check(small, scope=NO_SCOPE)) for _ in range(5)] == [True, True, False, False, False]
    assert refused_by(keys.check(small, scope=NO_SCOPE)) == "minute"
    assert [bool(keys.check(large, scope=NO_SCOPE)) for _ in range(5)] == [True, True, False, False, False]
    assert refused_by(keys.check(large, scope=NO_SCOPE)) == "owner minute"
    clock.advance(60)
    verdicts = [keys.check(large, scope=NO_SCOPE) for _ in range(3)]
    assert [bool(verdict) for verdict in verdicts] == [True, True, False]
    assert reason(verdicts[2]) is Reason.QUOTA_EXCEEDED
    assert refused_by(verdicts[2]) == "plan day quota"
    assert isinstance(verdicts[1], Accepted)
    left = {state.name: state.remaining for state in verdicts[1].limits}
    assert left == {"minute": 7, "owner minute": 2, "plan day quota": 0}


def test_what_remains_is_told_without_the_key(make_keys: MakeKeys) -> None:
    """Of the key, its owner and the plan, and nothing is taken; a key without limits has none."""
    keys = make_keys()
    keys.plans.put("pro", quota="100/month")
    keys.owners.put("acme", plan="pro", rate_limit="10/minute")
    issued, plain = keys.issue(owner="acme", rate_limit="5/minute"), keys.issue(owner="other")
    keys.check(issued.plaintext, scope=NO_SCOPE, cost=3)
    for _ in range(2):
        left = {state.name: state.remaining for state in keys.remaining(issued.record.key_id)}
        assert left == {"minute": 2, "owner minute": 7, "plan month quota": 97}
    assert list(keys.remaining(plain.record.key_id)) == []
    with pytest.raises(KeyNotFound):
        keys.remaining("0" * 22)


def test_threads_never_exceed_an_owners_limit(make_keys: MakeKeys) -> None:
    """Also with limits of the keys' own beside it."""
    keys = make_keys()
    keys.owners.put("acme", rate_limit="100/hour")
    texts = [keys.issue(owner="acme", rate_limit="50/hour" if n % 2 else None).plaintext for n in range(8)]

    def hammer(text: str) -> int:
        return sum(bool(keys.check(text, scope=NO_SCOPE)) for _ in range(60))

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(hammer, texts)) == 100


def test_a_plan_that_changes_reaches_every_key_by_one_write(make_keys: MakeKeys, store: CountingStore) -> None:
    """No record of a key is written, and other processes hear of it."""
    here, there = make_keys(), make_keys()
    here.plans.put("pro", rate_limit="100/minute")
    here.owners.put("acme", plan="pro")
    texts = [here.issue(owner="acme", scopes=["a:read"]).plaintext for _ in range(20)]
    assert all(there.check(text, scope="a:read") for text in texts)
    store.asked.clear()
    here.plans.put("pro", rate_limit="21/minute", scopes=["b:*"])
    assert store.asked == []
    assert {reason(there.check(text, scope="a:read")) for text in texts} == {Reason.INSUFFICIENT_SCOPE}
    verdicts = [there.check(text, scope=NO_SCOPE) for text in texts]
    assert sum(map(bool, verdicts)) == 1
    assert refused_by(verdicts[-1]) == "plan minute"
    with pytest.raises(RateLimited):
        there.verify(texts[0], scope=NO_SCOPE)


def test_a_key_does_no_more_than_its_plan(make_keys: MakeKeys) -> None:
    """Wildcards of either side are cut to what both cover, and widening the plan gives the rest back."""
    keys = make_keys()
    keys.owners.put("acme")
    text = keys.issue(owner="acme", scopes=["invoices:*", "users:read", "admin:all"]).plaintext
    keys.plans.put("small", scopes=["invoices:eu:*", "users:*"])
    keys.owners.put("acme", plan="small")
    granted = {
        scope: bool(keys.check(text, scope=scope)) for scope in ("invoices:eu:read", "invoices:us", "users:read")
    }
    assert granted == {"invoices:eu:read": True, "invoices:us": False, "users:read": True}
    assert not keys.check(text, scope="admin:all")
    assert keys.verify(text, scope=NO_SCOPE).scopes == {"invoices:eu:*", "users:read"}
    keys.plans.put("small", scopes=None)
    assert keys.check(text, scope=["invoices:us", "admin:all"])


# Issuing


def test_a_plan_bounds_what_is_issued(make_keys: MakeKeys, clock: FakeClock) -> None:
    """Environment, scopes and life are refused with the plan's name; without an end, a key gets the latest."""
    keys = make_keys()
    keys.plans.put("pro", environments=["test"], scopes=["a:*"], max_life=timedelta(days=30))
    keys.owners.put("acme", plan="pro")
    for request, said in (
        ({"environment": "live"}, "plan 'pro' of owner 'acme' has no environment 'live': take one of test"),
        ({"scopes": ["a:read", "b:read"]}, "does not have the scope 'b:read'"),
        ({"expires_in": timedelta(days=31)}, "lets a key live for 2592000 seconds"),
    ):
        with pytest.raises(PlanExceeded, match=said):
            keys.issue(**{"owner": "acme", "environment": "test", **request})  # type: ignore[arg-type]
    assert list(keys.list()) == []
    issued = keys.issue(owner="acme", environment="test", scopes=["a:*", "a:read"])
    assert issued.record.expires == clock.now().wall + 30 * 86400
    assert keys.issue(owner="acme", environment="test", expires_in=60).record.expires == clock.now().wall + 60
    assert keys.issue(owner="other", scopes=["b:read"]).record.expires is None


def test_a_rotation_is_not_refused_by_a_plan(make_keys: MakeKeys, clock: FakeClock) -> None:
    """The successor may end sooner; and where a plan's keys are used up, a pair counts as one."""
    keys = make_keys()
    keys.owners.put("acme")
    old = keys.issue(owner="acme").record
    keys.plans.put("pro", environments=["test"], max_keys=1, max_life=3600)
    keys.owners.put("acme", plan="pro")
    rotated = keys.rotate(old.key_id, overlap=60)
    assert rotated.successor.expires == clock.now().wall + 3600
    with pytest.raises(PlanExceeded, match="has no environment"):
        keys.issue(owner="acme")


def test_max_keys_says_how_many_and_which_plan(make_keys: MakeKeys, clock: FakeClock) -> None:
    """Nothing is stored, and an ended key makes room."""
    keys = make_keys()
    keys.plans.put("pro", max_keys=2)
    keys.owners.put("acme", plan="pro")
    first = keys.issue(owner="acme").record
    keys.issue(owner="acme", expires_in=60)
    with pytest.raises(PlanExceeded, match="plan 'pro' of owner 'acme' allows 2 keys, and 2 have not ended") as caught:
        keys.issue(owner="acme")
    assert (caught.value.owner, caught.value.plan) == ("acme", "pro")
    with pytest.raises(PlanExceeded):
        keys.issue_many([{"owner": "other"}, {"owner": "acme"}])
    assert len(keys.list()) == 2
    keys.revoke(first.key_id)
    keys.issue(owner="acme")
    clock.advance(60)
    keys.issue(owner="acme")


def test_racing_issuers_make_no_key_too_many(make_keys: MakeKeys) -> None:
    """Of eight at once where there is room for three, three succeed."""
    keys = make_keys()
    keys.plans.put("pro", max_keys=3)
    keys.owners.put("acme", plan="pro")

    def issue(_: int) -> bool:
        try:
            return bool(keys.issue(owner="acme"))
        except PlanExceeded:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(issue, range(8))) == 3


def test_an_event_loop_has_the_same_verbs() -> None:
    """Owners, plans and their limits, awaited."""

    async def scenario() -> None:
        async with AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER]) as keys:
            await keys.plans.put("pro", max_keys=1)
            await keys.owners.put("acme", plan="pro", rate_limit="1/minute")
            text = (await keys.issue(owner="acme")).plaintext
            with pytest.raises(PlanExceeded):
                await keys.issue(owner="acme")
            assert await keys.check(text, scope=NO_SCOPE)
            assert refused_by(await keys.check(text, scope=NO_SCOPE)) == "owner minute"
            (key,) = await keys.list()
            assert [state.remaining for state in await keys.remaining(key.key_id)] == [0]
            await keys.owners.suspend("acme")
            assert reason(await keys.check(text, scope=NO_SCOPE)) is Reason.OWNER_SUSPENDED
            assert [owner.id for owner in await keys.owners.list(plan="pro")] == ["acme"]
            assert [plan.id for plan in await keys.plans.list()] == ["pro"]
            assert (await keys.plans.get("pro")).max_keys == 1
            assert (await keys.owners.get("acme")).status is OwnerStatus.SUSPENDED
            await keys.owners.resume("acme")
            assert len(await keys.owners.events("acme")) == 3
            assert len(await keys.plans.events("pro")) == 1
            await keys.owners.delete("acme")
            await keys.plans.delete("pro")

    asyncio.run(scenario())
