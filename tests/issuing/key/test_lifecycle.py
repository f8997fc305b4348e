"""The life of a key: every move of the table, none besides, and what time makes of a record."""

from __future__ import annotations

import itertools
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from secretsource._ground.clock import LAST_INSTANT
from secretsource.exceptions import InvalidRequest, InvalidTransition
from secretsource.issuing._key import lifecycle
from secretsource.issuing._key.lifecycle import MOVES, By, Move
from secretsource.stores.base import EventKind, KeyRecord, Status

NOW = 1_000_000.0
RECORD = KeyRecord("k" * 22, b"h" * 32, "01234567", "sk_live_kkkk…", "acme", "sk", "live", NOW - 100)
IN_TIME = {
    Status.ACTIVE: RECORD,
    Status.ROTATING: RECORD._replace(status=Status.ROTATING, successor="s" * 22, overlap_ends=NOW + 50),
    Status.DISABLED: RECORD._replace(status=Status.DISABLED),
    Status.REVOKED: RECORD._replace(status=Status.REVOKED),
    Status.EXPIRED: RECORD._replace(status=Status.EXPIRED),
}
STAYS = {
    (Status.REVOKED, Move.REVOKE), (Status.EXPIRED, Move.REVOKE),
    (Status.REVOKED, Move.FINISH), (Status.EXPIRED, Move.FINISH),
    (Status.EXPIRED, Move.EXPIRE), (Status.DISABLED, Move.DISABLE), (Status.ACTIVE, Move.ENABLE),
}  # fmt: skip


@pytest.mark.parametrize(
    ("status", "move"), [*itertools.product(Status, [move for move in Move if move is not Move.EXPIRE])]
)
def test_each_move_is_in_the_table_or_refused(status: Status, move: Move) -> None:
    """Moves of the table change status and revision and write one event; repeated ones change nothing; none is left."""
    record = IN_TIME[status]
    if (status, move) in STAYS:
        assert lifecycle.move(record, move, NOW) is None
    elif (status, move) in MOVES:
        change = lifecycle.move(record, move, NOW, By("ann", "10.0.0.1", "because"))
        assert change is not None
        assert change.record == record._replace(
            status=MOVES[status, move],
            status_reason="because",
            revision=record.revision + 1,
            revoked=NOW if MOVES[status, move] is Status.REVOKED else None,
        )
        assert change.event[:2] == (record.key_id, 2)
        assert change.event[3:7] == (NOW, "ann", "10.0.0.1", "because")
    else:
        with pytest.raises(InvalidTransition, match=f"it is {status.value}"):
            lifecycle.move(record, move, NOW)


def test_nothing_leads_out_of_the_end() -> None:
    """Revoked is final, and so is expired."""
    assert not [pair for pair in MOVES if pair[0] in (Status.REVOKED, Status.EXPIRED)]
    assert Status.ACTIVE not in {to for (since, _), to in MOVES.items() if since is not Status.DISABLED}


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.ROTATING, Status.DISABLED])
def test_expiry_is_written_only_when_it_has_come(status: Status) -> None:
    """The sweep that stores what time has done cannot end a key early."""
    with pytest.raises(InvalidTransition):
        lifecycle.move(IN_TIME[status], Move.EXPIRE, NOW)
    change = lifecycle.move(IN_TIME[status]._replace(expires=NOW), Move.EXPIRE, NOW)
    assert change is not None
    assert change.record.status is Status.EXPIRED
    assert change.event.kind is EventKind.EXPIRED


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.ROTATING, Status.DISABLED])
def test_a_key_ends_at_the_very_instant_of_its_expiry(status: Status) -> None:
    """One tick before it is what it was; then it has expired, and no decision changes that."""
    record = IN_TIME[status]._replace(expires=NOW)
    assert record.status_at(math.nextafter(NOW, 0)) is status
    assert record.status_at(NOW) is Status.EXPIRED
    assert lifecycle.move(record, Move.REVOKE, NOW) is None
    with pytest.raises(InvalidTransition, match="it is expired"):
        lifecycle.move(record, Move.DISABLE, NOW)


