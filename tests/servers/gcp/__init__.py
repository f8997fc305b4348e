"""A Secret Manager of Google Cloud, on this machine.

Ours, and no emulator of Google's: the semantics are written from the documentation. The wires are real: gRPC with the
SDK's own messages, and REST with their JSON form, on one port, as Google's front end has them.

with secret_manager() as gcp:
    gcp.store.add("projects/p1/secrets/TOKEN", b"value")
    provider = GcpProvider(project="p1", endpoint=gcp.endpoint)
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tests.servers.gcp.faults import Faults
from tests.servers.gcp.front import Front
from tests.servers.gcp.grpc_wire import grpc_wire
from tests.servers.gcp.rest_wire import rest_wire
from tests.servers.gcp.service import Service
from tests.servers.gcp.store import Store

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.servers.gcp.service import Call

__all__ = ["SecretManager", "secret_manager"]


class SecretManager:
    """A running Secret Manager.

    Attributes:
        endpoint: For a provider's ``endpoint``; both transports, without TLS.
        tls_endpoint: The same over TLS, gRPC only, where a certificate was given.
        store: The secrets.
        faults: What goes wrong, one at a time.
    """

    def __init__(self, service: Service, front: Front, tls_port: int | None) -> None:
        self.endpoint = f"http://127.0.0.1:{front.port}"
        self.tls_endpoint = f"localhost:{tls_port}"
        self.store = service.store
        self.faults = service.faults
        self._service = service
        self._front = front

    @property
    def calls(self) -> list[Call]:
        """What was asked, in order."""
        return self._service.calls

    @property
    def asked(self) -> list[str]:
        """Method and resource of each call."""
        return [f"{call.method} {call.resource}" for call in self.calls]

    def cut(self) -> None:
        """Tear every connection, and each new one as soon as it says something."""
        self._front.cut()

    def heal(self) -> None:
        """End the fault."""
        self._front.heal()
        self.faults.heal()

    def empty(self) -> None:
        """Begin anew: no fault, no secret, no call."""
        self.heal()
        self.store.clear()
        self.calls.clear()


@contextmanager
def secret_manager(certificate: tuple[bytes, bytes] | None = None) -> Generator[SecretManager]:
    """Run one; ``certificate`` is the key and the chain, as PEM, of a gRPC port with TLS beside the plain one."""
    service = Service(Store(), Faults())
    with ExitStack() as stack:
        port, tls_port = stack.enter_context(grpc_wire(service, certificate))
        front = stack.enter_context(Front(http2=port, http1=stack.enter_context(rest_wire(service))))
        gcp = SecretManager(service, front, tls_port)
        stack.callback(gcp.heal)
        yield gcp
