"""The Google Cloud provider keeps the contract, over gRPC and over REST, for threads and for event loops."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest
from tests.conformance.served import ServedHarness
from tests.servers.gcp import SecretManager, secret_manager

from secretsource.providers.gcp import GcpProvider
from secretsource.testing import AsyncProviderConformance, WritableProviderConformance

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture(scope="module")
def gcp() -> Generator[SecretManager]:
    """A running Secret Manager."""
    with secret_manager() as gcp:
        yield gcp


class GcpHarness(ServedHarness):
    """Puts secrets into our Secret Manager, and breaks it."""

    def __init__(self, gcp: SecretManager, transport: str) -> None:
        gcp.reset()
        self.transport = transport
        self.server = self.gcp = gcp
        self.provider = GcpProvider(**gcp.settings, prefix="prod_", transport=transport)

    def put(self, name: str, value: str | bytes) -> None:
        self.gcp.store.add(self.resource(name), value.encode() if isinstance(value, str) else value)

    def behind(self, address: str) -> GcpProvider:
        return GcpProvider(project=self.gcp.project, endpoint=address, prefix="prod_", transport=self.transport)

    def older_stage(self, name: str) -> str:
        newest = len(self.gcp.store.versions(self.resource(name)))
        self.gcp.store.secret(self.resource(name)).version_aliases = {"older": newest - 1}
        return "older"

    def resource(self, name: str) -> str:
        return f"projects/{self.gcp.project}/secrets/prod_{name}"


class TestGcpProvider(AsyncProviderConformance, WritableProviderConformance):
    """Every case, over gRPC."""

    impossible: ClassVar = {
        "empty": "Secret Manager takes no empty payload",
        "deny_write": "the test server refuses reading and writing alike",
        "wire": "it speaks HTTP/2; tests/providers/gcp/test_gcp_wire.py has servers that misbehave there",
    }

    @pytest.fixture
    def harness(self, gcp: SecretManager) -> Generator[GcpHarness]:
        """An empty Secret Manager."""
        yield GcpHarness(gcp, "grpc")
        gcp.heal()


class TestGcpProviderOverRest(AsyncProviderConformance, WritableProviderConformance):
    """Every case, over REST, where the asynchronous call is a worker thread's."""

    impossible: ClassVar = {name: why for name, why in TestGcpProvider.impossible.items() if name != "wire"}

    @pytest.fixture
    def harness(self, gcp: SecretManager) -> Generator[GcpHarness]:
        """An empty Secret Manager."""
        yield GcpHarness(gcp, "rest")
        gcp.heal()
