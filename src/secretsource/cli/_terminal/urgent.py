"""A cell that a terminal shows in red; apart from what draws it, so that no test of a verdict loads rich."""

from __future__ import annotations

__all__ = ["Urgent"]


class Urgent(str):
    """A cell to draw in red, with any word."""

    __slots__ = ()
