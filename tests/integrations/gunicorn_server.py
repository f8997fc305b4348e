"""Gunicorn over the keys of this process: its worker in a thread, and its command over keys in a file."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


_LISTENING = re.compile(r"Listening at: http://127.0.0.1:(\d+)")


# gunicorn has no types
class Served(BaseApplication):  # type: ignore[misc]
    """An application as gunicorn loads it."""

    def __init__(self, app: Any) -> None:
        self.app = app
        super().__init__()

    def load_config(self) -> None:
        for name, value in {"threads": 4, "loglevel": "critical", "graceful_timeout": 5}.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self.app


# gunicorn has no types
class Worker(ThreadWorker):  # type: ignore[misc]
    """A worker that leaves the signals of this process alone."""

    def init_signals(self) -> None:
        """Do nothing."""


@contextmanager
def gunicorn_server(app: Any) -> Generator[str]:
    """Serve an application with a worker of gunicorn, until the end of the ``with`` block."""
    served = Served(app)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        worker: Any = Worker(1, os.getppid(), [listening], served, 30, served.cfg, Logger(served.cfg))
        thread = Thread(target=worker.init_process, name="gunicorn", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            worker.handle_exit(None, None)
            thread.join()
            worker.tmp.close()


@contextmanager
def gunicorn_command(folder: Path, *words: str) -> Generator[str]:
    """Run the command of gunicorn in a folder, on a port of its choice."""
    command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", *words]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = iter(process.stderr)
            port = next(found[1] for line in said if (found := _LISTENING.search(line)))
            with ThreadPoolExecutor(1) as reading:
                reading.submit(list, said)  # so that the pipe does not fill
                try:
                    yield f"http://127.0.0.1:{port}"
                finally:
                    process.terminate()
        finally:
            process.terminate()
