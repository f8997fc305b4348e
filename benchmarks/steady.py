"""The whole service under load: the longest stall of its event loop, and its memory from the beginning to the end."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import threading
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.edge import Server, server
from benchmarks.harness import Figure, at_most

TITLE = "steady: the event loop and the memory of the service under load"
SECONDS = 300.0 if os.environ.get("SOAK") == "1" else 20.0
"""Seconds of load; five minutes with SOAK=1."""
ROUND = 2.0
PAUSE = 0.02
"""Seconds between two requests of the management API."""


def measure(seconds: float = SECONDS, length: float = ROUND) -> list[Figure]:
    """Ask for gateways with wrk, and issue, list, verify and revoke keys beside it; without wrk, measure nothing."""
    if shutil.which("wrk") is None:
        return []
    rounds = max(int(seconds / length), 4)
    stalls, sizes, requests = [], [], 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="secretsource-")))
        watched = stack.enter_context(server("steady", folder, "benchmarks.steady_server"))
        managing = Managing(watched)
        stack.enter_context(managing)
        loaded(watched, length)  # what is done once at the first request of each kind is over then
        said(watched)
        for _ in range(rounds):
            requests += loaded(watched, length)
            stall, size = said(watched)
            stalls.append(stall)
            sizes.append(size)
    begun, ended = sizes[rounds // 4], sizes[-1]
    return [
        Figure("the longest stall of the event loop in a round, at the median", statistics.median(stalls), "ms",
               at_most(5)),
        Figure("the longest of all", max(stalls), "ms"),
        Figure("memory at the end / after a quarter of the time", ended / begun, "x", at_most(1.05)),
        Figure("memory at the end", ended, "MiB"),
        Figure("requests of gateways", requests, ""),
        Figure("requests of the management API beside them", managing.done, ""),
    ]  # fmt: skip


def loaded(watched: Server, seconds: float) -> int:
    """Ask as fast as it answers, and return the number of requests."""
    sent = [word for name, value in watched.headers.items() for word in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", "-c16", f"-d{max(seconds, 1):.0f}s", *sent, watched.url]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in told, told
    return int(told.partition(" requests in")[0].split()[-1])


def said(watched: Server) -> tuple[float, float]:
    """Return the longest stall since the question before, in milliseconds, and the resident memory, in MiB."""
    stall, size, *_ = json.loads(watched.say())
    return stall, size


class Managing:
    """A client that issues, lists, verifies and revokes keys until the end of its block."""

    def __init__(self, watched: Server) -> None:
        self._root = watched.headers["X-Root"]
        self._base = watched.url.partition("/v1/")[0]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.done = 0

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(60)

    def _work(self) -> None:
        while not self._over.is_set():
            issued = self._ask("/v1/keys", {"owner": "acme", "scopes": ["invoices:read"]})
            self._ask("/v1/keys:verify", {"key": issued["key"], "scope": "invoices:read"})
            self._ask("/v1/keys?limit=100", None)
            self._ask(f"/v1/keys/{issued['key_id']}:revoke", {})

    def _ask(self, path: str, document: object) -> Any:
        headers = {"Authorization": f"Bearer {self._root}", "Content-Type": "application/json"}
        body = None if document is None else json.dumps(document).encode()
        with urlopen(Request(f"{self._base}{path}", body, headers), timeout=60) as answer:
            self.done += 1
            self._over.wait(PAUSE)
            return json.load(answer)
