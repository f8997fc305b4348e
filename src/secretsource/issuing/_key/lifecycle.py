"""The life of a key: its moves, and the change that each makes to a record. Pure; time is an argument.

    active → rotating → revoked | expired        a rotated key works until its overlap ends
    rotating → rotating                          an overlap is shortened, never prolonged
    active ⇄ disabled                            either of them may be revoked, or expire
    revoked, expired                             final

A move to the state that the key is in already changes nothing, so you can retry every move.
"""

# pure: decides from its arguments, the time among them; no I/O, no await

from __future__ import annotations

import enum

from secretsource._ground.clock import LAST_INSTANT, utc
from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import InvalidRequest, InvalidTransition
from secretsource.stores.base import Change, EventKind, KeyEvent, KeyRecord, Status
from secretsource.stores.records import NO_METADATA

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Move(enum.Enum):
    """A move in the life of a key."""

    ROTATE = "rotate"
    FINISH = "finish the rotation of"
    REVOKE = "revoke"
    DISABLE = "disable"
    ENABLE = "enable"
    EXPIRE = "expire"


MOVES: Mapping[tuple[Status, Move], Status] = {
    (Status.ACTIVE, Move.ROTATE): Status.ROTATING,
    (Status.ACTIVE, Move.REVOKE): Status.REVOKED,
    (Status.ACTIVE, Move.DISABLE): Status.DISABLED,
    (Status.ACTIVE, Move.EXPIRE): Status.EXPIRED,
    (Status.ROTATING, Move.FINISH): Status.REVOKED,
    (Status.ROTATING, Move.REVOKE): Status.REVOKED,
    (Status.ROTATING, Move.EXPIRE): Status.EXPIRED,
    (Status.DISABLED, Move.ENABLE): Status.ACTIVE,
    (Status.DISABLED, Move.REVOKE): Status.REVOKED,
    (Status.DISABLED, Move.EXPIRE): Status.EXPIRED,
}
"""All moves; any other is an `InvalidTransition`."""

_IDLE = frozenset(
    {
        (Status.REVOKED, Move.REVOKE),
        (Status.EXPIRED, Move.REVOKE),
        (Status.REVOKED, Move.FINISH),
        (Status.EXPIRED, Move.FINISH),
        (Status.DISABLED, Move.DISABLE),
        (Status.ACTIVE, Move.ENABLE),
        (Status.EXPIRED, Move.EXPIRE),
    }
)
"""Moves to the state that the key is in already."""

_KINDS = {
    Move.ROTATE: EventKind.ROTATED,
    Move.FINISH: EventKind.ROTATION_FINISHED,
    Move.REVOKE: EventKind.REVOKED,
    Move.DISABLE: EventKind.DISABLED,
    Move.ENABLE: EventKind.ENABLED,
    Move.EXPIRE: EventKind.EXPIRED,
}


_SAME_LENGTH = 0.001
"""Seconds by which two overlaps may differ and count as equal: floats of this size are that exact."""


class By(NamedTuple):
    """The author of a change, its origin and its reason.

    Attributes:
        actor: The author, as your application names it; up to 255 characters.
        origin: An address or a host name; up to 255 characters.
        reason: The reason; up to 255 characters.
    """

    actor: str | None = None
    origin: str | None = None
    reason: str | None = None


NOBODY = By()

_OF_ANY = {Move.REVOKE: Status.REVOKED, Move.EXPIRE: Status.EXPIRED}
"""The moves that a key may make whatever its status is, also one that only a newer version knows."""
_FIRST = {
    Status.ACTIVE: "rotate it first",
    Status.ROTATING: "finish its rotation first",
    Status.DISABLED: "enable it first",
    Status.REVOKED: "issue another key",
    Status.EXPIRED: "issue another key",
}
"""The advice for a move that a status does not allow."""


