"""What would go wrong without a sound: each mechanism is held by a test of its own."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import PEPPER, CountingStore, reason

from secretsource.exceptions import ConfigurationError
from secretsource.issuing import NO_SCOPE, Admission, ApiKeys, AsyncApiKeys, Reason
from secretsource.issuing._check.record_cache import RecordCache
from secretsource.issuing._check.steps import comparison
from secretsource.issuing._check.steps.gate import Gate
from secretsource.issuing._key import base62, hashing
from secretsource.issuing._key.hashing import Pepper, PepperSet
from secretsource.issuing._key.locator import LocatorSeal, LocatorSeals, OwnerKind, locator_key
from secretsource.stores.memory import AsyncMemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.testing.clock import FakeClock


@pytest.mark.parametrize(
    "limits",
    [
        {"rate_limit": "10/hour"},
        {"rate_limit": "10/hour, 20/day"},
        {"quota": "10/day"},
        {"rate_limit": "10/hour", "quota": "20/day"},
    ],
    ids=["a rate", "two rates", "a quota", "both"],
)
def test_each_check_is_charged_once(limits: dict[str, str], keys: ApiKeys) -> None:
    """Whether the record comes from the store or the cache, and whichever way the limits take."""
    text = keys.issue(owner="acme", **limits).plaintext  # type: ignore[arg-type]
    told = [keys.check(text, scope=NO_SCOPE).remaining for _ in range(9)]  # type: ignore[union-attr]
    assert told == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert keys.check(text, scope=NO_SCOPE)
    assert reason(keys.check(text, scope=NO_SCOPE)) in {Reason.RATE_LIMITED, Reason.QUOTA_EXCEEDED}


@pytest.mark.parametrize("used", [True, False], ids=["used", "never used"])
def test_an_imported_key_can_be_rotated(used: bool, make_keys: Callable[..., ApiKeys], store: CountingStore) -> None:
    """Its successor is one of ours: what the old one is found by stays with the old one, which works until its end."""
    keys = make_keys(imported=True)
    text = "abcd1234.secret"
    keys.import_rows([{"owner": "acme", "hash": "sha256$" + hashlib.sha256(text.encode()).hexdigest()}])
    key_id = keys.list().records[0].key_id
    if used:
        assert keys.check(text, scope=NO_SCOPE)
        keys.flush()
    before = store.get(key_id)
    rotated = keys.rotate(key_id, overlap=3600)
    assert rotated.plaintext is not None
    assert (rotated.successor.lookup, rotated.successor.foreign) == (None, None)
    assert before is not None
    assert rotated.predecessor.lookup == before.lookup is not None
    assert keys.check(text, scope=NO_SCOPE, fresh=True)
    assert keys.check(rotated.plaintext, scope=NO_SCOPE)


def test_an_unknown_key_is_asked_for_once(keys: ApiKeys, store: CountingStore, clock: FakeClock) -> None:
    """For a second, whatever its secret; then the store is asked again."""
    issued = keys.issue(owner="acme")
    del store._records[issued.record.key_id]
    store.asked.clear()
    for _ in range(5):
        assert reason(keys.check(issued.plaintext, scope=NO_SCOPE)) is Reason.UNKNOWN
    assert store.asked == ["get"]
    clock.advance(1)
    assert reason(keys.check(issued.plaintext, scope=NO_SCOPE)) is Reason.UNKNOWN
    assert store.asked == ["get", "get"]


class SlowStore(CountingStore):
    """A store that takes three seconds to answer."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def peek(self, key_id: str) -> Any:
        """The record as it was three seconds ago."""
        found = super().peek(key_id)
        self._clock.advance(3)
        return found


def test_a_record_is_as_old_as_the_question(make_keys: Callable[..., ApiKeys], clock: FakeClock) -> None:
    """The time that a store takes to answer is part of the ttl, so a revocation shows no later for it."""
    store = SlowStore(clock)
    keys = make_keys(store=store, ttl=5)
    issued = keys.issue(owner="acme")
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    store.asked.clear()
    clock.advance(1.9)
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    assert store.asked == []
    clock.advance(0.1)
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    assert store.asked == ["revision"]


def test_a_key_is_kept_again_after_news_of_it(make_keys: Callable[..., ApiKeys], store: CountingStore) -> None:
    """A change is read once; the checks after it ask nothing."""
    here, there = make_keys(), make_keys()
    issued = here.issue(owner="acme")
    for change, accepted in [(there.disable, False), (there.enable, True)]:
        assert here.check(issued.plaintext, scope=NO_SCOPE) or not accepted or change == there.enable
        change(issued.record.key_id)
        store.asked.clear()
        for _ in range(5):
            assert bool(here.check(issued.plaintext, scope=NO_SCOPE)) is accepted
        assert store.asked == ["get"]


@pytest.mark.parametrize("way", ["identify", "astill"])
def test_a_record_that_no_check_has_read_is_ended_by_news(way: str, make_keys: Callable[..., ApiKeys]) -> None:
    """A process hears news from the first record on that it keeps, whichever call has read it."""
    here, there = make_keys(), make_keys()
    issued = there.issue(owner="acme")
    if way == "identify":
        here.identify(issued.plaintext)
    else:
        assert asyncio.run(Admission(here, scope=NO_SCOPE).astill(issued.record, "192.0.2.7", "/"))
    there.revoke(issued.record.key_id)
    assert reason(here.check(issued.plaintext, scope=NO_SCOPE)) is Reason.REVOKED


