"""Servers that misbehave towards the Google Cloud provider: over HTTP/2, and where tokens come from."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.auth.identity_pool import Credentials as WorkloadCredentials
from google.oauth2.credentials import Credentials
from tests.servers.gcp import secret_manager
from tests.servers.relay import relay

from secretsource.providers.base import Failed, FailureCode, Found, Identity, SecretRef
from secretsource.providers.gcp import GcpProvider
from secretsource.testing.servers.rogue import DRIPS, FLOODS, rogue_server

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from secretsource.providers.base import Outcome

import_module("google.cloud.secretmanager_v1")  # here, and not within the time of a test's first call

REF = SecretRef("gcp", "TOKEN")
PATHS = ("grpc", "asyncio", "rest")
OVER_HTTP2 = PATHS[:2]
TIMEOUT, SLACK = 0.5, 20.0
"""Seconds of a call, and those more that a busy machine may take; without a deadline, the servers here never end."""
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""The frame with which a server of HTTP/2 begins (RFC 9113 §3.4)."""
PING = b"\x00\x00\x08\x06\x00\x00\x00\x00\x00" + b"keepdrip"


def ask(path: str, *, timeout: float, **settings: Any) -> tuple[Outcome, float]:
    """The outcome of one look-up on a path, and the seconds it took."""
    asked = GcpProvider(project="p1", transport="rest" if path == "rest" else "grpc", **settings)

    async def once() -> Outcome:
        try:
            return await asked.afetch(REF, timeout=timeout)
        finally:
            await asked.aclose()

    began = monotonic()
    outcome = asyncio.run(once()) if path == "asyncio" else asked.fetch(REF, timeout=timeout)
    took = monotonic() - began
    asked.close()
    return outcome, took


