"""Chains of rotations of which a key in the middle has ended, or was deleted, before one that is older."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.issuing.conftest import FailingStore

from secretsource.exceptions import InvalidTransition, StoreError
from secretsource.issuing import NO_SCOPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.issuing import ApiKeys, KeyRecord
    from secretsource.testing.clock import FakeClock

DAY = 86400.0


class Chain(NamedTuple):
    """Three keys: the first one rotates for a month, the second one ended in a leak, and the third is in use."""

    old: KeyRecord
    leaked: KeyRecord
    new: KeyRecord
    old_text: str
    new_text: str


@pytest.fixture
def chain(keys: ApiKeys) -> Chain:
    """The three keys, with a credit each."""
    first = keys.issue(owner="acme", credits=1)
    second = keys.rotate(first.record.key_id, overlap=30 * DAY).successor
    third = keys.rotate(second.key_id, overlap=0)
    assert third.plaintext is not None
    keys.issue(owner="acme", credits=1)  # of another chain
    return Chain(first.record, second, third.successor, first.plaintext, third.plaintext)


@pytest.fixture
def gap(chain: Chain, keys: ApiKeys, clock: FakeClock) -> Chain:
    """The same, after the chores have deleted the second one."""
    clock.advance(2 * DAY)
    assert keys.run_chores(keep_ended=DAY).deleted == 1
    return chain


@pytest.mark.parametrize("which", ["old", "new"])
def test_a_family_is_revoked_past_a_deleted_key(which: str, gap: Chain, keys: ApiKeys) -> None:
    """From either end, both ends are refused; other keys of the owner are not touched."""
    keys.revoke(getattr(gap, which).key_id, family=True)
    assert not keys.check(gap.old_text, scope=NO_SCOPE)
    assert not keys.check(gap.new_text, scope=NO_SCOPE)
    assert keys.count_living(owner="acme") == 1


@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize("fails", range(4))
def test_no_failure_keeps_the_rest_of_a_family_alive(first: int, fails: int, make_keys: Callable[..., ApiKeys]) -> None:
    """The error comes when all others are revoked; nothing was done if it is the named key."""
    store = FailingStore()
    keys = make_keys(store=store)
    issued = keys.issue(owner="acme")
    ids, texts = [issued.record.key_id], [issued.plaintext]
    for _ in range(3):
        rotated = keys.rotate(ids[-1], overlap=DAY)
        ids.append(rotated.successor.key_id)
        texts.append(rotated.plaintext or "")
    store.on = frozenset([ids[fails]])
    with pytest.raises(StoreError, match="the disk is full"):
        keys.revoke(ids[first], family=True)
    expected = [True] * 4 if first == fails else [place == fails for place in range(4)]
    assert [bool(keys.check(text, scope=NO_SCOPE)) for text in texts] == expected


def test_a_store_that_fails_on_all_is_not_asked_for_each(make_keys: Callable[..., ApiKeys]) -> None:
    """After eight failures it counts as down."""
    store = FailingStore()
    keys = make_keys(store=store)
    ids = [keys.issue(owner="acme").record.key_id]
    for _ in range(11):
        ids.append(keys.rotate(ids[-1], overlap=DAY).successor.key_id)
    store.on = frozenset(ids[1:])
    with pytest.raises(StoreError, match="the disk is full"):
        keys.revoke(ids[0], family=True)


def test_a_key_that_is_found_past_a_gap_is_followed(gap: Chain, keys: ApiKeys) -> None:
    """Its successors are revoked too."""
    fourth = keys.rotate(gap.new.key_id, overlap=30 * DAY)
    keys.revoke(gap.old.key_id, family=True)
    assert not keys.check(gap.new_text, scope=NO_SCOPE)
    assert not keys.check(fourth.plaintext, scope=NO_SCOPE)


def test_a_top_up_reaches_an_older_key_than_one_that_ended(chain: Chain, keys: ApiKeys) -> None:
    """Both that still work spend the same credits."""
    keys.check(chain.old_text, scope=NO_SCOPE)
    assert keys.add_credits(chain.new.key_id, 2).key_id == chain.new.key_id
    assert keys.check(chain.old_text, scope=NO_SCOPE)
    assert keys.check(chain.new_text, scope=NO_SCOPE)
    assert not keys.check(chain.old_text, scope=NO_SCOPE)


def test_a_change_reaches_a_newer_key_past_a_gap(gap: Chain, keys: ApiKeys) -> None:
    """A key that still works can be changed, and the one in use with it."""
    assert keys.update(gap.old.key_id, name="worker").key_id == gap.old.key_id
    assert keys.get(gap.new.key_id).name == "worker"
    keys.add_credits(gap.old.key_id, 4)
    assert [keys.get(each.key_id).credits for each in (gap.old, gap.new)] == [5, 5]


def test_a_rotation_without_its_successor_can_be_ended(gap: Chain, keys: ApiKeys) -> None:
    """What needs the successor says so, and what ends the key works."""
    for ask in (lambda: keys.rotation_status(gap.old.key_id), lambda: keys.rotate(gap.old.key_id, overlap=0)):
        with pytest.raises(InvalidTransition, match="was deleted: finish the rotation, or revoke"):
            ask()
    keys.finish_rotation(gap.old.key_id)
    assert not keys.check(gap.old_text, scope=NO_SCOPE)


def test_a_leaked_key_without_its_successor_is_revoked(gap: Chain, keys: ApiKeys) -> None:
    """It cannot be rotated, and would be good for a month."""
    report = keys.report_leak(gap.old_text, source="GitHub", policy="rotate", overlap=60)
    assert report.rotated is None
    assert report.is_new
    assert not keys.check(gap.old_text, scope=NO_SCOPE)


def test_a_leaked_key_that_ends_sooner_is_left_to_its_end(keys: ApiKeys) -> None:
    """A rotation that was made before, with a shorter overlap, stays as it is."""
    issued = keys.issue(owner="acme")
    keys.rotate(issued.record.key_id, overlap=10)
    assert keys.report_leak(issued.plaintext, source="GitHub", policy="rotate", overlap=60).rotated is None
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
