"""The first look-up of a new process: time, memory, and what it loads."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import TypedDict

from benchmarks.harness import Figure, at_most, exactly, interleave, ratio
from benchmarks.samples import NAME, VALUE, quiet_environment

TITLE = "start: import secretsource and one look-up in the environment, in a new process"

OURS = f"import secretsource; assert secretsource.get_secret({NAME!r})"
IMPORT = "import secretsource"
BASE = "import os, json, threading, dataclasses"

UNWANTED = (
    "asyncio", "aiohttp", "azure", "boto3", "botocore", "django", "dotenv", "fastapi", "flask", "google", "grpc",
    "httpx", "hvac", "opentelemetry", "pydantic", "redis", "requests", "rich", "sqlalchemy", "starlette", "typer",
    "urllib3", "uvicorn",
)  # fmt: skip
"""The event loop, SDKs and frameworks, of which a look-up in the environment needs none."""

CHILD = """
import sys
from time import perf_counter

def resident():
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))
    except OSError:
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

{before}
before = resident()
begun = perf_counter()
{statements}
ended = perf_counter()
after = resident()
loaded = sorted(sys.modules)
import json
print(json.dumps({{"seconds": ended - begun, "bytes": after - before, "loaded": loaded}}))
"""


class Start(TypedDict):
    """What a child tells of its start."""

    seconds: float
    bytes: int
    loaded: list[str]


def measure(rounds: int = 21) -> list[Figure]:
    """Start the three kinds of process in turn, in an empty folder."""
    with TemporaryDirectory() as folder:
        starts: dict[str, list[Start]] = {what: [] for what in (BASE, IMPORT, OURS)}

        def started(what: str) -> float:
            starts[what].append(start(what, folder))
            return starts[what][-1]["seconds"]

        for what in starts:
            start(what, folder)  # leaves the .pyc files that an installed package has
        samples = interleave(
            {BASE: lambda: started(BASE), IMPORT: lambda: started(IMPORT), OURS: lambda: started(OURS)}, rounds
        )
    loaded = {module for one in starts[OURS] for module in one["loaded"]}
    mebibytes = {what: statistics.median(one["bytes"] for one in ones) / 2**20 for what, ones in starts.items()}
    times = {what: statistics.median(seconds) * 1e3 for what, seconds in samples.items()}
    return [
        Figure(f"look-up / {BASE}", ratio(samples[OURS], samples[BASE]), "x", at_most(1.3)),
        Figure("memory that the look-up adds to a bare interpreter", mebibytes[OURS], "MiB", at_most(4.0)),
        Figure("modules of an event loop, an SDK or a framework", len(unwanted(loaded)), "", exactly(0)),
        Figure("import and look-up", times[OURS], "ms"),
        Figure("import alone", times[IMPORT], "ms"),
        Figure(BASE, times[BASE], "ms"),
        Figure(f"memory that {BASE} adds", mebibytes[BASE], "MiB"),
    ]


def start(statements: str, folder: str, *, before: str = "", **environment: str) -> Start:
    """Run ``statements`` in a new interpreter, after others that do not count, and return what it cost."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(statements=statements, before=before)],
        cwd=folder,
        env=quiet_environment(**{NAME: VALUE, **environment}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    cost: Start = json.loads(done.stdout)
    return cost


def unwanted(loaded: set[str]) -> set[str]:
    """Which of the loaded modules should not be there."""
    return {module for module in loaded if module.partition(".")[0] in UNWANTED}
