"""Changes of keys, owners and plans that cannot be made: one clear sentence each, and nothing is half done."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import Conflict, InvalidRequest, InvalidTransition, PlanExceeded, PlanNotFound
from secretsource.issuing import NO_SCOPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.issuing import ApiKeys
    from secretsource.testing import FakeClock

DAY = 86400.0


def everything(keys: ApiKeys) -> list[Any]:
    """All that a store has of keys, owners and plans, with their events."""
    return [list(keys.list()), list(keys.owners.list()), list(keys.plans.list()), list(keys.history(limit=1000))]


def refused(keys: ApiKeys, error: type[Exception], sentence: str, change: Callable[[], object]) -> None:
    """Try a change that fails with a sentence and leaves everything as it was."""
    before = everything(keys)
    with pytest.raises(error) as caught:
        change()
    assert str(caught.value) == sentence
    assert everything(keys) == before


def test_an_unknown_plan(keys: ApiKeys) -> None:
    """The owner stays on its plan, and the sentence says how to make one."""
    keys.plans.put("pro")
    keys.owners.put("acme", plan="pro", name="Acme")
    refused(
        keys, PlanNotFound, "there is no plan 'gold': make it with  plans put, or list the plans there are",
        lambda: keys.owners.put("acme", plan="gold", name="Other"),
    )  # fmt: skip


def test_a_plan_in_use(keys: ApiKeys) -> None:
    """It is not deleted while an owner is on it."""
    keys.plans.put("pro")
    keys.owners.put("acme", plan="pro")
    refused(
        keys, InvalidRequest, "plan 'pro' has owners: give them another plan before you delete it",
        lambda: keys.plans.delete("pro"),
    )  # fmt: skip


def test_too_many_keys(keys: ApiKeys) -> None:
    """The sentence has the plan, its bound and the present number; a batch is issued whole or not at all."""
    keys.plans.put("free", max_keys=2)
    keys.owners.put("acme", plan="free")
    keys.issue(owner="acme")
    refused(
        keys, PlanExceeded,
        "plan 'free' of owner 'acme' allows 2 keys, and 1 have not ended: revoke one, or choose a larger plan",
        lambda: keys.issue_many([{"owner": "other"}, {"owner": "acme"}, {"owner": "acme"}]),
    )  # fmt: skip


@pytest.mark.parametrize("end", ["revoked", "expired", "rotated away"])
def test_an_update_of_an_ended_key(keys: ApiKeys, clock: FakeClock, end: str) -> None:
    """However it ended; the sentence says what it is."""
    record = keys.issue(owner="acme", expires_in=DAY).record
    if end == "revoked":
        keys.revoke(record.key_id)
    if end == "rotated away":
        keys.rotate(record.key_id, overlap=60)
        clock.advance(61)
    if end == "expired":
        clock.advance(DAY)
    state = "revoked" if end == "revoked" else "expired"
    refused(
        keys, InvalidTransition, f"cannot update key {record.display!r}: it is {state}; issue another key",
        lambda: keys.update(record.key_id, name="new", expires_at=clock.now().wall + 5 * DAY),
    )  # fmt: skip


def test_a_stale_revision(keys: ApiKeys) -> None:
    """Of a key, of an owner and of a plan."""
    record = keys.issue(owner="acme").record
    keys.update(record.key_id, name="one")
    refused(
        keys, Conflict, f"key {record.display!r} is at revision 2, not 1: read it again and decide anew",
        lambda: keys.update(record.key_id, name="two", revision=1),
    )  # fmt: skip
    for what, register in (("owner", keys.owners), ("plan", keys.plans)):
        first: Any = register.put("pro")
        second: Any = register.put("pro", quota="5/day")
        refused(
            keys, Conflict,
            f"{what} 'pro' is at revision {second.revision}, not {first.revision}: read it again and decide anew",
            partial(register.put, "pro", quota="6/day", revision=first.revision),
        )  # fmt: skip


def test_a_plan_that_would_end_running_keys_ends_none(keys: ApiKeys, clock: FakeClock) -> None:
    """A shorter life, fewer keys and other environments bind new keys; running ones live on to their own end."""
    issued = [keys.issue(owner="acme", scopes=["a:b"], expires_in=100 * DAY) for _ in range(3)]
    keys.plans.put("tiny", max_life=DAY, max_keys=1, environments=["test"])
    keys.owners.put("acme", plan="tiny")
    clock.advance(50 * DAY)
    for key in issued:
        assert keys.check(key.plaintext, scope="a:b", fresh=True)
        assert keys.get(key.record.key_id).expires == key.record.expires
    with pytest.raises(PlanExceeded, match="allows 1 keys, and 3 have not ended"):
        keys.issue(owner="acme", environment="test")
    clock.advance(50 * DAY)
    assert not keys.check(issued[0].plaintext, scope=NO_SCOPE)
