"""The table ``[server.chores]``: how often the service looks after all keys, and what it tells and ends then. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.config import Section
    from secretsource.issuing import ChoreRules

__all__ = ["ChoreSettings", "read_chores"]

DAY = 86400.0
CENTURY = 36525 * DAY


@dataclass(frozen=True, slots=True)
class ChoreSettings:
    """The table ``[server.chores]``; without it, every default counts.

    Attributes:
        every: Seconds between two rounds over all keys, 60 to 604800; 0 for no rounds.
        expiring_within: Seconds before the end of a key in which ``key.expiring`` is told, once; 0 for never.
        unused_for: Seconds without a use after which it is told, once, that nobody uses a key; 0 for never.
        end_unused: Seconds without a use after which a key is revoked, from 86400; 0 for never.
        keep_ended: Seconds after its end at which a key is deleted for good, from 86400; 0 for never.
    """

    every: float = 3600.0
    expiring_within: float = 30 * DAY
    unused_for: float = 0.0
    end_unused: float = 0.0
    keep_ended: float = 0.0

    def rules(self) -> ChoreRules:
        """Return the rules of a round."""
        named = {name: getattr(self, name) or None for name in _RANGES if name != "every"}
        return cast("ChoreRules", named)


_RANGES: Mapping[str, tuple[float, float]] = {
    "every": (60.0, 7 * DAY),
    "expiring_within": (1.0, CENTURY),
    "unused_for": (1.0, CENTURY),
    "end_unused": (DAY, CENTURY),
    "keep_ended": (DAY, CENTURY),
}


def read_chores(section: Section) -> ChoreSettings:
    """Read the table.

    Args:
        section: The table, as it stands in the file.

    Raises:
        ConfigurationError: A key is unknown or has a wrong value; the message names the file and the line.
    """
    section.only([each.name for each in fields(ChoreSettings)])
    return ChoreSettings(**{key: _length(section, key) for key in section.table})


def _length(section: Section, key: str) -> float:
    value, (least, most) = section.table[key], _RANGES[key]
    if isinstance(value, (int, float)) and not isinstance(value, bool) and (value == 0 or least <= value <= most):
        return value
    raise section.wrong(f"{key} must be 0, or a number of seconds from {least:.0f} to {most:.0f}", key)
