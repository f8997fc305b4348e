"""A request through the ASGI edge: in process beside one hash, and over HTTP beside the same application without it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

from benchmarks.edge_server import LIMITED, NEVER_FLUSHED, hello
from benchmarks.harness import Figure, Sample, at_least, at_most, interleave, per_call, percentile
from benchmarks.keyring import SCOPE
from benchmarks.samples import quiet_environment
from secretsource.integrations.asgi import ApiKeyMiddleware
from secretsource.issuing import AsyncApiKeys
from secretsource.stores.memory import AsyncMemoryStore

TITLE = "edge: a request with a key through the ASGI middleware"
HERE = Path(__file__).resolve().parents[1]
HASH_NS = 250.0
"""Nanoseconds of one SHA-256 on the processor for which the limits in microseconds were set."""
SERVED = (
    "bare", "scope", "by hand, scope", "limit", "by hand, limit", "scope, threads",
    "uncached", "uncached, threads", "by hand, uncached", "bare, uvloop", "scope, uvloop", "by hand, scope, uvloop",
)  # fmt: skip
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def measure(rounds: int = 200, seconds: float = 0.0005, served: int = 15, length: float = 1.0) -> list[Figure]:
    """Time requests in this process, and then over HTTP, ``served`` rounds of ``length`` seconds each, with wrk."""
    figures = in_process(rounds, seconds)
    if shutil.which("wrk") is not None:
        figures += over_http(served, length)
    return figures


def in_process(rounds: int, seconds: float, requests_alone: int = 20_000) -> list[Figure]:
    """Time the edge and the application behind it, called as a server calls them."""
    keys = AsyncApiKeys(AsyncMemoryStore(), ttl=1e6, **NEVER_FLUSHED)
    texts = asyncio.run(_issued(keys))
    app = ApiKeyMiddleware(hello, keys, scope=SCOPE)
    requests: dict[str, Any] = {name: request(text) for name, text in texts.items()}
    names = {"once": once, "app": app, "hello": hello, "sha256": sha256, "key": texts["scope"].encode(), **requests}
    cases = {"hash": "sha256(key).digest()", "bare": "once(hello, scope)"}
    cases |= {name: f"once(app, {name})" for name in requests}
    samples = interleave({name: _at_depths(per_call(case, names, seconds)) for name, case in cases.items()}, rounds)
    figures: list[Figure] = []
    for name, most in (("scope", 4.0), ("limit", 6.0)):
        rows = zip(samples[name], samples["bare"], samples["hash"], strict=True)
        added = statistics.median((edge - bare) / one for edge, bare, one in rows)
        what = f"in process, with a {name}"
        figures.append(Figure(f"{what}: added, where SHA-256 takes {HASH_NS:.0f} ns", added * HASH_NS / 1e3, "us",
                              at_most(most)))  # fmt: skip
        figures.append(Figure(f"{what}: all of it, here", statistics.median(samples[name]) * 1e6, "us"))
        figures.append(
            Figure(
                f"{what}: 99 % of the requests",
                percentile(_alone(app, requests[name], requests_alone), 0.99) * 1e6,
                "us",
            )
        )
    return figures


def over_http(rounds: int, length: float) -> list[Figure]:
    """Ask each application in turn; the processor time that its server takes for a request is compared."""
    loads = loaded(SERVED, rounds, length)

    def cost(name: str, beside: str) -> float:
        return cheaper(loads[name], loads[beside])

    def late(name: str) -> float:
        return statistics.median(one.p99 for one in loads[name])

    return [
        Figure("HTTP, with a scope: requests for the processor time of a guard by hand",
               cost("scope", "by hand, scope"), "x", at_least(0.85)),
        Figure("HTTP, with a limit: the same", cost("limit", "by hand, limit"), "x", at_least(0.85)),
        Figure("HTTP, with a scope: requests for the processor time of a bare one", cost("scope", "bare"), "x",
               at_least(0.85)),
        Figure("HTTP, a guard by hand, with a scope: the same", cost("by hand, scope", "bare")),
        Figure("HTTP, with a limit: the same", cost("limit", "bare"), "x", at_least(0.75)),
        Figure("HTTP, a guard by hand, with a limit: the same", cost("by hand, limit", "bare")),
        Figure("HTTP, on uvloop, with a scope: the same", cost("scope, uvloop", "bare, uvloop")),
        Figure("HTTP, on uvloop, a guard by hand, with a scope: the same",
               cost("by hand, scope, uvloop", "bare, uvloop")),
        Figure("HTTP, keys for threads / keys for an event loop", 1 / cost("scope, threads", "scope"), "x",
               at_most(1.1)),
        Figure("HTTP, uncached on SQLite: the same as by hand", cost("uncached", "by hand, uncached"), "x",
               at_least(0.8)),
        Figure("HTTP, uncached on SQLite: slowest 1 % / by hand", late("uncached") / late("by hand, uncached"), "x",
               at_most(2)),
        Figure("HTTP, uncached, keys for threads: the same as by hand",
               cost("uncached, threads", "by hand, uncached")),
        Figure("HTTP, uncached, keys for threads: slowest 1 % / by hand",
               late("uncached, threads") / late("by hand, uncached")),
        *(figure for name in SERVED for figure in told(name, loads[name])),
    ]  # fmt: skip


def loaded(
    names: Sequence[str], rounds: int, length: float, module: str = "benchmarks.edge_server"
) -> Mapping[str, Sequence[Load]]:
    """Load several applications in turn, each round beginning with another one."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="secretsource-")))
        servers = {name: stack.enter_context(server(name, folder, module)) for name in names}
        stack.enter_context(apart([each.pid for each in servers.values()]))
        for each in servers.values():
            each.load(0.2)
        loads: dict[str, list[Load]] = {name: [] for name in names}
        for number in range(rounds):
            for name in [*names[number % len(names) :], *names[: number % len(names)]]:
                loads[name].append(servers[name].load(length))
    return loads


