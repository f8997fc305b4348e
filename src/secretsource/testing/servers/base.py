"""The controls of every server of the kit, for every backend."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SecretServer"]


class SecretServer(ABC):
    """The backend of one provider, running on this machine.

    A location is the part of a reference behind the scheme: ``prod/stripe`` of ``aws://prod/stripe``. The calls that
    store and delete bypass the faults, so that a test can change a server that is out of order.

    Attributes:
        scheme: The scheme of the provider that asks it, such as ``aws``.
        address: Its URL.
    """

    scheme: ClassVar[str]
    address: str

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Settings that lead the provider here, as arguments or in ``secretsource.toml``, without credentials."""

    @property
    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Variables to set: the credentials, and the address if the vendor's client reads one."""

    def toml(self, name: str | None = None, /, **more: object) -> str:
        """Return the settings as a table of ``secretsource.toml``.

        Args:
            name: The provider's name there; None for its scheme.
            more: Further settings of the provider, which precede those of the server.
        """
        settings = {**self.settings, **more}
        lines = [f"{key} = {_literal(value)}" for key, value in settings.items()]
        return "\n".join([f"[providers.{name or self.scheme}]", *lines, ""])

    @abstractmethod
    def put(self, location: str, value: str | Mapping[str, Any]) -> str:
        """Store a secret, or a new version of it.

        Args:
            location: The location of the secret.
            value: A text, or the fields of a JSON document.

        Returns:
            The identifier of the version.
        """

    @abstractmethod
    def disable(self, location: str) -> None:
        """Disable the newest version of a secret: it exists, but cannot be read.

        Raises:
            NotImplementedError: The backend has no such thing.
        """

    @abstractmethod
    def delete(self, location: str) -> None:
        """Delete a secret as its owner does."""

    @abstractmethod
    def reset(self) -> None:
        """Start anew: no secret, no fault."""

    @abstractmethod
    def deny(self, location: str | None = None) -> None:
        """Refuse permission from now on: for one secret, or for every call."""

    @abstractmethod
    def throttle(self) -> None:
        """Answer every call with "too many requests" from now on."""

    @abstractmethod
    def hang(self) -> None:
        """Accept every call from now on, and answer no call."""

    @abstractmethod
    def break_response(self, planted: str = "") -> None:
        """Answer every call in an unknown form, with ``planted`` somewhere in it."""

    @abstractmethod
    def down(self) -> None:
        """Be out of service from now on."""

    @abstractmethod
    def heal(self) -> None:
        """End every fault; every secret is as it was before."""


def _literal(value: object) -> str:
    """Return a setting as TOML writes it: a text, a number, a truth value, or a table of these."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_literal(entry)}" for key, entry in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
