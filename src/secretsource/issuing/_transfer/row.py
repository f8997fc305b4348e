"""The columns of a row that becomes a key, and how each is read, from JSON or from CSV. Pure.

In CSV every cell is a text and an empty cell has no value; JSON has types of its own, and a text in it is read as in
CSV. No message here quotes a cell: a column that slipped by one may hold a key.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import json
import re
from datetime import datetime, tzinfo
from typing import Any

from secretsource._ground.key_text import quote
from secretsource._ground.namedtuple import NamedTuple
from secretsource._ground.suggest import meant
from secretsource.exceptions import ConfigurationError, InvalidRequest
from secretsource.issuing import limits
from secretsource.issuing._check import policy
from secretsource.issuing._key.text import is_legible, stripped
from secretsource.issuing._manage import field
from secretsource.issuing._transfer.reports import LINE, REASON, ROW
from secretsource.stores.base import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LONGEST_KEY = 512
LONGEST_HASH = 1024
_IS_SECONDS = re.compile(r"[0-9]{9,15}(?:\.[0-9]{1,9})?")
"""Seconds since 1970, from 1973 on. A shorter number is a day without hyphens, or a count of days of a spreadsheet."""
_IS_WORDS = re.compile(r"[A-Za-z_ .-]{1,40}")
_IS_OFFSET = re.compile(r"[+-][0-9]{2}:[0-9]{2}")
_IS_KEY_ID = re.compile(r"[0-9A-Za-z]{22}")
_IS_SEAL = re.compile(r"([0-9a-f]{8})\$([0-9a-f]{32})")
_LIMIT_OR_END = re.compile(
    r"expir|revok|disab|delet|block|suspend|inactiv|active|enabl|valid|until|limit|quota|remain|credit|refill|budget|"
    r"ends?(?:_|$)|^end|ratelimit|throttl|usage_?cap|not_?after|^ttl|ttl(?:_|$)|life(?:time|span)|"
    r"archived|banned|cancel|closed|frozen|locked|retired|terminat|burst|^rates?$|(?:^|_)rp[smhd]$|uses_?left|"
    r"per_?(?:second|minute|hour|day|month)|max_?(?:call|request|use)|cidr|network|(?:white|allow)_?list|allow(?:ed)?_?ip",
    re.IGNORECASE,
)
_IS_HEX = re.compile(r"(?:[0-9a-f]{2}){32,64}")


class Column(NamedTuple):
    """One column.

    Attributes:
        read: Reads a cell; raises when it cannot.
        form: The form of a cell, to follow "is not ".
    """

    read: Callable[[Any], Any]
    form: str


def read(row: Mapping[str, Any], zone: tzinfo | None = None) -> dict[str, Any]:
    """Read the cells of a row.

    Args:
        row: Cells that hold a value, by the names of `COLUMNS`.
        zone: The zone of instants without a time zone; None refuses them.

    Raises:
        InvalidRequest: A cell does not have its form; the message quotes no cell.
    """
    values: dict[str, Any] = {}
    for name, cell in row.items():
        column = COLUMNS[name]
        values[name] = _read(column, _placed(cell, zone) if column is _INSTANT else cell)
        if values[name] is None:
            raise InvalidRequest(f"{name} is not {column.form}")
    return values


def unknown(name: object) -> str:
    """Return the fault in an unknown name of a column; a name that is not similar to ours is not quoted."""
    return _meant(name, 0.6) or f"a column has a name that is not known: known are {', '.join(COLUMNS)}"


def mistake(name: object) -> str | None:
    """Return the fault in the name of a column in a file, if it is almost one of ours."""
    return None if name in COLUMNS or name in (ROW, REASON, LINE) else _meant(name, 0.8)


def named(name: str) -> str:
    """Return a column by its name; an unknown name is not quoted: without a header it may be a key."""
    return f"column {name!r}" if _IS_WORDS.fullmatch(name) else "a column"


def _meant(name: object, alike: float) -> str | None:
    question = meant(name, COLUMNS, alike) if isinstance(name, str) and len(name) <= 40 else ""
    return f"there is no column {name!r}: {question}" if question else None


def bears_on_life(name: object) -> bool:
    """Return whether an unmapped column may mean a limit or the end of a key, by its name."""
    return isinstance(name, str) and _LIMIT_OR_END.search(name) is not None


def time_zone(written: str) -> tzinfo:
    """Return a time zone by its offset or its name.

    Args:
        written: ``UTC``, ``Z``, an offset such as ``+02:00``, or a name of the time zone database.

    Raises:
        ConfigurationError: This machine knows no zone of this name.
    """
    from zoneinfo import ZoneInfo

    try:
        if written in {"UTC", "Z"} or _IS_OFFSET.fullmatch(written):
            found = datetime.fromisoformat(f"2000-01-01T00:00:00{'Z' if written == 'UTC' else written}").tzinfo
            assert found is not None
            return found
        return ZoneInfo(written)
    except (ValueError, OSError, LookupError):  # ZoneInfoNotFoundError is a LookupError
        pass
    raise ConfigurationError(f"there is no time zone {quote(written)}: write  UTC,  +02:00  or  Europe/Berlin")


def _placed(cell: object, zone: tzinfo | None) -> object:
    """Add a zone to an instant without one."""
    if not isinstance(cell, str) or zone is None or _IS_SECONDS.fullmatch(cell):
        return cell
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        return cell  # the column says what is wrong with it
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _read(column: Column, cell: object) -> Any:
    try:
        return column.read(cell)
    except (InvalidRequest, ValueError, TypeError, OverflowError, RecursionError):
        return None


def flag(cell: object) -> bool:
    """Read yes or no, as databases write it; raise ``ValueError`` for any other."""
    if isinstance(cell, bool):
        return cell
    word = str(cell).lower()
    if word in {"true", "t", "1", "yes"}:
        return True
    if word in {"false", "f", "0", "no"}:
        return False
    raise ValueError


def instant(cell: object) -> float | None:
    """Return seconds since 1970 UTC, from that number or from ISO 8601 with a time zone."""
    if isinstance(cell, str):
        cell = float(cell) if _IS_SECONDS.fullmatch(cell) else datetime.fromisoformat(cell)
    return field.instant(cell, "")


def words(cell: object) -> list[str]:
    """Return a list of texts, from one or from a text with spaces or commas; empty texts are left out."""
    if isinstance(cell, str):
        cell = json.loads(cell) if cell.startswith("[") else re.split(r"[\s,]+", cell)
    if isinstance(cell, list):
        return [word for word in (stripped(word) if isinstance(word, str) else word for word in cell) if word != ""]
    raise TypeError


def document(cell: object) -> Mapping[str, Any]:
    """Return a JSON object, from one or from its text."""
    return field.metadata(json.loads(cell) if isinstance(cell, str) else cell)


def _text(longest: int) -> Callable[[Any], str]:
    def read_text(cell: object) -> str:
        if isinstance(cell, str) and len(cell) <= longest and is_legible(cell):
            return cell
        raise ValueError

    return read_text


def _matching(form: re.Pattern[str]) -> Callable[[Any], str | None]:
    return lambda cell: cell if isinstance(cell, str) and form.fullmatch(cell) else None


def _seal(cell: object) -> tuple[str, bytes]:
    match = _IS_SEAL.fullmatch(str(cell))
    if match is None:
        raise ValueError
    return match[1], bytes.fromhex(match[2])


def _scopes(cell: object) -> frozenset[str]:
    return policy.check_scopes(words(cell))


def _networks(cell: object) -> tuple[str, ...]:
    return policy.check_networks(words(cell))


def _rate_limit(cell: object) -> str:
    limits.parse(rules := _rules(cell), None)
    return rules


def _quota(cell: object) -> str:
    limits.parse(None, rules := _rules(cell))
    return rules


def _rules(cell: object) -> str:
    return ", ".join(filter(None, map(stripped, field.text(cell, "").split(","))))


def _length(cell: object) -> float:
    seconds = field.seconds(float(cell) if isinstance(cell, str) else cell, "")
    if seconds <= 0:
        raise ValueError
    return seconds


def _notices(cell: object) -> Mapping[str, Any]:
    told = document(cell)
    for about in told.values():
        field.instant(about, "")
    return told


def _credits(cell: object) -> int | None:
    return field.credits(int(cell) if isinstance(cell, str) else cell)


def _revision(cell: object) -> int | None:
    number = int(cell) if isinstance(cell, str) else cell
    return number if type(number) is int and 1 <= number < 2**31 else None


_INSTANT = Column(
    instant, "an instant: seconds since 1970, or ISO 8601 with a time zone; give a zone for those without one"
)
_KEY_ID = Column(_matching(_IS_KEY_ID), "22 characters of 0-9A-Za-z")
_SHORT = Column(_text(field.LONGEST_TEXT), f"a text of at most {field.LONGEST_TEXT} legible characters")

COLUMNS: Mapping[str, Column] = {
    "owner": Column(field.owner, "a name of 1 to 255 legible characters, or a whole number from 0"),
    "hash": Column(_text(LONGEST_HASH), f"a text of at most {LONGEST_HASH} legible characters"),
    "algorithm": Column(_text(32), "the name of a hash, such as sha256"),
    "plaintext": Column(_text(LONGEST_KEY), f"a text of at most {LONGEST_KEY} legible characters"),
    "head": Column(_text(LONGEST_KEY), "the beginning of a key, up to a separator that is left out"),
    "start": _SHORT,
    "name": _SHORT,
    "prefix": _SHORT,
    "environment": _SHORT,
    "scopes": Column(_scopes, "a list of scopes such as invoices:read"),
    "networks": Column(_networks, "a list of CIDR blocks without host bits"),
    "rate_limit": Column(_rate_limit, "of the form 100/minute or 10/second burst 20"),
    "quota": Column(_quota, "of the form 10000/month or 500/day add up to 2000"),
    "rotate_every": Column(_length, "a number of seconds over 0"),
    "credits": Column(_credits, f"a whole number from 0 to {field.MOST_CREDITS}"),
    "metadata": Column(document, f"a JSON object of at most {field.LARGEST_METADATA} bytes"),
    "created_at": _INSTANT,
    "not_before": _INSTANT,
    "expires_at": _INSTANT,
    "last_used_at": _INSTANT,
    "status": Column(Status, f"one of {', '.join(Status)}"),
    "status_reason": _SHORT,
    "key_id": _KEY_ID,
    "display": Column(_text(31), "a text of at most 31 legible characters"),
    "predecessor": _KEY_ID,
    "successor": _KEY_ID,
    "root": _KEY_ID,
    "overlap_ends_at": _INSTANT,
    "lookup": Column(_matching(_IS_HEX), "32 to 64 bytes in hexadecimal"),
    "seal": Column(_seal, "the version of a pepper, $ and 32 hexadecimal digits"),
    "revision": Column(_revision, "a whole number from 1"),
    "revoked_at": _INSTANT,
    "notices": Column(_notices, "a JSON object of instants"),
}
"""Every column; those from ``key_id`` on are for rows that `_export` wrote."""
