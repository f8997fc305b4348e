"""The checks of single fields: texts, lengths of time, instants, numbers, credits and metadata. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from secretsource._ground.clock import LAST_INSTANT
from secretsource._ground.frozen import frozen_document
from secretsource._ground.key_text import holds_key, quote, written
from secretsource.exceptions import InvalidRequest
from secretsource.issuing._key.lifecycle import By
from secretsource.issuing._key.text import canonical, is_legible, kept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

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


def by(actor: str | None, origin: str | None, reason: str | None = None) -> By:
    """Cut the actor, the origin and the reason to fit, and mask keys: an annotation stops no call."""
    return By(*(None if given is None else kept(written(given), LONGEST_TEXT) for given in (actor, origin, reason)))


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


def rules(given: object, what: str) -> str | None:
    """Return the text of rates or quotas, before it is parsed; None without any."""
    return None if given is None else text(given, what)


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


def duration(length: object, what: str) -> float:
    """Return a length of time over 0 in seconds, from a timedelta or a number.

    Raises:
        InvalidRequest: It is not such a length.
    """
    found = seconds(length, what)
    if found <= 0:
        raise InvalidRequest(f"{what} must be over 0 seconds, not {found:g}", field=what)
    return found


def period(length: object, what: str) -> float | None:
    """Return a length of time as `duration` does; None stays None."""
    return None if length is None else duration(length, what)


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


def wanted_owner(given: object) -> str | None:
    """Return the owner in a query, as records name it; None for all."""
    return None if given is None else owner(given)


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


def number(given: object, what: str, least: int, most: int) -> None:
    """Check a whole number in a range.

    Raises:
        InvalidRequest: It is not a whole number, or is out of the range.
    """
    if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= most:
        raise InvalidRequest(f"{what} must be a whole number from {least} to {most}, not {quote(given)}", field=what)


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
        f"credits must be a whole number from {least} to {MOST_CREDITS}, not {quote(given)}", field="credits"
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


def metadata(given: object) -> Mapping[str, Any]:
    """Check a JSON object of up to 4096 bytes in UTF-8, and return a frozen copy.

    Raises:
        InvalidRequest: It is not such an object, or holds a text that no database takes.
    """
    size, kept = 0, None
    try:
        document = json.dumps(dict(given), allow_nan=False, ensure_ascii=False) if isinstance(given, Mapping) else ""
        size, kept = len(document.encode()), json.loads(document)
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
