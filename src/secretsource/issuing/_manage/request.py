"""The fields of a new key: checked here, whole, before anything is made. Pure; time is an argument."""

# pure: decides from its arguments, the time among them; no I/O, no await

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypedDict

from secretsource._ground.clock import LAST_INSTANT
from secretsource._ground.frozen import frozen_document
from secretsource._ground.key_id import is_beginning
from secretsource.exceptions import InvalidRequest
from secretsource.issuing import limits
from secretsource.issuing._check import policy
from secretsource.issuing._key import lifecycle
from secretsource.issuing._key.lifecycle import By
from secretsource.issuing._key.text import canonical, holds_key, is_legible, kept
from secretsource.stores.base import KeyQuery, KeyRecord, Status
from secretsource.stores.records import NO_METADATA

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Required, TypeVar

    Kept = TypeVar("Kept")

_NAMELESS = {
    "owner": "a key needs an owner: give the name or number of a customer",
    "plan": "a plan needs a name: give it 1 to 255 characters",
}
LONGEST_TEXT = 255
LARGEST_METADATA = 4096
LONGEST = timedelta(days=365_000).total_seconds()
MOST_CREDITS = 10**15
"""The most credits that a key or an owner is granted in its life."""


class KeyRequest(TypedDict, total=False):
    """The fields of a new key; only ``owner`` is required.

    Attributes:
        owner: The owner of the key: a name of 1 to 255 characters, or an integer from 0. Names are compared in Unicode
            NFC, without blanks around them.
        prefix: The kind of key: a letter and up to 15 of ``a-z0-9``; ``sk`` when left out. Choose your own: secret
            scanners take ``sk_live_`` for the key of another vendor.
        environment: 2 to 8 of ``a-z``; ``live`` when left out.
        scopes: Its scopes: up to 1000 exact scopes and wildcards such as ``invoices:*``.
        expires_in: Its life, as a timedelta or in seconds; over 0.
        expires_at: Its end, as an aware datetime or in seconds since 1970 UTC; instead of ``expires_in``.
        not_before: Instant from which it is valid, as an aware datetime or in seconds since 1970 UTC.
        rate_limit: Rules such as ``100/minute, 10/second burst 20`` or ``5 at once``.
        quota: Rules such as ``10000/month``, ``10000/month on 15`` or ``500/day add up to 2000``.
        credits: Requests that it may make in all, 0 to 10**15; `ApiKeys.add_credits` adds some. None for no bound.
        networks: Up to 1000 CIDR blocks from which it may be used; empty for any.
        name: Its name for people: up to 255 characters.
        metadata: A JSON object of up to 4096 bytes in UTF-8.
        rotate_every: Time from its issue until it is due for rotation, as a timedelta or in seconds; over 0. Its
            successors inherit it.
    """

    owner: Required[str | int]
    prefix: str
    environment: str
    scopes: Iterable[str]
    expires_in: timedelta | float | None
    expires_at: datetime | float | None
    not_before: datetime | float | None
    rate_limit: str | None
    quota: str | None
    credits: int | None
    networks: Iterable[str]
    name: str
    metadata: Mapping[str, Any]
    rotate_every: timedelta | float | None


def draft(request: KeyRequest, now: float) -> KeyRecord:
    """Check a request, and return its record without ``key_id``, hash and display, which the key itself decides.

    Args:
        request: The fields of the key.
        now: The present, in seconds since 1970 UTC.

    Raises:
        InvalidRequest: A field is not valid; the message names the field and the reason.
    """
    if not isinstance(request, dict):
        raise InvalidRequest("a request for a key is a dictionary: write  {'owner': 'acme'}")
    unknown = request.keys() - KeyRequest.__annotations__.keys()
    if unknown:
        raise InvalidRequest(
            f"a key has no {', '.join(sorted(unknown))}: known are {', '.join(KeyRequest.__annotations__)}"
        )
    begins = instant(request.get("not_before"), "not_before")
    rate_limit, quota = request.get("rate_limit"), request.get("quota")
    limits.parse(rules(rate_limit, "rate_limit"), rules(quota, "quota"))
    return KeyRecord(
        key_id="",
        hash=b"",
        pepper_version="",
        display="",
        owner=keyless(owner(request.get("owner")), "owner"),
        prefix=request.get("prefix", "sk"),
        environment=request.get("environment", "live"),
        created=now,
        name=keyless(text(request.get("name", ""), "name"), "name"),
        scopes=policy.check_scopes(request.get("scopes", ())),
        rate_limit=rate_limit,
        quota=quota,
        credits=credits(request.get("credits")),
        networks=policy.check_networks(request.get("networks", ())),
        begins=begins,
        expires=_expiry(request, now, begins),
        metadata=keyless(metadata(request.get("metadata", NO_METADATA)), "metadata"),
        rotate_every=period(request.get("rotate_every"), "rotate_every"),
    )


