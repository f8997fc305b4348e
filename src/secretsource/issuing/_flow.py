"""The flows of this half; see `secretsource._flow`."""

from __future__ import annotations

from secretsource._flow import arun, here, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource._flow import Flow

__all__ = ["Flow", "arun", "here", "run"]
