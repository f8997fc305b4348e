"""Requests that a client repeats: they are carried out once, whatever happens in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import PEPPER

from secretsource.exceptions import (
    ConfigurationError,
    InvalidRequest,
    KeyNotFound,
    PlanExceeded,
    RepeatDiffers,
    RepeatTooSoon,
    StoreError,
)
from secretsource.issuing import ApiKeys, AsyncApiKeys, Issued, KeyRecord
from secretsource.stores.memory import AsyncMemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.issuing.conftest import CountingStore

    from secretsource.testing.clock import FakeClock

ONE: dict[str, Any] = {"caller": "r" * 22, "fingerprint": "POST /keys {}"}
ELSE: dict[str, Any] = {**ONE, "fingerprint": "else"}


def ids(keys: ApiKeys) -> list[str]:
    """The keys that there are."""
    return [record.key_id for record in keys.list().records]


def test_a_repeat_makes_no_second_key(keys: ApiKeys) -> None:
    """The first request is given the text, and a repeat the record."""
    first = keys.issue_once("t", **ONE, owner="acme")
    again = keys.issue_once("t", **ONE, owner="acme")
    assert isinstance(first, Issued)
    assert isinstance(again, KeyRecord)
    assert [first.record.key_id] == [again.key_id] == ids(keys)


@pytest.mark.parametrize("other", [{"caller": "s" * 22}, {"token": "u"}])
def test_a_token_belongs_to_its_caller(other: dict[str, Any], keys: ApiKeys) -> None:
    """The same token of another caller, or another token, makes another key."""
    keys.issue_once("t", **ONE, owner="acme")
    asked: dict[str, Any] = {"token": "t", **ONE, **other}
    assert isinstance(keys.issue_once(**asked, owner="acme"), Issued)
    assert len(ids(keys)) == 2


def test_a_token_belongs_to_its_request(keys: ApiKeys) -> None:
    """With another request it is refused, and nothing is made."""
    keys.issue_once("t", **ONE, owner="acme")
    with pytest.raises(RepeatDiffers, match="used for another request"):
        keys.issue_once("t", **ELSE, owner="ajax")
    assert len(ids(keys)) == 1


def test_a_token_is_remembered_for_a_day(keys: ApiKeys, clock: FakeClock) -> None:
    """Then it is like a new one."""
    keys.issue_once("t", **ONE, owner="acme")
    clock.advance(86_399)
    assert isinstance(keys.issue_once("t", **ONE, owner="acme"), KeyRecord)
    clock.advance(2)
    assert isinstance(keys.issue_once("t", **ONE, owner="acme"), Issued)


def test_a_late_repeat_brings_no_purged_customer_back(keys: ApiKeys, clock: FakeClock) -> None:
    """The key went with its owner, for good; a new token makes a key, if the customer has come back."""
    keys.issue_once("t", **ONE, owner="acme")
    clock.advance(60)
    keys.purge(owner="acme")
    clock.advance(60)
    with pytest.raises(KeyNotFound):
        keys.issue_once("t", **ONE, owner="acme")
    assert ids(keys) == []
    for _ in range(2):
        keys.issue_once("u", **ONE, owner="acme")
    assert len(ids(keys)) == 1


def test_a_request_that_is_cut_off_is_carried_out_by_its_repeat(
    keys: ApiKeys, store: CountingStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at once, because the first may be on its way; and under the key_id that was claimed then."""
    claimed: list[str] = []

    def cut_off(changes: Any) -> Any:
        claimed.append(changes[0].record.key_id)
        raise StoreError("the connection broke")

    with monkeypatch.context() as broken:
        broken.setattr(store, "insert", cut_off)
        with pytest.raises(StoreError, match="broke"):
            keys.issue_once("t", **ONE, owner="acme")
    with pytest.raises(RepeatTooSoon, match="on its way"):
        keys.issue_once("t", **ONE, owner="acme")
    clock.advance(11)
    repeated = keys.issue_once("t", **ONE, owner="acme")
    assert isinstance(repeated, Issued)
    assert claimed == [repeated.record.key_id] == ids(keys)


