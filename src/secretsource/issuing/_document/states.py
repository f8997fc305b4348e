"""The JSON documents of health and of limits; `issuing.documents` gives them. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource.issuing._document import tables
from secretsource.issuing._document.forms import read, written
from secretsource.issuing._manage.health import Health
from secretsource.issuing.limits import LimitState
from secretsource.stores.base import FeedHealth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeAlias

    Document: TypeAlias = dict[str, Any]

__all__ = ["health_document", "limit_document", "read_health", "read_limit"]


def health_document(health: Health) -> Document:
    """Write the health of an `ApiKeys`.

    Args:
        health: Its health.
    """
    feeds = [written(tables.FEED, feed) for feed in health.feeds]
    return {"hears": health.hears, "failed_flushes": health.failed_flushes, "feeds": feeds}


def read_health(document: Mapping[str, Any]) -> Health:
    """Read the health of an `ApiKeys`.

    Args:
        document: The result of `health_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form.
    """
    told = read(tables.HEALTH, document, "health")
    return Health(
        tuple(FeedHealth(**read(tables.FEED, feed, "feed")) for feed in told["feeds"]), told["failed_flushes"]
    )


def limit_document(state: LimitState) -> Document:
    """Write the state of a limit.

    Args:
        state: The state.
    """
    return written(tables.LIMIT, state)


def read_limit(document: Mapping[str, Any]) -> LimitState:
    """Read the state of a limit.

    Args:
        document: The result of `limit_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form.
    """
    return LimitState(**read(tables.LIMIT, document, "limit"))