@contextmanager
def apart(servers: Sequence[int]) -> Generator[None]:
    """Keep the event loops of servers on one processor, and what this process starts on the others.

    On one that both share, or that changes, a server takes up to a fifth more for a request, and not in each round.
    """
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        yield
        return
    one, *others = sorted(os.sched_getaffinity(0))
    for pid in servers:
        os.sched_setaffinity(pid, {one})
    os.sched_setaffinity(0, others)
    try:
        yield
    finally:
        os.sched_setaffinity(0, [one, *others])


def cheaper(loads: Sequence[Load], beside: Sequence[Load]) -> float:
    """Requests for the processor time that one of another application takes."""
    return statistics.median(other.cpu / one.cpu for one, other in zip(loads, beside, strict=True))


class Load(NamedTuple):
    """What a server did under load.

    Attributes:
        rate: Requests a second.
        cpu: Processor time of the server, in seconds a request.
        p50: Milliseconds in which half of the requests were answered.
        p99: The same for 99 % of them.
    """

    rate: float
    cpu: float
    p50: float
    p99: float


class Server:
    """An application in another process.

    Attributes:
        pid: The process.
        url: The address to ask.
        headers: The headers to ask with.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid
        said: Mapping[str, Any] = json.loads(self._line())
        self.url: str = said["url"]
        self.headers: Mapping[str, str] = said["headers"]
        sent = [word for name, value in self.headers.items() for word in ("-H", f"{name}: {value}")]
        self._wrk = [*said["wrk"], *sent, self.url]

    def load(self, seconds: float) -> Load:
        """Ask as fast as it answers, on 32 connections: with fewer, the load pauses, and the server wakes it."""
        before, begun = self._used(), perf_counter()
        command = ["wrk", "-t1", "-c32", f"-d{max(seconds, 1):.0f}s", "--latency", *self._wrk]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        used, took = self._used() - before, perf_counter() - begun
        assert "Non-2xx" not in told, told
        found = re.search(r"(\d+) requests in", told)
        assert found is not None, told
        requests = int(found[1])
        return Load(requests / took, used / requests, _within(told, 50), _within(told, 99))

    def say(self) -> str:
        """Return the line that it says to a line."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._line()

    def _used(self) -> float:
        return float(self.say())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextmanager
def server(name: str, folder: Path, module: str = "benchmarks.edge_server") -> Generator[Server]:
    """Run an application until the end of the ``with`` block, on a database of its own."""
    command = [sys.executable, "-m", module, name, str(folder / f"{name}.db")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE, env=quiet_environment()
    ) as process:
        yield Server(process)
        assert process.stdin is not None
        process.stdin.close()


def request(text: str) -> dict[str, Any]:
    """The ASGI scope of a request of wrk."""
    headers = [(b"host", b"127.0.0.1:8000"), (b"user-agent", b"wrk"), (b"accept", b"*/*")]
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000), "scheme": "http", "method": "GET", "root_path": "", "path": "/invoices",
        "raw_path": b"/invoices", "query_string": b"", "state": {},
        "headers": [*headers, (b"authorization", b"Bearer " + text.encode())],
    }  # fmt: skip


def once(app: Any, scope: Any) -> None:
    """One request, which waits for nothing."""
    answer = app(scope, None, _send)
    try:
        answer.send(None)
    except StopIteration:
        return
    raise AssertionError("the application waited")


async def _send(message: Any) -> None:
    """What a server does with a message, without the server."""


async def _issued(keys: AsyncApiKeys) -> dict[str, str]:
    """A key without limits and a key with a limit, both in memory."""
    texts: dict[str, str] = {}
    for name, rate_limit in (("scope", None), ("limit", LIMITED)):
        issued = await keys.issue(owner="acme", scopes=[SCOPE], rate_limit=rate_limit)
        assert await keys.check(issued.plaintext, scope=SCOPE)
        texts[name] = issued.plaintext
    return texts


def _at_depths(sample: Sample) -> Sample:
    """The same sample, with more and more frames below it from round to round.

    CPython keeps frames in blocks of 16 KiB. A call across the end of a block takes a new one from the system and gives
    it back, which takes as long as ten requests; whether that happens is chance, and the same for a whole run.
    """
    rounds = count()

    def deep(frames: int) -> float:
        return deep(frames - 1) if frames else sample()

    return lambda: deep(next(rounds) * 7 % 40)


def _alone(app: Any, scope: Any, number: int) -> list[float]:
    """Requests one by one, with the time of each."""
    took: list[float] = []
    for _ in range(number):
        begun = perf_counter()
        once(app, scope)
        took.append(perf_counter() - begun)
    return took


def _within(told: str, share: int) -> float:
    """Milliseconds in which a share of the requests was answered, as wrk says it."""
    found = re.search(rf"{share}%\s+([\d.]+)(us|ms|s)\b", told)
    assert found is not None, told
    return float(found[1]) * _UNITS[found[2]]


def told(name: str, loads: Sequence[Load]) -> list[Figure]:
    return [
        Figure(f"{name}: requests a second", statistics.median(one.rate for one in loads), ""),
        Figure(
            f"{name}: processor time of the server for each", statistics.median(one.cpu for one in loads) * 1e6, "us"
        ),
        Figure(f"{name}: half within", statistics.median(one.p50 for one in loads), "ms"),
        Figure(f"{name}: 99 % within", statistics.median(one.p99 for one in loads), "ms"),
    ]
