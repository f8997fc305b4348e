"""Names and notes as they are stored: the legal characters, and the spellings that are one name. Pure.

The legal characters do not depend on the Unicode version of a Python. Every character is legal, except those that
control a terminal, break a line, or turn the direction of text, and code points that are not characters. So an emoji of
next year is legal, and two processes with different Pythons agree. For the same reason, spellings are composed (NFC,
UAX #15) by the tables of Unicode 3.2, which every Python carries.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import re
from unicodedata import ucd_3_2_0

from secretsource._ground.key_text import masked

__all__ = ["canonical", "cleaned", "is_legible", "kept", "stripped"]

_ILLEGIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSEEN = "\u00ad\u200b\u200e\u200f\u2060\ufeff"
"""Marks without width, such as a byte order mark, which a copied text may begin or end with: there they are blanks."""


def is_legible(text: str) -> bool:
    """Return whether a text has no control, line or paragraph separator, bidirectional override or surrogate."""
    return _ILLEGIBLE.search(text) is None


def canonical(name: str) -> str:
    """Return the only spelling of a name: composed, without blanks around it.

    Args:
        name: Any legible text.
    """
    bare = stripped(name)
    return bare if bare.isascii() else ucd_3_2_0.normalize("NFC", bare)


def kept(text: str, longest: int) -> str:
    """Return the beginning of a text from a client as it is stored: without a key, in a form that no store refuses."""
    return cleaned(masked(text, longest), longest)


def stripped(text: str) -> str:
    """Return a text without the blanks, and the marks without width, around it."""
    while text != (bare := text.strip().strip(_UNSEEN)):
        text = bare
    return text


def cleaned(given: str, longest: int) -> str:
    """Return the beginning of a text from elsewhere, as every store takes it.

    Args:
        given: Any text.
        longest: Most characters of it.

    Returns:
        The text, cut; where a character is not legible, a blank is a space and any other is U+FFFD.
    """
    return _ILLEGIBLE.sub(lambda match: " " if match[0].isspace() else "\ufffd", given[:longest])
