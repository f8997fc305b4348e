"""The rules of the chores, in seconds."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource._ground.namedtuple import NamedTuple

__all__ = ["Rules"]


class Rules(NamedTuple):
    """The rules of the chores; None for a rule that is off.

    Attributes:
        expiring_within: Seconds before its end in which a key is told of.
        unused_for: Seconds without a use after which a key is told of.
        end_unused: Seconds without a use after which a key is revoked.
        keep_ended: Seconds after its end at which a key is deleted.
    """

    expiring_within: float | None = None
    unused_for: float | None = None
    end_unused: float | None = None
    keep_ended: float | None = None
