"""Hashes of other systems are a lever in the hands of anyone who guesses: each pull is bounded, and they queue."""

from __future__ import annotations

import asyncio
import base64
import gc
import hashlib
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import argon2
import bcrypt
import pytest
from tests.forks import is_right_in_child, needs_fork

from secretsource.exceptions import ConfigurationError, InvalidKey, InvalidRequest
from secretsource.issuing import NO_SCOPE, ApiKeys, AsyncApiKeys, Reason, Rejected, Status
from secretsource.issuing._check.steps import comparison
from secretsource.issuing._check.turns import Turn, Turns
from secretsource.issuing._key import foreign
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PEPPER = "a pepper of the tests, long enough"
HEAD, KEY = "abcd1234", "abcd1234.secret"
SLOW = (
    "pbkdf2_sha256$1000$salt$" + base64.b64encode(hashlib.pbkdf2_hmac("sha256", KEY.encode(), b"salt", 1000)).decode()
)
PHC = "argon2$$argon2id$v={v}$m={m},t={t},p={p}$" + base64.b64encode(b"saltsalt").decode().rstrip("=") + "$" + "A" * 43
BCRYPT = bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode()

DEAR = {
    "iterations": f"pbkdf2_sha256$2000001$salt${base64.b64encode(bytes(32)).decode()}",
    "iterations of drf": f"drf-api-key$pbkdf2_sha256$99999999$salt${base64.b64encode(bytes(32)).decode()}",
    "memory": PHC.format(v=19, m=2**18 + 1, t=1, p=1),
    "passes": PHC.format(v=19, m=1024, t=65, p=1),
    "threads": PHC.format(v=19, m=1024, t=1, p=17),
    "the product": PHC.format(v=19, m=2**18, t=5, p=1),
    "the version": PHC.format(v=18, m=1024, t=1, p=1),
    "memory of drf": "drf-api-key$argon2" + PHC.format(v=19, m=2**30, t=1, p=1).removeprefix("argon2$"),
    "cost": "bcrypt$" + BCRYPT.replace("$04$", "$15$"),
}
USUAL = {
    "Django": f"pbkdf2_sha256$1200000$salt${base64.b64encode(bytes(32)).decode()}",
    "RFC 9106": PHC.format(v=19, m=2**16, t=3, p=4),
    "argon2-cffi": "argon2$" + argon2.PasswordHasher().hash("x"),
    "libsodium": PHC.format(v=19, m=2**18, t=3, p=1),
    "bcrypt": "bcrypt$" + BCRYPT.replace("$04$", "$14$"),
}


@pytest.mark.parametrize("described", DEAR.values(), ids=DEAR)
def test_a_hash_that_takes_too_much_is_not_imported(described: str) -> None:
    """The row is rejected, and the sentence says what is too much."""
    with pytest.raises(InvalidRequest, match=r"may (have|ask for)|version 16 or 19"):
        foreign.check(described)


@pytest.mark.parametrize("described", USUAL.values(), ids=USUAL)
def test_the_parameters_that_people_use_are_taken(described: str) -> None:
    """Those that frameworks and standards recommend."""
    foreign.check(described)
    assert foreign.is_worth_it(described)


