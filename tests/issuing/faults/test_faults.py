"""Faults found in other packages: each has a test here that fails when the fault is put in."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import OLD_PEPPER, PEPPER, DeafStore

from secretsource.issuing import NO_SCOPE, ApiKeys, KeyFormat, Reason, Rejected
from secretsource.issuing._key import foreign
from secretsource.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.testing.clock import FakeClock


def test_a_cached_row_is_never_written_back(make_keys: Callable[..., ApiKeys], clock: FakeClock) -> None:
    """Revoked in one process, used and flushed in another that still has it cached: it stays revoked."""
    store = DeafStore()
    here, there = make_keys(store=store), make_keys(store=store)
    issued = here.issue(owner="acme")
    assert there.check(issued.plaintext, scope=NO_SCOPE)
    here.revoke(issued.record.key_id)
    assert there.check(issued.plaintext, scope=NO_SCOPE)  # within the ttl it may still pass there …
    there.flush()
    record = here.get(issued.record.key_id)
    assert (record.status.value, record.revision, record.last_used) == ("revoked", 2, clock.now().wall)
    clock.advance(5)  # … and at its end it does not
    assert not there.check(issued.plaintext, scope=NO_SCOPE)


def test_a_renewed_hash_does_not_undo_a_revocation(make_keys: Callable[..., ApiKeys]) -> None:
    """A rehash that waits for its flush is dropped when the key has changed meanwhile."""
    store = DeafStore()
    issued = make_keys(store=store, peppers=[OLD_PEPPER]).issue(owner="acme")
    here, there = (make_keys(store=store, peppers=[PEPPER, OLD_PEPPER]) for _ in range(2))
    assert there.check(issued.plaintext, scope=NO_SCOPE)
    here.revoke(issued.record.key_id)
    there.flush()
    assert here.get(issued.record.key_id).status.value == "revoked"
    assert not here.check(issued.plaintext, scope=NO_SCOPE, fresh=True)


def test_a_key_with_extra_characters_is_refused(keys: ApiKeys) -> None:
    """Before, after, in the middle, and with its checksum made right; by our hash as by the foreign ones."""
    issued = keys.issue(owner="acme")
    text = issued.plaintext
    assert keys.check(text, scope=NO_SCOPE)
    for other in (text + "x", "x" + text, text + "\0", text + "\n", text + " ", text[:40] + "x" + text[40:], text * 2):
        assert not keys.check(other, scope=NO_SCOPE)
    assert not foreign.matches("sha256$" + "00" * 32, text)


def test_the_text_of_a_key_does_not_choose_its_hash(make_keys: Callable[..., ApiKeys]) -> None:
    """What looks like a described hash, or like a key with an algorithm in it, is just a wrong text."""
    keys = make_keys(imported=True)
    for text in ("sha256$" + "00" * 32, '{"h": "murmur32", "id": "x"}', "argon2$x"):
        assert not keys.check(text, scope=NO_SCOPE)


def test_a_limit_resets_although_its_client_keeps_knocking(keys: ApiKeys, clock: FakeClock) -> None:
    """Neither accepted nor refused requests slide the window."""
    text = keys.issue(owner="acme", rate_limit="2/minute").plaintext
    granted = 0
    for _ in range(120):
        granted += bool(keys.check(text, scope=NO_SCOPE))
        clock.advance(1)
    assert granted == 5  # two at once, then one per 30 seconds


def test_a_rehash_does_not_change_the_primary_key(make_keys: Callable[..., ApiKeys]) -> None:
    """The record is found under the same key_id, by the same key, with its history."""
    issued = make_keys(peppers=[OLD_PEPPER]).issue(owner="acme")
    keys = make_keys(peppers=[PEPPER, OLD_PEPPER])
    keys.check(issued.plaintext, scope=NO_SCOPE)
    keys.flush()
    record = keys.get(issued.record.key_id)
    assert record.hash != issued.record.hash
    assert record.key_id == issued.record.key_id
    assert keys.check(issued.plaintext, scope=NO_SCOPE, fresh=True)
    assert len(keys.events(record.key_id)) == 2
    assert len(keys.list(owner="acme").records) == 1


def test_a_network_is_a_block_and_not_one_address(keys: ApiKeys) -> None:
    """CIDR was promised, so CIDR is checked: cached and not."""
    text = keys.issue(owner="acme", networks=["203.0.113.0/24"]).plaintext
    for _ in range(2):
        assert keys.check(text, scope=NO_SCOPE, ip="203.0.113.200")
        assert not keys.check(text, scope=NO_SCOPE, ip="203.0.114.1")


@pytest.mark.parametrize("state", ["active", "revoked", "disabled", "expired", "rotating"])
def test_no_state_is_answered_before_the_secret_matched(state: str, keys: ApiKeys, clock: FakeClock) -> None:
    """Whoever knows a key_id but not its secret hears the same whatever has become of the key."""
    issued = keys.issue(owner="acme", expires_in=60)
    key_id = issued.record.key_id
    if state == "expired":
        clock.advance(61)
    elif state == "rotating":
        keys.rotate(key_id, overlap=30)
    elif state != "active":
        {"revoked": keys.revoke, "disabled": keys.disable}[state](key_id)
    guess = KeyFormat().mint("sk", "live", key_id)
    for _ in range(2):
        verdict = keys.check(guess, scope=NO_SCOPE)
        assert isinstance(verdict, Rejected)
        assert verdict.reason is Reason.WRONG_SECRET
        assert verdict.record is None


def test_guessing_secrets_locks_nobody_out(keys: ApiKeys, store: Any) -> None:
    """Failures cost the customer no limit, write nothing, and ask the store once per ttl."""
    issued = keys.issue(owner="acme", rate_limit="1/day")
    store.asked.clear()
    for _ in range(100):
        assert not keys.check(KeyFormat().mint("sk", "live", issued.record.key_id), scope=NO_SCOPE)
    assert store.asked == ["get"]
    assert keys.check(issued.plaintext, scope=NO_SCOPE)


def test_guesses_at_a_key_of_an_older_pepper_ask_the_store_once(make_keys: Callable[..., ApiKeys], store: Any) -> None:
    """As at one of the newest; and whoever has the key is let in meanwhile."""
    issued = make_keys(peppers=[OLD_PEPPER]).issue(owner="acme")
    renewed = make_keys(peppers=[PEPPER, OLD_PEPPER])
    store.asked.clear()
    for _ in range(100):
        assert not renewed.check(KeyFormat().mint("sk", "live", issued.record.key_id), scope=NO_SCOPE)
    assert renewed.check(issued.plaintext, scope=NO_SCOPE)
    assert store.asked == ["get"]


def test_no_use_is_lost_between_threads(keys: ApiKeys, store: MemoryStore) -> None:
    """Counting is not read-modify-write over a store: 8 threads, 400 uses, with flushes in between."""
    issued = keys.issue(owner="acme")
    keys.rotate(issued.record.key_id, overlap=3600)

    def work() -> None:
        for number in range(50):
            assert keys.check(issued.plaintext, scope=NO_SCOPE)
            if number % 10 == 0:
                keys.flush()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys.flush()
    assert store.usage(issued.record.key_id).requests == 400


def test_no_key_is_dead_at_birth(keys: ApiKeys) -> None:
    """Fields hold no separator: every one of 2,000 keys is parsed, opened and accepted."""
    issued = keys.issue_many([{"owner": f"o-{number}", "prefix": "k"} for number in range(2000)])
    for each in issued:
        assert re.fullmatch(r"k_live_[0-9A-Za-z]{63}", each.plaintext)
        assert keys.check(each.plaintext, scope=NO_SCOPE)


def test_a_key_made_a_moment_ago_is_not_refused(make_keys: Callable[..., ApiKeys]) -> None:
    """A miss that was remembered is forgotten when the key is issued, here and in another process."""
    store = MemoryStore()
    here, there = make_keys(store=store), make_keys(store=store)
    issued = here.issue(owner="acme")
    taken = store._records.pop(issued.record.key_id)
    for keys in (here, there):
        for _ in range(2):
            assert not keys.check(issued.plaintext, scope=NO_SCOPE)
        assert keys._parts.cache.is_missing(issued.record.key_id, keys._parts.clock.now().mono)
    store._records[issued.record.key_id] = taken
    here.issue(owner="somebody")
    for keys in (here, there):
        assert keys.check(issued.plaintext, scope=NO_SCOPE)


def test_a_fill_that_races_a_revocation_does_not_revive_the_key(make_keys: Callable[..., ApiKeys]) -> None:
    """The record is read, the key is revoked, and only then is the old record put into the cache: it is not kept."""
    store = MemoryStore()
    here, there = make_keys(store=store), make_keys(store=store)
    issued = here.issue(owner="acme")
    there.check(here.issue(owner="other").plaintext, scope=NO_SCOPE)  # now it listens
    real = store.get

    def slow(key_id: str) -> Any:
        record = real(key_id)
        store.get = real  # type: ignore[method-assign]
        here.revoke(key_id)
        return record

    store.get = slow  # type: ignore[method-assign]
    assert there.check(issued.plaintext, scope=NO_SCOPE)  # this one was already under way
    assert not there.check(issued.plaintext, scope=NO_SCOPE)


def test_revocation_is_heard_at_once_where_there_is_news(make_keys: Callable[..., ApiKeys]) -> None:
    """No clock has moved: the other process was told."""
    store = MemoryStore()
    here, there = make_keys(store=store), make_keys(store=store)
    issued = here.issue(owner="acme")
    assert there.check(issued.plaintext, scope=NO_SCOPE)
    assert there.check(issued.plaintext, scope=NO_SCOPE)
    here.revoke(issued.record.key_id)
    assert not there.check(issued.plaintext, scope=NO_SCOPE)


def test_revocation_is_seen_by_a_fresh_check_where_there_is_none(make_keys: Callable[..., ApiKeys]) -> None:
    """`fresh=True` passes the cache by, and leaves the newer record in it."""
    store = DeafStore()
    here, there = make_keys(store=store), make_keys(store=store)
    issued = here.issue(owner="acme")
    assert there.check(issued.plaintext, scope=NO_SCOPE)
    here.revoke(issued.record.key_id)
    assert not there.check(issued.plaintext, scope=NO_SCOPE, fresh=True)
    assert not there.check(issued.plaintext, scope=NO_SCOPE)


@pytest.mark.parametrize("end", [ApiKeys.revoke, lambda keys, key_id: keys.rotate(key_id, overlap=0)])
def test_a_key_that_was_ended_elsewhere_is_refused_once_it_is_ended_here(
    end: Callable[[ApiKeys, str], object], make_keys: Callable[..., ApiKeys]
) -> None:
    """The second call finds the work done, and still forgets what was cached before."""
    store = DeafStore()
    here, there = make_keys(store=store), make_keys(store=store)
    issued = here.issue(owner="acme")
    assert there.check(issued.plaintext, scope=NO_SCOPE)
    end(here, issued.record.key_id)
    assert there.check(issued.plaintext, scope=NO_SCOPE)
    end(there, issued.record.key_id)
    assert not there.check(issued.plaintext, scope=NO_SCOPE)


def test_no_check_writes(keys: ApiKeys, store: Any) -> None:
    """Not the last use, not a counter, not on success and not on failure."""
    issued = keys.issue(owner="acme", rate_limit="1/day")
    store.asked.clear()
    for _ in range(10):
        keys.check(issued.plaintext, scope=NO_SCOPE, fresh=True)
    assert set(store.asked) == {"get"}


def test_no_store_is_asked_about_what_is_not_ours(make_keys: Callable[..., ApiKeys], store: Any) -> None:
    """Malformed, miscopied, or forged with a right checksum: zero calls."""
    keys = make_keys()
    stranger = ApiKeys(MemoryStore(), peppers=["the pepper of somebody else"])
    forged = [KeyFormat().mint("sk", "live", f"{number:022}") for number in range(100)]
    for text in [*forged, stranger.issue(owner="acme").plaintext, "junk", "x" * 600]:
        assert not keys.check(text, scope=NO_SCOPE)
    assert store.asked == []


def is_held(lock: Any) -> bool:
    """Whether another thread would wait for a lock."""
    took: list[bool] = []

    def look() -> None:
        took.append(lock.acquire(blocking=False))
        if took[0]:
            lock.release()

    another = threading.Thread(target=look)
    another.start()
    another.join()
    return not took[0]


def test_no_key_is_hashed_while_the_store_is_held(
    make_keys: Callable[..., ApiKeys], store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every hash, fast or slow, is made outside of the store's lock."""
    keys = make_keys()
    issued = keys.issue(owner="acme")
    held: list[bool] = []
    real = keys._verifier.records.comparison.compare

    def compare(*arguments: Any) -> Any:
        held.append(is_held(store._lock))
        return real(*arguments)

    monkeypatch.setattr(keys._verifier.records.comparison, "compare", compare)
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    assert held == [False]


def test_every_reason_a_key_is_refused_for_has_its_own_status() -> None:
    """401 stays 401: what a framework makes of it is tested with the framework."""
    assert {reason.answer.status for reason in Reason} == {400, 401, 403, 429, 503}
    assert [reason for reason in Reason if reason.answer.status == 403] == [Reason.INSUFFICIENT_SCOPE]
