"""Deleting an owner for good: nothing of it is left but one event, and no kill in the middle leaves a living key."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import PEPPER

from secretsource.exceptions import InvalidRequest, OwnerNotFound, StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys, AsyncApiKeys, PurgeReport, Reason
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore
from secretsource.stores.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from secretsource.stores.base import KeyStore
    from secretsource.testing import FakeClock


class Killed(BaseException):
    """The end of a process in the middle of its work."""


class Dying:
    """A store whose process is killed before or after one of its calls.

    Args:
        inside: The store.
        calls: Number of calls until the kill.
        stored: Whether the last call has reached the store.
    """

    def __init__(self, inside: Any, calls: int, *, stored: bool) -> None:
        self._inside = inside
        self._plan = [calls, stored]

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inside, name)
        if name == "upkeep":
            made = Dying(found, 0, stored=False)
            made._plan = self._plan
            return made
        return self._counted(found) if callable(found) and name != "subscribe" else found

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*words: Any, **more: Any) -> Any:
            self._plan[0] -= 1
            if self._plan[0] < 0:
                if self._plan[1]:
                    call(*words, **more)
                raise Killed
            return call(*words, **more)

        return counted


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyStore]:
    """An empty store."""
    made = MemoryStore() if request.param == "memory" else SqlStore.open(f"sqlite:///{tmp_path}/keys.db")
    yield made
    made.close()


def fill(keys: ApiKeys) -> list[str]:
    """Make keys of two owners in every state; return the texts of acme's."""
    keys.owners.put("acme", name="Ann Example", metadata={"mail": "ann@example.com"})
    keys.owners.put("other", name="Other")
    made = [keys.issue(owner="acme", actor="ann", origin="203.0.113.9") for _ in range(4)]
    keys.revoke(made[0].record.key_id, reason="Ann asked")
    keys.disable(made[1].record.key_id)
    successor = keys.rotate(made[2].record.key_id, overlap=600)
    other = keys.issue(owner="other")
    for issued in (*made, other):
        keys.check(issued.plaintext, scope=NO_SCOPE, ip="203.0.113.9")
    keys.flush()
    assert successor.plaintext is not None
    return [*(issued.plaintext for issued in made), successor.plaintext]


def nothing_left(keys: ApiKeys) -> bool:
    """Whether nothing of acme is there but the event, and all of the other."""
    assert len(keys.list(owner="other")) == 1
    assert keys.owners.get("other").name == "Other"
    assert keys.usage(owner="other", by="day")
    with pytest.raises(OwnerNotFound):
        keys.owners.get("acme")
    told = [event.kind.value for event in keys.history(owner="acme")]
    return (len(keys.list(owner="acme")), [*keys.usage(owner="acme", by="day")], told) == (0, [], ["purged"])


def test_a_purge_leaves_one_event(make_keys: Callable[..., ApiKeys], store: KeyStore) -> None:
    """With its author and reason; the keys are refused, and another owner has all it had."""
    keys = make_keys()
    texts = fill(keys)
    report = keys.purge(owner="acme", actor="dpo", origin="desk", reason="erasure 17")
    assert report == PurgeReport("acme", 4, 5)
    assert nothing_left(keys)
    (event,) = keys.owners.events("acme")
    assert (event.kind.value, event.actor, event.origin, event.reason) == ("purged", "dpo", "desk", "erasure 17")
    for text in texts:
        assert keys.check(text, scope=NO_SCOPE).reason in {Reason.UNKNOWN, Reason.REVOKED}  # type: ignore[union-attr]
        assert not keys.check(text, scope=NO_SCOPE, fresh=True)


def test_a_repeat_changes_nothing(make_keys: Callable[..., ApiKeys], store: KeyStore) -> None:
    """It finds nothing to delete, and writes no second event."""
    keys = make_keys()
    fill(keys)
    keys.purge(owner="acme")
    assert keys.purge(owner=" acme ") == PurgeReport("acme", 0, 0)
    assert nothing_left(keys)


