"""The JSON documents of owners, plans and counted requests; `issuing.documents` gives them. Pure."""

from __future__ import annotations

from secretsource.issuing._document.forms import (
    INSTANT,
    NAMES,
    NUMBER,
    OBJECT,
    SECONDS,
    TEXT,
    Field,
    maybe,
    one_of,
    read,
    written,
)
from secretsource.stores.base import Count, OwnerRecord, OwnerStatus, PlanRecord

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from secretsource.issuing._document.forms import Document

__all__ = [
    "count_document",
    "owner_record_document",
    "plan_document",
    "read_count",
    "read_owner_record",
    "read_plan",
]

_OWNER = (
    Field("owner", "id", TEXT),
    Field("name", "name", TEXT),
    Field("plan", "plan", maybe(TEXT)),
    Field("rate_limit", "rate_limit", maybe(TEXT)),
    Field("quota", "quota", maybe(TEXT)),
    Field("credits", "credits", maybe(NUMBER)),
    Field("status", "status", one_of(OwnerStatus)),
    Field("status_reason", "status_reason", maybe(TEXT)),
    Field("created_at", "created", INSTANT),
    Field("metadata", "metadata", OBJECT),
    Field("revision", "revision", NUMBER),
)
_PLAN = (
    Field("plan", "id", TEXT),
    Field("rate_limit", "rate_limit", maybe(TEXT)),
    Field("quota", "quota", maybe(TEXT)),
    Field("max_keys", "max_keys", maybe(NUMBER)),
    Field("max_life", "max_life", maybe(SECONDS)),
    Field("scopes", "scopes", maybe(NAMES)),
    Field("environments", "environments", maybe(NAMES)),
    Field("rotate_every", "rotate_every", maybe(SECONDS)),
    Field("created_at", "created", INSTANT),
    Field("revision", "revision", NUMBER),
)
_COUNT = (
    Field("start", "start", INSTANT),
    Field("owner", "owner", TEXT),
    Field("key_id", "key_id", TEXT),
    Field("outcome", "outcome", TEXT),
    Field("requests", "requests", NUMBER),
)


def owner_record_document(owner: OwnerRecord) -> Document:
    """Write the record of an owner.

    Args:
        owner: The record.
    """
    return written(_OWNER, owner)


def read_owner_record(document: Mapping[str, Any]) -> OwnerRecord:
    """Read the record of an owner.

    Args:
        document: The document that `owner_record_document` wrote.

    Raises:
        InvalidRequest: A field is missing, or is not of its form.
    """
    return OwnerRecord(**read(_OWNER, document, "owner"))


def plan_document(plan: PlanRecord) -> Document:
    """Write a plan.

    Args:
        plan: The plan.
    """
    return written(_PLAN, plan)


def read_plan(document: Mapping[str, Any]) -> PlanRecord:
    """Read a plan.

    Args:
        document: The document that `plan_document` wrote.

    Raises:
        InvalidRequest: A field is missing, or is not of its form.
    """
    return PlanRecord(**read(_PLAN, document, "plan"))


def count_document(count: Count) -> Document:
    """Write counted requests.

    Args:
        count: The count.
    """
    return written(_COUNT, count)


def read_count(document: Mapping[str, Any]) -> Count:
    """Read counted requests.

    Args:
        document: The document that `count_document` wrote.

    Raises:
        InvalidRequest: A field is missing, or is not of its form.
    """
    values = read(_COUNT, document, "count")
    start = int(values.pop("start"))
    return Count(start=start, **values)
