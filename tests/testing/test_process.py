"""A server of the test kit ends with the process that started it, whatever ends that."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from secretsource.testing.servers._process import ServerProcess, reserved_port

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")

IP_LOCAL_PORT_RANGE = 51
"""The option of Linux 6.3 that says which ports any free one is; `socket` names it from Python 3.12 on."""
SERVING = """
import sys
from urllib.parse import urlsplit
from secretsource.testing.servers import vault_server
with vault_server() as vault:
    print(urlsplit(vault.bao.address).port, flush=True)
    sys.stdin.read()
    raise SystemExit(3)
"""


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, None])
def test_openbao_ends_with_its_process(number: signal.Signals | None, tmp_path: Path) -> None:
    """No OpenBao and no folder of one is left behind by a process that was ended, killed or is done."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        port = int(process.stdout.readline())
        assert answers(port)
        assert list(tmp_path.iterdir())
        if number is None:
            process.stdin.close()
        else:
            process.send_signal(number)
        process.wait(30)
    until = time.monotonic() + 20
    while (answers(port) or list(tmp_path.iterdir())) and time.monotonic() < until:
        time.sleep(0.02)
    assert not answers(port)
    assert not list(tmp_path.iterdir())


def test_watcher_ends_with_the_server(tmp_path: Path) -> None:
    """A server that is stopped leaves no watcher, and its folder stays where it is."""
    server = ServerProcess(["sleep", "60"], tmp_path)
    server.kill()
    assert server.wait(30) == -signal.SIGKILL
    assert server._watcher.poll() is not None
    assert tmp_path.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems cannot reserve a port for another process")
def test_a_reserved_port_is_for_its_server_alone() -> None:
    """Another program that asks for any port does not get it; a server listens at it, and again after a restart."""
    with reserved_port() as port:
        assert not answers(port)
        for reuse in (0, 1):
            with socket.socket() as other:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
                only_this = (port << 16 | port).to_bytes(4, sys.byteorder)
                other.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, only_this)
                with pytest.raises(OSError, match="Address already in use"):
                    other.bind(("127.0.0.1", 0))
        for _ in range(2):
            with socket.create_server(("127.0.0.1", port)):
                assert answers(port)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
