"""The limits in the document of a verdict, read back. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource.issuing._document import tables
from secretsource.issuing._document.forms import read
from secretsource.limiters.base import Draw, LimitState, Plan, Rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["read_draw"]


class _ToldDraw(Draw):
    """A draw that another process made: its limits are as that process told them."""

    __slots__ = ("_told",)

    def __init__(self, told: list[LimitState], refused_by: str | None, retry_after: float | None) -> None:
        rates = tuple(Rate(state.limit, state.window, state.limit, state.name) for state in told)
        refused = next((rate for rate in rates if rate.name == refused_by), None)
        super().__init__(Plan(rates), (None,) * len(rates), 0.0, 0.0, refused, retry_after)
        self._told = told

    @property
    def states(self) -> list[LimitState]:
        """The state of each limit, as it was told."""
        return self._told


def read_draw(told: Mapping[str, Any]) -> Draw:
    """Read the limits of a verdict.

    Args:
        told: The fields of its document, of which the limits are documents still.

    Raises:
        InvalidRequest: A field of a limit is missing, or is not of its form.
    """
    states = [LimitState(**read(tables.LIMIT, limit, "limit")) for limit in told["limits"]]
    return _ToldDraw(states, told["refused_by"], told["retry_after"])
