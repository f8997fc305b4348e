"""News of changed keys, as written to a channel and read from it.

Others may write to the channel: another user of the database, another program of the same Redis. Text that is not
exactly in this package's form puts every record in doubt, which is safe, and has no other effect.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from urllib.parse import quote, unquote

from secretsource._ground.key_text import is_key_id
from secretsource.stores.feeds import KeyChange
from secretsource.stores.records import LAST_REVISION

GAP = KeyChange(None, 0)
"""Any record may have changed."""

_MOST_DIGITS = len(str(LAST_REVISION))


_LONGEST_ID = 255
_LONGEST_WORD = len("owner=") + 12 * _LONGEST_ID
"""Each character is up to four bytes, each of which is written as three."""


def written(change: KeyChange) -> str:
    """Return a change as a word: printable ASCII without a space; older versions read an owner as a gap."""
    if change.owner is not None:
        return f"owner={quote(change.owner, safe='')}"
    if change.plan is not None:
        return f"plan={quote(change.plan, safe='')}"
    return f"{change.key_id or ''}:{change.revision}"


def read(word: str) -> KeyChange:
    """Return the change in a word; `GAP` for a word that is not ours."""
    subject, equals, quoted = word.partition("=")
    if equals:
        return _of_terms(word, subject, quoted)
    key_id, _, digits = word.rpartition(":")
    is_number = len(digits) <= _MOST_DIGITS and digits.isascii() and digits.isdecimal()
    if not is_number or not is_key_id(key_id) or not 0 < int(digits) <= LAST_REVISION:
        return GAP
    return KeyChange(key_id, int(digits))


def _of_terms(word: str, subject: str, quoted: str) -> KeyChange:
    if len(word) > _LONGEST_WORD:
        return GAP
    id = unquote(quoted)
    change = KeyChange.of_terms(subject, id)  # which is written as another word if the subject is neither
    return change if 0 < len(id) <= _LONGEST_ID and written(change) == word else GAP
