"""A server in its own process: its port, its start, and its end together with ours."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

__all__ = ["ServerProcess", "await_ready", "reserved_port"]

STARTING = 30.0
"""Longest time, in seconds, that a server may take to start."""


@contextmanager
def reserved_port() -> Generator[int]:
    """Take a free port of the loopback interface for one server, which may listen at it again and again.

    On Linux, the kernel gives the port to no other program that asks for any free one: a socket is bound to it, and
    does not listen. The server must set SO_REUSEADDR, as servers do. Other systems would refuse the server, so there
    the port is free, and likely to stay so.
    """
    with socket.socket() as holder:
        if sys.platform == "linux":
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        if sys.platform != "linux":
            holder.close()
        yield port


def await_ready(ready: Callable[[], bool], process: subprocess.Popen[bytes] | None, log: Path) -> None:
    """Wait until a server is ready.

    Raises:
        RuntimeError: It ended, or takes too long; the error has the end of its log.
    """
    until = time.monotonic() + STARTING
    while not ready():
        if process is None or process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(log.read_text(encoding="utf-8", errors="replace")[-2000:])
        time.sleep(0.02)


WATCH = """
import os, shutil, signal, sys
pid, folder = int(sys.argv[1]), sys.argv[2]
try:
    server = os.pidfd_open(pid)
    end = lambda: signal.pidfd_send_signal(server, signal.SIGKILL)
except (AttributeError, OSError):
    end = lambda: os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
sys.stdin.buffer.read()
try:
    end()
except OSError:
    pass
shutil.rmtree(folder, ignore_errors=True)
"""
"""The program of a watcher: it reads from a pipe, which ends when the process at the other end is gone."""


class ServerProcess(subprocess.Popen[bytes]):
    """A server that ends with this process, even if this process is killed: a cancelled job leaves nothing behind.

    Args:
        command: The command and its arguments.
        folder: Its home, which is removed if it outlives us.
        options: The same as for `subprocess.Popen`.
    """

    def __init__(self, command: Sequence[str], folder: Path, **options: Any) -> None:
        super().__init__(command, **options)
        # A pipe, because Linux's own signal goes by the thread that started the process, and other systems have none.
        self._watcher = subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-I", "-S", "-c", WATCH, str(self.pid), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us
        )

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and end the watcher."""
        code = super().wait(timeout)
        self._watcher.kill()
        self._watcher.communicate()
        return code
