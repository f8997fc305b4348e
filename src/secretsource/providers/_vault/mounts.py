"""Where the secrets engines are mounted, as far as this provider has learned."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Mount", "MountTable", "is_plain_path", "starts_with_host"]

_HOST = re.compile(r"[^/]*:[0-9]{1,5}(/|$)")


class Mount(NamedTuple):
    """A secrets engine.

    Attributes:
        path: Where it is mounted, without a slash at either end; there may be some inside.
        versioned: Whether it is a KV engine of version 2, which has an API of its own.
    """

    path: str
    versioned: bool

    def below(self, location: str) -> str:
        """The part of a location that is the engine's own."""
        return location[len(self.path) + 1 :]


CERTAIN = 1.0
"""Seconds for which a mount is taken to be what Vault has just said, so that absences do not ask each time."""


class MountTable:
    """What is mounted where, by namespace. No mount is inside another, so at most one fits a location."""

    def __init__(self) -> None:
        self._mounts: dict[tuple[str | None, str], Mount] = {}
        self._confirmed: dict[tuple[str | None, str], float] = {}

    def find(self, namespace: str | None, location: str) -> Mount | None:
        """The mount that a location is under, where it is known."""
        end = location.find("/")
        while end > 0:
            mount = self._mounts.get((namespace, location[:end]))
            if mount is not None:
                return mount
            end = location.find("/", end + 1)
        return None

    def learn(self, namespace: str | None, mount: Mount) -> None:
        """Remember a mount."""
        self._mounts[namespace, mount.path] = mount

    def forget(self, namespace: str | None, mount: Mount) -> None:
        """A mount is not what it was."""
        self._mounts.pop((namespace, mount.path), None)

    def confirm(self, namespace: str | None, mount: Mount, now: float) -> None:
        """Vault was asked at ``now``, because of an answer, and says that the mount is what it was."""
        self._confirmed[namespace, mount.path] = now

    def is_certain(self, namespace: str | None, mount: Mount, now: float) -> bool:
        """Whether Vault has confirmed a mount so shortly before ``now`` that it is not asked again."""
        return now < self._confirmed.get((namespace, mount.path), float("-inf")) + CERTAIN


def is_plain_path(location: str) -> bool:
    """Whether a path means what it says: it has no empty, ``.`` or ``..`` segment, which HTTP clients take out."""
    return all(segment not in {"", ".", ".."} for segment in location.split("/"))


def starts_with_host(location: str) -> bool:
    """Whether a host and a port stand where the mount belongs, as in ``vault.internal:8200/secret/x``."""
    return _HOST.match(location) is not None
