"""The settings of the Vault provider that can work; pure.

A setting that always leads to "not there", such as a prefix with a leading slash, is found here. Later it would let a
weaker provider answer.
"""

from __future__ import annotations

from typing import NamedTuple

from secretsource.providers._vault.address import UNIX, Address
from secretsource.providers._vault.mounts import is_plain_path, starts_with_host

__all__ = ["Settings", "is_namespace"]


class Settings(NamedTuple):
    """The settings to check; the words are those of `VaultProvider`."""

    address: str | None
    mount: str
    prefix: str
    document: str | None
    kv_version: int | None
    namespace: str | None
    connect_timeout: float

    @property
    def mistake(self) -> str | None:
        """Return the problem, without the values; None if there is no problem."""
        address = "https://vault.internal:8200" if self.address is None else self.address
        checks = (
            (address.startswith(("https://", "http://", UNIX)), "address must start with https://, http:// or unix://"),
            (
                Address.of(address) is not None,
                "address must be the URL of a host, such as 'https://vault.internal:8200', or unix:// and a socket",
            ),
            (not address.rstrip("/").endswith("/v1"), "address must not end in /v1, which is added to it"),
            (
                not starts_with_host(self.mount),
                "mount must be a path, not a host: give the host as address, such as https://vault.internal:8200",
            ),
            (is_plain_path(self.mount), "mount must be a path, such as 'secret' or 'kv/team'"),
            (is_plain_path(f"{self.prefix}x"), "prefix must be the start of a path, such as 'prod/'"),
            (
                self.document is None or is_plain_path(self.document.strip("/")),
                "document must be a path below the mount, such as 'prod/app'",
            ),
            (self.kv_version in {None, 1, 2}, "kv_version must be 1 or 2"),
            (self.namespace is None or is_namespace(self.namespace), "namespace must be a path, such as 'team/one'"),
            (self.connect_timeout > 0, "connect_timeout must be more than 0"),
        )
        return next((sentence for right, sentence in checks if not right), None)


def is_namespace(text: str) -> bool:
    """Return whether a namespace of this name can be sent to Vault, which reads it from an HTTP header."""
    return _has_no_gap(text) and all(character <= "\xff" for character in text)


def _has_no_gap(text: str) -> bool:
    return text.isprintable() and " " not in text