def move(record: KeyRecord, move: Move, now: float, by: By = NOBODY) -> Change | None:
    """Make one move in the life of a key.

    Args:
        record: The record as stored.
        move: The move; `rotate` makes a rotation that has a successor.
        now: The present, in seconds since 1970 UTC.
        by: The author, the origin and the reason.

    Returns:
        The changed record with its event, or None if the key is in that state already.

    Raises:
        InvalidTransition: The life of a key has no such move.
    """
    now_is = record.status_at(now)
    since = record.status if move is Move.EXPIRE else now_is
    if (since, move) in _IDLE:
        return None
    status = MOVES.get((since, move)) or _OF_ANY.get(move)
    if status is None or (move is Move.EXPIRE and now_is is not Status.EXPIRED):
        advice = "wait for its end" if move is Move.EXPIRE else _FIRST.get(now_is, "ask the version that set it")
        raise InvalidTransition(f"cannot {move.value} key {record.display!r}: it is {now_is.value}; {advice}")
    return _changed(record, status, _KINDS[move], now, by)


class Rotation(NamedTuple):
    """A rotation before it is stored.

    Attributes:
        predecessor: The old key as it will be.
        successor: The new key without its text, hash and pepper; with the same rights and the same length of life.
    """

    predecessor: Change
    successor: KeyRecord


class End(NamedTuple):
    """The end of a successor; as long a life as the old key's by default.

    Attributes:
        at: An instant, in seconds since 1970 UTC.
        after: Seconds after it becomes good; over 0.
        keeps: Whether it ends when the old key would have ended by itself, as the end of a contract.
    """

    at: float | None = None
    after: float | None = None
    keeps: bool = False


AS_LONG = End()


def rotate(
    record: KeyRecord, successor_id: str, overlap: float, now: float, by: By = NOBODY, ends: End = AS_LONG
) -> Rotation:
    """Create a successor for a key.

    Args:
        record: The old key as stored; active.
        successor_id: The ``key_id`` of the new key.
        overlap: Seconds for which both work, from 0; 0 ends the old key at once, as after a leak.
        now: The present, in seconds since 1970 UTC.
        by: The author, the origin and the reason.
        ends: The end of the new key.

    Returns:
        The old key as it will be, and a draft of the new key. The old one ends with the overlap, or at its own end if
        that is earlier; the new one is good no sooner than the old one.

    Raises:
        InvalidRequest: The overlap is negative, or endless; or the new key would end before it is good.
        InvalidTransition: The old key is not active.
    """
    end = _overlap_end(record, overlap, now)
    moved = move(record, Move.ROTATE, now, by)
    assert moved is not None
    status = Status.ROTATING if overlap else Status.REVOKED
    predecessor = moved.record._replace(
        status=status, successor=successor_id, overlap_ends=end, revoked=None if overlap else now
    )
    begins = record.begins if record.begins is not None and record.begins > now else None
    successor = record._replace(
        key_id=successor_id,
        created=now,
        expires=_successor_end(record, ends, begins or now),
        begins=begins,
        status=Status.ACTIVE,
        status_reason=None,
        predecessor=record.key_id,
        successor=None,
        root=record.limit_key,
        overlap_ends=None,
        last_used=None,
        foreign=None,
        lookup=None,
        revision=1,
        notices=NO_METADATA,
    )
    return Rotation(Change(predecessor, moved.event), successor)


def shorten(record: KeyRecord, rotated: float, overlap: float, now: float, by: By = NOBODY) -> Change | None:
    """Bring the end of a rotated key forward.

    Args:
        record: The old key as stored; it has a successor.
        rotated: The time of its rotation, in seconds since 1970 UTC.
        overlap: Seconds from now for which both still work, from 0; 0 ends the old key at once, as after a leak.
        now: The present, in seconds since 1970 UTC.
        by: The author, the origin and the reason.

    Returns:
        The old key with its earlier end and the event, or None if this repeats the rotation unchanged.

    Raises:
        InvalidRequest: The overlap is negative, or endless.
        InvalidTransition: The new end would be later than the present one.
    """
    end = _overlap_end(record, overlap, now)
    ends = record.overlap_ends if record.overlap_ends is not None else rotated
    status = record.status_at(now)
    is_repeat = end == ends or abs(rotated + overlap - ends) < _SAME_LENGTH
    if is_repeat or (status is not Status.ROTATING and not overlap):
        return None
    if status is not Status.ROTATING or end > ends:
        last = min(each for each in (ends, record.expires, record.revoked) if each is not None)
        raise InvalidTransition(
            f"cannot rotate key {record.display!r} again: it {'ends' if status is Status.ROTATING else 'ended'} at "
            f"{utc(last):%Y-%m-%d %H:%M:%S} UTC, and an overlap can be shortened only; rotate its successor instead"
        )
    if not overlap:
        ended = _changed(record, Status.REVOKED, EventKind.ROTATION_FINISHED, now, by)
        return ended._replace(record=ended.record._replace(overlap_ends=now))
    return _changed(record._replace(overlap_ends=end), status, EventKind.ROTATED, now, by, record.status_reason)


