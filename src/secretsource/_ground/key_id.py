"""The form of a ``key_id``: a whole key in its place is neither quoted nor sent to a store."""

from __future__ import annotations


def is_key_id(given: object) -> bool:
    """Return whether a value has the form of a ``key_id``: 22 characters of ``0-9A-Za-z``."""
    return isinstance(given, str) and len(given) == 22 and given.isascii() and given.isalnum()


def is_beginning(given: object) -> bool:
    """Return whether a value may be the beginning of a ``key_id``: 1 to 22 characters of ``0-9A-Za-z``."""
    return isinstance(given, str) and len(given) <= 22 and given.isascii() and given.isalnum()
