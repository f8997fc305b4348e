"""A decided end ends the key: earlier ends, whole owners, whole families, and words that stop nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import PEPPER
from tests.issuing.key.test_lifecycle import NOW, RECORD

from secretsource.exceptions import InvalidRequest, InvalidTransition, KeyNotFound, StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys, AsyncApiKeys, EventKind, RevokedKeys, Status
from secretsource.issuing._key import lifecycle
from secretsource.issuing._key.lifecycle import By
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.stores.base import Change, KeyQuery, KeyRecord, Page
    from secretsource.testing import FakeClock

DAY = 86_400.0


def rotated(overlap: float, at: float = NOW, **fields: Any) -> KeyRecord:
    return lifecycle.rotate(RECORD._replace(**fields), "s" * 22, overlap, at).predecessor.record


class MeanwhileStore(MemoryStore):
    """Runs what a test says, once, between a page and what is made of it."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] | None = None
        self.refused: set[str] = set()

    def list(self, query: KeyQuery) -> Page:
        page = super().list(query)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return page

    def update(self, change: Change) -> bool:
        if change.record.key_id in self.refused:
            raise StoreError("this row is locked: try again")
        return super().update(change)


@pytest.fixture
def store() -> Any:
    return MeanwhileStore()


class TestShorten:
    """What a second rotation does to the end of the first; pure."""

    @pytest.mark.parametrize("later", [0.0, 5.0, 6 * DAY, 8 * DAY])
    def test_a_repeat_changes_nothing(self, later: float) -> None:
        """The same overlap is the same rotation, however much later the retry comes."""
        assert lifecycle.shorten(rotated(7 * DAY), NOW, 7 * DAY, NOW + later) is None
        assert lifecycle.shorten(rotated(0), NOW, 0, NOW + later) is None
        assert lifecycle.shorten(rotated(7 * DAY, expires=NOW + DAY), NOW, 7 * DAY, NOW + later / 8) is None

    @pytest.mark.parametrize(("asked", "at"), [(DAY, 0.0), (60.0, 3 * DAY), (DAY, 5.9 * DAY), (1e-3, DAY)])
    def test_an_earlier_end_is_taken(self, asked: float, at: float) -> None:
        """The key goes on rotating, until then."""
        change = lifecycle.shorten(rotated(7 * DAY), NOW, asked, NOW + at, By("ann", "here", "sooner"))
        assert change is not None
        assert (change.record.status, change.record.overlap_ends) == (Status.ROTATING, NOW + at + asked)
        assert change.event[1:7] == (3, EventKind.ROTATED, NOW + at, "ann", "here", "sooner")

    def test_no_overlap_ends_it_now(self) -> None:
        """The leak in the middle of an overlap: revoked, with the reason."""
        change = lifecycle.shorten(rotated(7 * DAY), NOW, 0, NOW + 5, By(reason="leaked"))
        assert change is not None
        assert (change.record.status, change.record.status_reason) == (Status.REVOKED, "leaked")
        assert (change.record.overlap_ends, change.event.kind) == (NOW + 5, EventKind.ROTATION_FINISHED)
        assert lifecycle.shorten(change.record, NOW, 0, NOW + 9) is None

    @pytest.mark.parametrize(("asked", "at"), [(8 * DAY, 0.0), (2 * DAY, 6 * DAY), (1.0, 7 * DAY), (1.0, 9 * DAY)])
    def test_a_later_end_is_refused(self, asked: float, at: float) -> None:
        """Also after the end: a key that is over does not come back."""
        with pytest.raises(InvalidTransition, match=r"ended? at|ends at"):
            lifecycle.shorten(rotated(7 * DAY), NOW, asked, NOW + at)

    def test_a_millisecond_is_another_length(self) -> None:
        """So that a repeat is known below it alone."""
        with pytest.raises(InvalidTransition):
            lifecycle.shorten(rotated(0.001, 0.0), 0.0, 0.002, 0.0)
        assert lifecycle.shorten(rotated(0.001, 0.0), 0.0, 0.0015, 0.0) is None

    @pytest.mark.parametrize("overlap", [-1, float("inf"), float("nan")])
    def test_an_overlap_that_cannot_be_is_refused(self, overlap: float) -> None:
        """As by the first rotation."""
        with pytest.raises(InvalidRequest, match="overlap"):
            lifecycle.shorten(rotated(7 * DAY), NOW, overlap, NOW)


