"""The JSON documents of what happened to keys: events, and uses. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource.issuing._document import tables
from secretsource.issuing._document.forms import read, written
from secretsource.issuing._manage.recent_use import RecentUse
from secretsource.stores.base import HistoryEvent, KeyEvent, Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from secretsource.issuing._document.forms import Document

__all__ = [
    "event_document",
    "history_document",
    "read_event",
    "read_history",
    "read_recent_use",
    "read_usage",
    "recent_use_document",
    "usage_document",
]


def event_document(event: KeyEvent) -> Document:
    """Write one event of the history of a key.

    Args:
        event: The event.
    """
    return written(tables.EVENT, event)


def read_event(document: Mapping[str, Any]) -> KeyEvent:
    """Read one event.

    Args:
        document: The result of `event_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form.
    """
    return KeyEvent(**read(tables.EVENT, document, "event"))


def history_document(event: HistoryEvent) -> Document:
    """Write one event of the feed of all keys, owners and plans.

    Args:
        event: An event of `ApiKeys.history`.
    """
    return written(tables.HISTORY, event)


def read_history(document: Mapping[str, Any]) -> HistoryEvent:
    """Read one event of the feed.

    Args:
        document: The document that `history_document` wrote.

    Raises:
        InvalidRequest: A field is missing, or is not of its form.
    """
    return HistoryEvent(**read(tables.HISTORY, document, "event"))


def usage_document(usage: Usage) -> Document:
    """Write the use of a key.

    Args:
        usage: The usage.
    """
    return written(tables.USAGE, usage)


def read_usage(document: Mapping[str, Any]) -> Usage:
    """Read the use of a key.

    Args:
        document: The result of `usage_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form.
    """
    return Usage(**read(tables.USAGE, document, "usage"))


def recent_use_document(use: RecentUse) -> Document:
    """Write the use of a key in the last day.

    Args:
        use: The use.
    """
    return written(tables.RECENT_USE, use)


def read_recent_use(document: Mapping[str, Any]) -> RecentUse:
    """Read the use of a key in the last day.

    Args:
        document: The result of `recent_use_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form.
    """
    return RecentUse(**read(tables.RECENT_USE, document, "recent use"))
