"""Credits: spent once, topped up, paid all or nothing with the limits, by threads and on an event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.issuing.conftest import PEPPER, reason

from secretsource.exceptions import ConfigurationError, InvalidRequest, InvalidTransition, OwnerNotFound, StoreError
from secretsource.issuing import NO_SCOPE, Accepted, ApiKeys, AsyncApiKeys, Reason, Rejected
from secretsource.issuing.limits import Credits, LocalLimiter, Plan, Rate
from secretsource.stores.base import OwnerEventKind, Purse, Spending
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore
from secretsource.testing.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from secretsource.issuing import Verdict

    MakeKeys = Callable[..., ApiKeys]


def left(keys: ApiKeys, key_id: str) -> dict[str, int]:
    """What is left of each limit of a key."""
    return {state.name: state.remaining for state in keys.remaining(key_id)}


def test_credits_are_spent_once_and_the_refusal_names_them(make_keys: MakeKeys, clock: FakeClock) -> None:
    """No time refills them; each verdict tells what is left; the refusal has no time to come again."""
    keys = make_keys()
    issued = keys.issue(owner="acme", credits=3)
    verdicts = [keys.check(issued.plaintext, scope=NO_SCOPE) for _ in range(4)]
    assert [reason(verdict) for verdict in verdicts] == [None, None, None, Reason.CREDITS_EXHAUSTED]
    assert [verdict.limits[0].remaining for verdict in verdicts] == [2, 1, 0, 0]
    refused = verdicts[-1]
    assert isinstance(refused, Rejected)
    assert refused.draw is not None
    assert refused.draw.refused_by is not None
    assert (refused.draw.refused_by.name, refused.retry_after) == ("credits", None)
    assert refused.limits[0]._asdict() == {
        "name": "credits", "limit": 3, "window": None, "remaining": 0, "reset": None,
    }  # fmt: skip
    clock.advance(400 * 86400)
    assert reason(keys.check(issued.plaintext, scope=NO_SCOPE)) is Reason.CREDITS_EXHAUSTED


def test_a_cost_is_paid_whole_or_not_at_all(make_keys: MakeKeys) -> None:
    """A cost that does not fit leaves the rest for one that does; 0 only looks, also at an empty purse."""
    keys = make_keys()
    issued = keys.issue(owner="acme", credits=5)
    costs = [(4, None), (2, Reason.CREDITS_EXHAUSTED), (0, None), (1, None), (1, Reason.CREDITS_EXHAUSTED), (0, None)]
    for cost, expected in costs:
        assert reason(keys.check(issued.plaintext, scope=NO_SCOPE, cost=cost)) is expected
    with pytest.raises(InvalidRequest, match="cost of a check must be a whole number"):
        keys.check(issued.plaintext, scope=NO_SCOPE, cost=-1)


def test_credits_and_limits_are_all_or_nothing(make_keys: MakeKeys) -> None:
    """Of key, owner and plan: what one of them refuses is taken from none."""
    keys = make_keys()
    keys.plans.put("pro", quota="100/month")
    keys.owners.put("acme", plan="pro", credits=5, rate_limit="50/minute")
    issued = keys.issue(owner="acme", rate_limit="4/minute", credits=10)
    key_id = issued.record.key_id
    assert left(keys, key_id) == {
        "minute": 4, "owner minute": 50, "plan month quota": 100, "credits": 10, "owner credits": 5,
    }  # fmt: skip
    assert reason(keys.check(issued.plaintext, scope=NO_SCOPE, cost=3)) is None
    before = left(keys, key_id)
    assert list(before.values()) == [1, 47, 97, 7, 2]
    assert reason(keys.check(issued.plaintext, scope=NO_SCOPE, cost=2)) is Reason.RATE_LIMITED
    assert left(keys, key_id) == before
    keys.update(key_id, rate_limit=None)
    refused = keys.check(issued.plaintext, scope=NO_SCOPE, cost=3)
    assert isinstance(refused, Rejected)
    assert refused.draw is not None
    assert refused.draw.refused_by is not None
    assert (refused.reason, refused.draw.refused_by.name) == (Reason.CREDITS_EXHAUSTED, "owner credits")
    assert [state.remaining for state in refused.limits] == [47, 97, 7, 2]
    assert list(left(keys, key_id).values()) == [47, 97, 7, 2]


def test_keys_of_one_owner_share_its_credits(make_keys: MakeKeys) -> None:
    """However many keys: the owner's are spent together, and each key's own by itself."""
    keys = make_keys()
    keys.owners.put("acme", credits=3)
    first, second = (keys.issue(owner="acme", credits=2).plaintext for _ in range(2))
    reasons = [reason(keys.check(key, scope=NO_SCOPE)) for key in (first, first, first, second, second)]
    assert reasons == [None, None, Reason.CREDITS_EXHAUSTED, None, Reason.CREDITS_EXHAUSTED]


def test_a_top_up_is_there_at_once_and_has_an_event(make_keys: MakeKeys) -> None:
    """For keys and owners; the event names the field and the author."""
    keys = make_keys()
    keys.owners.put("acme", credits=1)
    issued = keys.issue(owner="acme", credits=1)
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    record = keys.add_credits(issued.record.key_id, 2, actor="billing", reason="invoice 7")
    assert (record.credits, record.revision) == (3, 2)
    owner = keys.owners.add_credits("acme", 1, actor="billing")
    assert owner.credits == 2
    assert [bool(keys.check(issued.plaintext, scope=NO_SCOPE)) for _ in range(2)] == [True, False]
    event = keys.events(record.key_id)[-1]
    assert (event.fields, event.actor, event.reason) == (("credits",), "billing", "invoice 7")
    told = keys.owners.events("acme")[-1]
    assert (told.kind, told.fields, told.actor) == (OwnerEventKind.CHANGED, ("credits",), "billing")


@pytest.mark.parametrize("credits", [0, -1, 1.5, True, "5", None, 10**15 + 1])
def test_a_top_up_that_cannot_be_is_refused(make_keys: MakeKeys, credits: Any) -> None:
    """With one sentence that says what credits must be; nothing is stored."""
    keys = make_keys()
    keys.owners.put("acme", credits=1)
    record = keys.issue(owner="acme", credits=1).record
    for add in (lambda: keys.add_credits(record.key_id, credits), lambda: keys.owners.add_credits("acme", credits)):
        with pytest.raises(InvalidRequest, match=r"^credits must be a whole number from 1 to 10"):
            add()
    assert keys.get(record.key_id).revision == 1
    assert keys.owners.get("acme").credits == 1


@pytest.mark.parametrize("credits", [-1, 1.5, True, "5", 10**15 + 1])
def test_credits_that_cannot_be_are_refused(make_keys: MakeKeys, credits: Any) -> None:
    """At issue, in an update and for an owner; nothing is stored."""
    keys = make_keys()
    record = keys.issue(owner="acme").record
    for give in (
        lambda: keys.issue(owner="acme", credits=credits),
        lambda: keys.update(record.key_id, credits=credits),
        lambda: keys.owners.put("acme", credits=credits),
    ):
        with pytest.raises(InvalidRequest, match=r"^credits must be a whole number from 0 to 10"):
            give()
    assert len(keys.list(owner="acme")) == 1
    assert list(keys.owners.list()) == []


def test_credits_are_added_only_where_there_are_some(make_keys: MakeKeys) -> None:
    """A top-up never bounds a key that had no bound; an ended key and an unknown owner are named."""
    keys = make_keys()
    keys.owners.put("acme")
    record = keys.issue(owner="acme").record
    with pytest.raises(InvalidRequest, match="has no credits, so none bound it: set credits first"):
        keys.add_credits(record.key_id, 5)
    with pytest.raises(InvalidRequest, match="owner 'acme' has no credits"):
        keys.owners.add_credits("acme", 5)
    with pytest.raises(OwnerNotFound):
        keys.owners.add_credits("nobody", 5)
    keys.update(record.key_id, credits=10**15)
    with pytest.raises(InvalidRequest, match="would be granted more than 1000000000000000 credits in all"):
        keys.add_credits(record.key_id, 1)
    keys.update(record.key_id, credits=5)
    keys.revoke(record.key_id)
    with pytest.raises(InvalidTransition, match="it is revoked"):
        keys.add_credits(record.key_id, 1)


def test_an_update_sets_what_was_granted_in_all(make_keys: MakeKeys) -> None:
    """Set twice, it is the same; what was spent stays spent; None takes the bound away."""
    keys = make_keys()
    issued = keys.issue(owner="acme")
    key_id = issued.record.key_id
    assert keys.check(issued.plaintext, scope=NO_SCOPE, cost=9)
    for _ in range(2):
        keys.update(key_id, credits=3)
    assert keys.check(issued.plaintext, scope=NO_SCOPE, cost=2)
    assert left(keys, key_id) == {"credits": 1}
    keys.update(key_id, credits=1)
    assert left(keys, key_id) == {"credits": 0}
    assert not keys.check(issued.plaintext, scope=NO_SCOPE)
    keys.update(key_id, credits=None)
    assert keys.remaining(key_id) == []
    assert keys.check(issued.plaintext, scope=NO_SCOPE)


def test_a_rotation_refills_nothing_and_a_top_up_reaches_both_keys(make_keys: MakeKeys) -> None:
    """A key and its successors pay from one purse, whichever of them is topped up."""
    keys = make_keys()
    old = keys.issue(owner="acme", credits=3)
    assert keys.check(old.plaintext, scope=NO_SCOPE, cost=2)
    rotated = keys.rotate(old.record.key_id, overlap=60)
    new = rotated.successor
    assert rotated.plaintext is not None
    assert (left(keys, old.record.key_id), left(keys, new.key_id)) == ({"credits": 1}, {"credits": 1})
    for topped_up in (old.record.key_id, new.key_id):
        keys.add_credits(topped_up, 1)
    assert (left(keys, old.record.key_id), left(keys, new.key_id)) == ({"credits": 3}, {"credits": 3})
    assert keys.check(old.plaintext, scope=NO_SCOPE, cost=2)
    assert keys.check(rotated.plaintext, scope=NO_SCOPE)
    assert not keys.check(old.plaintext, scope=NO_SCOPE)


def test_a_top_up_reaches_an_old_key_behind_one_that_has_ended(make_keys: MakeKeys) -> None:
    """The key between leaked and was replaced at once; both others work and share the credits."""
    keys = make_keys()
    first = keys.issue(owner="acme", credits=1)
    second = keys.rotate(first.record.key_id, overlap=600)
    third = keys.rotate(second.successor.key_id, overlap=0)
    keys.add_credits(third.successor.key_id, 2)
    assert [keys.get(each).credits for each in (first.record.key_id, second.successor.key_id)] == [3, 1]
    assert [bool(keys.check(first.plaintext, scope=NO_SCOPE)) for _ in range(4)] == [True, True, True, False]


def test_overlapping_top_ups_all_count(clock: FakeClock) -> None:
    """Sixteen threads of two services, for a key and an owner: nothing is lost, and nothing counts twice."""
    store = MemoryStore()
    with ApiKeys(store, peppers=[PEPPER], clock=clock) as one, ApiKeys(store, peppers=[PEPPER], clock=clock) as two:
        one.owners.put("acme", credits=0)
        key_id = one.issue(owner="acme", credits=0).record.key_id
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(lambda place: (one, two)[place % 2].add_credits(key_id, 3), range(32)))
            list(threads.map(lambda place: (one, two)[place % 2].owners.add_credits("acme", 3), range(32)))
        assert one.get(key_id).credits == one.owners.get("acme").credits == 96


def test_threads_spend_what_was_granted_and_no_more(clock: FakeClock) -> None:
    """Sixteen threads of two services: exactly so many checks are accepted as there are credits."""
    store = MemoryStore()
    with ApiKeys(store, peppers=[PEPPER], clock=clock) as one, ApiKeys(store, peppers=[PEPPER], clock=clock) as two:
        issued = one.issue(owner="acme", credits=100, rate_limit="1000/minute")
        with ThreadPoolExecutor(16) as threads:
            granted = threads.map(
                lambda place: bool((one, two)[place % 2].check(issued.plaintext, scope=NO_SCOPE)), range(200)
            )
            assert sum(granted) == 100
        assert left(one, issued.record.key_id)["credits"] == 0
        given_back = 1000 - left(one, issued.record.key_id)["minute"]
        assert given_back + 1000 - left(two, issued.record.key_id)["minute"] == 100


class Broken(MemoryStore):
    """A store whose credits fail when told to."""

    class Credits:
        is_down = False

        def __init__(self, credits: Any) -> None:
            self._credits = credits

        def spend(self, purses: Sequence[Purse], cost: int) -> Spending:
            if self.is_down:
                raise StoreError("the credits cannot be read: try again")
            spending: Spending = self._credits.spend(purses, cost)
            return spending

        def refund(self, purses: Sequence[Purse], cost: int) -> None:
            if self.is_down:
                raise StoreError("the credits cannot be written: try again")
            self._credits.refund(purses, cost)

    def __init__(self) -> None:
        super().__init__()
        self.credits: Any = self.Credits(self.credits)


def test_a_store_that_is_down_lets_nothing_in_and_takes_nothing(clock: FakeClock) -> None:
    """503, even for a key in the cache, and the limits are as before; a key without credits goes on."""
    store = Broken()
    with ApiKeys(store, peppers=[PEPPER], clock=clock) as keys:
        metered, plain = keys.issue(owner="acme", credits=5, rate_limit="9/minute"), keys.issue(owner="acme")
        assert keys.check(metered.plaintext, scope=NO_SCOPE)
        store.credits.is_down = True
        assert reason(keys.check(metered.plaintext, scope=NO_SCOPE)) is Reason.STORE_UNAVAILABLE
        assert keys.check(plain.plaintext, scope=NO_SCOPE)
        store.credits.is_down = False
        assert left(keys, metered.record.key_id) == {"minute": 8, "credits": 4}


def test_a_refund_that_fails_keeps_no_place_of_a_request(clock: FakeClock) -> None:
    """The rate and the lease are still on the receipt: a repeat refunds the one, and a release the other."""
    store = Broken()
    with ApiKeys(store, peppers=[PEPPER], clock=clock) as keys:
        issued = keys.issue(owner="acme", credits=5, rate_limit="9/minute, 1 at once")
        for give_back in (keys.refund, keys.release):
            verdict = keys.check(issued.plaintext, scope=NO_SCOPE)
            assert verdict
            store.credits.is_down = True
            with pytest.raises(StoreError):
                keys.refund(verdict)
            store.credits.is_down = False
            assert give_back(verdict)
            assert not keys.release(verdict)
        assert left(keys, issued.record.key_id) == {"minute": 8, "at once": 1, "credits": 3}


def test_a_store_without_credits_refuses_them(clock: FakeClock) -> None:
    """With one sentence that names the store; nothing is stored."""
    store = MemoryStore()
    store.credits = None  # type: ignore[assignment]
    with ApiKeys(store, peppers=[PEPPER], clock=clock) as keys:
        record = keys.issue(owner="acme").record
        for give in (
            lambda: keys.issue(owner="acme", credits=5),
            lambda: keys.update(record.key_id, credits=5),
            lambda: keys.owners.put("acme", credits=5),
        ):
            with pytest.raises(ConfigurationError, match="a MemoryStore keeps no credits: use a store in SQLite"):
                give()


def test_a_metered_key_is_never_let_in_at_a_glance(make_keys: MakeKeys) -> None:
    """Its purse is in the store, so memory does not decide; a key beside it is let in from memory."""
    keys = make_keys()
    metered, plain = keys.issue(owner="acme", credits=5), keys.issue(owner="acme")
    for issued in (metered, plain):
        assert keys.check(issued.plaintext, scope=NO_SCOPE)
    assert keys.glance(metered.plaintext, scope=NO_SCOPE) is None
    assert keys.glance(plain.plaintext, scope=NO_SCOPE)
    assert left(keys, metered.record.key_id) == {"credits": 4}


def test_an_owner_that_is_registered_anew_has_new_credits(make_keys: MakeKeys) -> None:
    """What the deleted one had spent is forgotten with it."""
    keys = make_keys()
    keys.owners.put("acme", credits=1)
    key = keys.issue(owner="acme").plaintext
    assert [bool(keys.check(key, scope=NO_SCOPE)) for _ in range(2)] == [True, False]
    keys.owners.delete("acme")
    keys.owners.put("acme", credits=1)
    assert [bool(keys.check(key, scope=NO_SCOPE)) for _ in range(2)] == [True, False]


def test_credits_on_an_event_loop(clock: FakeClock) -> None:
    """The same, awaited: issued, paid, topped up, refused, given back."""

    async def scenario() -> None:
        async with AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER], clock=clock) as keys:
            await keys.owners.put("acme", credits=9)
            issued = await keys.issue(owner="acme", credits=1)
            key_id = issued.record.key_id
            first = await keys.check(issued.plaintext, scope=NO_SCOPE)
            assert isinstance(first, Accepted)
            assert reason(await keys.check(issued.plaintext, scope=NO_SCOPE)) is Reason.CREDITS_EXHAUSTED
            assert (await keys.add_credits(key_id, 1)).credits == 2
            assert (await keys.owners.add_credits("acme", 1)).credits == 10
            assert await keys.check(issued.plaintext, scope=NO_SCOPE)
            assert await keys.refund(first)
            assert not await keys.refund(first)
            states = await keys.remaining(key_id)
            assert [(state.name, state.remaining) for state in states] == [("credits", 1), ("owner credits", 9)]

    asyncio.run(scenario())


def test_processes_share_credits_in_a_file(tmp_path: Path) -> None:
    """Two services over one file, as of two processes: they spend together exactly what was granted."""
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    with ApiKeys.open(url, peppers=[PEPPER]) as one, ApiKeys.open(url, peppers=[PEPPER]) as two:
        issued = one.issue(owner="acme", credits=20)
        with ThreadPoolExecutor(4) as threads:
            asked = threads.map(
                lambda place: bool((one, two)[place % 2].check(issued.plaintext, scope=NO_SCOPE)), range(40)
            )
            assert sum(asked) == 20
        assert left(two, issued.record.key_id) == {"credits": 0}


ACTS = st.lists(
    st.tuples(st.sampled_from(["check", "add", "refund"]), st.integers(0, 1), st.integers(1, 5)), max_size=40
)


@given(st.integers(0, 10), ACTS)
def test_no_sequence_spends_more_than_was_granted(granted: int, acts: list[tuple[str, int, int]]) -> None:
    """Of checks, top-ups and refunds by two services: what is left is what was granted less what was paid."""
    store, clock = MemoryStore(), FakeClock()
    with ApiKeys(store, peppers=[PEPPER], clock=clock) as one, ApiKeys(store, peppers=[PEPPER], clock=clock) as two:
        issued = one.issue(owner="acme", credits=granted)
        accepted: list[tuple[Verdict, int]] = []
        key_id, paid = issued.record.key_id, 0
        for act, place, number in acts:
            keys = (one, two)[place]
            if act == "add":
                keys.add_credits(key_id, number)
                granted += number
            elif act == "refund" and accepted:
                verdict, cost = accepted[number % len(accepted)]
                paid -= cost if keys.refund(verdict) else 0
            elif act == "check":
                verdict = keys.check(issued.plaintext, scope=NO_SCOPE, cost=number)
                assert bool(verdict) == (paid + number <= granted)
                if verdict:
                    accepted.append((verdict, number))
                    paid += number
            assert left(one, key_id) == left(two, key_id) == {"credits": granted - paid}


def test_credits_are_a_rule_like_any_other() -> None:
    """A limiter that is asked for them takes them all or nothing with a rate, refunds them, and never refills them."""
    rule = Credits(5).of("owner")
    assert (rule.name, str(rule), rule.divided(8)) == ("owner credits", "5 owner credits", rule)
    plan, limiter = Plan((Rate(9, 60, 9, "minute"), rule)), LocalLimiter()
    drawn = limiter.draw("a", plan, 4, 0.0, 0.0)
    assert [state.remaining for state in drawn.states] == [5, 1]
    more = Plan((Rate(9, 60, 9, "minute"), Credits(7).of("owner")))  # as many are spent as before
    assert [state.remaining for state in limiter.draw("a", more, 0, 0.0, 0.0).states] == [5, 3]
    refused = limiter.draw("a", plan, 2, 1e6, 1e6)
    assert (refused.refused_by, refused.retry_after) == (rule, None)
    assert rule.wait(rule.level(4), 1, 0.0) == 0.0
    for _ in range(2):
        limiter.refund("a", drawn, 4, 1e6, 1e6)
    assert [state.remaining for state in limiter.draw("a", plan, 0, 1e6, 1e6).states] == [9, 5]
    assert limiter.draw("new", Plan((rule,)), 5, 0.0, 0.0)