class TestExtend:
    """What more time for the old key of a rotation is; pure."""

    @pytest.mark.parametrize(
        ("overlap", "at", "lives", "ends"),
        [
            (8 * DAY, 0.0, None, 8 * DAY),
            (7 * DAY, DAY, None, 8 * DAY),
            (9 * DAY, DAY, 9 * DAY, 9 * DAY),
            (7 * DAY, 0.0, None, None),
            (6 * DAY, DAY, None, None),
            (9 * DAY, 0.0, 7 * DAY, None),
        ],
    )
    def test_a_later_end_is_taken(self, overlap: float, at: float, lives: float | None, ends: float | None) -> None:
        """Up to the key's own end; the same end is no change."""
        old = rotated(7 * DAY, expires=None if lives is None else NOW + lives)
        change = lifecycle.extend(old, overlap, NOW + at, By("ann", "here", "slow"))
        if ends is None:
            assert change is None
            return
        assert change is not None
        assert change.record == old._replace(overlap_ends=NOW + ends, revision=old.revision + 1, status_reason="slow")
        assert change.event[1:7] == (old.revision + 1, EventKind.UPDATED, NOW + at, "ann", "here", "slow")
        assert change.event.fields == ("overlap_ends_at",)

    @pytest.mark.parametrize(
        ("old", "overlap", "at", "why"),
        [
            (rotated(7 * DAY), 6 * DAY, 0.0, "it would end earlier"),
            (rotated(7 * DAY), 9 * DAY, 7 * DAY, "it is not rotating now"),
            (rotated(0), 9 * DAY, 0.0, "it is not rotating now"),
            (RECORD, 9 * DAY, 0.0, "it is not rotating now"),
            (RECORD._replace(status=Status.ROTATING), 9 * DAY, 0.0, "it is not rotating now"),
        ],
    )
    def test_another_end_is_refused(self, old: KeyRecord, overlap: float, at: float, why: str) -> None:
        """An earlier one, and any of a key that does not rotate."""
        with pytest.raises(InvalidTransition, match=f"cannot extend the rotation of key .*: {why}"):
            lifecycle.extend(old, overlap, NOW + at)


class TestRotateAgain:
    """The same through the public verb."""

    def test_a_leak_during_an_overlap(self, keys: ApiKeys) -> None:
        """`overlap=0` ends the old key at once, makes no second successor, and writes what was said."""
        old = keys.issue(owner="acme")
        first = keys.rotate(old.record.key_id, overlap=timedelta(days=7))
        assert keys.check(old.plaintext, scope=NO_SCOPE)
        again = keys.rotate(old.record.key_id, overlap=0, reason="leaked", actor="ann")
        assert not keys.check(old.plaintext, scope=NO_SCOPE)
        assert (again.successor.key_id, again.plaintext) == (first.successor.key_id, None)
        assert again.predecessor.status is Status.REVOKED
        assert keys.events(old.record.key_id)[-1][2:7] == (
            EventKind.ROTATION_FINISHED, again.predecessor.overlap_ends, "ann", None, "leaked",
        )  # fmt: skip

    def test_a_shorter_overlap(self, keys: ApiKeys, clock: FakeClock) -> None:
        """It holds in this process at once."""
        old = keys.issue(owner="acme")
        keys.rotate(old.record.key_id, overlap=DAY)
        keys.check(old.plaintext, scope=NO_SCOPE)
        keys.rotate(old.record.key_id, overlap=60)
        clock.advance(59)
        assert keys.check(old.plaintext, scope=NO_SCOPE)
        clock.advance(1)
        assert not keys.check(old.plaintext, scope=NO_SCOPE)

    def test_a_longer_overlap_is_refused(self, keys: ApiKeys) -> None:
        """And the end stays as it is."""
        old = keys.issue(owner="acme").record.key_id
        end = keys.rotate(old, overlap=60).predecessor.overlap_ends
        with pytest.raises(InvalidTransition, match="shortened only"):
            keys.rotate(old, overlap=61)
        assert keys.get(old).overlap_ends == end

    def test_the_refusal_after_an_early_end_has_the_time_of_it(self, keys: ApiKeys, clock: FakeClock) -> None:
        """A key that was revoked during its overlap has ended then, and not at the end that was planned."""
        old = keys.issue(owner="acme").record.key_id
        keys.rotate(old, overlap=7 * DAY)
        clock.advance(60)
        ended = keys.revoke(old).revoked_at
        with pytest.raises(InvalidTransition, match=f"it ended at {ended:%Y-%m-%d %H:%M:%S} UTC"):
            keys.rotate(old, overlap=8 * DAY)

    def test_the_refusal_after_an_end_of_its_own_has_the_time_of_it(self, keys: ApiKeys, clock: FakeClock) -> None:
        """A key that was given an earlier end during its overlap has ended then."""
        old = keys.issue(owner="acme").record.key_id
        keys.rotate(old, overlap=7 * DAY)
        ends = keys.update(old, expires_at=clock.now().wall + 60).expires_at
        clock.advance(60)
        with pytest.raises(InvalidTransition, match=f"it ended at {ends:%Y-%m-%d %H:%M:%S} UTC"):
            keys.rotate(old, overlap=8 * DAY)