@pytest.mark.parametrize("place", range(13, 16))
@pytest.mark.parametrize("bit", range(8))
def test_each_zero_of_a_locator_is_checked(place: int, bit: int) -> None:
    """A block that is sealed with the right key, and has one bit that should be zero, is not ours."""
    seal, seals = LocatorSeal(locator_key(Pepper(PEPPER))), LocatorSeals(PepperSet([PEPPER]))
    block = bytearray(16)
    block[12] = OwnerKind.INTEGER
    for ours in (True, False):
        sealed = seal._contexts().encrypt(bytes(block))
        locator = base62.encode(int.from_bytes(sealed, "big"), 22)
        assert seal.fits(sealed) is seals.is_ours(locator) is (seals.open(locator) is not None) is ours
        block[place] ^= 1 << bit


@pytest.mark.parametrize(
    "text", [b"sk_live_x", 5, ["sk_live_x"], "x" * 513, "x" * 10**6], ids=["bytes", "number", "list", "513", "long"]
)
def test_what_is_no_credential_stops_at_the_gate(
    text: Any, make_keys: Callable[..., ApiKeys], store: CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not hashed, and the store is not asked; of 512 characters it is."""
    keys = make_keys(imported=True)
    hashed: list[str] = []
    gate = Gate(keys._parts)

    def hash_all(text: str) -> dict[str, bytes]:
        hashed.append(text)
        return {gate._newest: bytes(32)}

    monkeypatch.setattr(gate, "_hashes", hash_all)
    store.asked.clear()
    assert reason(gate.present(text)) is Reason.MALFORMED
    assert reason(keys.check(text, scope=NO_SCOPE)) is Reason.MALFORMED
    assert (hashed, store.asked) == ([], [])
    gate.present("x" * 512)
    assert hashed == ["x" * 512]


@pytest.mark.parametrize("fresh", [True, False], ids=["uncached", "cached"])
def test_a_check_that_costs_nothing_only_looks(fresh: bool, keys: ApiKeys) -> None:
    """It is accepted while there is nothing left, and takes nothing."""
    text = keys.issue(owner="acme", rate_limit="1/hour").plaintext
    for _ in range(3):
        assert keys.check(text, scope=NO_SCOPE, cost=0, fresh=fresh)
    assert keys.check(text, scope=NO_SCOPE)
    assert keys.check(text, scope=NO_SCOPE, cost=0, fresh=fresh)
    assert reason(keys.check(text, scope=NO_SCOPE)) is Reason.RATE_LIMITED


def test_a_rotation_that_is_over_is_finished_whatever_was_used(keys: ApiKeys, clock: FakeClock) -> None:
    """Nobody can use the old key any more, so there is nothing to be quiet about."""
    issued = keys.issue(owner="acme")
    keys.rotate(issued.record.key_id, overlap=10)
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    clock.advance(11)
    for _ in range(2):
        over = keys.finish_rotation(issued.record.key_id, quiet_for=3600)
        assert over.status_at(clock.now().wall).value in {"expired", "revoked"}


def test_floors_are_bounded() -> None:
    """However much news there is."""
    cache = RecordCache(max_misses=10)
    for number in range(1000):
        cache.news(f"{number:022}", 2)
        assert len(cache._floors) <= 10


@pytest.mark.parametrize("what", ["the right key", "a wrong secret", "an unknown key"])
def test_hashes_are_compared_in_constant_time(
    what: str, keys: ApiKeys, store: CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By `hmac.compare_digest`, once, for each key that a store was asked for; also one that it does not have."""
    issued = keys.issue(owner="acme")
    record = issued.record
    hashed = Pepper(PEPPER).hash(issued.plaintext)
    against = record.hash
    if what == "a wrong secret":
        against = bytes(range(32))
        store._records[record.key_id] = record._replace(hash=against)
    elif what == "an unknown key":
        against = bytes(32)
        del store._records[record.key_id]
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return hashing.compare_digest(one, other)

    monkeypatch.setattr(comparison, "compare_digest", compare)
    assert bool(keys.check(issued.plaintext, scope=NO_SCOPE, fresh=True)) is (what == "the right key")
    assert compared == [(hashed, against)]


CANARY = "canary5"
WRONG: dict[str, Callable[[], object]] = {
    "Pepper": lambda: Pepper(CANARY),
    "PepperSet": lambda: PepperSet([PEPPER, CANARY]),
    "ApiKeys": lambda: ApiKeys(CountingStore(), peppers=[CANARY]),
    "AsyncApiKeys": lambda: AsyncApiKeys(AsyncMemoryStore(), peppers=[CANARY]),
    "ApiKeys, another setting": lambda: ApiKeys(CountingStore(), peppers=[f"{CANARY} {PEPPER}"], ttl=-1),
    "ApiKeys, a limiter": lambda: ApiKeys(CountingStore(), peppers=[f"{CANARY} {PEPPER}"], limiter=5),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG)
def test_no_frame_of_an_error_holds_a_pepper(make: Callable[[], object]) -> None:
    """An error tracker sends the locals of each along."""
    with pytest.raises(ConfigurationError) as caught:
        make()
    step = caught.value.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename != __file__:
            held = {name: value for name, value in step.tb_frame.f_locals.items() if name != "self"}
            assert CANARY not in repr(held), step.tb_frame.f_code.co_name
        step = step.tb_next
