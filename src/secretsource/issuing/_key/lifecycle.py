"""The life of a key: which moves there are, and what each makes of a record. Pure; time is an argument.

    active → rotating → revoked | expired        a rotated key works until its overlap ends
    rotating → rotating                          an overlap is shortened, never prolonged
    active ⇄ disabled                            either of them may be revoked, or expire
    revoked, expired                             final

A move that finds the key where it would bring it changes nothing, so that every one of them can be retried.
"""

# pure: decides from its arguments, the time among them; no I/O, no await

from __future__ import annotations

import enum
from typing import NamedTuple

from secretsource._clock import LAST_INSTANT, utc
from secretsource.exceptions import InvalidRequest, InvalidTransition
from secretsource.stores.base import Change, EventKind, KeyEvent, KeyRecord, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Move(enum.Enum):
    """What can be done to a key."""

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
"""Every move there is; anything else is an `InvalidTransition`."""

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
"""Moves that find the key where they would bring it."""

_KINDS = {
    Move.ROTATE: EventKind.ROTATED,
    Move.FINISH: EventKind.ROTATION_FINISHED,
    Move.REVOKE: EventKind.REVOKED,
    Move.DISABLE: EventKind.DISABLED,
    Move.ENABLE: EventKind.ENABLED,
    Move.EXPIRE: EventKind.EXPIRED,
}


_SAME_LENGTH = 0.001
"""Seconds by which two overlaps may differ and count as the same one: floats of this size are that exact."""


class By(NamedTuple):
    """Who makes a change, from where, and why.

    Attributes:
        actor: Who, in the application's words; up to 255 characters.
        origin: From where: an address, a host name; up to 255 characters.
        reason: Why; up to 255 characters.
    """

    actor: str | None = None
    origin: str | None = None
    reason: str | None = None


NOBODY = By()


def move(record: KeyRecord, move: Move, now: float, by: By = NOBODY) -> Change | None:
    """Make one move in the life of a key.

    Args:
        record: The record as stored.
        move: Which; a rotation that has a successor is made by `rotate`.
        now: When, in seconds since 1970 UTC.
        by: Who, from where and why.

    Returns:
        The changed record with its event, or None when the key is there already.

    Raises:
        InvalidTransition: The life of a key has no such move.
    """
    now_is = record.status_at(now)
    since = record.status if move is Move.EXPIRE else now_is
    if (since, move) in _IDLE:
        return None
    status = MOVES.get((since, move))
    if status is None or (move is Move.EXPIRE and now_is is not Status.EXPIRED):
        raise InvalidTransition(f"cannot {move.value} key {record.display!r}: it is {now_is.value}")
    return _changed(record, status, _KINDS[move], now, by)


class Rotation(NamedTuple):
    """A rotation before it is stored.

    Attributes:
        predecessor: The old key as it shall be.
        successor: The new key, all but its own text, hash and pepper; the same rights and the same length of life.
    """

    predecessor: Change
    successor: KeyRecord


class End(NamedTuple):
    """When the successor of a key ends; as long a life as the old key's, where nothing else is said.

    Attributes:
        at: At this instant, in seconds since 1970 UTC.
        after: So many seconds after it becomes good; over 0.
        keeps: When the old key would have ended by itself, as the end of a contract.
    """

    at: float | None = None
    after: float | None = None
    keeps: bool = False


AS_LONG = End()


def rotate(
    record: KeyRecord, successor_id: str, overlap: float, now: float, by: By = NOBODY, ends: End = AS_LONG
) -> Rotation:
    """Give a key a successor.

    Args:
        record: The old key as stored; active.
        successor_id: The ``key_id`` of the new key.
        overlap: Seconds for which both work, from 0; 0 ends the old one at once, as after a leak.
        now: When, in seconds since 1970 UTC.
        by: Who, from where and why.
        ends: When the new key ends.

    Returns:
        The old key as it shall be, whose end is the earlier of the overlap's and its own, and a draft of the new one,
        which is good no sooner than the old one.

    Raises:
        InvalidRequest: The overlap is negative, or endless; or the new key would end before it is good.
        InvalidTransition: The old key is not active.
    """
    end = _overlap_end(record, overlap, now)
    moved = move(record, Move.ROTATE, now, by)
    assert moved is not None
    status = Status.ROTATING if overlap else Status.REVOKED
    predecessor = moved.record._replace(status=status, successor=successor_id, overlap_ends=end)
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
    )
    return Rotation(Change(predecessor, moved.event), successor)


