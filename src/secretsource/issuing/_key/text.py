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

__all__ = ["canonical", "cleaned", "holds_key", "is_legible", "kept", "masked", "stripped"]

_ILLEGIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_KEY = re.compile(r"[a-z][a-z0-9]{0,15}_[a-z]{2,8}_[0-9A-Za-z]{54}ss1[0-9A-Za-z]{6}")
_LONGEST_KEY = 16 + 1 + 8 + 1 + 54 + 3 + 6
"""The most characters that this expression matches."""
_MASK = "<masked>"
_BLANK = "\ufeff"
"""A byte order mark, which counts as a blank at either end of a text."""


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


def holds_key(text: str) -> bool:
    """Return whether there is a text in the form of a whole key in a text; only its form is looked at."""
    return _KEY.search(text) is not None


def masked(text: str, longest: int) -> str:
    """Return the beginning of a text with the keys in it masked; of a key that the cut divides, no part is left.

    The work has a bound, however long the text is.

    Args:
        text: Any text.
        longest: Most characters of the answer.
    """
    shown, place = "", 0
    while (room := longest - len(shown)) > 0:
        key = _KEY.search(text, place, place + room + _LONGEST_KEY - 1)
        if key is None or key.start() >= place + room:
            return shown + text[place : place + room]
        shown += text[place : key.start()] + _MASK
        place = key.end()
    return shown[:longest]


def kept(text: str, longest: int) -> str:
    """Return the beginning of a text from a client as it is stored: without a key, in a form that no store refuses."""
    return cleaned(masked(text, longest), longest)


def stripped(text: str) -> str:
    """Return a text without the blanks and byte order marks around it."""
    while text != (bare := text.strip().strip(_BLANK)):
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
