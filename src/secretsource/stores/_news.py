"""News of changed keys, as written to a channel and read from it.

Others may write to the channel: another user of the database, another program of the same Redis. Text that is not
exactly in this package's form puts every record in doubt, which is safe, and has no other effect.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource._key_id import is_key_id
from secretsource.stores.records import LAST_REVISION, KeyChange

GAP = KeyChange(None, 0)
"""Any record may have changed."""

_MOST_DIGITS = len(str(LAST_REVISION))


def written(change: KeyChange) -> str:
    """Return a change as a word: printable ASCII without a space."""
    return f"{change.key_id or ''}:{change.revision}"


def read(word: str) -> KeyChange:
    """Return the change in a word; `GAP` for a word that is not ours."""
    key_id, _, digits = word.rpartition(":")
    is_number = len(digits) <= _MOST_DIGITS and digits.isascii() and digits.isdecimal()
    if not is_number or not is_key_id(key_id) or not 0 < int(digits) <= LAST_REVISION:
        return GAP
    return KeyChange(key_id, int(digits))
