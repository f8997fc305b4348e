"""The rights of root keys, and the rights that one may give to another. Pure.

A root key has the reserved prefix, and an owner that no customer has. Its scopes are those of `ROOT_SCOPES`. It may be
bound to a customer: it then sees and changes that customer alone. A root key that makes or changes another one never
gives it more than it has itself.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretsource.issuing import KeyRecord

__all__ = [
    "BOUND",
    "EVERYTHING",
    "GRANTS",
    "ROOT_OWNER",
    "ROOT_PREFIX",
    "ROOT_SCOPES",
    "RootCaller",
    "bound_owner",
    "covers",
    "is_root",
    "is_within",
    "makes_root_keys",
]

ROOT_PREFIX = "root"
ROOT_OWNER = ":root"
"""The owner of every root key."""
BOUND = "owner"
"""The field of the metadata of a root key with the customer that it is bound to."""
ROOT_SCOPES = (
    "keys:read",
    "keys:write",
    "keys:verify",
    "owners:read",
    "owners:write",
    "plans:read",
    "plans:write",
    "events:read",
    "events:write",
    "usage:read",
    "portal:write",
    "root:read",
    "root:write",
)
"""Every scope that a route asks for; a root key may also have ``owners:*`` and the like."""
GRANTS = (*ROOT_SCOPES, "keys:*", "owners:*", "plans:*", "root:*")
"""Every scope that a root key, or an operator, may have."""
EVERYTHING = ("keys:*", "owners:*", "plans:*", "events:read", "events:write", "usage:read", "portal:write", "root:*")
"""The scopes of the first root key."""


class RootCaller(NamedTuple):
    """The caller of a request: a root key that was accepted.

    Attributes:
        record: The record of the root key.
        ip: The address that the request came from.
    """

    record: KeyRecord
    ip: str | None = None

    @property
    def owner(self) -> str | None:
        """The only customer that the caller sees, or None for all."""
        return bound_owner(self.record)

    @property
    def actor(self) -> str:
        """The caller, as events name it."""
        return f"root key {self.record.key_id}"

    @property
    def by(self) -> dict[str, Any]:
        """The author of a change, as arguments of the library."""
        return {"actor": self.actor, "origin": self.ip}

    def sees(self, owner: str) -> bool:
        """Return whether the caller may see a customer.

        Args:
            owner: The id of the customer.
        """
        return owner != ROOT_OWNER and self.owner in {None, owner}


def is_root(record: KeyRecord) -> bool:
    """Return whether a record is that of a root key; a prefix alone makes none."""
    return record.prefix == ROOT_PREFIX and record.owner == ROOT_OWNER


def bound_owner(record: KeyRecord) -> str | None:
    """Return the customer that a root key is bound to, or None."""
    found = record.metadata.get(BOUND)
    return found if isinstance(found, str) else None


def makes_root_keys(record: KeyRecord) -> bool:
    """Return whether a root key that works can make another one like the first."""
    return is_root(record) and bound_owner(record) is None and covers(record.scopes, "root:write")


def is_within(record: KeyRecord, most: KeyRecord) -> bool:
    """Return whether a root key has nothing that another one lacks.

    Args:
        record: The root key that would be made, changed or shown.
        most: The root key that would do it.
    """
    return (
        bound_owner(most) in {None, bound_owner(record)}
        and all(covers(most.scopes, scope) for scope in record.scopes)
        and _ends_within(record.expires, most.expires)
        and _networks_within(record.networks, most.networks)
    )


def covers(held: Iterable[str], scope: str) -> bool:
    """Return whether scopes include a scope, exact or with a wildcard.

    Args:
        held: The scopes of a key.
        scope: One scope or wildcard.
    """
    return any(scope == one or (one.endswith("*") and scope.startswith(one[:-1])) for one in held)


def _ends_within(end: float | None, latest: float | None) -> bool:
    return latest is None or (end is not None and end <= latest)


def _networks_within(networks: tuple[str, ...], most: tuple[str, ...]) -> bool:
    """Return whether every address of some networks is in others; no networks means every address."""
    if not most:
        return True
    outer = [ip_network(each) for each in most]
    inner = [ip_network(each) for each in networks]
    return bool(inner) and all(
        # they are of one version
        any(each.version == other.version and each.subnet_of(other) for other in outer)  # type: ignore[arg-type]
        for each in inner
    )
