"""The place where a listing continues: the instant and the key of a page's last record, as one text.

It goes into an address as it is: it has letters, digits and ``-``, ``.``, ``_`` alone (RFC 3986, unreserved).
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from math import isfinite

from secretsource._ground.key_text import is_key_id
from secretsource.exceptions import InvalidRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.stores.records import KeyRecord

_LONGEST = 64


def behind(record: KeyRecord) -> str:
    """Return the cursor for continuing after a record."""
    return behind_place(record.created, record.key_id)


def behind_place(created: float, key_id: str) -> str:
    """Return the cursor for continuing after a place in the order of a listing, whether or not a record is there."""
    return f"{float(created)!r}_{key_id}".replace("+", "")


def place(cursor: str) -> tuple[float, str]:
    """Return the instant and the key after which a listing continues.

    Raises:
        InvalidRequest: The cursor is not exactly as `behind` writes it.
    """
    given = cursor.replace(" ", "_") if len(cursor) <= _LONGEST else ""  # older pages had a blank there
    written, _, key_id = given.partition("_")
    try:
        created = float(written)
    except ValueError:
        created = float("nan")
    if isfinite(created) and is_key_id(key_id) and given == behind_place(created, key_id):
        return created, key_id
    raise InvalidRequest("the cursor of this listing is not one of ours: start again without it")