def shorten(record: KeyRecord, rotated: float, overlap: float, now: float, by: By = NOBODY) -> Change | None:
    """Bring the end of a rotated key forward.

    Args:
        record: The old key as stored; it has a successor.
        rotated: When it was rotated, in seconds since 1970 UTC.
        overlap: Seconds from now for which both shall work, from 0; 0 ends the old key at once, as after a leak.
        now: When, in seconds since 1970 UTC.
        by: Who, from where and why.

    Returns:
        The old key with its earlier end and the event, or None where this repeats the rotation as it is.

    Raises:
        InvalidRequest: The overlap is negative, or endless.
        InvalidTransition: The key would end later than it does.
    """
    end = _overlap_end(record, overlap, now)
    ends = record.overlap_ends if record.overlap_ends is not None else rotated
    status = record.status_at(now)
    is_repeat = end == ends or abs(rotated + overlap - ends) < _SAME_LENGTH
    if is_repeat or (status is not Status.ROTATING and not overlap):
        return None
    if status is not Status.ROTATING or end > ends:
        raise InvalidTransition(
            f"cannot rotate key {record.display!r} again: it {'ends' if status is Status.ROTATING else 'ended'} at "
            f"{utc(ends):%Y-%m-%d %H:%M:%S} UTC, and an overlap can be shortened only; rotate its successor instead"
        )
    if not overlap:
        ended = _changed(record, Status.REVOKED, EventKind.ROTATION_FINISHED, now, by)
        return ended._replace(record=ended.record._replace(overlap_ends=now))
    return _changed(record._replace(overlap_ends=end), status, EventKind.ROTATED, now, by, record.status_reason)


def _overlap_end(record: KeyRecord, overlap: float, now: float) -> float:
    """When a key ends whose overlap begins now: an overlap never prolongs a key."""
    if not 0 <= overlap < float("inf"):
        raise InvalidRequest(f"overlap must be 0 seconds or more, not {overlap}")
    return now + overlap if record.expires is None else min(now + overlap, record.expires)


def _successor_end(record: KeyRecord, ends: End, good: float) -> float | None:
    """When the successor of a key ends that becomes good at an instant.

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
        raise InvalidRequest("the new key would end before it is good: give a later expiry")
    return end


def _as_long(record: KeyRecord, expires: float, start: float) -> float:
    """When a key ends that begins then, and lives as long as one that is there."""
    return min(start + (expires - max(record.created, record.begins or 0.0)), LAST_INSTANT)


def issue(record: KeyRecord, now: float, by: By = NOBODY, kind: EventKind = EventKind.ISSUED) -> Change:
    """The first event of a new record."""
    return Change(record, KeyEvent(record.key_id, record.revision, kind, now, by.actor, by.origin, by.reason))


def rehash(record: KeyRecord, hashed: bytes, pepper_version: str, now: float, lookup: bytes | None = None) -> Change:
    """Replace a hash that was made with an older pepper, or elsewhere; nothing else changes.

    Args:
        record: The record as stored.
        hashed: The new hash, 32 bytes.
        pepper_version: The version of the pepper that made it.
        now: When, in seconds since 1970 UTC.
        lookup: What an imported key is found by under that pepper; None for a key of ours.
    """
    fresh = record._replace(hash=hashed, pepper_version=pepper_version, foreign=None, lookup=lookup)
    return _changed(fresh, fresh.status, EventKind.REHASHED, now, NOBODY, fresh.status_reason)


def _changed(
    record: KeyRecord, status: Status, kind: EventKind, now: float, by: By, status_reason: str | None = None
) -> Change:
    changed = record._replace(status=status, status_reason=status_reason or by.reason, revision=record.revision + 1)
    return issue(changed, now, by, kind)
