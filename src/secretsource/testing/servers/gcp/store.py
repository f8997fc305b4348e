"""The secrets of a Secret Manager, and its refusals."""

from __future__ import annotations

import re
from threading import RLock
from typing import Any, NamedTuple

import google_crc32c
from google.cloud.secretmanager_v1.types import Secret, SecretPayload, SecretVersion

State: Any = SecretVersion.State

_VERSION = re.compile(r"(projects/[^/]+(?:/locations/[^/]+)?/secrets/[^/]+)/versions/([^/]+)")


class Refusal(Exception):
    """An error answer.

    Attributes:
        status: A canonical code of google.rpc.Code.
        message: The text of the error.
        reason: The reason of a google.rpc.ErrorInfo, or "".
        wait: Seconds of a google.rpc.RetryInfo and of ``Retry-After``, or None.
    """

    def __init__(self, status: str, message: str, *, reason: str = "", wait: float | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.message = message
        self.reason = reason
        self.wait = wait


class Version(NamedTuple):
    """One version of a secret."""

    head: SecretVersion
    data: bytes


class Store:
    """Secrets by resource name; their versions count from 1."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._secrets: dict[str, Secret] = {}
        self._versions: dict[str, list[Version]] = {}

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._secrets.clear()
            self._versions.clear()

    def add(self, name: str, data: bytes) -> str:
        """Add a version, to a new secret if there is no secret yet; return its number."""
        if not 0 < len(data) <= 65536:
            raise Refusal("INVALID_ARGUMENT", "Secret Payload cannot be empty or larger than 65536 bytes.")
        with self._lock:
            self._secrets.setdefault(name, Secret(name=name))
            versions = self._versions.setdefault(name, [])
            number = str(len(versions) + 1)
            head = SecretVersion(name=f"{name}/versions/{number}", state=State.ENABLED)
            versions.append(Version(head, data))
            return number

    def create(self, name: str) -> Secret:
        """Return a secret without versions."""
        with self._lock:
            if name in self._secrets:
                raise Refusal("ALREADY_EXISTS", f"Secret [{name}] already exists.")
            self._versions[name] = []
            return self._secrets.setdefault(name, Secret(name=name))

    def delete(self, name: str) -> None:
        """Delete a secret, with all its versions."""
        with self._lock:
            del self._secrets[name], self._versions[name]

    def set_state(self, name: str, version: str, state: str) -> None:
        """Enable, disable or destroy a version."""
        self.version(f"{name}/versions/{version}").head.state = State[state]

    def secret(self, name: str) -> Any:
        """Return a secret's metadata, which you may change."""
        with self._lock:
            if name not in self._secrets:
                raise Refusal("NOT_FOUND", f"Secret [{name}] not found.")
            return self._secrets[name]

    def versions(self, name: str) -> list[Version]:
        """Return all versions of a secret, newest first."""
        with self._lock:
            return self._versions[self.secret(name).name][::-1]

    def version(self, resource: str) -> Version:
        """Return a version by its number, its alias, or ``latest``, the newest in every state."""
        parts = _VERSION.fullmatch(resource)
        if parts is None:
            raise Refusal("INVALID_ARGUMENT", f"The provided resource name [{resource}] is invalid.")
        name, wanted = parts.groups()
        with self._lock:
            if not self._versions.get(name):
                raise Refusal("NOT_FOUND", f"Secret [{name}] not found or has no versions.")
            versions = self._versions[name]
            aliases = self._secrets[name].version_aliases
            number = len(versions) if wanted == "latest" else aliases.get(wanted, wanted)
            if not str(number).isdigit() or not 0 < int(number) <= len(versions):
                raise Refusal("NOT_FOUND", f"Secret Version [{resource}] not found.")
            return versions[int(number) - 1]

    def access(self, resource: str) -> tuple[str, SecretPayload]:
        """Return the resource name and payload of an enabled version."""
        version = self.version(resource)
        if version.head.state != State.ENABLED:
            state = State(version.head.state).name
            raise Refusal("FAILED_PRECONDITION", f"Secret Version [{version.head.name}] is in {state} state.")
        return version.head.name, SecretPayload(data=version.data, data_crc32c=google_crc32c.value(version.data))
