"""What memory can answer is answered without asking anybody: `glance`, for a caller that must not wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import PEPPER

from secretsource.exceptions import InvalidRequest
from secretsource.issuing import NO_SCOPE, AsyncApiKeys, CheckEvent, Reason
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
