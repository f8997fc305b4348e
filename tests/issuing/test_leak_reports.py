"""Reports of leaked keys: what ends, what is written, and that a repeat changes nothing more."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import PEPPER

from secretsource.exceptions import InvalidKey, InvalidRequest, KeyNotFound, StoreError
from secretsource.issuing import NO_SCOPE, AsyncApiKeys, EventKind, LeakPolicy, Status
from secretsource.issuing._manage.ending import leaks
from secretsource.stores.memory import AsyncMemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.issuing.conftest import CountingStore

    from secretsource.issuing import ApiKeys, KeyEvent
    from secretsource.testing import FakeClock

PLACE = "https://github.com/acme/shop/blob/main/settings.py"
FOUND: dict[str, Any] = {"source": "github", "place": PLACE}


def kinds(keys: ApiKeys, key_id: str) -> list[str]:
    """Return the kinds of the events of a key."""
    return [event.kind.value for event in keys.events(key_id)]


def exposures(keys: ApiKeys, key_id: str) -> list[KeyEvent]:
    """Return the events of a key about places where it was found."""
    return [event for event in keys.events(key_id) if event.kind is EventKind.EXPOSED]


def test_a_leaked_key_is_revoked_and_its_place_is_kept(keys: ApiKeys, clock: FakeClock) -> None:
    """By default the key ends at once; the history has the source, the place and the reason."""
    issued = keys.issue(owner="acme")
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    clock.advance(5)
    report = keys.report_leak(issued.plaintext, **FOUND)
    assert (report.policy, report.rotated, report.is_new) == ("revoke", None, True)
    assert report.record == keys.get(issued.record.key_id)
    assert report.record.status is Status.REVOKED
    assert not keys.check(issued.plaintext, scope=NO_SCOPE)
    revoked, exposed = list(keys.events(issued.record.key_id))[1:]
    assert (revoked.kind, revoked.actor, revoked.origin, revoked.reason) == ("revoked", "github", PLACE, "leaked")
    assert (exposed.kind, exposed.actor, exposed.origin, exposed.reason) == ("exposed", "github", PLACE, "revoke")
    assert exposed.time == clock.now().wall


def test_a_rotation_lets_the_key_work_for_the_overlap(keys: ApiKeys, clock: FakeClock) -> None:
    """The caller receives the text of the successor; a repeat makes no other, and prolongs nothing."""
    issued = keys.issue(owner="acme", scopes=["a:b"])
    report = keys.report_leak(issued.plaintext, **FOUND, policy="rotate", overlap=timedelta(minutes=10))
    assert report.rotated is not None
    assert report.rotated.plaintext is not None
    assert keys.check(report.rotated.plaintext, scope="a:b")
    assert report.rotated.plaintext not in repr(report)
    clock.advance(300)
    again = keys.report_leak(issued.plaintext, **FOUND, policy="rotate", overlap=600)
    assert again.record.successor == report.rotated.successor.key_id
    assert again.record.overlap_ends == report.record.overlap_ends
    assert not again.is_new
    clock.advance(299)
    assert keys.check(issued.plaintext, scope="a:b")
    clock.advance(1)
    assert not keys.check(issued.plaintext, scope="a:b")
    assert kinds(keys, issued.record.key_id) == ["issued", "rotated", "exposed"]


def test_a_rotating_key_ends_sooner_and_never_later(keys: ApiKeys, clock: FakeClock) -> None:
    """The overlap of a rotation before the leak is shortened to that of the leak."""
    issued = keys.issue(owner="acme")
    keys.rotate(issued.record.key_id, overlap=86400)
    sooner = keys.report_leak(issued.plaintext, **FOUND, policy="rotate", overlap=60).record
    assert sooner.overlap_ends == clock.now().wall + 60
    later = keys.report_leak(issued.plaintext, **FOUND, policy="rotate", overlap=7200)
    assert (later.record.overlap_ends, later.record.status) == (sooner.overlap_ends, Status.ROTATING)


def test_a_key_that_cannot_be_rotated_is_revoked(keys: ApiKeys) -> None:
    """A disabled key could be enabled again, with its leaked text."""
    issued = keys.issue(owner="acme")
    keys.disable(issued.record.key_id)
    report = keys.report_leak(issued.plaintext, **FOUND, policy="rotate")
    assert (report.record.status, report.rotated) == (Status.REVOKED, None)


@pytest.mark.parametrize("policy", ["revoke", "rotate", "tell"])
@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_an_ended_key_stays_as_it_is(keys: ApiKeys, clock: FakeClock, policy: LeakPolicy, end: str) -> None:
    """The place is kept in its history, and nothing else changes."""
    issued = keys.issue(owner="acme", expires_in=60)
    if end == "revoked":
        keys.revoke(issued.record.key_id, reason="old")
    clock.advance(60 if end == "expired" else 1)
    before = keys.get(issued.record.key_id)
    report = keys.report_leak(issued.plaintext, **FOUND, policy=policy)
    assert report.rotated is None
    assert report.record.status is before.status
    assert kinds(keys, issued.record.key_id)[-1] == "exposed"
    assert report.record.revision == before.revision + 1


def test_telling_ends_nothing(keys: ApiKeys) -> None:
    """With the policy `tell` the key works on; the event is all that is written."""
    issued = keys.issue(owner="acme")
    assert keys.report_leak(issued.plaintext, **FOUND, policy="tell").is_new
    assert keys.check(issued.plaintext, scope=NO_SCOPE, fresh=True)
    assert kinds(keys, issued.record.key_id) == ["issued", "exposed"]


def test_each_environment_has_its_policy(keys: ApiKeys) -> None:
    """A mapping names environments; the keys of all others are revoked."""
    policies: dict[str, LeakPolicy] = {"test": "tell", "live": "rotate"}
    done = {}
    for environment in ("test", "live", "stage"):
        issued = keys.issue(owner="acme", environment=environment)
        done[environment] = keys.report_leak(issued.plaintext, **FOUND, policy=policies)
    assert {environment: report.policy for environment, report in done.items()} == {
        "test": "tell", "live": "rotate", "stage": "revoke",
    }  # fmt: skip
    assert [report.record.status.value for report in done.values()] == ["active", "rotating", "revoked"]


def test_each_source_and_place_is_written_once(
    keys: ApiKeys, monkeypatch: pytest.MonkeyPatch, make_keys: Callable[..., ApiKeys]
) -> None:
    """Also if another process wrote it, and if the history is longer than one page."""
    monkeypatch.setattr(leaks, "_PAGE", 2)
    issued = keys.issue(owner="acme")
    for _ in range(3):
        for source, place in (("github", PLACE), ("github", None), ("a person", PLACE)):
            make_keys().report_leak(issued.plaintext, source=source, place=place, policy="tell")
        keys.disable(issued.record.key_id)
        keys.enable(issued.record.key_id)
    found = [(event.actor, event.origin) for event in exposures(keys, issued.record.key_id)]
    assert found == [("github", PLACE), ("github", None), ("a person", PLACE)]


def test_a_race_writes_one_event(keys: ApiKeys, store: CountingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes with the same report: the slower one finds the event of the other."""
    issued = keys.issue(owner="acme")
    update = store.update
    waiting = [True]

    def race(change: Any) -> bool:
        if waiting and change.event.kind is EventKind.EXPOSED:
            waiting.clear()
            keys.report_leak(issued.plaintext, **FOUND, policy="tell")
        return update(change)

    monkeypatch.setattr(store, "update", race)
    assert not keys.report_leak(issued.plaintext, **FOUND, policy="tell").is_new
    assert len(exposures(keys, issued.record.key_id)) == 1


