"""How long the long tests are: short in ``make test``, and as long as they are meant to be in ``make soak``."""

from __future__ import annotations

import os
from typing import TypeVar

__all__ = ["IS_LONG", "length"]

IS_LONG = os.environ.get("SOAK") == "1"
"""Whether the long form runs."""

T = TypeVar("T")


def length(short: T, long: T) -> T:
    """The one of two that is meant in this run."""
    return long if IS_LONG else short
