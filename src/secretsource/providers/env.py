"""Secrets in the environment of the process."""

from __future__ import annotations

import os
from collections.abc import Mapping

from secretsource._traceless import traceless
from secretsource.exceptions import ConfigurationError
from secretsource.providers.base import Failed, FailureCode, Found, IdentifiedProvider, Identity, NotFound, SecretRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar, Literal

    from secretsource.providers.base import Outcome

__all__ = ["EnvProvider"]

EMPTY = ("value", "absent")
PREVIOUS = "_PREVIOUS"


class EnvProvider(IdentifiedProvider):
    """A reader of environment variables; ``NAME_PREVIOUS`` holds the value before a rotation.

    Nothing is cached (``max_age`` is 0): asking costs less than caching, and tests change the environment. The
    environment has no versions and no stages, so a reference that names one is NotFound.

    Args:
        prefix: Put before a bare name, such as ``MYAPP_``; the location of a reference is the whole variable.
        environ: Another mapping to look in, in place of the process's own.
        empty: The meaning of an empty variable: an empty ``value``, or that the secret is ``absent``. Choose ``absent``
            if a tool such as Docker Compose sets every variable that it knows.

    Raises:
        ConfigurationError: ``empty`` is another word.
    """

    scheme: ClassVar[str] = "env"
    max_age: float | None = 0.0
    follows: bool = True

    @traceless
    def __init__(
        self,
        prefix: str = "",
        environ: Mapping[str, str] | None = None,
        empty: Literal["value", "absent"] = "value",
        *,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if empty not in EMPTY:
            raise ConfigurationError(f"provider {self.name!r}: empty must be 'value' or 'absent'")
        self._prefix = prefix
        self._environ = os.environ if environ is None else environ
        self._empty_is_absent = empty == "absent"

    def locate(self, name: str) -> SecretRef | NotFound:
        """Return the variable of that name, after the prefix; NotFound for a name with ``=`` or NUL."""
        if not name or "=" in name or "\0" in name or not _is_text(name):
            return NotFound("no variable can have this name")
        return SecretRef(self.name, self._prefix + name)

    def previous(self, ref: SecretRef, current: Found) -> SecretRef | None:
        """Return ``NAME_PREVIOUS``, where a rotation may leave the old value."""
        return ref._replace(location=ref.location + PREVIOUS)

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Look the variable up; an empty one is a value, unless ``empty`` is ``absent``."""
        if ref.version is not None or ref.stage is not None:
            return NotFound("the environment keeps no versions")
        if not _is_text(ref.location):
            return NotFound("no variable can have this name")
        value = self._environ.get(ref.location)
        if value is None:
            return NotFound()
        if not value and self._empty_is_absent:
            return NotFound("the variable is empty")
        if not _is_text(value):
            return Failed(
                FailureCode.MALFORMED,
                "the variable holds bytes that are not text",
                "store it as UTF-8, encode it as base64, or keep it in a file",
            )
        return Found(value)

    def identify(self, *, timeout: float) -> Identity | Failed:
        """Return the process, which owns the environment."""
        return Identity(f"process {os.getpid()}")


def _is_text(value: str) -> bool:
    """Return whether it has no lone surrogate, which is Python's sign of bytes that it could not decode (PEP 383)."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
