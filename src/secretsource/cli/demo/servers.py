"""The servers of the demo: one for each remote provider, all started at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from secretsource.testing import servers

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from secretsource.testing.servers import AwsServer, AzureServer, GcpServer, SecretServer, VaultServer

__all__ = ["Servers"]

PATIENT: dict[str, dict[str, float]] = {
    "aws": {"read_timeout": 10.0},
    "vault": {"connect_timeout": 5.0},
    "gcp": {},
    "azure": {"connection_timeout": 5.0, "read_timeout": 10.0},
}
"""The providers in the order of the chain, with longer timeouts than in a service: the machine may be slow."""


class Servers:
    """AWS, Vault, Google Cloud and Azure on loopback; while they run, the environment has their credentials."""

    aws: AwsServer
    vault: VaultServer
    gcp: GcpServer
    azure: AzureServer

    def __init__(self) -> None:
        self._resources = {scheme: ExitStack() for scheme in PATIENT}

    def __enter__(self) -> Self:
        try:
            with ThreadPoolExecutor(len(PATIENT)) as pool:
                for server in pool.map(self._start, PATIENT):
                    setattr(self, server.scheme, server)
                    os.environ.update(server.environment)
        except BaseException:
            self.stop(*PATIENT)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(*PATIENT)

    def __getitem__(self, scheme: str) -> SecretServer:
        server: SecretServer = getattr(self, scheme)
        return server

    def stop(self, *schemes: str) -> None:
        """Stop servers: their ports then refuse connections."""
        for scheme in schemes:
            self._resources[scheme].close()

    def toml(self) -> str:
        """Write the providers of all servers as ``secretsource.toml`` has them."""
        return "\n".join(self[scheme].toml(**patience) for scheme, patience in PATIENT.items())

    def _start(self, scheme: str) -> SecretServer:
        start: Any = getattr(servers, f"{scheme}_server")
        server: SecretServer = self._resources[scheme].enter_context(start())
        return server
