"""Secrets in the memory of the process: for tests, and for an application with its own source."""

from __future__ import annotations

from collections.abc import Mapping

from secretsource._ground import fork
from secretsource.providers.base import Found, NotFound, Occupied, SecretRef, Stored, WritableProvider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from secretsource.providers.base import Outcome, Value, Written

__all__ = ["MemoryProvider"]


class MemoryProvider(WritableProvider):
    """A provider that holds its secrets in a dict, with every version since they were put there.

    Versions are counted ``"1"``, ``"2"``, … for each secret, and a number is not used twice. The stages are ``current``
    and ``previous``. Answers are cached like those of a remote service (``max_age`` is None): a test then sees the ages
    and rotations of production.

    Args:
        secrets: Location to text, bytes, or a mapping of fields.
    """

    scheme: ClassVar[str] = "memory"

    def __init__(
        self, secrets: Mapping[str, str | bytes | Mapping[str, object]] | None = None, *, name: str | None = None
    ) -> None:
        super().__init__(name=name)
        self._versions: dict[str, dict[int, tuple[Value | None]]] = {}
        self._lock = fork.lock()  # a signal's handler may ask in the middle of a change
        for location, value in (secrets or {}).items():
            self.put(location, value)

    def put(self, location: str, value: Value) -> str:
        """Store a new version, which becomes the current one.

        Returns:
            The version's identifier.
        """
        kept = (dict(value) if isinstance(value, Mapping) else value,)
        with self._lock:
            versions = self._versions.setdefault(location, {})
            return str(_added(versions, kept))

    def store(self, ref: SecretRef, value: str | bytes, *, overwrite: bool = False, timeout: float) -> Written:
        """Put a new version into the dict."""
        refusal = self.refusal(ref)
        if refusal is not None:
            return refusal
        if not overwrite and isinstance(self.fetch(ref, timeout=timeout), Found):
            return Occupied()
        return Stored(self.put(ref.location, value))

    def delete(self, location: str) -> None:
        """Remove every version of a secret; a missing secret is not an error."""
        with self._lock:
            versions = self._versions.get(location, {})
            for number in range(len(versions), 0, -1):  # the current one first, which ends the secret
                versions[number] = (None,)

    def previous(self, ref: SecretRef, current: Found) -> SecretRef | None:
        """Return the version counted before ``current``."""
        number = _number(current.version)
        return ref._replace(version=str(number - 1), stage=None) if number > 1 else None

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Look in the dict; a version or stage that does not exist is NotFound."""
        with self._lock:
            versions = dict(self._versions.get(ref.location, {}))
        number = len(versions)
        if versions.get(number, (None,)) == (None,):
            return NotFound()
        if ref.version is not None:
            number = _number(ref.version)
        elif ref.stage is not None:
            number -= {"current": 0, "previous": 1}.get(ref.stage, number)
        (value,) = versions.get(number, (None,))
        return NotFound("this version does not exist") if value is None else Found(value, version=str(number))


def _added(versions: dict[int, tuple[Value | None]], kept: tuple[Value]) -> int:
    """Add a version, and return its number."""
    while versions.setdefault(number := len(versions) + 1, kept) is not kept:
        pass  # a signal's handler has taken this number
    return number


def _number(version: str | None) -> int:
    """Return the number of a version identifier; 0, the number of no version, for any other text."""
    return int(version) if version is not None and version.isascii() and version.isdigit() else 0
