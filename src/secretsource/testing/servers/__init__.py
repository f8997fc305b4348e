"""A server for each provider, on free ports of this machine, all with the same methods: see `SecretServer`.

with aws_server() as aws, vault_server() as vault:
    aws.put("STRIPE_SECRET_KEY", "sk_test_x")
    vault.deny()

Names are imported on first use; ``secretsource[testing]`` installs the parts of the servers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secretsource.testing.servers.aws import AwsServer, aws_server
    from secretsource.testing.servers.azure import AzureServer, azure_server
    from secretsource.testing.servers.base import SecretServer
    from secretsource.testing.servers.gcp import GcpServer, gcp_server
    from secretsource.testing.servers.rogue import rogue_server
    from secretsource.testing.servers.vault import VaultServer, vault_server

__all__ = [
    "AwsServer",
    "AzureServer",
    "GcpServer",
    "SecretServer",
    "VaultServer",
    "aws_server",
    "azure_server",
    "gcp_server",
    "rogue_server",
    "vault_server",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "base" if name == "SecretServer" else name.lower().removesuffix("server").removesuffix("_")
    return getattr(import_module(f"{__name__}.{module}"), name)
