"""The whole service on uvicorn and uvloop in a process of its own, whose event loop is watched.

    python -m benchmarks.steady_server NAME DATABASE

prints, as `benchmarks.edge_server` does, the address and the headers to ask with, and beside them a root key. For each
line that it reads it prints the longest stall of its loop since the line before, in milliseconds, and its resident
memory in MiB.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import threading
from pathlib import Path
from time import perf_counter
from typing import Any

import uvloop

from benchmarks.edge_server import serve_app
from benchmarks.gates_server import SETTINGS
from benchmarks.keyring import PEPPER, SCOPE
from secretsource.issuing import ApiKeys, AsyncApiKeys
from secretsource.server.app import Application
from secretsource.server.rights import EVERYTHING, ROOT_OWNER, ROOT_PREFIX
from secretsource.server.root_keys import RootKeys
from secretsource.server.service import Service

TICK = 0.002
"""Seconds between two looks at the loop."""
TTL = 0.5
"""Seconds for which a record is used, so that the store is asked under load."""


class Stalls:
    """The longest time in which an event loop did not come to a call that was due.

    A loop that works late because another process has the processor is not blocked: such waits are subtracted, as the
    system counts them for this thread.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        file = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self._schedule = os.open(file, os.O_RDONLY) if file.exists() else None
        self.longest = 0.0
        self._await_next()

    def take(self) -> float:
        """Return the longest so far, in seconds, and begin anew."""
        longest, self.longest = self.longest, 0.0
        return longest

    def _await_next(self) -> None:
        self._due, self._waited = perf_counter() + TICK, self._runnable()
        self._loop.call_later(TICK, self._look)

    def _look(self) -> None:
        late = perf_counter() - self._due - (self._runnable() - self._waited)
        self.longest = max(self.longest, late)
        self._await_next()

    def _runnable(self) -> float:
        """Seconds that this thread has waited for a processor."""
        return 0.0 if self._schedule is None else int(os.pread(self._schedule, 64, 0).split()[1]) / 1e9


def resident() -> float:
    """The resident memory of this process, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def serve(_: str, database: str) -> None:
    """Serve until standard input ends."""
    url = f"sqlite:///{database}"
    with ApiKeys.open(url, peppers=[PEPPER]) as keys:
        text = keys.issue(owner="acme", scopes=[SCOPE]).plaintext
        root = keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=EVERYTHING).plaintext

    async def open_service(_: Any) -> Service:
        checked = await AsyncApiKeys.open(url, peppers=[PEPPER], ttl=TTL)
        return Service(checked, SETTINGS, RootKeys(checked))

    app = Application(SETTINGS, open_service)
    stalls = Stalls()
    sent = {
        "Authorization": f"Bearer {text}",
        "X-Forwarded-Method": "GET",
        "X-Forwarded-Uri": "/invoices/7?page=2",
        "X-Root": root,
    }
    used = lambda: json.dumps([stalls.take() * 1e3, resident(), len(gc.get_objects())])  # noqa: E731
    await serve_app(app, "/v1/forward-auth", sent, proxy_headers=False, used=used, lifespan="on")


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:3]))