class TestRevokeAll:
    """It leaves no key of the owner that is good."""

    def test_a_rotation_meanwhile(self, keys: ApiKeys, make_keys: Any, store: Any) -> None:
        """Another process rotates a key after it was listed: its successor ends too."""
        elsewhere, stolen, made = make_keys(), keys.issue(owner="acme"), []
        store.meanwhile = lambda: made.append(elsewhere.rotate(stolen.record.key_id, overlap=3600))
        revoked = keys.revoke_all(owner="acme", reason="account compromised")
        assert {record.key_id for record in revoked} == {stolen.record.key_id, made[0].successor.key_id}
        assert not elsewhere.check(made[0].plaintext, scope=NO_SCOPE, fresh=True)

    def test_a_key_that_is_issued_behind_the_cursor(
        self, keys: ApiKeys, make_keys: Any, store: Any, clock: FakeClock
    ) -> None:
        """A pass that revoked something is followed by another one, so an older key is found too."""
        keys.issue(owner="acme")
        clock.step_wall(-5)
        late: list[Any] = []
        other = make_keys()
        store.meanwhile = lambda: late.append(other.issue(owner="acme"))
        keys.revoke_all(owner="acme")
        assert not keys.check(late[0].plaintext, scope=NO_SCOPE, fresh=True)

    def test_a_key_that_ends_meanwhile(self, keys: ApiKeys, store: Any, clock: FakeClock) -> None:
        """It counts as done, and the keys behind it are revoked."""
        first = keys.issue(owner="acme")
        clock.advance(1)
        second = keys.issue(owner="acme")

        def meanwhile() -> None:
            keys.rotate(first.record.key_id, overlap=1)
            clock.advance(2)

        store.meanwhile = meanwhile
        revoked = keys.revoke_all(owner="acme")
        assert second.record.key_id in {record.key_id for record in revoked}
        assert first.record.key_id not in {record.key_id for record in revoked}
        assert revoked.left == {}

    def test_a_key_that_is_rotated_and_ends_meanwhile(self, keys: ApiKeys, store: Any, clock: FakeClock) -> None:
        """Its successor ends too, although nothing was revoked in the first pass."""
        old, made = keys.issue(owner="acme"), []

        def meanwhile() -> None:
            made.append(keys.rotate(old.record.key_id, overlap=1))
            clock.advance(2)

        store.meanwhile = meanwhile
        revoked = keys.revoke_all(owner="acme")
        assert [record.key_id for record in revoked] == [made[0].successor.key_id]
        assert not keys.check(made[0].plaintext, scope=NO_SCOPE)

    def test_a_key_that_cannot_be_revoked(self, keys: ApiKeys, store: Any) -> None:
        """It stops no other one, and is in the answer."""
        made = [keys.issue(owner="acme") for _ in range(5)]
        store.refused = {made[1].record.key_id}
        revoked = keys.revoke_all(owner="acme")
        assert isinstance(revoked, RevokedKeys)
        assert len(revoked) == 4
        assert revoked.left == {made[1].record.key_id: "this row is locked: try again"}
        store.refused = set()
        assert [record.key_id for record in keys.revoke_all(owner="acme")] == [made[1].record.key_id]

    def test_a_store_that_is_down(self, keys: ApiKeys, store: Any) -> None:
        """After some failures in a row, the rest is not asked for one by one."""
        store.refused = {keys.issue(owner="acme").record.key_id for _ in range(20)}
        with pytest.raises(StoreError, match="locked"):
            keys.revoke_all(owner="acme")

    def test_an_owner_that_goes_on_issuing(self, keys: ApiKeys, store: Any) -> None:
        """It ends with a sentence, and does not go on for ever."""

        def again() -> None:
            keys.issue(owner="acme")
            store.meanwhile = again

        again()
        with pytest.raises(StoreError, match="as fast as they are revoked"):
            keys.revoke_all(owner="acme")

    def test_nothing_to_do(self, keys: ApiKeys) -> None:
        """An owner without keys has none revoked, and none left."""
        assert (keys.revoke_all(owner="nobody"), keys.revoke_all(owner="nobody").left) == ((), {})


