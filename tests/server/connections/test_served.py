"""The bounds of connections, in the service as it is run."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest
from tests.server.test_process import found_service, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.test_process import Running

INSIDE = "10.9.9.9"
PROXIES = '[server]\ntrusted_proxies = ["127.0.0.1"]\n'


@pytest.fixture
def founded(open_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a service behind a gateway on this machine."""
    found_service(open_folder, tmp_path_factory)
    (open_folder / "secretsource.toml").write_text(PROXIES)
    return open_folder


def chunked(running: Running, key: str, passed: str, trailer: str) -> int:
    """Issue a key with a chunked body, and a trailer behind it; return the status."""
    body = json.dumps({"owner": "acme"})
    sent = (
        f"POST /v1/keys HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {passed}\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        f"{len(body):x}\r\n{body}\r\n0\r\n{trailer}\r\n"
    )
    with socket.create_connection(("127.0.0.1", running.port), timeout=30) as line:
        line.sendall(sent.encode())
        return int(line.makefile("rb").readline().split()[1])


def test_a_client_does_not_write_its_address_into_a_trailer(founded: Path) -> None:
    """A key that is bound to networks is refused outside of them, whatever comes behind the body."""
    with serving(founded) as running:
        status, made = running.ask("POST", "/v1/root-keys", {"scopes": ["keys:write"], "networks": [INSIDE]})
        assert status == 201
        assert chunked(running, made["key"], INSIDE, "") == 201
        assert chunked(running, made["key"], "203.0.113.5", "") == 401
        assert chunked(running, made["key"], "203.0.113.5", f"X-Forwarded-For: {INSIDE}\r\n") == 401
