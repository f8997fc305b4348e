"""The possible changes of an existing key: checked whole, before anything is stored. Pure; time is an argument."""

# pure: decides from its arguments, the time among them; no I/O, no await

from __future__ import annotations

from functools import partial
from typing import Any, TypedDict

from secretsource._ground.namedtuple import NamedTuple
from secretsource._ground.sentinels import UNSET
from secretsource.exceptions import InvalidRequest, InvalidTransition
from secretsource.issuing import limits
from secretsource.issuing._check import policy
from secretsource.issuing._key import lifecycle
from secretsource.issuing._manage import field
from secretsource.issuing._manage.registers.plans import renewed
from secretsource.stores.base import EventKind
from secretsource.stores.records import NO_METADATA

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime, timedelta

    from secretsource._ground.sentinels import UnsetType
    from secretsource.issuing._key.lifecycle import By
    from secretsource.stores.base import Change, KeyRecord


class KeyUpdate(TypedDict, total=False):
    """The fields to change of a key; fields left out, or ``UNSET``, stay, and None clears a field.

    Attributes:
        name: Its name for people: up to 255 characters.
        scopes: Its scopes: up to 1000 exact scopes and wildcards such as ``invoices:*``.
        rate_limit: Rules such as ``100/minute, 10/second burst 20``.
        quota: Rules such as ``10000/month``.
        credits: All credits that it is granted, those that are spent included; `ApiKeys.add_credits` adds to them.
        networks: Up to 1000 CIDR blocks from which it may be used; empty for any.
        begins_at: Instant from which it is valid, as an aware datetime or in seconds since 1970 UTC.
        expires_at: Instant at which it ends, as an aware datetime or in seconds since 1970 UTC.
        metadata: A JSON object of up to 4096 bytes in UTF-8; it replaces the old object.
        rotate_every: Time from its issue until it is due for rotation, as a timedelta or in seconds; over 0.
    """

    name: str | UnsetType | None
    scopes: Iterable[str] | UnsetType | None
    rate_limit: str | UnsetType | None
    quota: str | UnsetType | None
    credits: int | UnsetType | None
    networks: Iterable[str] | UnsetType | None
    begins_at: datetime | float | UnsetType | None
    expires_at: datetime | float | UnsetType | None
    metadata: Mapping[str, Any] | UnsetType | None
    rotate_every: timedelta | float | UnsetType | None


class _Field(NamedTuple):
    """A field of a record that an update may change.

    Attributes:
        name: Its name.
        read: Checks what is given for it, and returns its value.
        cleared: Its value for None.
    """

    name: str
    read: Callable[[Any], object]
    cleared: object = None


def _name(given: object) -> str:
    return field.keyless(field.text(given, "name"), "name")


def _metadata(given: object) -> Mapping[str, Any]:
    return field.keyless(field.metadata(given), "metadata")


_FIELDS: Mapping[str, _Field] = {
    "name": _Field("name", _name, ""),
    "scopes": _Field("scopes", policy.check_scopes, frozenset()),
    "rate_limit": _Field("rate_limit", partial(field.text, what="rate_limit")),
    "quota": _Field("quota", partial(field.text, what="quota")),
    "credits": _Field("credits", field.credits),
    "networks": _Field("networks", policy.check_networks, ()),
    "begins_at": _Field("begins", partial(field.instant, what="begins_at")),
    "expires_at": _Field("expires", partial(field.instant, what="expires_at")),
    "metadata": _Field("metadata", _metadata, NO_METADATA),
    "rotate_every": _Field("rotate_every", partial(field.period, what="rotate_every")),
}
"""By the name of the argument."""


def wanted(update: KeyUpdate) -> dict[str, object]:
    """Check an update, and return its fields by the names of `KeyUpdate`.

    Args:
        update: The arguments of the update.

    Raises:
        InvalidRequest: A field is not valid; the message names the field and the reason.
    """
    unknown = update.keys() - _FIELDS.keys()
    if unknown:
        raise InvalidRequest(
            f"an update of a key must change {', '.join(_FIELDS)}, not {', '.join(sorted(unknown))}: "
            "issue another key for what cannot change"
        )
    given: dict[str, Any] = {name: value for name, value in update.items() if value is not UNSET}
    return {
        name: _FIELDS[name].cleared if value is None else _FIELDS[name].read(value) for name, value in given.items()
    }


def amend(record: KeyRecord, asked: Mapping[str, object], now: float, by: By) -> Change | None:
    """Change a key that has not ended.

    Args:
        record: The record as stored.
        asked: The result of `wanted`.
        now: The present, in seconds since 1970 UTC.
        by: The actor, the origin and the reason.

    Returns:
        The changed record, with an event that names the changed fields; None if it is like that already.

    Raises:
        InvalidTransition: The key has ended.
        InvalidRequest: It would end before it is valid, or its limits contradict each other.
        PlanExceeded: Its new end is later than the plan of its owner allows.
    """
    if record.has_ended(now):
        raise InvalidTransition(
            f"cannot update key {record.display!r}: it is {record.status_at(now).value}; issue another key"
        )
    new = {name: value for name, value in asked.items() if getattr(record, _FIELDS[name].name) != value}
    if not new:
        return None
    fields: dict[str, Any] = {_FIELDS[name].name: value for name, value in new.items()}
    after = record._replace(**fields)
    limits.parse(after.rate_limit, after.quota)
    if "expires_at" in new or ("begins_at" in new and after.expires is not None):
        after = renewed(after, now)
    if ("expires_at" in new or "begins_at" in new) and after.expires is not None:
        _check_end(after.expires, max(now, after.begins or now))
    change = lifecycle.issue(after._replace(revision=record.revision + 1), now, by, EventKind.UPDATED)
    return change._replace(event=change.event._replace(fields=tuple(sorted(new))))


def _check_end(expires: float, good: float) -> None:
    if expires <= good:
        raise InvalidRequest(
            "the key would end before it is good: give a later expires_at, or revoke the key", field="expires_at"
        )