@pytest.mark.parametrize(
    ("status", "move", "advice"),
    [
        (Status.ACTIVE, Move.FINISH, "it is active; rotate it first"),
        (Status.ACTIVE, Move.EXPIRE, "it is active; wait for its end"),
        (Status.ROTATING, Move.DISABLE, "it is rotating; finish its rotation first"),
        (Status.DISABLED, Move.ROTATE, "it is disabled; enable it first"),
        (Status.REVOKED, Move.ENABLE, "it is revoked; issue another key"),
        (Status.EXPIRED, Move.DISABLE, "it is expired; issue another key"),
    ],
)
def test_a_move_that_cannot_be_says_what_to_do(status: Status, move: Move, advice: str) -> None:
    """For each status another way."""
    with pytest.raises(InvalidTransition) as refused:
        lifecycle.move(IN_TIME[status], move, NOW)
    assert str(refused.value).endswith(advice)


def test_a_revoked_key_stays_revoked_when_its_time_comes() -> None:
    """A decision is not overwritten by a date."""
    assert IN_TIME[Status.REVOKED]._replace(expires=NOW - 1).status_at(NOW) is Status.REVOKED


@given(st.floats(0, 1e9), st.none() | st.floats(1, 1e9))
def test_a_rotated_key_ends_at_the_earlier_of_overlap_and_expiry(overlap: float, lives: float | None) -> None:
    """An overlap never prolongs a key; the successor lives as long as the old one was meant to."""
    expires = None if lives is None else NOW + lives
    old, new = lifecycle.rotate(RECORD._replace(expires=expires), "s" * 22, overlap, NOW)
    assert old.record.overlap_ends == min(NOW + overlap, expires or math.inf)
    assert old.record.successor == new.key_id == "s" * 22
    assert old.event.kind is EventKind.ROTATED
    assert new.expires == (None if expires is None else NOW + (expires - RECORD.created))
    assert (new.status, new.predecessor, new.root, new.revision) == (Status.ACTIVE, RECORD.key_id, RECORD.key_id, 1)
    assert new.created == NOW


def test_the_successor_has_the_same_rights_and_the_same_account() -> None:
    """Scopes, limits, networks, owner and name go over; limits are counted under the first key of the chain."""
    rich = RECORD._replace(
        scopes=frozenset({"a:b"}), rate_limit="1/second", quota="5/day", networks=("10.0.0.0/8",), name="n",
        metadata={"m": 1}, last_used=NOW - 1, root="r" * 22, predecessor="p" * 22, begins=NOW - 60, expires=NOW + 40,
    )  # fmt: skip
    new = lifecycle.rotate(rich, "s" * 22, 5, NOW).successor
    for field in ("scopes", "rate_limit", "quota", "networks", "name", "metadata", "owner", "prefix", "environment"):
        assert getattr(new, field) == getattr(rich, field)
    assert new.limit_key == rich.limit_key == "r" * 22
    assert (new.last_used, new.begins, new.predecessor) == (None, None, rich.key_id)
    assert new.expires == NOW + 100  # from when it became good to when it ended


def test_a_successor_is_good_no_sooner_than_its_predecessor() -> None:
    """A key for next month that is rotated today is still one for next month, and lives as long."""
    later = RECORD._replace(begins=NOW + 60, expires=NOW + 100)
    new = lifecycle.rotate(later, "s" * 22, 5, NOW).successor
    assert (new.begins, new.expires) == (NOW + 60, NOW + 100)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        (lifecycle.End(), NOW + 90),
        (lifecycle.End(after=7), NOW + 7),
        (lifecycle.End(at=NOW + 3), NOW + 3),
        (lifecycle.End(keeps=True), NOW + 40),
    ],
)
def test_a_successor_ends_when_it_is_said_to(ends: lifecycle.End, expected: float) -> None:
    """As long a life, another length, an instant, or the end that was agreed on."""
    old = RECORD._replace(created=NOW - 50, expires=NOW + 40)
    assert lifecycle.rotate(old, "s" * 22, 5, NOW, ends=ends).successor.expires == expected


@pytest.mark.parametrize("ends", [lifecycle.End(at=NOW), lifecycle.End(at=1.0), lifecycle.End(after=0)])
def test_a_successor_does_not_end_before_it_is_good(ends: lifecycle.End) -> None:
    """Nothing is made then."""
    with pytest.raises(InvalidRequest, match="the new key would end before it is good"):
        lifecycle.rotate(RECORD, "s" * 22, 5, NOW, ends=ends)


@pytest.mark.parametrize("ends", [lifecycle.End(), lifecycle.End(keeps=True)])
def test_a_key_without_an_end_has_a_successor_without_one(ends: lifecycle.End) -> None:
    """Unless another end is given."""
    assert lifecycle.rotate(RECORD, "s" * 22, 5, NOW, ends=ends).successor.expires is None
    assert lifecycle.rotate(RECORD, "s" * 22, 5, NOW, ends=lifecycle.End(after=9)).successor.expires == NOW + 9