def test_an_owner_that_was_never_there_is_purged(make_keys: Callable[..., ApiKeys], store: KeyStore) -> None:
    """The event says that it was asked for; and keys of an owner without registration go too."""
    keys = make_keys()
    assert keys.purge(owner="nobody") == PurgeReport("nobody", 0, 0)
    keys.issue(owner="loose")
    assert keys.purge(owner="loose") == PurgeReport("loose", 1, 1)
    keys.issue(owner="loose")
    keys.purge(owner="loose")
    assert [event.kind.value for event in keys.owners.events("loose")] == ["purged", "purged"]
    with pytest.raises(InvalidRequest, match="a key needs an owner"):
        keys.purge(owner=" ")


@pytest.mark.parametrize("stored", [False, True], ids=["before", "after"])
def test_a_kill_leaves_no_living_key_that_a_repeat_misses(
    make_keys: Callable[..., ApiKeys], store: KeyStore, clock: FakeClock, stored: bool
) -> None:
    """Wherever the process ends: deleted keys had ended, the others have their events, and a repeat ends it."""
    fill(make_keys())
    for calls in range(60):
        dying = Dying(store, calls, stored=stored)
        keys = ApiKeys(dying, peppers=[PEPPER], clock=clock)  # type: ignore[arg-type]
        try:
            keys.purge(owner="acme")
        except Killed:
            survivor = make_keys()
            there = {record.key_id for record in survivor.list(owner="acme")}
            happened = {event.id for event in survivor.history() if event.subject == "key"}
            assert there == {key_id for key_id in happened if survivor.whose(key_id).name == "acme"}  # type: ignore[union-attr]
            if survivor.count_living(owner="acme"):
                assert len(there) == 5  # nothing is deleted before all have ended
        else:
            break
    else:
        pytest.fail("it never came to its end")
    assert calls > 3
    assert nothing_left(make_keys())


def test_other_processes_refuse_a_purged_key(make_keys: Callable[..., ApiKeys], clock: FakeClock) -> None:
    """They hear of the revocation, and read that the key is gone when their record is too old."""
    keys, other = make_keys(), make_keys()
    text = keys.issue(owner="acme").plaintext
    assert other.check(text, scope=NO_SCOPE)
    keys.purge(owner="acme")
    until = time.monotonic() + 10
    while other.check(text, scope=NO_SCOPE):  # a file announces nothing: its feed looks at it in a thread
        assert time.monotonic() < until
        time.sleep(0.01)
    clock.advance(60)
    assert not other.check(text, scope=NO_SCOPE)


def test_keys_that_are_issued_meanwhile_go_too(make_keys: Callable[..., ApiKeys], store: KeyStore) -> None:
    """And an issuer that never stops is told."""
    keys, issuer = make_keys(), make_keys()
    issuer.issue(owner="acme")
    upkeep: Any = store.upkeep
    purge, left = upkeep.purge, [3]

    def late(*words: Any, **more: Any) -> bool:
        if left[0]:
            left[0] -= 1
            issuer.issue(owner="acme")
        return bool(purge(*words, **more))

    upkeep.purge = late
    assert keys.purge(owner="acme") == PurgeReport("acme", 4, 4)
    left[0] = 1000
    with pytest.raises(StoreError, match="are issued as fast as they are deleted: stop, then repeat"):
        keys.purge(owner="acme")


def test_keys_that_cannot_be_revoked_are_not_deleted(make_keys: Callable[..., ApiKeys], store: KeyStore) -> None:
    """The sentence has their number, and everything else is there still."""
    keys = make_keys()
    fill(keys)
    update: Any = store.update

    def broken(_: object) -> bool:
        raise StoreError("a row is locked: try again")

    store.update = broken  # type: ignore[method-assign, assignment]
    with pytest.raises(StoreError, match="4 keys of owner 'acme' were not revoked, so not all is deleted: call again"):
        keys.purge(owner="acme")
    store.update = update  # type: ignore[method-assign]
    assert len(keys.list(owner="acme")) == 5
    assert keys.owners.get("acme").name == "Ann Example"


def test_an_event_loop_purges_too(clock: FakeClock) -> None:
    """The awaited verb does the same."""

    async def scenario() -> None:
        async with AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER], clock=clock) as keys:
            text = (await keys.issue(owner="acme")).plaintext
            await keys.owners.put("acme")
            assert await keys.purge(owner="acme", reason="asked") == PurgeReport("acme", 1, 1)
            assert not await keys.check(text, scope=NO_SCOPE)
            assert [event.kind.value for event in await keys.history()] == ["purged"]

    asyncio.run(scenario())
