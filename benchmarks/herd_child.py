"""One process of the herd benchmark; run by path, so that it loads nothing but what it measures.

    python -P herd_child.py (bare|herd) THREADS NAME VALUE

Where AWS is, the environment says. It prints the seconds of a cold and of an expired read as JSON.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from threading import Barrier, Thread
from time import perf_counter, sleep
from typing import TypeVar

T = TypeVar("T")

TTL = 0.4
"""Seconds after which the herd's secret has expired; no older value is served unless AWS is down."""


def bare(name: str) -> dict[str, float]:
    """One boto3 client and its first call; then one more call."""
    begun = perf_counter()
    import boto3

    client = boto3.client("secretsmanager")
    assert client.get_secret_value(SecretId=name)["SecretString"]
    cold = perf_counter() - begun
    begun = perf_counter()
    assert client.get_secret_value(SecretId=name)["SecretString"]
    return {"cold": cold, "expired": perf_counter() - begun}


def herd(name: str, value: str, threads: int) -> tuple[dict[str, float], int]:
    """All threads at once on a cold name, then again when it has expired; also how many answers were wrong."""
    from secretsource import Resolver, Secret

    def rush() -> tuple[float, list[Secret]]:
        return together(lambda: resolver.get(name), threads)

    resolver = Resolver(["env", "aws"], ttl=TTL, revalidate=0, max_stale=60, jitter=0, deadline=30)
    cold, first = rush()
    sleep(TTL + 0.1)
    expired, second = rush()
    known = max(secret.fetched_at for secret in first)
    right = sum(secret == value for secret in first)
    right += sum(secret == value and secret.fetched_at > known for secret in second)
    return {"cold": cold, "expired": expired}, 2 * threads - right


def together(read: Callable[[], T], threads: int) -> tuple[float, list[T]]:
    """Seconds from when the threads are let go until the last one has its answer, and the answers."""
    begun: list[float] = []
    barrier = Barrier(threads, action=lambda: begun.append(perf_counter()))
    answers: list[T] = []

    def one() -> None:
        barrier.wait()
        answers.append(read())

    workers = [Thread(target=one) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return perf_counter() - begun[0], answers


def main(kind: str, threads: int, name: str, value: str) -> None:
    """Measure, and print what it came to."""
    gc.disable()  # also keeps the class that botocore makes for each client, so that one thrown away is counted
    seconds, wrong = (bare(name), 0) if kind == "bare" else herd(name, value, threads)
    import json

    from botocore.client import BaseClient

    print(json.dumps({"seconds": seconds, "clients": len(BaseClient.__subclasses__()), "wrong": wrong}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
