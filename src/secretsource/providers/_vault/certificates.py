"""The files of TLS: the trusted authorities, and our own certificate."""

from __future__ import annotations

import os
from typing import NamedTuple

from secretsource.providers._vault.surroundings import environment
from secretsource.providers.base import Failed, FailureCode

__all__ = ["Certificates"]


class Certificates(NamedTuple):
    """The settings of TLS; the rest is looked up in the environment when it is needed.

    Attributes:
        verify: False to accept any certificate.
        ca_cert: File or directory of the authorities to trust; None for ``VAULT_CACERT``, ``VAULT_CAPATH``,
            ``REQUESTS_CA_BUNDLE``, then those of requests.
        client_cert: Certificate file of ours; None for ``VAULT_CLIENT_CERT``.
        client_key: Its key file; None for ``VAULT_CLIENT_KEY``.
    """

    verify: bool = True
    ca_cert: str | None = None
    client_cert: str | None = None
    client_key: str | None = None

    @property
    def authorities(self) -> str | bool:
        """A file or directory to trust, True for the authorities of requests, False for any."""
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        return self.verify and (self.ca_cert or environment("CACERT") or environment("CAPATH") or bundle or True)

    @property
    def own(self) -> tuple[str, str] | str | None:
        """Our certificate and its key, in two files or one; None if we have no certificate."""
        certificate = self.client_cert or environment("CLIENT_CERT")
        key = self.client_key or environment("CLIENT_KEY")
        return (certificate, key) if certificate and key else certificate

    @property
    def mistake(self) -> Failed | None:
        """The file that cannot be read, or None: requests would report some of these as a broken connection."""
        trusted, own = self.authorities, self.own
        if isinstance(trusted, str) and not _is_readable(trusted, folder=True):
            return _unreadable("ca_cert", trusted)
        for word, path in zip(
            ("client_cert", "client_key"), (own,) if isinstance(own, str) else own or (), strict=False
        ):
            if not _is_readable(path, folder=False):
                return _unreadable(word, path)
        return None


def _is_readable(path: str, *, folder: bool) -> bool:
    """Return whether a path is a file, or a permitted folder, that this user can read."""
    right_kind = os.path.isfile(path) or (folder and os.path.isdir(path))  # noqa: PTH112, PTH113 - a path may hold a NUL
    return right_kind and os.access(path, os.R_OK)


def _unreadable(word: str, path: str) -> Failed:
    return Failed(
        FailureCode.MISCONFIGURED,
        f"the certificate file {path}, which {word} or the environment names, cannot be read",
        "check that it is there, is a file, and may be read by this user",
    )
