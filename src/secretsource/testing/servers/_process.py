"""A server that is a process of its own: where it may listen, and when it is ready."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["await_ready", "free_port"]

STARTING = 30.0
"""Longest time, in seconds, that a server may take to come up."""


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def await_ready(ready: Callable[[], bool], process: subprocess.Popen[bytes] | None, log: Path) -> None:
    """Wait until a server is ready.

    Raises:
        RuntimeError: It ended, or takes too long; with the end of its log.
    """
    until = time.monotonic() + STARTING
    while not ready():
        if process is None or process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(log.read_text(encoding="utf-8", errors="replace")[-2000:])
        time.sleep(0.02)
