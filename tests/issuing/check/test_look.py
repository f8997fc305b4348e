"""Checks of keys whose records are never kept: a text that came through the gate before is looked up directly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import InvalidRequest, StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys, KeyRequest, Reason, Rejected
from secretsource.issuing._check.steps.gate import Gate
from secretsource.issuing._check.verifier import Verifier
from secretsource.stores.base import Status
from secretsource.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsource.issuing import Issued

PEPPER = "a pepper of these tests, long enough"
SCOPE = "invoices:read"


class Asked(MemoryStore):
    """A store that notes its questions, and can be down."""

    def __init__(self) -> None:
        super().__init__()
        self.questions: list[str] = []
        self.is_down = False

    def peek(self, key_id: str) -> Any:
        self.questions.append(key_id)
        if self.is_down:
            raise StoreError("the key store of this test is down: end the test")
        return super().get(key_id)


@pytest.fixture
def store() -> Asked:
    """Where the records are."""
    return Asked()


@pytest.fixture
def keys(store: Asked, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiKeys]:
    """Keys that keep no record, and no miss; the long way is taken once for each text."""
    way, seen = Verifier.check, set[str]()

    def once(self: Verifier, text: Any, *rest: Any) -> Any:
        assert text not in seen, "the long way was taken again"
        seen.add(text)
        return way(self, text, *rest)

    with ApiKeys(store, peppers=[PEPPER], ttl=0, miss_ttl=0) as keys:
        monkeypatch.setattr(Verifier, "check", once)
        yield keys


@pytest.fixture
def issued(keys: ApiKeys, store: Asked) -> Issued:
    """A key that was checked once."""
    issued = keys.issue(owner="acme", scopes=[SCOPE], networks=["203.0.113.0/24"], rate_limit="5/hour")
    assert keys.check(issued.plaintext, scope=SCOPE, ip="203.0.113.7")
    store.questions.clear()
    return issued


def refused(keys: ApiKeys, issued: Issued, **asked: Any) -> Reason | None:
    """Why a check refuses the key, or None."""
    given: dict[str, Any] = {"scope": SCOPE, "ip": "203.0.113.7", **asked}
    verdict = keys.check(issued.plaintext, **given)
    return verdict.reason if isinstance(verdict, Rejected) else None


def test_each_check_asks_once_and_draws_once(keys: ApiKeys, issued: Issued, store: Asked) -> None:
    """The record is read each time, and a limit is used up by one for each check."""
    remaining = [keys.check(issued.plaintext, scope=SCOPE, ip="203.0.113.7") for _ in range(5)]
    assert [getattr(verdict, "remaining", None) for verdict in remaining] == [3, 2, 1, 0, None]
    assert refused(keys, issued) is Reason.RATE_LIMITED
    assert store.questions == [issued.record.key_id] * 6


def test_every_step_is_taken(keys: ApiKeys, issued: Issued, store: Asked) -> None:
    """Status, network and scopes are weighed as they are in the store now, and a change there counts at once."""
    assert refused(keys, issued, ip="198.51.100.1") is Reason.WRONG_NETWORK
    assert refused(keys, issued, scope="invoices:write") is Reason.INSUFFICIENT_SCOPE
    with pytest.raises(InvalidRequest):
        refused(keys, issued, scope="invoices:*")
    with pytest.raises(InvalidRequest):
        refused(keys, issued, cost=-1)
    record = store._records[issued.record.key_id]
    store._records[record.key_id] = record._replace(hash=bytes(32))
    assert refused(keys, issued) is Reason.WRONG_SECRET
    store._records[record.key_id] = record._replace(status=Status.REVOKED)
    assert refused(keys, issued) is Reason.REVOKED
    del store._records[record.key_id]
    assert refused(keys, issued) is Reason.UNKNOWN
    store.is_down = True
    assert refused(keys, issued) is Reason.STORE_UNAVAILABLE


def test_a_wrong_secret_is_weighed_each_time(keys: ApiKeys, issued: Issued) -> None:
    """A text with the locator of a key, and another secret, comes through the gate; it is refused each time."""
    from secretsource.issuing._key.format import KeyFormat

    other = KeyFormat().mint("sk", "live", issued.record.key_id)
    for _ in range(3):
        verdict = keys.check(other, scope=SCOPE)
        assert isinstance(verdict, Rejected)
        assert verdict.reason is Reason.WRONG_SECRET
        assert verdict.record is None


def test_a_rotating_key_says_since_when(keys: ApiKeys, issued: Issued) -> None:
    """Its use is watched, and its answer has the dates of the rotation."""
    keys.rotate(issued.record.key_id, overlap=3600)
    for _ in range(2):
        verdict = keys.check(issued.plaintext, scope=SCOPE, ip="203.0.113.7", agent="worker/1")
        assert verdict
        assert verdict.sunset is not None
        assert verdict.rotated is not None
    keys.flush()
    assert keys.rotation_status(issued.record.key_id).usage.requests == 2


def test_a_listener_hears_at_once(keys: ApiKeys, issued: Issued) -> None:
    """One that is added between two checks hears of the second."""
    heard: list[Any] = []
    end = keys._listeners.add(heard.append)
    assert refused(keys, issued, scope="invoices:write") is Reason.INSUFFICIENT_SCOPE
    end()
    assert [event.reason for event in heard] == [Reason.INSUFFICIENT_SCOPE]


def test_few_texts_are_remembered(keys: ApiKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate forgets all of them before they become too many, and takes its steps again."""
    monkeypatch.setattr("secretsource.issuing._check.steps.gate._MOST_LOCATED", 3)
    gate = keys._verifier.gate
    for issued in keys.issue_many([KeyRequest(owner="acme")] * 7):
        assert keys.check(issued.plaintext, scope=NO_SCOPE)
        assert len(gate._located) <= 3
    assert isinstance(gate, Gate)


def test_a_text_is_remembered_under_every_pepper(store: Asked) -> None:
    """It is hashed once for each pepper, and a key of the older one is looked up directly the next time."""
    older, newer = PEPPER, "another pepper of these tests, long enough"
    with ApiKeys(store, peppers=[older]) as before:
        issued = before.issue(owner="acme")
    with ApiKeys(store, peppers=[newer, older], ttl=0, miss_ttl=0) as keys:
        assert keys.check(issued.plaintext, scope=NO_SCOPE)
        hashed = keys._verifier.hashed(issued.plaintext)
        assert hashed is not None
        remembered = keys._verifier.gate.again(hashed)
        assert remembered is not None
        assert len(set(remembered.hashes.values())) == 2
        assert keys.check(issued.plaintext, scope=NO_SCOPE)
        assert keys._verifier.gate.again(hashed) is remembered
