"""The sources of rows: how other systems name their columns, and their meaning here. Pure.

* ``generic``: the columns of `_row.COLUMNS`, which are also those of an export.
* ``unkey``: keys of Unkey: answers of its API (v1, v2), or rows of its database.
* ``drf-api-key``: rows of djangorestframework-api-key, from its table or from ``dumpdata``.

A limit or an end that cannot be imported rejects its row, and is never dropped. Any other column without a place here
is named with a count, so that a report can list what was left out.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from secretsource._ground.key_text import quote
from secretsource.exceptions import ConfigurationError, InvalidRequest
from secretsource.issuing._key.text import stripped
from secretsource.issuing._transfer import row as _row
from secretsource.issuing._transfer.reports import LINE, REASON, ROW
from secretsource.stores.base import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    Cells = dict[str, Any]
    Kept = TypeVar("Kept", dict[str, Any], list[Any])

_NEEDED = {"generic": ("hash", "plaintext"), "unkey": ("hash", "plaintext"), "drf-api-key": ("id", "hashed_key")}
_MOST_IGNORED = 100
_OF_ONE_KEY = frozenset({"hash", "head", "key_id", "lookup", "plaintext", "seal"})
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


class Source:
    """The translation of rows of one system into rows of ours.

    Args:
        format: A name from `FORMATS`.
        columns: For a column of ours, its name in the rows; it takes precedence over the format.
        defaults: The value of a column of ours for rows without one.

    Attributes:
        format: The format.
        ignored: The columns without a place here, each with the number of rows that had a value in it.

    Raises:
        ConfigurationError: The format or a column is unknown.
    """

    def __init__(self, format: str, columns: Mapping[str, str], defaults: Mapping[str, Any]) -> None:
        if format not in tuple(FORMATS):
            raise ConfigurationError(f"there is no import format {quote(format)}: known are {', '.join(FORMATS)}")
        wrong = next((name for name in (*columns, *defaults) if name not in _row.COLUMNS), None)
        if wrong is not None:
            raise ConfigurationError(f"an import cannot do this: {_row.unknown(wrong)}")
        if not _OF_ONE_KEY.isdisjoint(defaults):
            raise ConfigurationError(f"{' and '.join(sorted(_OF_ONE_KEY))} have no default: each key has its own")
        self.format = format
        self.ignored: Counter[str] = Counter()
        self._columns = dict(columns)
        self._defaults = dict(defaults)

    def complaint(self, header: list[str]) -> str | None:
        """Return the fault in the header of a CSV file, or None."""
        theirs = set(self._columns.values())
        if not {*header, *self._columns}.intersection(_NEEDED[self.format]):
            return f"none of them is {' or '.join(_NEEDED[self.format])}"
        names = [*filter(None, header)]  # a spreadsheet writes nameless columns behind the others
        if len({*names}) < len(names):
            return "two columns have one name"
        if missing := sorted(theirs.difference(header)):
            return f"there is no column {quote(missing[0], 60)}, which was to be read as one of ours"
        mistakes = (_row.mistake(name) for name in header if name not in theirs)
        return next(filter(None, mistakes), None) if self.format == "generic" else None

    def translated(self, row: Mapping[str, Any]) -> Cells:
        """Return a row with the columns of `_row.COLUMNS`.

        Raises:
            InvalidRequest: A cell cannot be imported.
        """
        cells = {name: _cell(cell) for name, cell in row.items() if name not in (ROW, REASON)}
        if LINE in cells:
            raise InvalidRequest("it is a line that could not be read: write its cells in place of the line")
        if self.format == "drf-api-key" and isinstance(cells.get("fields"), dict):
            of_dump = {"id": cells.pop("pk", None), **cells.pop("fields")}  # one object of ``dumpdata --format jsonl``
            cells.pop("model", None)
            cells.update(of_dump)
        mapped = {ours: cells.pop(theirs, None) for ours, theirs in self._columns.items()}
        decided = frozenset(name for name, cell in {**self._defaults, **mapped}.items() if cell not in _NOTHING)
        ours = FORMATS[self.format](cells, decided)
        self._leave_out(cells)
        given = {name: cell for name, cell in {**ours, **mapped}.items() if cell is not None and cell != ""}
        return {**self._defaults, **given}

    def _leave_out(self, cells: Cells) -> None:
        """Count the columns without a place here.

        Raises:
            InvalidRequest: A column may be a limit or an end of the key.
        """
        said = [name for name, cell in cells.items() if cell not in _NOTHING]
        mistake = next(filter(None, map(_row.mistake, said)), None) if self.format == "generic" else None
        if mistake is not None:
            raise InvalidRequest(mistake)
        grave = next((name for name in said if name not in _HARMLESS and _row.bears_on_life(name)), None)
        if grave is not None:
            raise InvalidRequest(
                f"{_row.named(grave)} may be a limit or an end of the key: map it to a column of ours, "
                "or leave it out of the file"
            )
        self.ignored.update(name for name in said if name in self.ignored or len(self.ignored) < _MOST_IGNORED)


def header_judge(
    format: str = "generic", columns: Mapping[str, str] | None = None, defaults: Mapping[str, Any] | None = None
) -> Callable[[list[str]], str | None]:
    """Make the ``judge`` of `read_rows`, which refuses a CSV file that `ApiKeys.import_rows` cannot take.

    Args:
        format: As in `ImportOptions`.
        columns: As in `ImportOptions`.
        defaults: As in `ImportOptions`.

    Returns:
        A function of the names in the header, which returns the fault in them, or None.

    Raises:
        ConfigurationError: The format or a column is unknown.
    """
    return Source(format, columns or {}, defaults or {}).complaint


_HARMLESS = frozenset({"ratelimit_async", "last_refill_at", "lastRefillAt", "refill.lastRefillAt"})
"""Columns of Unkey that mention a limit, without a value that could be lost."""

_NOTHING: tuple[Any, ...] = (None, "", [], {})


def _cell(cell: Any) -> Any:
    return stripped(cell) if isinstance(cell, str) else cell


def _generic(cells: Cells, _: frozenset[str]) -> Cells:
    return {name: cells.pop(name) for name in tuple(cells) if name in _row.COLUMNS}


def _drf_api_key(cells: Cells, __: frozenset[str]) -> Cells:
    head, _, hashed = str(cells.pop("id", "") or "").partition(".")
    head = cells.pop("prefix", None) or head
    hashed = cells.pop("hashed_key", None) or hashed
    revoked = _flag("revoked", cells.pop("revoked", None) or False)
    return {
        "hash": f"drf-api-key${hashed}" if hashed else None,
        "head": head,
        "name": cells.pop("name", None),
        "created_at": cells.pop("created", None),
        "expires_at": cells.pop("expiry_date", None),
        "status": Status.REVOKED if revoked else None,
    }


def _unkey(cells: Cells, decided: frozenset[str]) -> Cells:
    take = _taker(cells)
    _open(cells, "identity")
    if _list("identity.ratelimits", take("identity.ratelimits")) and "rate_limit" not in decided:
        raise InvalidRequest(
            "identity.ratelimits is shared by all keys of an owner, and no key can carry it: give rate_limit a default"
        )
    owner = take("externalId", "external_id", "ownerId", "owner_id", "identity.externalId")
    take("identity.id")  # a name within Unkey, which says nothing of the key
    hashed, enabled = take("hash"), take("enabled")
    deleted = take("deletedAt", "deletedAtM", "deleted_at_m", "deleted_at")
    return {
        "owner": owner,
        "hash": f"unkey${hashed}" if hashed else None,
        "plaintext": take("plaintext"),
        "start": take("start"),
        "name": take("name"),
        "environment": take("environment"),
        "metadata": _unkey_metadata(take("meta"), take("keyId", "id")),
        "scopes": take("permissions"),
        "rate_limit": _unkey_rate_limit(take, cells),
        "quota": _unkey_quota(take, cells, is_decided="quota" in decided),
        "created_at": _milliseconds(take("createdAt", "createdAtM", "created_at_m", "created_at")),
        "expires_at": _milliseconds(take("expires")),
        "last_used_at": _milliseconds(take("lastUsedAt", "last_used_at")),
        "status": _unkey_status(deleted, enabled),
    }


def _taker(cells: Cells) -> Callable[..., Any]:
    def take(*names: str) -> Any:
        found = [cells.pop(name, None) for name in names]
        return next((cell for cell in found if cell not in _NOTHING), None)

    return take


def _open(cells: Cells, name: str, opened: str | None = None) -> None:
    """Put the members of an object in place of it, so that each which has no place here is named."""
    members = _object(name, cells.pop(name, None))
    cells.update({f"{opened or name}.{member}": cell for member, cell in members.items()})


def _unkey_status(deleted: object, enabled: object) -> Status | None:
    if deleted not in (None, 0, "0"):
        return Status.REVOKED
    return None if enabled is None or _flag("enabled", enabled) else Status.DISABLED


def _unkey_metadata(meta: object, key_id: object) -> Mapping[str, Any] | None:
    """Return the metadata of a key of Unkey, with the identifier that the application may know it by."""
    document = _object("meta", meta)
    return {**({} if key_id is None else {"keyId": key_id}), **document} or None


def _unkey_rate_limit(take: Callable[..., Any], cells: Cells) -> str | None:
    limits, one = _list("ratelimits", take("ratelimits")), take("ratelimit")
    if one is not None:
        limits = [*limits, one]
    if cells.get("ratelimit_limit") not in _NOTHING:
        limits = [*limits, {"limit": take("ratelimit_limit"), "duration": take("ratelimit_duration")}]
    return ", ".join(_rule(_object("ratelimits", limit)) for limit in limits) or None


def _rule(limit: Mapping[str, Any]) -> str:
    """Convert one rate of Unkey: so many per so many milliseconds; in its first form, a bucket that is refilled."""
    milliseconds, most = _number(limit.get("duration", limit.get("refillInterval"))), _number(limit.get("limit"))
    rate = most if limit.get("refillRate") is None else _number(limit["refillRate"])
    if milliseconds is None or milliseconds < 1000 or milliseconds % 1000:
        raise InvalidRequest("ratelimits has one whose duration is not in whole seconds: write it as rate_limit")
    unit, length = next((unit, length) for unit, length in _UNITS if milliseconds // 1000 % length == 0)
    burst = "" if rate == most else f" burst {most}"
    return f"{rate}/{milliseconds // 1000 // length} {unit}s{burst}"


def _unkey_quota(take: Callable[..., Any], cells: Cells, *, is_decided: bool) -> str | None:
    """Return the quota that credits amount to, unless the operator decided it; remaining credits are not imported."""
    _open(cells, "credits")
    _open(cells, "credits.refill", "refill")
    _open(cells, "refill")
    remaining = take("credits.remaining", "remaining", "remaining_requests")
    amount = take("refill.amount", "refill_amount")
    day = take("refill.refillDay", "refill_day", "refillDay")
    interval = take("refill.interval", "refill_interval")
    if is_decided or (amount is None and remaining is None):
        return None
    if amount is None:
        raise InvalidRequest("credits without a refill cannot be a quota here: give quota a default")
    if interval not in (None, "daily", "monthly"):
        raise InvalidRequest("credits are refilled neither daily nor monthly: give quota a default")
    monthly = interval == "monthly" or (interval is None and day is not None)
    if monthly and _number(day) not in (None, 1):
        raise InvalidRequest("credits are refilled on another day than the first of the month: give quota a default")
    if remaining is not None and _number(remaining) != _number(amount):
        raise InvalidRequest("credits.remaining is not its refill, and cannot be carried: give quota a default")
    return f"{_number(amount)}/{'month' if monthly else 'day'}"


def _milliseconds(cell: object) -> Any:
    number = _number(cell)
    return cell if number is None else number / 1000


def _number(cell: object) -> int | None:
    if isinstance(cell, int) and not isinstance(cell, bool):
        return cell
    return int(cell) if isinstance(cell, str) and cell.isdecimal() and len(cell) <= 15 else None


def _object(name: str, cell: object) -> Mapping[str, Any]:
    return _document(name, cell, dict, "object")


def _list(name: str, cell: object) -> list[Any]:
    return _document(name, cell, list, "array")


def _document(name: str, cell: object, kind: type[Kept], called: str) -> Kept:
    try:
        document = json.loads(cell) if isinstance(cell, str) and cell else cell
    except (ValueError, RecursionError):
        document = ()
    if isinstance(document, kind):
        return document
    if document in (None, ""):
        return kind()
    raise InvalidRequest(f"{name} is not a JSON {called}")


def _flag(name: str, cell: object) -> bool:
    try:
        return _row.flag(cell)
    except ValueError:
        pass
    raise InvalidRequest(f"{name} is neither true nor false")


FORMATS: Mapping[str, Callable[[Cells, frozenset[str]], Cells]] = {
    "generic": _generic,
    "unkey": _unkey,
    "drf-api-key": _drf_api_key,
}
"""The readers of formats, by name; each takes its cells out of the row, and the cells left have no place here."""
