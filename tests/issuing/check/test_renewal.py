"""A record that was read before is asked for by its revision: less to read, and nothing missed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import DeafStore

from secretsource.exceptions import StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys, AsyncApiKeys, Reason, Rejected, Status
from secretsource.issuing._check.record_cache import RENEWABLE
from secretsource.issuing._key import foreign
from secretsource.stores.base import AsyncKeyStore, KeyStore
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.issuing.conftest import CountingStore

    from secretsource.testing.clock import FakeClock

TTL = 5.0


@pytest.fixture
def keys(make_keys: Callable[..., ApiKeys]) -> ApiKeys:
    """Keys that are flushed only when a test says so."""
    return make_keys(ttl=TTL, flush_every=1e9)


def known(keys: ApiKeys, store: CountingStore) -> tuple[str, str]:
    """A key that has been checked once: its text and its identifier; the store forgets what it was asked."""
    issued = keys.issue(owner="acme")
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    store.asked.clear()
    return issued.plaintext, issued.record.key_id


def by_hand(store: MemoryStore, key_id: str, **fields: Any) -> None:
    """Edit a record as somebody does in the database itself: no revision, no event, no news."""
    store._records[key_id] = store._records[key_id]._replace(**fields)


def test_an_unchanged_record_is_not_read_again(keys: ApiKeys, store: CountingStore, clock: FakeClock) -> None:
    """Once its ttl is over, one small question renews it for another; within it, none is asked."""
    text, _ = known(keys, store)
    clock.advance(TTL)
    assert keys.check(text, scope=NO_SCOPE)
    assert store.asked == ["revision"]
    clock.advance(TTL - 0.1)
    assert keys.check(text, scope=NO_SCOPE)
    assert store.asked == ["revision"]


def test_a_changed_record_is_read(make_keys: Callable[..., ApiKeys], clock: FakeClock) -> None:
    """Another process has changed it, and no news came: the end of the ttl is the end of what was known."""

    store = DeafStore()
    here, there = make_keys(store=store, ttl=TTL), make_keys(store=store, ttl=TTL)
    issued = here.issue(owner="acme")
    assert there.check(issued.plaintext, scope=NO_SCOPE)
    here.disable(issued.record.key_id)
    clock.advance(TTL)
    refused = there.check(issued.plaintext, scope=NO_SCOPE)
    assert isinstance(refused, Rejected)
    assert refused.reason is Reason.DISABLED
    here.enable(issued.record.key_id)
    clock.advance(TTL)
    assert there.check(issued.plaintext, scope=NO_SCOPE)


def test_a_record_that_is_gone_is_unknown(keys: ApiKeys, store: CountingStore, clock: FakeClock) -> None:
    """Somebody deleted it from the database; what was known of it does not outlive the ttl."""
    text, key_id = known(keys, store)
    del store._records[key_id]
    clock.advance(TTL)
    refused = keys.check(text, scope=NO_SCOPE)
    assert isinstance(refused, Rejected)
    assert refused.reason is Reason.UNKNOWN


def test_an_edit_by_hand_is_seen_within_a_minute(keys: ApiKeys, store: CountingStore, clock: FakeClock) -> None:
    """Its revision says nothing of it, so a record that is in use is read whole now and then all the same."""
    text, key_id = known(keys, store)
    by_hand(store, key_id, status=Status.REVOKED)
    begun = clock.now().mono
    while keys.check(text, scope=NO_SCOPE):
        clock.advance(TTL)
    assert clock.now().mono - begun == RENEWABLE
    assert store.asked.count("get") == 1


def test_a_fresh_check_reads_the_record(keys: ApiKeys, store: CountingStore) -> None:
    """``fresh`` trusts nothing that was known, the revision included."""
    text, key_id = known(keys, store)
    by_hand(store, key_id, status=Status.REVOKED)
    assert not keys.check(text, scope=NO_SCOPE, fresh=True)
    assert store.asked == ["get"]


def test_without_an_answer_nothing_is_renewed(make_keys: Callable[..., ApiKeys], clock: FakeClock) -> None:
    """A store that cannot say whether a record has changed refuses the key; fail closed."""

    class Dumb(MemoryStore):
        def revision(self, key_id: str) -> int | None:
            raise StoreError("the key store is down")

    keys = make_keys(store=Dumb(), ttl=TTL)
    issued = keys.issue(owner="acme")
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    clock.advance(TTL)
    refused = keys.check(issued.plaintext, scope=NO_SCOPE)
    assert isinstance(refused, Rejected)
    assert refused.reason is Reason.STORE_UNAVAILABLE


def test_an_expired_key_is_not_renewed_into_life(keys: ApiKeys, store: CountingStore, clock: FakeClock) -> None:
    """Its record is unchanged, and its time is over."""
    issued = keys.issue(owner="acme", expires_in=TTL + 1)
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    clock.advance(TTL + 1)
    refused = keys.check(issued.plaintext, scope=NO_SCOPE)
    assert isinstance(refused, Rejected)
    assert refused.reason is Reason.EXPIRED


def test_an_imported_key_is_not_hashed_its_old_way_again(
    make_keys: Callable[..., ApiKeys], store: CountingStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What matched an argon2 hash once need not take a tenth of a second at each end of the ttl."""
    keys = make_keys(imported=True, ttl=TTL, flush_every=1e9)
    text = "abcd.secret"
    issued = keys.issue(owner="acme")
    by_hand(store, issued.record.key_id, foreign="sha256$" + "00" * 32, lookup=foreign.lookups(text)[0])
    store._lookups[foreign.lookups(text)[0]] = issued.record.key_id
    compared: list[str] = []

    def matches(described: str, text: str) -> bool:
        compared.append(described)
        return True

    monkeypatch.setattr(foreign, "matches", matches)
    for _ in range(3):
        assert keys.check(text, scope=NO_SCOPE)
        clock.advance(TTL)
    assert len(compared) == 1


def test_an_event_loop_renews_alike(clock: FakeClock) -> None:
    """The asynchronous shell asks the same question."""
    asked: list[str] = []

    class Noting(AsyncMemoryStore):
        async def revision(self, key_id: str) -> int | None:
            asked.append("revision")
            return await super().revision(key_id)

    async def scenario() -> None:
        async with AsyncApiKeys(Noting(), peppers=["a pepper for show"], clock=clock, ttl=TTL) as keys:
            text = (await keys.issue(owner="acme")).plaintext
            for _ in range(3):
                assert await keys.check(text, scope=NO_SCOPE)
                clock.advance(TTL)

    asyncio.run(scenario())
    assert asked == ["revision"] * 2


def test_a_store_need_not_know_of_revisions(keys: ApiKeys, store: CountingStore) -> None:
    """Without an answer of its own, a store answers by the record."""
    _, key_id = known(keys, store)
    assert KeyStore.revision(store, key_id) == 1
    assert KeyStore.revision(store, "0" * 22) is None
    assert asyncio.run(AsyncKeyStore.revision(AsyncMemoryStore(store), key_id)) == 1
    assert asyncio.run(AsyncKeyStore.revision(AsyncMemoryStore(store), "0" * 22)) is None