def extend(record: KeyRecord, overlap: float, now: float, by: By = NOBODY) -> Change | None:
    """Put the end of a rotating key off, up to its own end.

    Args:
        record: The old key as stored.
        overlap: Seconds from now for which both keys still work.
        now: The present, in seconds since 1970 UTC.
        by: The author, the origin and the reason.

    Returns:
        The old key with its later end and the event, or None if it ends then already.

    Raises:
        InvalidRequest: The overlap is negative, or endless.
        InvalidTransition: The key is not rotating, or would end earlier than before.
    """
    end = _overlap_end(record, overlap, now)
    if record.status_at(now) is not Status.ROTATING or record.overlap_ends is None:
        raise InvalidTransition(f"cannot extend the rotation of key {record.display!r}: it is not rotating now")
    if end < record.overlap_ends:
        raise InvalidTransition(
            f"cannot extend the rotation of key {record.display!r}: it would end earlier; rotate it again to shorten it"
        )
    if end == record.overlap_ends:
        return None
    changed = _changed(
        record._replace(overlap_ends=end), record.status, EventKind.UPDATED, now, by, record.status_reason
    )
    return changed._replace(event=changed.event._replace(fields=("overlap_ends_at",)))


def _overlap_end(record: KeyRecord, overlap: float, now: float) -> float:
    """Return the end of a key whose overlap begins now: an overlap never prolongs a key."""
    if not 0 <= overlap < float("inf"):
        raise InvalidRequest(f"overlap must be 0 seconds or more, not {overlap}", field="overlap")
    return now + overlap if record.expires is None else min(now + overlap, record.expires)


def _successor_end(record: KeyRecord, ends: End, good: float) -> float | None:
    """Return the end of a successor that becomes good at an instant.

    Raises:
        InvalidRequest: It would end before that.
    """
    if ends.at is not None:
        end: float | None = ends.at
    elif ends.after is not None:
        end = min(good + ends.after, LAST_INSTANT)
    elif ends.keeps or record.expires is None:
        end = record.expires
    else:
        end = _as_long(record, record.expires, good)
    if end is not None and end <= good:
        raise InvalidRequest("the new key would end before it is good: give a later expiry", field="expires_at")
    return end


def _as_long(record: KeyRecord, expires: float, start: float) -> float:
    """Return the end of a key that starts then, and lives as long as an existing one."""
    return min(start + (expires - max(record.created, record.begins or 0.0)), LAST_INSTANT)


def issue(record: KeyRecord, now: float, by: By = NOBODY, kind: EventKind = EventKind.ISSUED) -> Change:
    """Return the first event of a new record."""
    return Change(record, KeyEvent(record.key_id, record.revision, kind, now, by.actor, by.origin, by.reason))


def rehash(record: KeyRecord, hashed: bytes, pepper_version: str, now: float, lookup: bytes | None = None) -> Change:
    """Replace a hash that was made with an older pepper, or elsewhere; nothing else changes.

    Args:
        record: The record as stored.
        hashed: The new hash, 32 bytes.
        pepper_version: The version of the pepper that made it.
        now: The present, in seconds since 1970 UTC.
        lookup: The value that finds an imported key under that pepper; None for a key of ours.
    """
    fresh = record._replace(hash=hashed, pepper_version=pepper_version, foreign=None, lookup=lookup)
    return _changed(fresh, fresh.status, EventKind.REHASHED, now, NOBODY, fresh.status_reason)


def _changed(
    record: KeyRecord, status: Status, kind: EventKind, now: float, by: By, status_reason: str | None = None
) -> Change:
    revoked = now if status is Status.REVOKED and record.status is not Status.REVOKED else record.revoked
    changed = record._replace(
        status=status, status_reason=status_reason or by.reason, revision=record.revision + 1, revoked=revoked
    )
    return issue(changed, now, by, kind)