def test_a_late_first_request_and_its_repeat_make_one_key(
    make_keys: Callable[..., ApiKeys], store: CountingStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one stalls before it stores the key; the repeat stores it, and the first is given the record."""
    slow, quick = make_keys(), make_keys()
    insert, repeated = store.insert, []

    def stalled(changes: Any) -> Any:
        monkeypatch.setattr(store, "insert", insert)
        clock.advance(11)
        repeated.append(quick.issue_once("t", **ONE, owner="acme"))
        return insert(changes)

    monkeypatch.setattr(store, "insert", stalled)
    first = slow.issue_once("t", **ONE, owner="acme")
    assert isinstance(first, KeyRecord)
    made = [each for each in repeated if isinstance(each, Issued)]
    assert [each.record.key_id for each in made] == [first.key_id] == ids(slow)


def test_a_refused_request_leaves_its_token_free(keys: ApiKeys) -> None:
    """Once the plan allows the key, the same request makes it, at once."""
    keys.plans.put("small", max_keys=1)
    keys.owners.put("acme", plan="small")
    only = keys.issue(owner="acme")
    with pytest.raises(PlanExceeded):
        keys.issue_once("t", **ONE, owner="acme")
    with pytest.raises(InvalidRequest, match="scope"):
        keys.issue_once("t", **ONE, owner="acme", scopes=["a b"])
    keys.revoke(only.record.key_id)
    assert isinstance(keys.issue_once("t", **ONE, owner="acme"), Issued)


@pytest.mark.parametrize("token", ["", "t" * 256])
def test_a_token_has_a_length(token: str, keys: ApiKeys) -> None:
    """1 to 255 characters."""
    with pytest.raises(InvalidRequest, match="1 to 255 characters"):
        keys.issue_once(token, **ONE, owner="acme")


def test_a_used_locator_is_not_claimed(keys: ApiKeys, store: CountingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A locator that another key has would be taken for the key of an earlier request."""
    used = keys.issue(owner="acme").record.key_id
    drawn = iter([used])
    locator = keys._operations._locator
    monkeypatch.setattr(keys._operations, "_locator", lambda owner: next(drawn, None) or locator(owner))
    assert isinstance(keys.issue_once("t", **ONE, owner="acme"), Issued)
    monkeypatch.setattr(keys._operations, "_locator", lambda _: used)
    with pytest.raises(StoreError, match="every one is taken"):
        keys.issue_once("u", **ONE, owner="acme")


def test_a_repeated_rotation_is_the_same_rotation(keys: ApiKeys, clock: FakeClock) -> None:
    """Also after the old key has ended, when a rotation by itself would be refused."""
    old = keys.issue(owner="acme").record.key_id
    first = keys.rotate_once("t", old, **ONE, overlap=60)
    keys.revoke(old)
    clock.advance(100)
    again = keys.rotate_once("t", old, **ONE, overlap=60)
    assert first.plaintext is not None
    assert again.plaintext is None
    assert again.successor.key_id == first.successor.key_id
    with pytest.raises(RepeatDiffers):
        keys.rotate_once("t", old, **ELSE, overlap=0)


def test_a_rotation_that_was_cut_off_is_carried_out_by_its_repeat(
    keys: ApiKeys, store: CountingStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim alone is no rotation."""
    old = keys.issue(owner="acme").record.key_id

    def cut_off(*_: Any) -> Any:
        raise StoreError("the connection broke")

    with monkeypatch.context() as broken:
        broken.setattr(store, "rotate", cut_off)
        with pytest.raises(StoreError, match="broke"):
            keys.rotate_once("t", old, **ONE, overlap=60)
    clock.advance(1)
    assert keys.rotate_once("t", old, **ONE, overlap=60).plaintext is not None


def test_a_store_without_claims_is_named(keys: ApiKeys, store: CountingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made that a repeat would make again."""
    monkeypatch.setattr(store, "claims", None)
    with pytest.raises(ConfigurationError, match="CountingStore keeps no claims"):
        keys.issue_once("t", **ONE, owner="acme")
    assert ids(keys) == []


def test_a_repeated_top_up_adds_once(keys: ApiKeys, clock: FakeClock) -> None:
    """To a key and to an owner, whatever happened since; another token, or a day later, adds again."""
    key_id = keys.issue(owner="acme", credits=1).record.key_id
    keys.owners.put("acme", credits=1)
    for _ in range(2):
        assert keys.add_credits_once("k", key_id, 5, **ONE).credits == 6
        assert keys.owners.add_credits_once("o", "acme", 5, **ONE).credits == 6
    assert keys.add_credits_once("l", key_id, 5, **ONE).credits == 11
    keys.revoke(key_id)
    assert keys.add_credits_once("k", key_id, 5, **ONE).credits == 11
    clock.advance(86_401)
    assert keys.owners.add_credits_once("o", "acme", 5, **ONE).credits == 11


def test_a_token_of_a_top_up_belongs_to_its_request(keys: ApiKeys) -> None:
    """Another key, another owner or another fingerprint is refused, and nothing is added."""
    one, two = (keys.issue(owner="acme", credits=1).record.key_id for _ in range(2))
    keys.owners.put("acme", credits=1)
    keys.owners.put("ajax", credits=1)
    keys.add_credits_once("k", one, 5, **ONE)
    keys.owners.add_credits_once("o", "acme", 5, **ONE)
    for again in (
        lambda: keys.add_credits_once("k", two, 5, **ONE),
        lambda: keys.add_credits_once("k", one, 5, **ELSE),
        lambda: keys.owners.add_credits_once("o", "ajax", 5, **ONE),
        lambda: keys.owners.add_credits_once("k", "acme", 5, **ONE),
    ):
        with pytest.raises(RepeatDiffers):
            again()
    assert [keys.get(each).credits for each in (one, two)] == [6, 1]
    assert [keys.owners.get(each).credits for each in ("acme", "ajax")] == [6, 1]


def test_a_refused_top_up_leaves_its_token_free(keys: ApiKeys) -> None:
    """Once there are credits to add to, the same request adds some."""
    key_id = keys.issue(owner="acme").record.key_id
    keys.owners.put("acme")
    for _ in range(2):
        with pytest.raises(InvalidRequest, match="credits"):
            keys.add_credits_once("k", key_id, 5, **ONE)
        with pytest.raises(InvalidRequest, match="credits"):
            keys.owners.add_credits_once("o", "acme", 5, **ONE)
    keys.update(key_id, credits=1)
    keys.owners.put("acme", credits=1)
    assert keys.add_credits_once("k", key_id, 5, **ONE).credits == 6
    assert keys.owners.add_credits_once("o", "acme", 5, **ONE).credits == 6


@pytest.mark.parametrize("rival", ["add", "repeat"])
def test_a_top_up_that_another_call_overtakes_counts_once(
    rival: str, make_keys: Callable[..., ApiKeys], store: CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another top-up before the sum is stored is added to; the repeat of the same one is not."""
    slow, quick = make_keys(), make_keys()
    key_id = slow.issue(owner="acme", credits=1).record.key_id
    slow.owners.put("acme", credits=1)
    claims = store.claims
    assert claims is not None
    change_keys, change_owner = claims.change_keys, claims.change_owner

    def overtaken(add: Callable[[], object], change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*given: Any) -> Any:
            monkeypatch.setattr(claims, "change_keys", change_keys)
            monkeypatch.setattr(claims, "change_owner", change_owner)
            add()
            return change(*given)

        return changed

    def add_to_key() -> object:
        if rival == "add":
            return quick.add_credits(key_id, 100)
        return quick.add_credits_once("k", key_id, 5, **ONE)

    def add_to_owner() -> object:
        if rival == "add":
            return quick.owners.add_credits("acme", 100)
        return quick.owners.add_credits_once("o", "acme", 5, **ONE)

    monkeypatch.setattr(claims, "change_keys", overtaken(add_to_key, change_keys))
    assert slow.add_credits_once("k", key_id, 5, **ONE).credits == (106 if rival == "add" else 6)
    monkeypatch.setattr(claims, "change_owner", overtaken(add_to_owner, change_owner))
    assert slow.owners.add_credits_once("o", "acme", 5, **ONE).credits == (106 if rival == "add" else 6)


def test_a_repeat_beside_the_first_request_is_answered_with_its_sum(
    make_keys: Callable[..., ApiKeys], store: CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first request stores the sum between two readings of the repeat."""
    keys = make_keys()
    key_id = keys.issue(owner="acme", credits=1).record.key_id
    keys.owners.put("acme", credits=1)
    assert store.owners is not None
    get, of_owner = store.get, store.owners.get

    def late(read: Callable[[str], Any], add: Callable[[], object]) -> Callable[[str], Any]:
        def found(id: str) -> Any:
            record = read(id)
            monkeypatch.undo()
            add()
            return record

        return found

    monkeypatch.setattr(store, "get", late(get, lambda: keys.add_credits_once("k", key_id, 5, **ONE)))
    assert keys.add_credits_once("k", key_id, 5, **ONE).credits == 6
    monkeypatch.setattr(
        store.owners, "get", late(of_owner, lambda: keys.owners.add_credits_once("o", "acme", 5, **ONE))
    )
    assert keys.owners.add_credits_once("o", "acme", 5, **ONE).credits == 6


async def test_an_event_loop_does_the_same(clock: FakeClock) -> None:
    """Word for word."""
    keys = AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER], clock=clock)
    first = await keys.issue_once("t", **ONE, owner="acme")
    again = await keys.issue_once("t", **ONE, owner="acme")
    assert isinstance(first, Issued)
    assert isinstance(again, KeyRecord)
    rotated = await keys.rotate_once("u", again.key_id, **ONE, overlap=60)
    clock.advance(1)
    repeated = await keys.rotate_once("u", again.key_id, **ONE, overlap=60)
    assert (rotated.plaintext is None, repeated.plaintext) == (False, None)
    await keys.update(repeated.successor.key_id, credits=1)
    await keys.owners.put("acme", credits=1)
    for _ in range(2):
        assert (await keys.add_credits_once("k", repeated.successor.key_id, 5, **ONE)).credits == 6
        assert (await keys.owners.add_credits_once("o", "acme", 5, **ONE)).credits == 6
    await keys.close()


def test_a_repeat_is_answered_whatever_the_plan_allows_since(keys: ApiKeys, clock: FakeClock) -> None:
    """The key was made; a repeat that would be refused as a new request returns its record."""
    keys.plans.put("pro", scopes=["a"])
    keys.owners.put("acme", plan="pro")
    asked: dict[str, Any] = {**ONE, "owner": "acme", "scopes": ["a"], "expires_at": clock.now().wall + 5}
    first = keys.issue_once("t", **asked)
    assert isinstance(first, Issued)
    keys.plans.put("pro", scopes=["b"])
    clock.advance(6)
    again = keys.issue_once("t", **asked)
    assert isinstance(again, KeyRecord)
    assert again.key_id == first.record.key_id
