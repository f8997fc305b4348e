"""Fields of one document that were asked for together: all of them are of one version, or they are asked for anew.

A user and its password stand in one document, which a rotation replaces as a whole. Answers to one question may come
from different moments: one from memory, another behind a reference. Half a pair of each is worth nothing.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource._secret import Secret
from secretsource.providers.base import Found
from secretsource.resolver._walk.delivery import holds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from secretsource.providers.base import SecretRef
    from secretsource.resolver._walk.cache import CachedAnswer
    from secretsource.resolver._walk.resolution import Resolution

    Part: TypeAlias = "Secret | CachedAnswer | None"

__all__ = ["torn"]


def torn(known: Mapping[str, object], results: Mapping[str, Resolution]) -> set[str]:
    """Return the names of fields whose document another name was answered from in another version.

    Args:
        known: Secrets that were answered at once, by name; other values are left out.
        results: The ends of walks, by name.
    """
    parts: dict[SecretRef, dict[str, Part]] = {}
    for name, secret in known.items():
        if isinstance(secret, Secret):
            origin = secret._origin
            if origin.fields or origin.ref.field is not None:
                parts.setdefault(origin.ref.document, {})[name] = secret
    for name, result in results.items():
        if result.route is None or result.route.direct or not isinstance(result.outcome, Found):
            continue
        if result.fields or result.ref.field is not None:
            parts.setdefault(result.ref.document, {})[name] = result.entry
    return {name for of_document in parts.values() if not _agree(list(of_document.values())) for name in of_document}


def _agree(parts: list[Part]) -> bool:
    """Return whether the parts of one document are of one version; an answer that was not kept may be of any."""
    if len(parts) < 2:
        return True
    secrets = [part for part in parts if isinstance(part, Secret)]
    entries = [part for part in parts if part is not None and not isinstance(part, Secret)]
    if len(secrets) + len(entries) < len(parts):
        return False
    if not entries:
        return len({(secret.version, secret._origin.fetched) for secret in secrets}) == 1
    first = entries[0]
    same = all(other is first or not first.differs(other.outcome) for other in entries)
    return same and all(holds(first, secret) for secret in secrets)
