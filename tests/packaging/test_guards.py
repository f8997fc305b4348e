"""The guards that hold for every test are up: no other machine is reached, and no credentials come in."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

ELSEWHERE = "192.0.2.1"
"""An address for documentation (RFC 5737); nobody has it."""


@pytest.mark.parametrize("address", [(ELSEWHERE, 443), ("2001:db8::1", 443), ("169.254.169.254", 80)])
def test_a_socket_to_another_machine_is_refused_and_noted(attempts: list[str], address: tuple[str, int]) -> None:
    """An attempt fails at once, and would fail the test even if it were swallowed."""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=1)
    assert attempts == [str(address if ":" not in address[0] else (*address, 0, 0))]
    attempts.clear()


async def test_an_event_loop_is_guarded_too(attempts: list[str]) -> None:
    """asyncio connects through the same door."""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(ELSEWHERE, 443)
    assert attempts
    attempts.clear()


def test_no_name_of_another_machine_is_looked_up(attempts: list[str]) -> None:
    """A foreign name does not resolve and is noted; one under .invalid only does not resolve."""
    for host in ("example.com", "nowhere.invalid"):
        with pytest.raises(socket.gaierror):
            socket.getaddrinfo(host, 443)
    assert attempts == ["example.com"]
    attempts.clear()


def test_this_machine_can_be_reached() -> None:
    """A server on the loopback answers, by number and by name."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        for host in ("127.0.0.1", "localhost"):
            with socket.create_connection((host, server.getsockname()[1]), timeout=1) as connection:
                assert connection.getpeername() == server.getsockname()


def test_no_credentials_come_in() -> None:
    """Neither variables nor the home directory lead to an account."""
    foreign = {name for name in os.environ if name.startswith(("AWS_", "VAULT_", "GOOGLE_", "AZURE_", "SECRETSOURCE_"))}
    assert foreign == {"AWS_EC2_METADATA_DISABLED"}
    assert not list(Path.home().iterdir())
