"""The columns of a row that becomes a key, and how each is read, from JSON or from CSV. Pure.

In CSV every cell is a text and an empty one is none; JSON has types of its own, and a text in it is read as in CSV.
No sentence here quotes what is in a row: a column that slipped by one may hold a key.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from difflib import get_close_matches
from typing import Any, NamedTuple

from secretsource.exceptions import InvalidRequest
from secretsource.issuing import _policy as policy
from secretsource.issuing import _request as request
from secretsource.issuing import limits
from secretsource.stores.base import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

ROW, REASON, LINE = "_row", "_reason", "_line"
"""What a file of rejected rows says beside each row; passed over when it is imported again."""

LONGEST_KEY = 512
LONGEST_HASH = 1024
_IS_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,9})?")
_IS_KEY_ID = re.compile(r"[0-9A-Za-z]{22}")
_IS_SEAL = re.compile(r"([0-9a-f]{8})\$([0-9a-f]{32})")
_IS_HEX = re.compile(r"(?:[0-9a-f]{2}){32,64}")


class Column(NamedTuple):
    """One column.

    Attributes:
        read: Reads a cell; raises when it cannot.
        form: What a cell is, to follow "is not ".
    """

    read: Callable[[Any], Any]
    form: str


def read(row: Mapping[str, Any]) -> dict[str, Any]:
    """Read the cells of a row.

    Args:
        row: Cells that hold something, by the names of `COLUMNS`.

    Raises:
        InvalidRequest: A name is not known, or a cell is not of its form; no cell is quoted.
    """
    values: dict[str, Any] = {}
    for name, cell in row.items():
        if name not in COLUMNS:
            raise InvalidRequest(complaint([name]) or "")
        column = COLUMNS[name]
        values[name] = _read(column, cell)
        if values[name] is None:
            raise InvalidRequest(f"{name} is not {column.form}")
    return values


def complaint(names: Iterable[object]) -> str | None:
    """What is wrong with the names of columns, or None; one that is like none of ours is not quoted."""
    for place, name in enumerate(names, 1):
        if (isinstance(name, str) and name in COLUMNS) or name in (ROW, REASON):
            continue
        near = get_close_matches(name.lower(), COLUMNS, 1) if isinstance(name, str) and len(name) <= 40 else []
        if near:
            return f"there is no column {name!r}: did you mean {near[0]!r}?"
        where = "a column" if place == 1 else f"column {place}"
        return f"{where} has a name that is not known: known are {', '.join(COLUMNS)}"
    return None


def _read(column: Column, cell: object) -> Any:
    try:
        return column.read(cell)
    except (InvalidRequest, ValueError, TypeError, OverflowError, RecursionError):
        return None


def flag(cell: object) -> bool:
    """Yes or no, as databases write it; a ``ValueError`` when it is neither."""
    if isinstance(cell, bool):
        return cell
    word = str(cell).lower()
    if word in {"true", "t", "1", "yes"}:
        return True
    if word in {"false", "f", "0", "no"}:
        return False
    raise ValueError


def instant(cell: object) -> float | None:
    """Seconds since 1970 UTC, from that number or from ISO 8601 with a time zone."""
    if isinstance(cell, str):
        cell = float(cell) if _IS_NUMBER.fullmatch(cell) else datetime.fromisoformat(cell)
    return request.instant(cell, "")


def words(cell: object) -> list[str]:
    """A list of texts, or one text with spaces or commas between them."""
    if isinstance(cell, str):
        return json.loads(cell) if cell.startswith("[") else re.split(r"[\s,]+", cell.strip())
    if isinstance(cell, list):
        return cell
    raise TypeError


def document(cell: object) -> Mapping[str, Any]:
    """A JSON object, or a text of one."""
    return request.metadata(json.loads(cell) if isinstance(cell, str) else cell)


def _text(longest: int) -> Callable[[Any], str]:
    def read_text(cell: object) -> str:
        if isinstance(cell, str) and len(cell) <= longest and cell.isprintable():
            return cell
        raise ValueError

    return read_text


def _key(cell: object) -> str:
    text = _text(LONGEST_KEY)(cell)
    if text == text.strip():
        return text
    raise ValueError


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
    limits.parse(rules := request.text(cell, ""), None)
    return rules


def _quota(cell: object) -> str:
    limits.parse(None, rules := request.text(cell, ""))
    return rules


def _revision(cell: object) -> int | None:
    number = int(cell) if isinstance(cell, str) else cell
    return number if type(number) is int and 1 <= number < 2**31 else None


_INSTANT = Column(instant, "an instant: seconds since 1970, or ISO 8601 with a time zone")
_KEY_ID = Column(_matching(_IS_KEY_ID), "22 characters of 0-9A-Za-z")
_SHORT = Column(_text(request.LONGEST_TEXT), f"a text of at most {request.LONGEST_TEXT} printable characters")

COLUMNS: Mapping[str, Column] = {
    "owner": Column(request.owner, "a name of 1 to 255 printable characters, or a whole number from 0"),
    "hash": Column(_text(LONGEST_HASH), f"a text of at most {LONGEST_HASH} printable characters"),
    "algorithm": Column(_text(32), "the name of a hash, such as sha256"),
    "plaintext": Column(_key, f"a text of at most {LONGEST_KEY} printable characters without space around it"),
    "head": Column(_text(LONGEST_KEY), "the beginning of a key, up to a separator that is left out"),
    "start": _SHORT,
    "name": _SHORT,
    "prefix": _SHORT,
    "environment": _SHORT,
    "scopes": Column(_scopes, "a list of scopes such as invoices:read"),
    "networks": Column(_networks, "a list of CIDR blocks without host bits"),
    "rate_limit": Column(_rate_limit, "of the form 100/minute or 10/second burst 20"),
    "quota": Column(_quota, "of the form 10000/month or 500/day add up to 2000"),
    "metadata": Column(document, f"a JSON object of at most {request.LARGEST_METADATA} bytes"),
    "created_at": _INSTANT,
    "not_before": _INSTANT,
    "expires_at": _INSTANT,
    "last_used_at": _INSTANT,
    "status": Column(Status, f"one of {', '.join(Status)}"),
    "status_reason": _SHORT,
    "key_id": _KEY_ID,
    "display": Column(_text(31), "a text of at most 31 printable characters"),
    "predecessor": _KEY_ID,
    "successor": _KEY_ID,
    "root": _KEY_ID,
    "overlap_ends_at": _INSTANT,
    "lookup": Column(_matching(_IS_HEX), "32 to 64 bytes in hexadecimal"),
    "seal": Column(_seal, "the version of a pepper, $ and 32 hexadecimal digits"),
    "revision": Column(_revision, "a whole number from 1"),
}
"""Every column there is; those from ``key_id`` on are for what `_export` wrote."""
