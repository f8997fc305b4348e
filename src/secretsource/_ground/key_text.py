"""Texts that may have a key in them: the form of a ``key_id``, and values as errors quote them. Pure.

An annotation stops no call, so errors quote each value of a caller by `quote`. It may be a number with more digits than
Python writes, or a whole key in the wrong place.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

__all__ = [
    "ENVIRONMENT",
    "LONGEST_WORD",
    "PREFIX",
    "TAIL",
    "holds_key",
    "is_beginning",
    "is_key_id",
    "masked",
    "quote",
    "written",
]

LONGEST_WORD = 13
"""Characters of a wrong prefix or environment to quote: of any key in its place, no more than a record displays."""

PREFIX = "[a-z][a-z0-9]{0,15}"
ENVIRONMENT = "[a-z]{2,8}"
TAIL = "[0-9A-Za-z]{54}ss1[0-9A-Za-z]{6}"
"""The last 63 characters of a key: its locator and its secret, the mark, and the checksum."""
_LONGEST_KEY = 16 + 1 + 8 + 1 + 54 + 3 + 6
"""The most characters that this expression matches."""
_MASK = "<masked>"


def is_key_id(given: object) -> bool:
    """Return whether a value has the form of a ``key_id``: 22 characters of ``0-9A-Za-z``."""
    return isinstance(given, str) and len(given) == 22 and given.isascii() and given.isalnum()


def is_beginning(given: object) -> bool:
    """Return whether a value may be the beginning of a ``key_id``: 1 to 22 characters of ``0-9A-Za-z``."""
    return isinstance(given, str) and len(given) <= 22 and given.isascii() and given.isalnum()


def quote(value: object, longest: int = 40) -> str:
    """Return a value as an error quotes it: the beginning of its `repr`, with the keys in it masked.

    Args:
        value: Any value; one that cannot be written is described.
        longest: Most characters of the answer.
    """
    try:
        return masked(repr(value), longest)
    except Exception:  # it is any code; of an int with over 4,300 digits it is a `ValueError`
        return _described(value)


def written(value: object) -> str:
    """Return a value as a text; one that cannot be written is described."""
    try:
        return str(value)
    except Exception:  # as in `quote`
        return _described(value)


def holds_key(text: str) -> bool:
    """Return whether there is a text in the form of a whole key in a text; only its form is looked at."""
    return _expression().search(text) is not None


def masked(text: str, longest: int) -> str:
    """Return the beginning of a text with the keys in it masked; of a key that the cut divides, no part is left.

    The work has a bound, however long the text is.

    Args:
        text: Any text.
        longest: Most characters of the answer.
    """
    search, shown, place = _expression().search, "", 0
    while (room := longest - len(shown)) > 0:
        key = search(text, place, place + room + _LONGEST_KEY - 1)
        if key is None or key.start() >= place + room:
            return shown + text[place : place + room]
        shown += text[place : key.start()] + _MASK
        place = key.end()
    return shown[:longest]


@lru_cache(maxsize=1)
def _expression() -> re.Pattern[str]:
    import re

    return re.compile(f"{PREFIX}_{ENVIRONMENT}_{TAIL}")


def _described(value: object) -> str:
    return f"a value of type {type(value).__name__} that cannot be written"