def test_a_successor_ends_within_the_calendar() -> None:
    """A key until the end of time can be rotated again and again."""
    endless = RECORD._replace(expires=LAST_INSTANT)
    new = lifecycle.rotate(endless, "s" * 22, 5, NOW + 10**9).successor
    assert (new.expires, new.expires_at) == (LAST_INSTANT, datetime(9999, 12, 30, tzinfo=UTC))


def test_no_overlap_ends_the_old_key_at_once() -> None:
    """The leak case: the old key is revoked in the same change that names its successor."""
    old, _ = lifecycle.rotate(RECORD, "s" * 22, 0, NOW, By(reason="leaked"))
    assert old.record.status is Status.REVOKED
    assert old.record.status_reason == "leaked"
    assert old.record.successor == "s" * 22
    assert old.record.revoked == NOW
    assert lifecycle.rotate(RECORD, "s" * 22, 5, NOW).predecessor.record.revoked is None


@pytest.mark.parametrize("overlap", [-1, math.inf, math.nan])
def test_an_overlap_that_cannot_be_is_refused(overlap: float) -> None:
    """Negative, endless, and no number."""
    with pytest.raises(InvalidRequest, match="overlap"):
        lifecycle.rotate(RECORD, "s" * 22, overlap, NOW)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.ACTIVE])
def test_only_an_active_key_is_rotated(status: Status) -> None:
    """A disabled or ended key has no successor to give."""
    with pytest.raises(InvalidTransition):
        lifecycle.rotate(IN_TIME[status], "s" * 22, 5, NOW)


def test_a_rehash_changes_the_hash_and_nothing_else() -> None:
    """Also for an imported key, which is found by what the newest pepper makes of its name."""
    change = lifecycle.rehash(RECORD._replace(status_reason="kept"), b"n" * 32, "newest00", NOW)
    assert change.record == RECORD._replace(hash=b"n" * 32, pepper_version="newest00", status_reason="kept", revision=2)
    assert change.event.kind is EventKind.REHASHED
    imported = RECORD._replace(foreign="sha256$00", lookup=b"l" * 32, hash=b"", pepper_version="")
    fresh = lifecycle.rehash(imported, b"n" * 32, "newest00", NOW, b"m" * 32).record
    assert (fresh.foreign, fresh.lookup, fresh.hash) == (None, b"m" * 32, b"n" * 32)


class Life(RuleBasedStateMachine):
    """Any sequence of moves and of passing time keeps what a life promises."""

    def __init__(self) -> None:
        super().__init__()
        self.record = RECORD._replace(expires=NOW + 500)
        self.now = NOW
        self.events = 0
        self.was_revoked = False
        self.successors: list[str] = []

    @rule(seconds=st.floats(0, 300))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(move=st.sampled_from([Move.FINISH, Move.REVOKE, Move.DISABLE, Move.ENABLE, Move.EXPIRE]))
    def is_moved(self, move: Move) -> None:
        before = self.record.status_at(self.now)
        try:
            change = lifecycle.move(self.record, move, self.now)
        except InvalidTransition:
            return
        if change is not None:
            assert before not in (Status.REVOKED,)
            assert change.record.revision == self.record.revision + 1
            self.events += 1
            self.record = change.record

    @precondition(lambda self: self.record.status_at(self.now) is Status.ACTIVE)
    @rule(overlap=st.sampled_from([0.0, 10.0, 1e6]))
    def is_rotated(self, overlap: float) -> None:
        rotation = lifecycle.rotate(self.record, f"{len(self.successors):022}", overlap, self.now)
        self.successors.append(rotation.successor.key_id)
        self.record = rotation.predecessor.record
        self.events += 1

    @invariant()
    def revoked_is_final(self) -> None:
        self.was_revoked = self.was_revoked or self.record.status is Status.REVOKED
        assert not self.was_revoked or self.record.status_at(self.now) is Status.REVOKED

    @invariant()
    def every_change_has_its_event(self) -> None:
        assert self.record.revision == 1 + self.events

    @invariant()
    def there_is_one_successor(self) -> None:
        assert len(self.successors) <= 1

    @invariant()
    def no_key_outlives_its_expiry(self) -> None:
        if self.now >= NOW + 500:
            assert self.record.status_at(self.now) in (Status.EXPIRED, Status.REVOKED)


TestLife = Life.TestCase
