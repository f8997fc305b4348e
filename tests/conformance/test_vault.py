"""The Vault provider keeps the contract, with a real OpenBao: KV of both versions.

What a server does not do on demand (hang, break, be down) is done by the relay in front of it; denial is a policy of
the place under test, and throttling is a quota.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

import pytest
from tests.conformance.served import ServedHarness
from tests.servers.openbao import OpenBao, bao
from tests.servers.relay import Relay, relay

from secretsource.providers.vault import VaultProvider
from secretsource.testing import BatchProviderConformance, WritableProviderConformance
from secretsource.testing.servers import VaultServer

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["bao"]

NO_STAGES = "Vault puts no labels on versions"
NO_BYTES = "a field of Vault is JSON, so it holds text"


@pytest.fixture(scope="module")
def front(bao: OpenBao) -> Generator[Relay]:
    """What can go wrong on the way to the server."""
    with relay(bao.address) as front:
        yield front


class VaultHarness(ServedHarness):
    """Writes secrets as an operator does, into a place of its own."""

    mount, mount_in_policy, version = "secret", "secret/data", 2

    def __init__(self, bao: OpenBao, front: Relay) -> None:
        self.bao, self.server = bao, VaultServer(bao, front)
        self.place = f"conformance/{uuid4().hex}"
        self.allowed = f"{self.mount_in_policy}/{self.place}/*"
        self.rules = bao.policy(f"conformance-{uuid4().hex}", self.allowed)
        self.provider = self.made(front.address, {"method": "token", "token": bao.token(self.rules)})

    def made(self, address: str, auth: dict[str, str], **more: Any) -> VaultProvider:
        return VaultProvider(address=address, mount=self.mount, prefix=f"{self.place}/", auth=auth, **more)

    def behind(self, address: str) -> VaultProvider:
        # A token and a mount would be asked for first, so that the fault never met the call for the secret.
        return self.made(address, {"method": "agent"}, kv_version=self.version)

    def deny(self) -> None:
        self.bao.policy(self.rules, "somewhere/else")

    def deny_one(self, name: str) -> None:
        self.bao.policy(self.rules, self.allowed, deny=[f"{self.mount_in_policy}/{self.place}/{name}"])

    def deny_write(self) -> None:
        rules = f'path "{self.allowed}" {{ capabilities = ["read"] }}'
        self.bao.do("PUT", f"sys/policies/acl/{self.rules}", {"policy": rules})

    def throttle(self) -> None:
        self.bao.do("POST", "sys/quotas/rate-limit/test", {"rate": 1, "interval": "1h", "path": f"{self.mount}/"})
        self.bao.call("GET", f"{self.mount}/data/nothing")  # the one call of this hour

    def heal(self) -> None:
        super().heal()
        self.bao.do("DELETE", "sys/quotas/rate-limit/test")


class VersionOneHarness(VaultHarness):
    """KV of version 1, at a mount with a slash."""

    mount = mount_in_policy = "kv/one"
    version = 1

    def put(self, name: str, value: str | bytes) -> None:
        self.bao.do("POST", f"{self.mount}/{self.place}/{name}", {"value": value})

    def delete(self, name: str) -> None:
        self.bao.do("DELETE", f"{self.mount}/{self.place}/{name}")


class TestVaultProvider(BatchProviderConformance, WritableProviderConformance):
    """KV of version 2."""

    impossible: ClassVar = {"stage": NO_STAGES, "binary": NO_BYTES}

    @pytest.fixture
    def harness(self, bao: OpenBao, front: Relay) -> Generator[VaultHarness]:
        """A place in the server that is empty."""
        harness = VaultHarness(bao, front)
        yield harness
        harness.heal()


class TestVaultProviderVersionOne(BatchProviderConformance, WritableProviderConformance):
    """KV of version 1."""

    impossible: ClassVar = {
        **TestVaultProvider.impossible,
        **dict.fromkeys(("version", "old_version", "previous"), "KV of version 1 keeps no versions"),
    }

    @pytest.fixture
    def harness(self, bao: OpenBao, front: Relay) -> Generator[VaultHarness]:
        """A place in the server that is empty."""
        harness = VersionOneHarness(bao, front)
        yield harness
        harness.heal()
