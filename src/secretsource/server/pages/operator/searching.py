"""The text of a search for keys: an id, or the beginning of a key as pages and logs show it. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Display", "is_key_id", "read_display"]

_IS_ID = re.compile(r"[0-9A-Za-z]{22}")
_DISPLAY = re.compile(r"([a-z][a-z0-9]{0,15})_([a-z]{2,8})_([0-9A-Za-z]{0,22})[0-9A-Za-z]*(?:…|\.\.\.)?")


class Display(NamedTuple):
    """The beginning of a key.

    Attributes:
        prefix: The prefix of the key.
        environment: Its environment.
        beginning: The beginning of its id, up to 22 characters.
    """

    prefix: str
    environment: str
    beginning: str


def is_key_id(text: str) -> bool:
    """Return whether a text has the form of a ``key_id``."""
    return _IS_ID.fullmatch(text) is not None


def read_display(text: str) -> Display | None:
    """Return the beginning of a key that a text shows, such as ``sk_live_7Qm2…``; None for any other text.

    Args:
        text: The text of a search.
    """
    found = _DISPLAY.fullmatch(text)
    return None if found is None else Display(*found.groups())