def test_the_key_ends_before_the_event_is_written(
    keys: ApiKeys, store: CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that fails in between leaves no leaked key alive, and the repeat writes the event."""
    issued = keys.issue(owner="acme")
    update = store.update

    def down(change: Any) -> bool:
        if change.event.kind is EventKind.EXPOSED:
            raise StoreError("the store is down")
        return update(change)

    with monkeypatch.context() as patch:
        patch.setattr(store, "update", down)
        with pytest.raises(StoreError):
            keys.report_leak(issued.plaintext, **FOUND)
    assert keys.get(issued.record.key_id).status is Status.REVOKED
    assert keys.report_leak(issued.plaintext, **FOUND).is_new
    assert kinds(keys, issued.record.key_id) == ["issued", "revoked", "exposed"]


def test_a_foreign_text_asks_the_store_nothing(keys: ApiKeys, make_keys: Callable[..., ApiKeys]) -> None:
    """A text of another system, a key with a letter changed, and a key of another service."""
    issued = keys.issue(owner="acme")
    changed = issued.plaintext[:-1] + ("a" if issued.plaintext[-1] != "a" else "b")
    other = AsyncApiKeys(AsyncMemoryStore(), peppers=["another pepper, long enough"])
    foreign = asyncio.run(other.issue(owner="acme")).plaintext
    store: Any = keys._store
    store.asked.clear()
    for text in ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", changed, foreign, ""):
        with pytest.raises(InvalidKey):
            keys.report_leak(text, **FOUND)
    assert store.asked == []
    assert kinds(keys, issued.record.key_id) == ["issued"]


def test_a_key_in_a_place_is_masked(keys: ApiKeys) -> None:
    """A place such as the name of a file may hold the key itself; no event does."""
    issued = keys.issue(owner="acme")
    place = f"https://example.org/{'x' * 200}/{issued.plaintext}.txt"
    keys.report_leak(issued.plaintext, source=f"mail of {issued.plaintext}", place=place)
    events = keys.events(issued.record.key_id)
    assert events[-1].origin == f"https://example.org/{'x' * 200}/<masked>.txt"
    assert issued.plaintext[30:60] not in repr(events)


def test_a_key_that_was_identified_is_reported_without_its_text(keys: ApiKeys) -> None:
    """Whatever its status; the text proves which key it is, and is needed no more."""
    issued = keys.issue(owner="acme")
    assert keys.identify(issued.plaintext) == issued.record
    keys.disable(issued.record.key_id)
    key_id = keys.identify(issued.plaintext).key_id
    report = keys.report_leak(key_id=key_id, **FOUND)
    assert (report.record.status, report.is_new) == (Status.REVOKED, True)
    assert not keys.report_leak(issued.plaintext, **FOUND).is_new
    with pytest.raises(KeyNotFound):
        keys.report_leak(key_id="0" * 22, **FOUND)
    with pytest.raises(InvalidKey):
        keys.identify(issued.plaintext[:-1])


@pytest.mark.parametrize("given", [{}, {"text": "x", "key_id": "0" * 22}])
def test_a_report_is_about_one_key(keys: ApiKeys, given: Any) -> None:
    """The text or the identifier, and not both."""
    with pytest.raises(InvalidRequest, match="give the text of the key or its key_id, and not both"):
        keys.report_leak(**given, **FOUND)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"policy": "delete"}, "policy must be one of revoke, rotate, tell"),
        ({"policy": {"live": "delete"}}, "policy must be one of revoke, rotate, tell"),
        ({"policy": None}, "policy must be one of revoke, rotate, tell"),
        ({"policy": "rotate", "overlap": -1}, "overlap must be 0 seconds or more, not -1"),
        ({"policy": "rotate", "overlap": "1h"}, "overlap is neither a timedelta nor a number of seconds"),
    ],
)
def test_wrong_terms_change_nothing(keys: ApiKeys, terms: Any, message: str) -> None:
    """They are refused before the store is asked."""
    issued = keys.issue(owner="acme")
    with pytest.raises(InvalidRequest, match=message):
        keys.report_leak(issued.plaintext, **FOUND, **terms)
    assert kinds(keys, issued.record.key_id) == ["issued"]


def test_a_key_that_changes_without_end_is_an_error(
    keys: ApiKeys, store: CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event is not given up in silence."""
    issued = keys.issue(owner="acme")
    monkeypatch.setattr(store, "update", lambda _: False)
    with pytest.raises(StoreError, match="changed 64 times"):
        keys.report_leak(issued.plaintext, **FOUND, policy="tell")


async def test_an_event_loop_reports_too() -> None:
    """`AsyncApiKeys` does the same."""
    async with AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER]) as keys:
        issued = await keys.issue(owner="acme")
        report = await keys.report_leak(issued.plaintext, **FOUND, policy="rotate", overlap=0)
        assert report.rotated is not None
        assert report.record.status is Status.REVOKED
        assert [event.kind.value for event in await keys.events(issued.record.key_id)] == [
            "issued", "rotated", "exposed",
        ]  # fmt: skip
