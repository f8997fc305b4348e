"""A service of several processes on PostgreSQL and Valkey, one of which can be killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

PATIENCE = 120
START = Path.cwd()
WORKERS = 4
SETTINGS = """
[server]
store = "{store}"
limiter = "{limiter}"
workers = {workers}
ttl = {ttl}
trusted_proxies = ["127.0.0.1"]
default_scope = "orders:read"
[environments.production]
providers = ["env", "dotenv"]
"""


class Fleet:
    """The service, which runs.

    Attributes:
        port: The port that it listens at.
        root: The first root key.
        kills: How many of its processes were killed.
    """

    def __init__(self, process: subprocess.Popen[str], port: int, root: str) -> None:
        self._process, self.port, self.root = process, port, root
        self.kills = 0

    def workers(self) -> list[int]:
        """Its serving processes."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):  # it has ended meanwhile
                is_child = int(stat.read_text().rpartition(")")[2].split()[1]) == self._process.pid
                if is_child and b"spawn_main" in (stat.parent / "cmdline").read_bytes():
                    found.append(int(stat.parent.name))
        return sorted(found)

    def kill_one(self, number: int) -> None:
        """Kill one of its processes without a word."""
        workers = self.workers()
        if workers:
            with suppress(ProcessLookupError):
                os.kill(workers[number % len(workers)], signal.SIGKILL)
                self.kills += 1

    def stop(self) -> int:
        """Stop it as an operator does, and return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(PATIENCE)


@contextmanager
def fleet(folder: Path, store: str, limiter: str, ttl: float, more: str = "") -> Generator[Fleet]:
    """Found a service in an empty folder, and run it until the end of the block; ``more`` are further tables."""
    settings = SETTINGS.format(store=store, limiter=limiter, workers=WORKERS, ttl=ttl)
    (folder / "secretsource.toml").write_text(settings + more)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SECRETSOURCE_")}
    if tree := kept.get("PYTHONPATH"):
        kept["PYTHONPATH"] = os.pathsep.join(str(START / part) for part in tree.split(os.pathsep))
    words = [sys.executable, "-m", "secretsource", "serve"]
    made = subprocess.run(
        [*words, "--init", "--out", "root.key"], cwd=folder, env=kept, capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*words, "--port", "0"], cwd=folder, env=kept, stderr=log, text=True)
        try:
            deadline = time.monotonic() + PATIENCE
            while not (found := re.search(r"serving: http://127\.0\.0\.1:(\d+)", (folder / "log").read_text())):
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield Fleet(process, int(found[1]), (folder / "root.key").read_text().strip())
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(PATIENCE)
