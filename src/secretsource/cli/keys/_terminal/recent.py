"""Show people the use of a key in the last day."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsource.issuing import RecentUse

__all__ = ["recent_lines"]


def recent_lines(use: RecentUse) -> Iterator[tuple[str, str]]:
    """Write the lines about the last 24 hours of a key; an empty text for what is not known.

    Args:
        use: The use of the key.
    """
    more = "" if use.is_whole else " …"
    counted = f"{use.accepted or 0} accepted, {use.refused or 0} refused" if use.accepted or use.refused else ""
    yield "in 24 hours", counted
    yield "from", " ".join(sorted(use.networks)) + more
    yield "by", ", ".join(sorted(use.agents)) + more
