"""What memory can answer is answered without asking anybody: `glance`, for a caller that must not wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import PEPPER

from secretsource.exceptions import InvalidRequest
from secretsource.issuing import (
    NO_SCOPE,
    Accepted,
    Admission,
    Admitted,
    AsyncApiKeys,
    CheckEvent,
    HttpAnswer,
    PepperSet,
    Reason,
)
from secretsource.issuing._check.policy import Kind
from secretsource.stores.memory import AsyncMemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.issuing.conftest import CountingStore

    from secretsource.issuing import ApiKeys
    from secretsource.stores.memory import MemoryStore
    from secretsource.testing import FakeClock


@pytest.fixture
def ask_nobody(keys: ApiKeys, store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """From when it is called on, whoever asks the store makes the test fail."""

    def fail(*_: object) -> None:
        raise AssertionError("the store was asked")

    def begin() -> None:
        for question in ("get", "revision", "find", "seals"):
            monkeypatch.setattr(store, question, fail)

    yield begin
    monkeypatch.undo()


def test_a_glance_answers_what_is_known(keys: ApiKeys, clock: FakeClock, ask_nobody: Callable[[], None]) -> None:
    """As a check would: good keys, also rotating ones and several scopes, and what is refused, with its reason."""
    good = keys.issue(owner="acme", scopes=["a", "b"], rate_limit="3/day").plaintext
    old = keys.issue(owner="acme")
    keys.rotate(old.record.key_id, overlap=3600)
    off = keys.issue(owner="acme")
    keys.disable(off.record.key_id)
    unknown = keys._parts.format.mint("sk", "live", keys._parts.seals.seal("nobody", 1))
    for text in (good, old.plaintext, off.plaintext, unknown):
        assert keys.glance(text, scope="a") is None
        keys.check(text, scope=NO_SCOPE)
    ask_nobody()
    assert keys.glance(good, scope="a")
    assert keys.glance(good, scope=["a", "b"])
    assert keys.glance(old.plaintext, scope=NO_SCOPE, ip="203.0.113.7")
    refused: list[tuple[str | None, dict[str, Any], Reason]] = [
        (good, {"scope": "a"}, Reason.RATE_LIMITED),
        (good, {"scope": "a", "cost": 4}, Reason.COST_TOO_HIGH),
        (good, {"scope": ["a", "c"]}, Reason.INSUFFICIENT_SCOPE),
        (good, {"scope": "a", "environment": "test"}, Reason.WRONG_KIND),
        (off.plaintext, {"scope": NO_SCOPE}, Reason.DISABLED),
        (unknown, {"scope": NO_SCOPE}, Reason.UNKNOWN),
        (good[:-1] + "!", {"scope": NO_SCOPE}, Reason.MALFORMED),
        (None, {"scope": NO_SCOPE}, Reason.MISSING),
    ]
    for sent, demand, reason in refused:
        verdict = keys.glance(sent, **demand)
        assert (verdict, getattr(verdict, "reason", None)) == (verdict, reason)
    clock.advance(6)
    assert keys.glance(good, scope="a") is None
    with pytest.raises(InvalidRequest):
        keys.glance(good, scope="")


def test_a_glance_counts_and_is_heard_once(keys: ApiKeys, ask_nobody: Callable[[], None]) -> None:
    """Where it answers; where it does not, it leaves both to the check."""
    key, heard = keys.issue(owner="acme", rate_limit="9/day").plaintext, list[CheckEvent]()
    keys._listeners.add(heard.append)
    assert keys.glance(key, scope=NO_SCOPE, path="/x") is None
    assert heard == []
    assert keys.check(key, scope=NO_SCOPE).remaining == 8  # type: ignore[union-attr]
    ask_nobody()
    for left in (7, 6):
        verdict = keys.glance(key, scope=NO_SCOPE, path="/x")
        assert verdict is not None
        assert verdict.remaining == left  # type: ignore[union-attr]
    assert [event.path for event in heard] == [None, "/x", "/x"]


def test_a_glance_asks_no_shared_limiter(make_keys: Callable[..., ApiKeys]) -> None:
    """It is on another machine; a key without limits needs none."""

    class Shared:
        """A limiter somewhere else."""

        def draw(self, *_: object) -> Any:
            raise AssertionError("the limiter was asked")

    keys = make_keys(limiter=Shared())
    limited, free = keys.issue(owner="acme", rate_limit="9/day").plaintext, keys.issue(owner="acme").plaintext
    assert keys.check(free, scope=NO_SCOPE)
    with pytest.raises(AssertionError):
        keys.check(limited, scope=NO_SCOPE)
    assert keys.glance(limited, scope=NO_SCOPE) is None
    assert keys.glance(free, scope=NO_SCOPE)


async def test_keys_of_an_event_loop_glance_alike() -> None:
    """Without waiting."""
    async with AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER]) as keys:
        key = (await keys.issue(owner="acme")).plaintext
        assert keys.glance(key, scope=NO_SCOPE) is None
        assert await keys.check(key, scope=NO_SCOPE)
        assert keys.glance(key, scope=NO_SCOPE)


def test_a_rotated_key_knows_since_when(keys: ApiKeys, store: CountingStore, clock: FakeClock) -> None:
    """Its successor's record says so, which is asked for once; from memory, too."""
    old = keys.issue(owner="acme")
    clock.advance(1000)
    keys.rotate(old.record.key_id, overlap=3600)
    rotated = clock.now().wall
    dates = list[float | None]()
    store.asked.clear()
    store.asked.clear()
    for _ in range(3):
        clock.advance(100)
        for ask in (keys.check, keys.glance):
            verdict = ask(old.plaintext, scope=NO_SCOPE)
            assert verdict
            dates.append(verdict.rotated)  # type: ignore[union-attr]
    assert set(dates) == {rotated}
    assert store.asked == ["get"] * 4
    assert keys.check(keys.issue(owner="acme").plaintext, scope=NO_SCOPE).rotated is None  # type: ignore[union-attr]


