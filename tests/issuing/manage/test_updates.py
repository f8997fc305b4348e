"""Keys that change: what is given is changed whole, announced at once, and nothing else is touched."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import PEPPER

from secretsource.exceptions import Conflict, InvalidRequest, InvalidTransition, KeyNotFound, PlanExceeded
from secretsource.issuing import NO_SCOPE, UNSET, Accepted, AsyncApiKeys, EventKind, Reason, Status
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.issuing import ApiKeys
    from secretsource.testing.clock import FakeClock

LATER = datetime(2040, 1, 1, tzinfo=UTC)
CHANGES: dict[str, tuple[Any, str, Any, Any]] = {
    "name": ("worker", "name", "worker", ""),
    "scopes": (["a:read", "b:*"], "scopes", frozenset({"a:read", "b:*"}), frozenset()),
    "rate_limit": ("5/minute", "rate_limit", "5/minute", None),
    "quota": ("9/day", "quota", "9/day", None),
    "networks": (["10.0.0.1/8", "::1"], "networks", None, ()),
    "begins_at": (LATER, "begins", LATER.timestamp(), None),
    "expires_at": (LATER.timestamp(), "expires", LATER.timestamp(), None),
    "metadata": ({"tier": 2}, "metadata", {"tier": 2}, {}),
}
"""By field: what is given, the field of the record, what it becomes, and what None makes of it."""


@pytest.mark.parametrize("name", CHANGES)
def test_one_field(name: str, keys: ApiKeys) -> None:
    """It is set, the event names it, and all the others stay; None clears it."""
    given, field, becomes, cleared = CHANGES[name]
    if name == "networks":
        given, becomes = ["10.0.0.0/8", "::1"], ("10.0.0.0/8", "::1/128")
    update: dict[str, Any] = {name: given}
    record = keys.issue(owner="acme", scopes=["z:read"]).record
    changed = keys.update(record.key_id, actor="ann", origin="203.0.113.7", reason="asked", **update)
    assert changed == record._replace(**{field: becomes, "revision": 2})
    assert keys.get(record.key_id) == changed
    event = keys.events(record.key_id)[-1]
    assert (event.kind, event.revision, event.fields) == (EventKind.UPDATED, 2, (name,))
    assert (event.actor, event.origin, event.reason) == ("ann", "203.0.113.7", "asked")
    assert getattr(keys.update(record.key_id, **{name: None}), field) == cleared


def test_several_fields(keys: ApiKeys) -> None:
    """In one revision and one event, which has the names in order and no value."""
    record = keys.issue(owner="acme", name="old").record
    changed = keys.update(record.key_id, scopes=["canary:x"], name="new", metadata={"a": 1})
    event = keys.events(record.key_id)[-1]
    assert (changed.revision, event.fields) == (2, ("metadata", "name", "scopes"))
    assert "canary" not in repr(event)


@pytest.mark.parametrize("given", [{}, {"name": UNSET}, {"name": "same"}, {"scopes": ["b", "a"], "name": "same"}])
def test_nothing_new(given: dict[str, Any], keys: ApiKeys) -> None:
    """What is left out, unset, or there already makes no revision and no event."""
    record = keys.issue(owner="acme", name="same", scopes=["a", "b"]).record
    assert keys.update(record.key_id, **given) == record
    assert len(keys.events(record.key_id)) == 1


def test_a_narrowed_scope_is_refused_at_once(keys: ApiKeys) -> None:
    """Here, where the record was cached a moment ago."""
    issued = keys.issue(owner="acme", scopes=["a:read", "a:write"])
    assert keys.check(issued.plaintext, scope="a:write")
    keys.update(issued.record.key_id, scopes=["a:read"])
    assert keys.check(issued.plaintext, scope="a:write").reason is Reason.INSUFFICIENT_SCOPE  # type: ignore[union-attr]
    assert keys.check(issued.plaintext, scope="a:read")


def test_another_process_hears_of_it(make_keys: Callable[..., ApiKeys]) -> None:
    """The same feed that tells of revocations tells of updates."""
    here, there = make_keys(), make_keys()
    issued = here.issue(owner="acme", scopes=["a:read"])
    assert there.check(issued.plaintext, scope="a:read")
    here.update(issued.record.key_id, scopes=None)
    assert not there.check(issued.plaintext, scope="a:read")


def test_a_limit_is_changed(keys: ApiKeys) -> None:
    """The next check draws by the new rules."""
    issued = keys.issue(owner="acme", rate_limit="1/hour")
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    assert not keys.check(issued.plaintext, scope=NO_SCOPE)
    keys.update(issued.record.key_id, rate_limit=None)
    assert keys.check(issued.plaintext, scope=NO_SCOPE)


class TestRevision:
    """An update that was decided on an older record changes nothing."""

    def test_the_same(self, keys: ApiKeys) -> None:
        """The revision that was read is the one that is there."""
        record = keys.issue(owner="acme").record
        assert keys.update(record.key_id, name="a", revision=1).revision == 2

    def test_another(self, keys: ApiKeys) -> None:
        """The error says which there is, and what to do."""
        record = keys.issue(owner="acme").record
        keys.update(record.key_id, name="a")
        with pytest.raises(Conflict, match="is at revision 2, not 1: read it again and decide anew") as caught:
            keys.update(record.key_id, name="b", revision=1)
        assert caught.value.revision == 2
        assert keys.get(record.key_id).name == "a"

    @pytest.mark.parametrize("revision", [0, -1, 1.0, "1", 2**31])
    def test_of_no_record(self, revision: Any, keys: ApiKeys) -> None:
        """A revision is a whole number from 1."""
        record = keys.issue(owner="acme").record
        with pytest.raises(InvalidRequest, match="revision"):
            keys.update(record.key_id, name="b", revision=revision)

    def test_a_quicker_writer(self, clock: FakeClock) -> None:
        """Without a revision, the update is made anew on the newer record; with one, it is a conflict."""
        store = OvertakenStore()
        keys = make(store, clock)
        record = keys.issue(owner="acme").record
        store.meanwhile = lambda: make(store, clock).update(record.key_id, name="theirs")
        assert keys.update(record.key_id, scopes=["a"])[8:10] == ("theirs", {"a"})
        store.meanwhile = lambda: make(store, clock).update(record.key_id, name="again")
        with pytest.raises(Conflict):
            keys.update(record.key_id, scopes=["b"], revision=3)
        assert keys.get(record.key_id)[8:10] == ("again", {"a"})


class OvertakenStore(MemoryStore):
    """Runs what a test says, once, before an update."""

    meanwhile: Callable[[], object] | None = None

    def update_all(self, changes: Any) -> bool:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().update_all(changes)


def make(store: MemoryStore, clock: FakeClock) -> ApiKeys:
    """Keys over a store."""
    from secretsource.issuing import ApiKeys

    return ApiKeys(store, peppers=[PEPPER], clock=clock)


class TestRotating:
    """A rotating key hands its changes on."""

    def test_to_its_successor(self, keys: ApiKeys) -> None:
        """Both change in one transaction, each with an event of its own."""
        old = keys.issue(owner="acme", scopes=["a", "b"])
        new = keys.rotate(old.record.key_id, overlap=60)
        assert new.plaintext is not None
        keys.update(old.record.key_id, scopes=["a"])
        for text in (old.plaintext, new.plaintext):
            assert keys.check(text, scope="a")
            assert not keys.check(text, scope="b")
        assert keys.events(new.successor.key_id)[-1].fields == ("scopes",)

    def test_along_the_whole_line(self, keys: ApiKeys) -> None:
        """A successor that is rotating, too, hands them further."""
        first = keys.issue(owner="acme").record
        second = keys.rotate(first.key_id, overlap=600).successor
        third = keys.rotate(second.key_id, overlap=600).successor
        keys.update(first.key_id, name="all")
        assert [keys.get(record.key_id).name for record in (first, second, third)] == ["all"] * 3

    def test_past_one_that_has_ended(self, keys: ApiKeys) -> None:
        """A successor whose own overlap is over has a living one behind it."""
        first = keys.issue(owner="acme").record
        second = keys.rotate(first.key_id, overlap=600).successor
        third = keys.rotate(second.key_id, overlap=0).successor
        keys.update(first.key_id, name="all")
        assert [keys.get(record.key_id).name for record in (first, second, third)] == ["all", "", "all"]

    def test_not_to_one_that_has_ended(self, keys: ApiKeys) -> None:
        """It stays as it ended."""
        old = keys.issue(owner="acme").record
        new = keys.rotate(old.key_id, overlap=600).successor
        ended = keys.revoke(new.key_id)
        keys.update(old.key_id, name="changed")
        assert keys.get(new.key_id) == ended

    def test_all_or_none(self, clock: FakeClock) -> None:
        """When the successor changes meanwhile, neither is changed by halves."""
        store = OvertakenStore()
        keys = make(store, clock)
        old = keys.issue(owner="acme").record
        new = keys.rotate(old.key_id, overlap=600).successor
        store.meanwhile = lambda: make(store, clock).update(new.key_id, scopes=["theirs"])
        keys.update(old.key_id, name="ours")
        assert keys.get(new.key_id)[8:10] == ("ours", {"theirs"})
        assert keys.get(old.key_id)[8:10] == ("ours", set())

    def test_of_the_successor(self, keys: ApiKeys) -> None:
        """What is changed of the new key alone stays there."""
        old = keys.issue(owner="acme").record
        new = keys.rotate(old.key_id, overlap=600).successor
        keys.update(new.key_id, name="new")
        assert keys.get(old.key_id).name == ""


class TestBadInput:
    """One clear error each, and nothing changed."""

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            ({"owner": "other"}, "an update of a key must change .*, not owner"),
            ({"prefix": "pk"}, "not prefix"),
            ({"hash": b"0" * 32}, "not hash"),
            ({"name": "\x00"}, "name must be a text"),
            ({"name": 1}, "name must be a text"),
            ({"scopes": "a"}, "scopes"),
            ({"scopes": [""]}, "scope"),
            ({"rate_limit": "often"}, "rate limit 'often'"),
            ({"rate_limit": 5}, "rate_limit must be a text"),
            ({"quota": "1/day, 2/day"}, "two limits"),
            ({"networks": ["nowhere"]}, "nowhere"),
            ({"expires_at": 1.0}, "would end before it is good"),
            ({"expires_at": datetime(2040, 1, 1)}, "expires_at has no time zone"),  # noqa: DTZ001 - that is the mistake
            ({"begins_at": LATER, "expires_at": LATER - timedelta(days=1)}, "would end before it is good"),
            ({"metadata": [1]}, "metadata must be a JSON object"),
            ({"metadata": {"a": "x" * 5000}}, "metadata must be at most"),
        ],
    )
    def test_what_cannot_be(self, given: dict[str, Any], says: str, keys: ApiKeys) -> None:
        """The sentence says what and why."""
        record = keys.issue(owner="acme").record
        update: Any = {"name": "new", **given}
        with pytest.raises(InvalidRequest, match=says):
            keys.update(record.key_id, **update)
        assert keys.get(record.key_id) == record

    @pytest.mark.parametrize("end", ["revoke", "expire", "finish"])
    def test_a_key_that_has_ended(self, end: str, keys: ApiKeys, clock: FakeClock) -> None:
        """It cannot come back by an update."""
        record = keys.issue(owner="acme", expires_in=60).record
        if end == "revoke":
            keys.revoke(record.key_id)
        elif end == "finish":
            keys.rotate(record.key_id, overlap=0)
        else:
            clock.advance(60)
        before = keys.get(record.key_id)
        with pytest.raises(InvalidTransition, match=r"cannot update key .* it is (revoked|expired)"):
            keys.update(record.key_id, expires_at=None, name="back")
        assert keys.get(record.key_id) == before

    def test_a_disabled_key(self, keys: ApiKeys) -> None:
        """It has not ended: it changes, and stays disabled."""
        record = keys.issue(owner="acme").record
        keys.disable(record.key_id)
        assert keys.update(record.key_id, name="new").status is Status.DISABLED

    @pytest.mark.parametrize("key_id", ["0" * 22, "no key", "sk_live_" + "0" * 60])
    def test_no_key(self, key_id: str, keys: ApiKeys) -> None:
        """As for every verb."""
        with pytest.raises(KeyNotFound):
            keys.update(key_id, name="new")


def test_on_an_event_loop(clock: FakeClock) -> None:
    """As for threads."""

    async def scenario() -> None:
        async with AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER], clock=clock) as keys:
            record = (await keys.issue(owner="acme")).record
            assert (await keys.update(record.key_id, name="new", revision=1)).name == "new"
            with pytest.raises(Conflict):
                await keys.update(record.key_id, name="newer", revision=1)

    asyncio.run(scenario())


def test_an_overlap_is_extended_up_to_the_end_of_the_key(make_keys: Callable[..., ApiKeys], clock: FakeClock) -> None:
    """The old key works for longer, not past its own end; the event names the change, and a repeat changes nothing."""
    keys = make_keys()
    old = keys.issue(owner="acme", expires_in=1000)
    keys.rotate(old.record.key_id, overlap=60)
    clock.advance(30)
    extended = keys.extend_rotation(old.record.key_id, overlap=120, actor="ops", reason="a slow deploy")
    assert extended.overlap_ends == clock.now().wall + 120
    assert keys.extend_rotation(old.record.key_id, overlap=120).revision == extended.revision
    last = keys.events(old.record.key_id)[-1]
    assert (last.kind, last.fields, last.actor, last.reason) == (
        EventKind.UPDATED, ("overlap_ends_at",), "ops", "a slow deploy",
    )  # fmt: skip
    clock.advance(100)
    assert isinstance(keys.check(old.plaintext, scope=NO_SCOPE), Accepted)
    assert keys.extend_rotation(old.record.key_id, overlap=10**6).overlap_ends == old.record.expires


def test_a_rotation_that_is_over_is_not_extended(make_keys: Callable[..., ApiKeys], clock: FakeClock) -> None:
    """Neither is one that would end earlier, nor one that never began."""
    keys = make_keys()
    old = keys.issue(owner="acme").record
    with pytest.raises(InvalidTransition, match="it is not rotating now"):
        keys.extend_rotation(old.key_id, overlap=60)
    keys.rotate(old.key_id, overlap=60)
    with pytest.raises(InvalidTransition, match="it would end earlier"):
        keys.extend_rotation(old.key_id, overlap=30)
    with pytest.raises(InvalidRequest, match="overlap"):
        keys.extend_rotation(old.key_id, overlap=-1)
    clock.advance(60)
    with pytest.raises(InvalidTransition, match="it is not rotating now"):
        keys.extend_rotation(old.key_id, overlap=60)


@pytest.mark.parametrize(("name", "length"), [("begins_at", 500.0), ("begins_at", 600.0), ("expires_at", 5.0)])
def test_a_key_does_not_end_before_it_begins(name: str, length: float, make_keys: Callable[..., ApiKeys]) -> None:
    """Whichever of the two instants is moved; one without the other may be anywhere."""
    keys = make_keys()
    now = keys.issue(owner="acme").record.created
    key_id = keys.issue(owner="acme", not_before=now + 10, expires_at=now + 500).record.key_id
    update: dict[str, Any] = {name: now + length}
    with pytest.raises(InvalidRequest, match="the key would end before it is good: give a later expires_at"):
        keys.update(key_id, **update)
    assert keys.update(key_id, begins_at=now + 499).begins == now + 499
    assert keys.update(key_id, name="kept").expires == now + 500
    assert keys.update(key_id, expires_at=None, begins_at=now + 600).begins == now + 600


class TestTheLifeThatAPlanAllows:
    """A key does not get by an update what it would not have been issued with."""

    def test_a_later_end(self, keys: ApiKeys, clock: FakeClock) -> None:
        """It may be put off by the longest life from now on; a key without an end ends as late as that allows."""
        keys.plans.put("free", max_life=60)
        keys.owners.put("acme", plan="free")
        key_id = keys.issue(owner="acme").record.key_id
        clock.advance(30)
        now = clock.now().wall
        for late in (now + 61, LATER):
            with pytest.raises(
                PlanExceeded, match="lets a key live for 60 seconds more: give an earlier end"
            ) as caught:
                keys.update(key_id, expires_at=late)
            assert caught.value.field == "expires_at"
        assert keys.update(key_id, expires_at=now + 60).expires == now + 60
        assert keys.update(key_id, expires_at=now + 10).expires == now + 10
        assert keys.update(key_id, expires_at=None).expires == now + 60

    def test_a_life_in_the_future_is_not_moved_to_the_present(self, keys: ApiKeys, clock: FakeClock) -> None:
        """It would begin now, and end as late as before."""
        keys.plans.put("free", max_life=60)
        keys.owners.put("acme", plan="free")
        begins = clock.now().wall + 10_000
        record = keys.issue(owner="acme", not_before=begins).record
        assert record.expires == begins + 60
        with pytest.raises(PlanExceeded):
            keys.update(record.key_id, begins_at=None)
        assert keys.update(record.key_id, begins_at=begins + 30).expires == begins + 60

    def test_what_has_no_new_end_is_changed_as_ever(self, keys: ApiKeys) -> None:
        """A plan that comes later ends no key."""
        record = keys.issue(owner="acme").record
        keys.plans.put("free", max_life=60)
        keys.owners.put("acme", plan="free")
        assert keys.update(record.key_id, name="new", begins_at=5).expires is None

    def test_of_a_successor(self, keys: ApiKeys) -> None:
        """A rotating key hands on no end that the plan forbids; none of both is changed."""
        keys.plans.put("free", max_life=60)
        keys.owners.put("acme", plan="free")
        old = keys.issue(owner="acme").record
        rotated = keys.rotate(old.key_id, overlap=30)
        with pytest.raises(PlanExceeded):
            keys.update(old.key_id, expires_at=LATER)
        assert keys.get(rotated.successor.key_id).revision == 1