class TestFamily:
    """A chain of rotations ends as one, wherever it is taken hold of."""

    def chain(self, keys: ApiKeys) -> list[Any]:
        first = keys.issue(owner="acme")
        second = keys.rotate(first.record.key_id, overlap=3600)
        third = keys.rotate(second.successor.key_id, overlap=3600)
        return [first, second, third]

    @pytest.mark.parametrize("which", [0, 1, 2])
    def test_all_of_it(self, which: int, keys: ApiKeys) -> None:
        """The successors that a thief made, and the predecessors that go on."""
        made, other = self.chain(keys), keys.issue(owner="acme")
        ids = [made[0].record.key_id, made[1].successor.key_id, made[2].successor.key_id]
        assert keys.revoke(ids[which], family=True, reason="stolen").key_id == ids[which]
        assert [keys.get(each).status for each in ids] == [Status.REVOKED] * 3
        assert {keys.get(each).status_reason for each in ids} == {"stolen"}
        assert keys.check(other.plaintext, scope=NO_SCOPE)

    def test_one_of_it(self, keys: ApiKeys) -> None:
        """Without `family`, the others go on."""
        made = self.chain(keys)
        keys.revoke(made[0].record.key_id)
        assert keys.check(made[1].plaintext, scope=NO_SCOPE)

    def test_a_part_that_has_ended(self, keys: ApiKeys, clock: FakeClock) -> None:
        """A predecessor whose overlap is over stops nothing."""
        made = self.chain(keys)
        clock.advance(3600)
        keys.revoke(made[0].record.key_id, family=True)
        assert not keys.check(made[2].plaintext, scope=NO_SCOPE)

    def test_a_part_that_was_deleted(self, keys: ApiKeys, store: Any) -> None:
        """What is not there cannot be used; what hangs on the other side is ended."""
        made = self.chain(keys)
        del store._records[made[0].record.key_id]
        keys.revoke(made[1].successor.key_id, family=True)
        assert not keys.check(made[2].plaintext, scope=NO_SCOPE)
        with pytest.raises(KeyNotFound):
            keys.revoke(made[0].record.key_id, family=True)


AWKWARD = [
    "https://example.com/" + "deep/" * 100,
    "found in a public repository\nreported by mail",
    "leaked\u00a0: see ticket",
    "\0",
    "\ud800",
    "",
]


@pytest.mark.parametrize("word", AWKWARD)
def test_no_annotation_stops_an_ending(word: str, keys: ApiKeys) -> None:
    """Reason, actor and origin of every ending call: whatever they are, the key ends."""
    said: dict[str, Any] = {"reason": word, "actor": word, "origin": word}
    made = [keys.issue(owner="acme") for _ in range(6)]
    ids = [each.record.key_id for each in made]
    keys.revoke(ids[0], **said)
    keys.surrender(made[1].plaintext, reason=word, origin=word)
    keys.disable(ids[2], **said)
    keys.rotate(ids[3], overlap=0, **said)
    keys.rotate(ids[4], overlap=60)
    keys.finish_rotation(ids[4], **said)
    keys.revoke_all(owner="acme", **said)
    assert not any(keys.check(each.plaintext, scope=NO_SCOPE, fresh=True) for each in made)


def test_a_key_that_has_ended_is_no_error(keys: ApiKeys, clock: FakeClock) -> None:
    """A scanner shows old keys all day: `revoke` and `surrender` give the record as it is."""
    gone, over = keys.issue(owner="acme"), keys.issue(owner="acme", expires_in=60)
    keys.revoke(gone.record.key_id, reason="first")
    clock.advance(60)
    for each, status, said in ((gone, Status.REVOKED, "first"), (over, Status.EXPIRED, None)):
        before = keys.get(each.record.key_id)
        for record in (keys.surrender(each.plaintext, reason="again"), keys.revoke(each.record.key_id, reason="again")):
            assert record == before
            assert (record.status_at(clock.now().wall), record.status_reason) == (status, said)


def test_the_asynchronous_twin(clock: FakeClock) -> None:
    """The same flows on an event loop: again, family, all."""

    async def act() -> None:
        async with AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER], clock=clock) as keys:
            old = await keys.issue(owner="acme")
            new = await keys.rotate(old.record.key_id, overlap=DAY)
            again = await keys.rotate(old.record.key_id, overlap=0, reason="leaked")
            assert again.predecessor.status is Status.REVOKED
            assert (await keys.revoke(old.record.key_id, family=True)).status is Status.REVOKED
            assert not await keys.check(new.plaintext, scope=NO_SCOPE)
            last = await keys.issue(owner="acme")
            revoked = await keys.revoke_all(owner="acme", reason="two\nlines")
            assert ([each.key_id for each in revoked], revoked.left) == ([last.record.key_id], {})
            assert (await keys.surrender(last.plaintext)).status_reason == "two lines"

    asyncio.run(act())
