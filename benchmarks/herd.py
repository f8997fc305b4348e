"""Sixty-four threads that want one AWS secret at the same moment: one of them asks, the others get its answer.

Each herd is a process of its own, because most of a first call to AWS is the import of boto3 and the making of a
client; so is each bare client it is compared with. Calls are counted by the server.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

from benchmarks.harness import Figure, at_most, exactly, interleave, ratio
from benchmarks.samples import NAME, VALUE, quiet_environment
from secretsource.testing.servers.aws import AwsServer, aws_server

TITLE = "herd: 64 threads on one AWS secret (moto over HTTP)"
CHILD = Path(__file__).with_name("herd_child.py")
THREADS = 64


class Herd(TypedDict):
    """What a child tells: seconds by kind, the clients it made, and answers that were wrong."""

    seconds: dict[str, float]
    clients: int
    wrong: int


class Calls:
    """Stands before moto and counts the requests for a secret's value."""

    def __init__(self, aws: AwsServer) -> None:
        self.count = 0
        self._moto: Any = aws._moto
        aws.answer_with = self

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        if environ.get("HTTP_X_AMZ_TARGET", "").endswith("GetSecretValue"):
            self.count += 1
        return self._moto(environ, start)


def measure(rounds: int = 9, threads: int = THREADS) -> list[Figure]:
    """Start a bare client and a herd in turn."""
    herds: list[Herd] = []
    bares: list[Herd] = []
    asked: list[int] = []
    with server() as (aws, calls):

        def bare() -> float:
            bares.append(run(aws, "bare", threads))
            return bares[-1]["seconds"]["cold"]

        def herd() -> float:
            before = calls.count
            herds.append(run(aws, "herd", threads))
            asked.append(calls.count - before)
            return herds[-1]["seconds"]["cold"]

        bare()
        herd()  # these two leave the .pyc files
        for notes in (bares, herds, asked):
            notes.clear()
        samples = interleave({"bare": bare, "herd": herd}, rounds)
    return _figures(samples, herds, bares, asked)


def _figures(samples: dict[str, list[float]], herds: list[Herd], bares: list[Herd], asked: list[int]) -> list[Figure]:
    expired = [one["seconds"]["expired"] for one in herds]
    warm = [one["seconds"]["expired"] for one in bares]
    return [
        Figure("calls for the cold name and then for the expired one", _worst(asked), "", exactly(2)),
        Figure("clients", max(one["clients"] for one in herds), "", exactly(1)),
        Figure("threads with no or a wrong answer", max(one["wrong"] for one in herds), "", exactly(0)),
        Figure("cold herd / one bare client and call", ratio(samples["herd"], samples["bare"]), "x", at_most(1.5)),
        Figure("expired herd / one bare client and call", ratio(expired, samples["bare"]), "x", at_most(1.5)),
        Figure("expired herd / one call of a bare warm client", ratio(expired, warm), "x"),
        Figure("one bare client and call", statistics.median(samples["bare"]) * 1e3, "ms"),
        Figure("cold herd", statistics.median(samples["herd"]) * 1e3, "ms"),
        Figure("one call of a bare warm client", statistics.median(warm) * 1e3, "ms"),
        Figure("expired herd", statistics.median(expired) * 1e3, "ms"),
    ]


def _worst(asked: list[int]) -> int:
    """The number of calls that is furthest from one for each herd."""
    return max(asked, key=lambda count: abs(count - 2))


@contextmanager
def server() -> Generator[tuple[AwsServer, Calls]]:
    """Moto on loopback with the secret in it, and the count of its calls."""
    with aws_server() as aws:
        aws.put(NAME, VALUE)
        yield aws, Calls(aws)


def run(aws: AwsServer, kind: str, threads: int) -> Herd:
    """Run one child to its end."""
    done = subprocess.run(
        [sys.executable, "-P", str(CHILD), kind, str(threads), NAME, VALUE],
        env=quiet_environment(**aws.environment),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    herd: Herd = json.loads(done.stdout)
    return herd
