"""The Secret Manager of the test kit, where the tests look for it."""

from __future__ import annotations

from secretsource.testing.servers.gcp import GcpServer as SecretManager
from secretsource.testing.servers.gcp import gcp_server as secret_manager

__all__ = ["SecretManager", "secret_manager"]