class Lever:
    """Keys over one imported record; verifying it waits for the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = MemoryStore()
        self.computed: list[str] = []
        self.most, self.now = 0, 0
        self.begun, self.go_on = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        monkeypatch.setattr(foreign, "matches", self._matches)
        with ApiKeys(self.store, peppers=[PEPPER], imported=True) as keys:
            assert keys.import_rows([{"owner": "a", "hash": SLOW, "head": HEAD}]).imported == 1
            self.key_id = keys.list().records[0].key_id

    def _matches(self, _: str, text: str) -> bool:
        with self._lock:
            self.computed.append(text)
            self.now += 1
            self.most = max(self.most, self.now)
        self.begun.set()
        assert self.go_on.wait(30)
        with self._lock:
            self.now -= 1
        return text == KEY

    def become(self, described: str) -> None:
        """Be a record that was stored before there was a bound."""
        record = self.store.get(self.key_id)
        assert record is not None
        self.store._records[self.key_id] = record._replace(foreign=described)


@pytest.fixture
def lever(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lever]:
    """A lever that nobody waits for after the test."""
    made = Lever(monkeypatch)
    yield made
    made.go_on.set()


def refused(verdict: Any) -> Reason:
    """Why."""
    assert isinstance(verdict, Rejected)
    return verdict.reason


@pytest.mark.parametrize("described", DEAR.values(), ids=DEAR)
def test_a_hash_that_takes_too_much_is_not_computed(described: str, lever: Lever) -> None:
    """Also where it was stored long ago: the key is refused at once, outside as any other."""
    lever.become(described)
    with ApiKeys(lever.store, peppers=[PEPPER], imported=True) as keys:
        verdict = keys.check(KEY, scope=NO_SCOPE)
    assert refused(verdict) is Reason.TOO_COSTLY
    assert isinstance(verdict, Rejected)
    assert verdict.answer == Reason.UNKNOWN.answer
    assert verdict.record is None
    assert not lever.computed
    assert not foreign.is_worth_it(described)


def suspend(keys: ApiKeys, _: str) -> None:
    """End the keys of an owner until it is resumed."""
    keys.owners.put("a")
    keys.owners.suspend("a")


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (ApiKeys.revoke, Reason.REVOKED),
        (ApiKeys.disable, Reason.DISABLED),
        (suspend, Reason.OWNER_SUSPENDED),
        (lambda keys, key_id: keys.update(key_id, begins_at=4e9), Reason.NOT_YET),
    ],
    ids=["revoked", "disabled", "suspended", "not good yet"],
)
def test_the_hash_of_a_key_that_is_refused_anyway_is_not_computed(
    end: Callable[[ApiKeys, str], object], reason: Reason, lever: Lever
) -> None:
    """Ending it takes the lever away; nothing of the record is shown, for nobody has shown the key."""
    with ApiKeys(lever.store, peppers=[PEPPER], imported=True) as keys:
        end(keys, lever.key_id)
        verdict = keys.check(f"{HEAD}.guess", scope=NO_SCOPE)
        assert refused(verdict) is reason
        assert isinstance(verdict, Rejected)
        assert verdict.record is None
    assert not lever.computed


@pytest.mark.parametrize("end", [ApiKeys.disable, suspend], ids=["disabled", "suspended"])
def test_a_leaked_key_that_may_come_back_is_ended(end: Callable[[ApiKeys, str], object], lever: Lever) -> None:
    """Its hash is computed then, for it would be accepted again; that of a revoked key is not."""
    lever.go_on.set()
    with ApiKeys(lever.store, peppers=[PEPPER], imported=True) as keys:
        end(keys, lever.key_id)
        assert keys.surrender(KEY).status is Status.REVOKED
        with pytest.raises(InvalidKey):
            keys.surrender(KEY)
    assert lever.computed == [KEY]


def test_an_ended_key_with_a_digest_is_known() -> None:
    """A digest costs nothing, so the owner of a key that was never used learns that it has ended."""
    with ApiKeys(MemoryStore(), peppers=[PEPPER], imported=True) as keys:
        keys.import_rows([{"owner": "a", "hash": "sha256$" + hashlib.sha256(KEY.encode()).hexdigest()}])
        (record,) = keys.list().records
        keys.revoke(record.key_id)
        assert keys.surrender(KEY).key_id == keys.identify(KEY).key_id == record.key_id
        verdict = keys.check(KEY, scope=NO_SCOPE)
        assert refused(verdict) is Reason.REVOKED
        assert verdict.record is not None  # type: ignore[union-attr]


def test_the_hash_of_a_key_that_has_expired_is_not_computed(lever: Lever) -> None:
    """Time ends it as a decision does."""
    record = lever.store.get(lever.key_id)
    assert record is not None
    lever.store._records[lever.key_id] = record._replace(expires=1.0)
    with ApiKeys(lever.store, peppers=[PEPPER], imported=True) as keys:
        assert refused(keys.check(KEY, scope=NO_SCOPE)) is Reason.EXPIRED
    assert not lever.computed


def test_one_guess_is_computed_at_a_time(lever: Lever, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others wait, and are told to come again when it takes too long; then it is their turn."""
    monkeypatch.setattr(comparison, "PATIENCE", 0.1)
    with ApiKeys(lever.store, peppers=[PEPPER], imported=True) as keys, ThreadPoolExecutor(4) as pool:
        first = pool.submit(keys.check, f"{HEAD}.1", scope=NO_SCOPE)
        assert lever.begun.wait(30)
        others = [pool.submit(keys.check, f"{HEAD}.{number}", scope=NO_SCOPE) for number in (2, 3, 4)]
        assert [refused(other.result(30)) for other in others] == [Reason.VERIFIER_BUSY] * 3
        assert Reason.VERIFIER_BUSY.answer.status == 503
        lever.go_on.set()
        assert refused(first.result(30)) is Reason.WRONG_SECRET
        monkeypatch.setattr(comparison, "PATIENCE", 30.0)
        assert keys.check(KEY, scope=NO_SCOPE)
    assert lever.most == 1


