"""The limits in the document of a verdict, read back. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource.issuing._document.limits import read_limit
from secretsource.limiters.base import Draw, Plan, Rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from secretsource.limiters.base import LimitState

__all__ = ["read_draw"]


class _ReportedPlan(Plan):
    """The limits of a draw by another process, with the states that it reported."""

    __slots__ = ("_reported",)

    def __init__(self, reported: list[LimitState]) -> None:
        super().__init__(tuple(Rate(state.limit, state.window or 1, state.limit, state.name) for state in reported))
        self._reported = reported

    def states(self, levels: object, mono: float, wall: float) -> list[LimitState]:  # noqa: ARG002 - reported, not computed
        """Return the states as reported, at whatever levels."""
        return self._reported

    def left(self, levels: object, mono: float, wall: float) -> list[tuple[int, float | None]]:  # noqa: ARG002 - as above
        """Return what was left of each limit, and the seconds until it is full, as reported."""
        return [(state.remaining, state.reset) for state in self._reported]


def read_draw(told: Mapping[str, Any]) -> Draw:
    """Read the limits of a verdict.

    Args:
        told: The fields of its document, of which the limits are documents still.

    Raises:
        InvalidRequest: A field of a limit is missing, or is not of its form.
    """
    states = [read_limit(limit) for limit in told["limits"]]
    plan = _ReportedPlan(states)
    refused = next((rule for rule in plan.rules if rule.name == told["refused_by"]), None)
    return Draw(plan, (None,) * len(states), 0.0, 0.0, refused, told["retry_after"])
