"""Google Cloud Secret Manager on this machine: a server of ours, not an emulator of Google's.

Its behaviour follows the documentation. The wires are real: gRPC with the SDK's own messages, and REST with their JSON
form, on one port, as Google's front end has them.

with gcp_server() as gcp:
    gcp.put("STRIPE_SECRET_KEY", "sk_test_x")
    provider = GcpProvider(**gcp.settings)
"""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from secretsource.testing.servers._needed import need
from secretsource.testing.servers.base import SecretServer

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from secretsource.testing.servers.gcp.front import Front
    from secretsource.testing.servers.gcp.service import Call, Service

__all__ = ["GcpServer", "gcp_server"]


class GcpServer(SecretServer):
    """A running Secret Manager, which asks for no credentials.

    A location is a bare name, of the server's own project, or a whole ``projects/P/secrets/NAME``.

    Attributes:
        address: The value of a provider's ``endpoint``; both transports, without TLS.
        tls_endpoint: The same over TLS, gRPC only, if you passed a certificate.
        project: The project of bare names.
        store: The secrets; also for their aliases and the states of versions.
        faults: The fault of the moment.
    """

    scheme = "gcp"
    project = "local-project"

    def __init__(self, service: Service, front: Front, tls_port: int | None) -> None:
        self.address = f"http://127.0.0.1:{front.port}"
        self.tls_endpoint = f"localhost:{tls_port}"
        self.store = service.store
        self.faults = service.faults
        self._service = service
        self._front = front

    @property
    def endpoint(self) -> str:
        """The same as ``address``, under the name of the provider's setting."""
        return self.address

    @property
    def settings(self) -> dict[str, Any]:
        """Settings for ``GcpProvider``."""
        return {"project": self.project, "endpoint": self.address}

    @property
    def environment(self) -> dict[str, str]:
        """The project; no variable leads Google's client to another server."""
        return {"GOOGLE_CLOUD_PROJECT": self.project}

    @property
    def calls(self) -> list[Call]:
        """The requests, in order."""
        return self._service.calls

    @property
    def asked(self) -> list[str]:
        """Method and resource of each call."""
        return [f"{call.method} {call.resource}" for call in self.calls]

    def put(self, location: str, value: str | Mapping[str, Any]) -> str:
        """Add a version, to a new secret if there is no secret yet; return its number."""
        text = value if isinstance(value, str) else json.dumps(dict(value))
        return self.store.add(self._resource(location), text.encode())

    def disable(self, location: str) -> None:
        """Disable the newest version."""
        self.store.set_state(self._resource(location), "latest", "DISABLED")

    def delete(self, location: str) -> None:
        """Delete a secret with all its versions, for good."""
        self.store.delete(self._resource(location))

    def reset(self) -> None:
        """Start anew: no fault, no secret, no call."""
        self.heal()
        self.store.clear()
        self.calls.clear()

    def deny(self, location: str | None = None) -> None:
        """Refuse one secret, or every call, as Google does, which answers the same for an absent secret."""
        on = "" if location is None else f"{self._resource(location)}/"
        self.faults.refuse("PERMISSION_DENIED", "Permission denied for resource (or it may not exist).", on=on)

    def throttle(self) -> None:
        """Answer every call with RESOURCE_EXHAUSTED, and a wait of 3 seconds."""
        self.faults.refuse("RESOURCE_EXHAUSTED", "Quota exceeded for quota metric.", wait=3)

    def hang(self) -> None:
        """Accept every call, and answer no call before the fault ends."""
        self.faults.hang()

    def break_response(self, planted: str = "") -> None:
        """Answer every call with bytes that are not a message."""
        self.faults.garbage = planted.encode()

    def down(self) -> None:
        """Answer every call with UNAVAILABLE."""
        self.faults.refuse("UNAVAILABLE", "The service is currently unavailable.")

    def cut(self) -> None:
        """Tear every connection, and each new one as soon as it sends something."""
        self._front.cut()

    def heal(self) -> None:
        """End every fault."""
        self._front.heal()
        self.faults.heal()

    def _resource(self, location: str) -> str:
        return location if location.startswith("projects/") else f"projects/{self.project}/secrets/{location}"


@contextmanager
def gcp_server(certificate: tuple[bytes, bytes] | None = None) -> Generator[GcpServer]:
    """Run a Secret Manager until the end of the ``with`` block.

    Args:
        certificate: Key and chain, as PEM, of a gRPC port with TLS beside the plain port.

    Raises:
        ConfigurationError: Google's client, whose messages it uses, is not installed.
    """
    need("gcp_server", "google.cloud.secretmanager_v1", "google_crc32c", "grpc", "grpc_status")
    from secretsource.testing.servers.gcp.faults import Faults
    from secretsource.testing.servers.gcp.front import Front
    from secretsource.testing.servers.gcp.grpc_wire import grpc_wire
    from secretsource.testing.servers.gcp.rest_wire import rest_wire
    from secretsource.testing.servers.gcp.service import Service
    from secretsource.testing.servers.gcp.store import Store

    service = Service(Store(), Faults())
    with ExitStack() as stack:
        port, tls_port = stack.enter_context(grpc_wire(service, certificate))
        front = stack.enter_context(Front(http2=port, http1=stack.enter_context(rest_wire(service))))
        gcp = GcpServer(service, front, tls_port)
        stack.callback(gcp.heal)
        yield gcp