def by(actor: str | None, origin: str | None, reason: str | None = None) -> By:
    """Cut the actor, the origin and the reason to fit, and mask keys: an annotation stops no call."""
    return By(*(None if given is None else kept(str(given), LONGEST_TEXT) for given in (actor, origin, reason)))


def text(value: object, what: str) -> str:
    """Check a text of up to 255 legible characters; see `is_legible`.

    Raises:
        InvalidRequest: The text is longer, or has other characters.
    """
    if isinstance(value, str) and len(value) <= LONGEST_TEXT and is_legible(value):
        return value
    raise InvalidRequest(
        f"{what} must be a text of at most {LONGEST_TEXT} characters, without controls, line breaks and "
        "bidirectional overrides",
        field=what,
    )


def keyless(value: Kept, what: str) -> Kept:
    """Return a field that every reader of a record sees, if there is no API key in it.

    Raises:
        InvalidRequest: There is a key in it, which is not quoted.
    """
    if holds_key(str(value)):
        raise InvalidRequest(
            f"{what} must not have an API key in it, where it stays readable: leave it out", field=what
        )
    return value


def seconds(length: object, what: str) -> float:
    """Return a length of time in seconds, from a timedelta or a number.

    Raises:
        InvalidRequest: It has another type, or is not within a thousand years.
    """
    if isinstance(length, timedelta):
        length = length.total_seconds()
    if isinstance(length, (int, float)) and not isinstance(length, bool) and -LONGEST <= length <= LONGEST:
        return float(length)
    raise InvalidRequest(f"{what} is neither a timedelta nor a number of seconds, within a thousand years", field=what)


def period(length: object, what: str) -> float | None:
    """Return a length of time over 0 in seconds; None stays None.

    Raises:
        InvalidRequest: It is not such a length.
    """
    found = None if length is None else seconds(length, what)
    if found is not None and found <= 0:
        raise InvalidRequest(f"{what} must be over 0 seconds, not {found:g}", field=what)
    return found


def instant(moment: object, what: str) -> float | None:
    """Return an instant in seconds since 1970 UTC, from an aware datetime or a number; None stays None.

    Raises:
        InvalidRequest: It has another type, or is too far away; a datetime without a time zone may mean any of 38
            instants.
    """
    if moment is None:
        return None
    if isinstance(moment, datetime):
        if moment.utcoffset() is None:
            raise InvalidRequest(f"{what} has no time zone: write  datetime(..., tzinfo=UTC)", field=what)
        moment = moment.timestamp()
    if not isinstance(moment, (int, float)) or isinstance(moment, bool):
        raise InvalidRequest(f"{what} is neither an aware datetime nor a number of seconds since 1970", field=what)
    if not 0 <= moment <= LAST_INSTANT:
        raise InvalidRequest(f"{what} must be from 1970-01-01 to 9999-12-30, in UTC", field=what)
    return float(moment)


def owner_id(given: str | int) -> str:
    """Return the owner of a key in its only spelling, as records have it.

    Args:
        given: A name of 1 to 255 characters, which is composed (Unicode NFC) and loses the blanks around it; or an
            integer from 0.

    Raises:
        InvalidRequest: It is neither such a name nor such a number.
    """
    return owner(given)


def owner(given: object) -> str:
    """Return the owner of a key as `owner_id` does, from a value of any type."""
    return named(given, "owner")


def named(given: object, what: str) -> str:
    """Return the id of an owner or a plan: 1 to 255 legible characters in their one spelling, or an integer from 0.

    Raises:
        InvalidRequest: It is neither such a text nor such a number.
    """
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < 10**LONGEST_TEXT:
        return str(given)
    name = canonical(text(given, what))
    if name:
        return name
    raise InvalidRequest(_NAMELESS[what], field=what)


def label(given: object, owner: str | None) -> tuple[str, str] | None:
    """Return the field of metadata that a list narrows by, and its text; None for no such field.

    Raises:
        InvalidRequest: It is not one field with a text, or the list has no owner.
    """
    if given is None:
        return None
    fields = list(given.items()) if isinstance(given, Mapping) else []
    if len(fields) != 1 or not all(isinstance(part, str) and "\0" not in part for part in fields[0]):
        raise InvalidRequest(
            "metadata must be one field with a text here, such as  metadata={'team': 'red'}", field="metadata"
        )
    if owner is None:
        raise InvalidRequest(
            "a list by metadata needs an owner, because no index has all metadata: give  owner=", field="owner"
        )
    name, value = fields[0]
    return name, value


def narrowed(query: KeyQuery) -> KeyQuery:
    """Check a query for the store.

    Raises:
        InvalidRequest: A filter is of a kind that no record has.
    """
    for what in ("environment", "prefix", "name"):
        text(getattr(query, what) or "", what)
    if query.beginning is not None and not is_beginning(query.beginning):
        raise InvalidRequest("the beginning of a key_id must be 1 to 22 characters of 0-9A-Za-z", field="beginning")
    if not isinstance(query.after, str | None):
        raise InvalidRequest("a listing goes on after the text that the page before has as its next", field="after")
    if query.status is None or query.status in set(Status):
        return query._replace(status=None if query.status is None else Status(query.status))
    raise InvalidRequest(f"a key has no such status: ask for one of {', '.join(Status)}", field="status")