def test_as_many_are_computed_at_once_as_was_said(lever: Lever, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting says how many."""
    monkeypatch.setattr(comparison, "PATIENCE", 0.5)
    keys = ApiKeys(lever.store, peppers=[PEPPER], imported=True, imported_at_once=2)
    with keys, ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(keys.check, f"{HEAD}.{number}", scope=NO_SCOPE) for number in range(3)]
        wait(asked, timeout=10, return_when=FIRST_COMPLETED)
        lever.go_on.set()
        assert sorted(refused(each.result(30)).value for each in asked) == ["verifier_busy", *["wrong_secret"] * 2]
    assert lever.most == 2
    with pytest.raises(ConfigurationError, match="imported_at_once"):
        ApiKeys(lever.store, peppers=[PEPPER], imported_at_once=0)


async def test_a_cancelled_check_keeps_its_turn_until_the_work_ends(
    lever: Lever, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that hangs up and asks again has one hash computed, not one for each call; the loop goes on."""
    monkeypatch.setattr(comparison, "PATIENCE", 0.1)
    async with AsyncApiKeys(AsyncMemoryStore(lever.store), peppers=[PEPPER], imported=True) as keys:
        first = asyncio.create_task(keys.check(f"{HEAD}.1", scope=NO_SCOPE))
        assert await asyncio.to_thread(lever.begun.wait, 30)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert refused(await keys.check(f"{HEAD}.2", scope=NO_SCOPE)) is Reason.VERIFIER_BUSY
        lever.go_on.set()
        monkeypatch.setattr(comparison, "PATIENCE", 30.0)
        assert await keys.check(KEY, scope=NO_SCOPE)
    assert lever.computed == [f"{HEAD}.1", KEY]


def test_a_digest_is_not_waited_for(lever: Lever, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a microsecond, so it waits for no turn."""
    monkeypatch.setattr(Turns, "take", lambda *_: False)
    lever.go_on.set()
    lever.become("sha256$" + hashlib.sha256(KEY.encode()).hexdigest())
    with ApiKeys(lever.store, peppers=[PEPPER], imported=True) as keys:
        assert keys.check(KEY, scope=NO_SCOPE)


def test_a_turn_that_is_dropped_is_given_back() -> None:
    """By a signal that raises, or a task that never ran; one that is given back twice is one."""
    turns, one, two = Turns(1), Turn(), Turn()
    assert turns.take(one)
    assert not turns.take(two)
    del one
    gc.collect()
    assert turns.take(two)
    turns.give(two)
    turns.give(two)
    assert turns.take(two)


@needs_fork
def test_a_forked_child_has_all_its_turns() -> None:
    """The work that its parent is about does not go on there."""
    turns, mine = Turns(1), Turn()
    assert turns.take(mine)
    assert is_right_in_child(lambda: turns.take(Turn()))
