"""The mounts of the secrets engines, as far as this provider has learned them."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Mount", "MountTable", "is_plain_path", "starts_with_host"]

_HOST = re.compile(r"[^/]*:[0-9]{1,5}(/|$)")


class Mount(NamedTuple):
    """A secrets engine.

    Attributes:
        path: The path of its mount, without a slash at either end; it may have slashes inside.
        versioned: Whether it is a KV engine of version 2, which has its own API.
    """

    path: str
    versioned: bool

    def below(self, location: str) -> str:
        """Return the part of a location that is the engine's own."""
        return location[len(self.path) + 1 :]

    def meant_by(self, location: str) -> str | None:
        """Return the location without a second mount or a word of the API, as in ``secret/data/x``; None without one.

        Vault's command takes the mount with the path, and its API has ``v1/`` before it, and ``data/`` between them.
        """
        path = self.below(location)
        bare = path.removeprefix("v1/") if path.startswith(f"v1/{self.path}/") else path
        bare = bare.removeprefix(f"{self.path}/")
        if self.versioned:
            bare = bare.removeprefix("data/") if bare.startswith("data/") else bare.removeprefix("metadata/")
        return f"{self.path}/{bare}" if bare and bare != path else None


CERTAIN = 1.0
"""Seconds for which a mount counts as confirmed, so that absences do not ask Vault each time."""


class MountTable:
    """The known mounts, by namespace. No mount is inside another, so at most one fits a location."""

    def __init__(self) -> None:
        self._mounts: dict[tuple[str | None, str], Mount] = {}
        self._confirmed: dict[tuple[str | None, str], float] = {}

    def find(self, namespace: str | None, location: str) -> Mount | None:
        """Return the mount of a location, if it is known."""
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
        """Forget a mount that has changed."""
        self._mounts.pop((namespace, mount.path), None)

    def confirm(self, namespace: str | None, mount: Mount, now: float) -> None:
        """Note that Vault confirmed the mount at ``now``, because of an answer."""
        self._confirmed[namespace, mount.path] = now

    def is_certain(self, namespace: str | None, mount: Mount, now: float) -> bool:
        """Return whether Vault confirmed a mount so shortly before ``now`` that it is not asked again."""
        return now < self._confirmed.get((namespace, mount.path), float("-inf")) + CERTAIN


def is_plain_path(location: str) -> bool:
    """Return whether a path has no empty, ``.`` or ``..`` segment, which HTTP clients would remove."""
    return all(segment not in {"", ".", ".."} for segment in location.split("/"))


def starts_with_host(location: str) -> bool:
    """Return whether a host and a port stand in place of the mount, as in ``vault.internal:8200/secret/x``."""
    return _HOST.match(location) is not None
