"""The Key Vault of the test kit, as the tests look at it: the vault behind the server, and providers for it."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from importlib import import_module
from time import time
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from secretsource.providers.azure import AzureProvider
from secretsource.testing.servers.azure import AzureServer, azure_server
from secretsource.testing.servers.azure.answers import DENIED, DROPPED, Answer, problem, written
from secretsource.testing.servers.azure.vault import CLIENT, CLIENT_SECRET, PRINCIPAL, TENANT, TOKEN, KeyVault

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = [
    "CLIENT",
    "CLIENT_SECRET",
    "DENIED",
    "DROPPED",
    "PRINCIPAL",
    "TENANT",
    "TOKEN",
    "Answer",
    "KeyVault",
    "emptied",
    "key_vault",
    "now",
    "problem",
    "provider",
    "public_cloud",
    "signed_in",
    "written",
]

for module in ("azure.identity.aio", "azure.keyvault.secrets.aio"):
    import_module(module)  # here, and not within the time of a test's first call

MY_VAULT, LOGIN = "my-vault.vault.azure.net", ("login.microsoftonline.com", "login.microsoft.com")


@contextmanager
def key_vault() -> Generator[KeyVault]:
    """A running vault."""
    with azure_server() as server:
        yield server.vault


@contextmanager
def public_cloud() -> Generator[KeyVault]:
    """A vault under the names of Azure's public cloud, and an environment that leads there as a user's does.

    The names are looked up here, and the default port leads to ours, so a client needs no setting at all.
    """
    look_up = socket.getaddrinfo
    with azure_server(MY_VAULT, *LOGIN) as server, patch.dict(os.environ):
        vault = server.vault
        port = int(vault.url.rpartition(":")[2])

        def here(host: Any, service: Any, *arguments: Any, **keywords: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            if name in {MY_VAULT, *LOGIN} or (name == "127.0.0.1" and service == 443):
                return look_up("127.0.0.1", port, *arguments, **keywords)
            return look_up(host, service, *arguments, **keywords)

        vault.url, vault.authority = f"https://{MY_VAULT}", f"https://{LOGIN[0]}"
        os.environ |= {**PRINCIPAL, "REQUESTS_CA_BUNDLE": vault.ca}
        with patch.object(socket, "getaddrinfo", here):
            yield vault


def signed_in(environ: Any) -> None:
    """Set the environment that azure-identity finds the service principal in."""
    for variable, value in PRINCIPAL.items():
        environ.setenv(variable, value)


@contextmanager
def emptied(vault: KeyVault, environ: Any) -> Generator[KeyVault]:
    """A vault that runs, without secrets, calls and faults, and the environment of a service principal for it."""
    signed_in(environ)
    vault.secrets.clear()
    vault.calls.clear()
    vault.logins = 0
    yield vault
    vault.faults.clear()
    vault.heal()


def provider(vault: KeyVault, **settings: Any) -> AzureProvider:
    """A provider for the vault, as for a cloud of its own."""
    return AzureProvider(**{**AzureServer(vault).settings, **settings})


def now() -> int:
    """The present second, as Key Vault counts them."""
    return int(time())