@contextmanager
def dripping(opening: bytes, piece: bytes) -> Generator[str]:
    """A server that opens and then sends a piece again and again; its address."""
    released = Event()

    class Dripping(BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(opening)
            while piece and not released.wait(0.02):
                try:
                    self.request.sendall(piece)
                except OSError:
                    return
            released.wait(30)

    with ThreadingTCPServer(("127.0.0.1", 0), Dripping) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            released.set()
            server.shutdown()
            thread.join()


@contextmanager
def answering(answer: Callable[[Any, Any], bytes]) -> Generator[str]:
    """A server of gRPC that gives these bytes for every message; its address."""

    class Every(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
        def service(self, handler_call_details: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(answer)

    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((Every(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


@pytest.mark.parametrize("path", OVER_HTTP2)
@pytest.mark.parametrize(
    ("opening", "piece"),
    [(b"", b""), (SETTINGS, b""), (SETTINGS, PING), (SETTINGS[:5], b"")],
    ids=["silent", "settings only", "pings", "half a frame"],
)
def test_drip_over_http2(path: str, opening: bytes, piece: bytes) -> None:
    """A server that talks and never answers is a timeout, when the timeout is over."""
    with dripping(opening, piece) as address:
        outcome, took = ask(path, timeout=TIMEOUT, endpoint=address)
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.TIMEOUT
    assert took < TIMEOUT + SLACK


@pytest.mark.parametrize("path", OVER_HTTP2)
def test_long_message(path: str) -> None:
    """A message of more than 1 MiB is malformed, and no throttling, which could be waited for."""
    with answering(lambda *_: b"\x0a\x80\x80\x80\x08" + b"x" * 2**24) as address:
        outcome, _ = ask(path, timeout=10, endpoint=address)
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.MALFORMED
    assert "longer than 1 MiB" in str(outcome.reason)


@pytest.mark.parametrize("path", PATHS)
def test_longest_secret(path: str) -> None:
    """The longest payload that Secret Manager holds, 64 KiB, is within the limit."""
    with secret_manager() as gcp:
        gcp.store.add("projects/p1/secrets/TOKEN", b"x" * 65_536)
        outcome, _ = ask(path, timeout=10, endpoint=gcp.address)
    assert isinstance(outcome, Found)
    assert outcome.value == "x" * 65_536


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(status: int) -> None:
    """Google does not redirect, so the value of the server that it leads to is not taken for the secret."""
    with relay() as front, secret_manager() as gcp:
        gcp.store.add("projects/p1/secrets/TOKEN", b"of another server")
        elsewhere = f"{gcp.address}/v1/projects/p1/secrets/TOKEN/versions/latest:access"
        front.answer(status, b"", {"Location": elsewhere})
        outcome, _ = ask("rest", timeout=10, endpoint=front.address)
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.MISCONFIGURED
    assert "not from Secret Manager" in str(outcome.reason)
    assert gcp.calls == []


def login(address: str) -> Credentials:
    """A login whose tokens come from an address."""
    return Credentials(None, "refresh", token_uri=f"{address}/token", client_id="c", client_secret="s")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("misconduct", sorted(DRIPS))
def test_drip_of_a_token(path: str, misconduct: str) -> None:
    """A token that does not come in time is a timeout, when the timeout is over."""
    with rogue_server(misconduct) as address:
        outcome, took = ask(path, timeout=TIMEOUT, endpoint="localhost:1", credentials=login(address))
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.TIMEOUT
    assert took < TIMEOUT + SLACK


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("misconduct", sorted(FLOODS))
def test_flood_of_a_token(path: str, misconduct: str) -> None:
    """An answer with a token that never ends is malformed."""
    with rogue_server(misconduct) as address:
        outcome, _ = ask(path, timeout=10, endpoint="localhost:1", credentials=login(address))
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.MALFORMED


@pytest.mark.parametrize("path", PATHS)
def test_token_source_that_nobody_runs(path: str) -> None:
    """What cannot be reached is told by its own host and port, with the cause."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    outcome, _ = ask(path, timeout=10, endpoint="localhost:1", credentials=login(f"http://127.0.0.1:{port}"))
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.UNAVAILABLE
    assert f"127.0.0.1:{port} cannot be reached: connection refused" in str(outcome.reason)


@pytest.mark.parametrize("status", [301, 307, 308])
def test_token_source_that_leads_elsewhere(status: int) -> None:
    """A request for a token has credentials in its body, so it goes to no other server than the one that is set."""
    with relay() as front, relay() as other:
        front.answer(status, b"", {"Location": f"{other.address}/token"})
        outcome, _ = ask("rest", timeout=10, endpoint="localhost:1", credentials=login(front.address))
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.UNAUTHENTICATED
    assert other.calls == []


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, FailureCode.UNAUTHENTICATED), (429, FailureCode.UNAVAILABLE), (500, FailureCode.UNAVAILABLE)],
)
def test_token_source_that_is_out_of_order(status: int, code: FailureCode, tmp_path: Path) -> None:
    """google-auth calls every answer about a workload identity a refusal; what passes by itself is an outage."""
    (tmp_path / "jwt").write_text("jwt")
    with relay() as front:
        front.answer(status, b'{"error": "x", "error_description": "y"}')
        workload: Any = WorkloadCredentials(
            audience="//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
            subject_token_type="urn:ietf:params:oauth:token-type:jwt",
            token_url=f"{front.address}/token",
            credential_source={"file": str(tmp_path / "jwt")},
        )
        outcome, _ = ask("rest", timeout=10, endpoint="localhost:1", credentials=workload)
    assert isinstance(outcome, Failed)
    assert outcome.code is code


@pytest.mark.parametrize("misconduct", ["silent", "drip_body", "flood_body"])
def test_identity(misconduct: str) -> None:
    """To ask who one is ends in time, whatever the source of tokens does."""
    with rogue_server(misconduct) as address:
        asked = GcpProvider(project="p1", endpoint="localhost:1", credentials=login(address))
        began = monotonic()
        who = asked.identify(timeout=TIMEOUT)
        took = monotonic() - began
        asked.close()
    assert isinstance(who, Identity)
    assert who.clock_skew is None
    assert took < TIMEOUT + SLACK
