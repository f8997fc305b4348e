"""Azure Key Vault on this machine: a server of ours for Azure's own clients, over TLS.

It has an Entra token endpoint, and the challenge that names this endpoint to a client.

with azure_server() as azure:
    azure.put("stripe-secret-key", "sk_test_x")
    os.environ.update(azure.environment)
    provider = AzureProvider(**azure.settings)
"""

from __future__ import annotations

import json
import ssl
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from secretsource.testing.servers._http import serving
from secretsource.testing.servers._needed import need
from secretsource.testing.servers.azure.answers import Answer, problem
from secretsource.testing.servers.azure.vault import PRINCIPAL, KeyVault
from secretsource.testing.servers.azure.wire import HttpsServer
from secretsource.testing.servers.base import SecretServer

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

__all__ = ["AzureServer", "azure_server"]


class AzureServer(SecretServer):
    """One Key Vault, and the endpoint that issues tokens for it.

    Attributes:
        address: The value of a provider's ``vault_url``, and of its ``authority``.
        vault: The vault's content; use it also to plan single answers, to revoke tokens, and to see the calls.
    """

    scheme = "azure"

    def __init__(self, vault: KeyVault) -> None:
        self.vault = vault
        self.address = vault.url

    @property
    def settings(self) -> dict[str, Any]:
        """Settings for ``AzureProvider``: the vault belongs to its own cloud, with an authority for its certificate."""
        return {
            "vault_url": self.address,
            "authority": self.address,
            "ca_cert": self.vault.ca,
            "verify_challenge_resource": False,
            "credential_options": {"disable_instance_discovery": True},
        }

    @property
    def environment(self) -> dict[str, str]:
        """The service principal, as azure-identity reads it."""
        return dict(PRINCIPAL)

    def put(self, location: str, value: str | Mapping[str, Any]) -> str:
        """Store a version of a secret; return its identifier."""
        return self.vault.put(location, value if isinstance(value, str) else json.dumps(dict(value)))

    def disable(self, location: str) -> None:
        """Disable the newest version."""
        self.vault.disable(location)

    def delete(self, location: str) -> None:
        """Delete a secret softly: it can be recovered, but not read."""
        self.vault.delete(location)

    def reset(self) -> None:
        """Start anew: no fault, no secret, no call."""
        self.vault.clear()

    def deny(self, location: str | None = None) -> None:
        """Refuse one secret, or every call, as a missing role does."""
        self.vault.refused["*" if location is None else location.lower()] = "ForbiddenByRbac"

    def throttle(self) -> None:
        """Answer every call with 429, and a wait of 7 seconds."""
        self.vault.standing = lambda: problem(429, "Throttled", **{"Retry-After": "7"})

    def hang(self) -> None:
        """Accept every call, and answer no call before the fault ends."""
        self.vault.standing = self.vault.hang

    def break_response(self, planted: str = "") -> None:
        """Answer every call with a page of HTML."""
        self.vault.standing = lambda: Answer(200, f"<html>{planted}</html>".encode())

    def down(self) -> None:
        """Answer every call with 503."""
        self.vault.standing = lambda: problem(503, "ServiceUnavailable")

    def heal(self) -> None:
        """End every fault."""
        self.vault.heal()


@contextmanager
def azure_server(*hosts: str) -> Generator[AzureServer]:
    """Run a vault until the end of the ``with`` block.

    Args:
        hosts: Names in its certificate beside localhost and 127.0.0.1.

    Raises:
        ConfigurationError: trustme, which makes the certificate, is not installed.
    """
    need("azure_server", "trustme")
    import trustme

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1", *hosts).configure_cert(context)
    with TemporaryDirectory(prefix="azure-") as folder:
        ca = Path(folder) / "ca.pem"
        authority.cert_pem.write_to_path(str(ca))
        server = HttpsServer(context)
        server.vault = KeyVault(f"https://localhost:{server.server_port}", str(ca), context)
        with serving(server):
            try:
                yield AzureServer(server.vault)
            finally:
                server.vault.heal()