def wanted_owner(given: object) -> str | None:
    """Return the owner in a query, as records name it; None for all."""
    return None if given is None else owner(given)


def number(given: object, what: str, least: int, most: int) -> None:
    """Check a whole number in a range.

    Raises:
        InvalidRequest: It is not a whole number, or is out of the range.
    """
    if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= most:
        raise InvalidRequest(f"{what} must be a whole number from {least} to {most}, not {given!r:.40}", field=what)


def credits(given: object, least: int = 0) -> int | None:
    """Check a number of credits; None stays None.

    Raises:
        InvalidRequest: It is not a whole number, or is out of the range.
    """
    if given is None:
        return None
    if isinstance(given, int) and not isinstance(given, bool) and least <= given <= MOST_CREDITS:
        return given
    raise InvalidRequest(
        f"credits must be a whole number from {least} to {MOST_CREDITS}, not {given!r:.40}", field="credits"
    )


def more_credits(given: object) -> int:
    """Check the credits of a top-up.

    Raises:
        InvalidRequest: It is not a whole number from 1.
    """
    more = credits(0 if given is None else given, 1)
    assert more is not None
    return more


def topped_up(granted: int | None, more: int, whose: str) -> int:
    """Return all credits after a top-up.

    Raises:
        InvalidRequest: There are no credits to add to, or there would be too many.
    """
    if granted is None:
        raise InvalidRequest(
            f"{whose} has no credits, so none bound it: set credits first, then add to them", field="credits"
        )
    if granted + more > MOST_CREDITS:
        raise InvalidRequest(
            f"{whose} would be granted more than {MOST_CREDITS} credits in all: add fewer", field="credits"
        )
    return granted + more


def successor_end(
    expires_in: timedelta | float | None, expires_at: datetime | float | None, keep_expiry: bool
) -> lifecycle.End:
    """Return the end of the successor of a key.

    Raises:
        InvalidRequest: More than one argument gives it, or it is not a length of time or an instant.
    """
    if (expires_in is not None) + (expires_at is not None) + bool(keep_expiry) > 1:
        raise InvalidRequest("a new key ends once: give one of expires_in, expires_at and keep_expiry")
    after = None if expires_in is None else seconds(expires_in, "expires_in")
    if after is not None and after <= 0:
        raise InvalidRequest(
            "expires_in must be over 0 seconds, or the new key would end before it is good", field="expires_in"
        )
    return lifecycle.End(instant(expires_at, "expires_at"), after, bool(keep_expiry))


def _expiry(request: KeyRequest, now: float, begins: float | None) -> float | None:
    expires = instant(request.get("expires_at"), "expires_at")
    length = request.get("expires_in")
    if length is not None:
        if expires is not None:
            raise InvalidRequest("a key ends once: give expires_in or expires_at, not both")
        expires = instant(max(now, begins or now) + seconds(length, "expires_in"), "expires_in")
    if expires is not None and expires <= max(now, begins or now):
        raise InvalidRequest(
            "the key would end before it is good: give a later expiry",
            field="expires_at" if length is None else "expires_in",
        )
    return expires


def rules(given: object, what: str) -> str | None:
    """Return the text of rates or quotas, before it is parsed; None without any."""
    return None if given is None else text(given, what)


def metadata(given: object) -> Mapping[str, Any]:
    """Check a JSON object of up to 4096 bytes in UTF-8, and return a frozen copy.

    Raises:
        InvalidRequest: It is not such an object, or holds a text that no database takes.
    """
    size, kept = 0, None
    try:
        written = json.dumps(dict(given), allow_nan=False, ensure_ascii=False) if isinstance(given, Mapping) else ""
        size, kept = len(written.encode()), json.loads(written)
    except (TypeError, ValueError, RecursionError):
        pass
    if kept is None:
        raise InvalidRequest("metadata must be a JSON object", field="metadata")
    if size > LARGEST_METADATA:
        raise InvalidRequest(
            f"metadata must be at most {LARGEST_METADATA} bytes as JSON, not {size}: keep a reference to it instead",
            field="metadata",
        )
    if _holds_nul(kept):
        raise InvalidRequest(
            "metadata must hold no NUL character: take it out of its texts and names", field="metadata"
        )
    return frozen_document(kept)


def _holds_nul(value: object) -> bool:
    """Return whether a text in a JSON value has the character that PostgreSQL refuses."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(map(_holds_nul, value)) or any(map(_holds_nul, value.values()))
    return isinstance(value, list) and any(map(_holds_nul, value))