def test_a_date_that_cannot_be_asked_for_keeps_no_key_out(
    keys: ApiKeys, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left out."""
    old = keys.issue(owner="acme")
    successor = keys.rotate(old.record.key_id, overlap=3600).successor.key_id
    get = store.get
    monkeypatch.setattr(store, "get", lambda key_id: None if key_id == successor else get(key_id))
    verdict = keys.check(old.plaintext, scope=NO_SCOPE)
    assert verdict
    assert verdict.rotated is None  # type: ignore[union-attr]


ROOT = Kind("root", None)
ASKED_OF = {
    "root": ROOT,
    "root of live": Kind("root", "live"),
    "sk": Kind("sk", None),
    "of live": Kind(None, "live"),
    "of test": Kind(None, "test"),
    "customers": None,
}
TAKEN = {"root": {"root", "root of live"}, "sk": {"sk", "of live", "customers"}}
"""The kinds that take a key of a prefix, whose environment is live."""


@pytest.mark.parametrize("scope", ["a", "b:c", NO_SCOPE], ids=["exact", "wildcard", "no scope"])
@pytest.mark.parametrize("prefix", TAKEN)
def test_a_glance_takes_the_kind_that_a_check_took(keys: ApiKeys, prefix: str, scope: Any) -> None:
    """And no other kind, whatever was checked and refused before."""
    text = keys.issue(owner="acme", prefix=prefix, environment="live", scopes=["a", "b:*"]).plaintext

    def taken() -> set[str]:
        glances = {name: keys._verifier.glance(text, scope, None, 1, kind) for name, kind in ASKED_OF.items()}
        return {name for name, verdict in glances.items() if type(verdict) is Accepted}

    assert taken() == set()
    for kind in ASKED_OF.values():
        keys.check(text, scope=scope, prefix=kind and kind.prefix, environment=kind and kind.environment)
        assert taken() <= TAKEN[prefix]
    assert taken() == TAKEN[prefix]


def test_a_glance_at_one_kind_takes_no_scope_that_the_key_lacks(keys: ApiKeys) -> None:
    """A demand that was met is remembered for itself alone."""
    text = keys.issue(owner="acme", prefix="root", scopes=["a"]).plaintext
    assert keys.check(text, scope=NO_SCOPE, prefix="root")
    assert keys.check(text, scope="a", prefix="root")
    for scope in ("b", "a:b", ["a", "b"], ["a"], ("a", "b")):
        assert not isinstance(keys._verifier.glance(text, scope, None, 1, ROOT), Accepted)
    assert not keys.check(text, scope=["a", "b"], prefix="root")


OTHER_PEPPER = "another pepper of the tests, long enough"
ENDS: dict[str, Callable[[ApiKeys, str, FakeClock], object]] = {
    "revoked": lambda keys, key_id, _: keys.revoke(key_id),
    "disabled": lambda keys, key_id, _: keys.disable(key_id),
    "of a network": lambda keys, key_id, _: keys.update(key_id, networks=["192.0.2.0/24"]),
    "without the scope": lambda keys, key_id, _: keys.update(key_id, scopes=["b"]),
    "suspended": lambda keys, *_: keys.owners.suspend("acme"),
    "at its end": lambda _, __, clock: clock.advance(2),
    "at its end by a clock that was set": lambda _, __, clock: clock.step_wall(2),
    "of a pepper that is gone": lambda keys, *_: keys._adopt(keys._parts.renewed(PepperSet([OTHER_PEPPER]))),
    "changed elsewhere": lambda keys, key_id, _: keys._parts.cache.news(key_id, 2),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_key_of_a_kind_that_ends_is_let_in_at_no_glance(
    make_keys: Callable[..., ApiKeys], clock: FakeClock, end: str
) -> None:
    """Though it was let in at one a moment ago; nor is it let in from another network at any time."""
    keys = make_keys()
    keys.owners.put("acme")
    issued = keys.issue(owner="acme", prefix="root", scopes=["a"], expires_in=2, networks=["203.0.113.0/24"])
    admission = Admission(keys, scope="a", prefix="root", refuse_after=0)
    sent = {"X-API-Key": issued.plaintext}
    assert admission.glance(sent, "203.0.113.7", "GET", "/") is None
    assert isinstance(admission.admit(sent, "203.0.113.7", "GET", "/"), Admitted)
    assert admission.glance(sent, "203.0.113.7", "GET", "/")
    assert [admission.glance(sent, elsewhere, "GET", "/") for elsewhere in ("192.0.2.7", None)] == [None, None]
    ENDS[end](keys, issued.record.key_id, clock)
    assert admission.glance(sent, "203.0.113.7", "GET", "/") is None
    is_good = end == "changed elsewhere"  # the store says that it is as before
    assert isinstance(admission.admit(sent, "203.0.113.7", "GET", "/"), Admitted) is is_good


def test_a_key_of_a_kind_is_counted_and_heard_at_each_glance(keys: ApiKeys) -> None:
    """With the scope that was asked for, the method and the path; its limits are drawn on."""
    text, heard = (
        keys.issue(owner="acme", prefix="root", scopes=["a"], rate_limit="3/day").plaintext,
        list[CheckEvent](),
    )
    admission = Admission(keys, scope="a", prefix="root", refuse_after=0)
    keys._listeners.add(heard.append)
    outcomes = [admission.admit({"X-API-Key": text}, None, "GET", "/x") for _ in range(4)]
    assert [type(outcome) for outcome in outcomes] == [Admitted] * 3 + [HttpAnswer]
    assert [(event.reason, event.scopes, event.method, event.path) for event in heard] == [
        *[(None, ("a",), "GET", "/x")] * 3,
        (Reason.RATE_LIMITED, ("a",), "GET", "/x"),
    ]
