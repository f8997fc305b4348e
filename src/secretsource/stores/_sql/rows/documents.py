"""Owners and plans as the JSON documents that their tables hold. Pure."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from secretsource._ground.frozen import frozen_document
from secretsource.stores.owners import OwnerRecord, OwnerStatus, PlanRecord, Terms
from secretsource.stores.records import kept_word

__all__ = ["to_document", "to_owner", "to_plan", "to_terms"]


def to_document(record: OwnerRecord | PlanRecord) -> str:
    """Return the document of an owner or a plan; its revision is stored beside it."""
    columns = record._asdict()
    del columns["revision"]
    written = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in columns.items()}
    return json.dumps({name: value for name, value in written.items() if value is not None})


def to_owner(revision: int, document: str) -> OwnerRecord:
    """Return the owner in a row."""
    kept = _read(document, OwnerRecord._fields)
    kept["status"] = kept_word(OwnerStatus, kept["status"])
    kept["metadata"] = frozen_document(kept["metadata"])
    return OwnerRecord(**kept, revision=revision)


def to_plan(revision: int, document: str) -> PlanRecord:
    """Return the plan in a row."""
    kept = _read(document, PlanRecord._fields)
    for name in ("scopes", "environments"):
        if name in kept:
            kept[name] = frozenset(kept[name])
    return PlanRecord(**kept, revision=revision)


@lru_cache(maxsize=4096)
def to_terms(owner: int, of_owner: str, plan: int | None, of_plan: str | None) -> Terms:
    """Return the terms in the last cells of a key's row; the keys of an owner share them."""
    return Terms(to_owner(owner, of_owner), None if plan is None or of_plan is None else to_plan(plan, of_plan))


def _read(document: str, fields: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields in a document; a field from a newer version of this package is ignored."""
    return {name: value for name, value in json.loads(document).items() if name in fields}
