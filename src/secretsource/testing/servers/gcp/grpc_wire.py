"""gRPC in front of a service, with the SDK's own messages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from secretsource.testing.servers.gcp.service import METHODS
from secretsource.testing.servers.gcp.store import Refusal

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretsource.testing.servers.gcp.service import Service

NAME = "google.cloud.secretmanager.v1.SecretManagerService"
BROKEN = b"\x0a\xff\xff\xff\xff\x0f"
"""The start of a message that promises far more than follows."""


@contextmanager
def grpc_wire(service: Service, certificate: tuple[bytes, bytes] | None) -> Generator[tuple[int, int | None]]:
    """Serve; yield the port without TLS and, with a certificate, the port with TLS."""
    server = grpc.server(ThreadPoolExecutor(16))
    handlers = {method: _handler(service, method) for method in METHODS}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    tls_port = None
    if certificate is not None:
        tls_port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([certificate]))
    server.start()
    try:
        yield port, tls_port
    finally:
        server.stop(0).wait()


def _handler(service: Service, method: str) -> Any:
    request, response = METHODS[method]

    def answer(question: Any, context: Any) -> Any:
        try:
            return service.call(method, question, dict(context.invocation_metadata()))
        except Refusal as refusal:
            status = _status(refusal)
        return context.abort_with_status(rpc_status.to_status(status))

    def serialize(message: Any) -> bytes:
        return BROKEN + message if isinstance(message, bytes) else response.serialize(message)

    return grpc.unary_unary_rpc_method_handler(answer, request.deserialize, serialize)


def _status(refusal: Refusal) -> Any:
    status = status_pb2.Status(code=code_pb2.Code.Value(refusal.status), message=refusal.message)
    details: list[Any] = []
    if refusal.reason:
        details.append(error_details_pb2.ErrorInfo(reason=refusal.reason, domain="googleapis.com"))
    if refusal.wait is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(int(refusal.wait * 1000))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status
