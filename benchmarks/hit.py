"""A secret that is remembered, against a variable of the environment and against what AWS users cache with today."""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from time import thread_time, time
from typing import Any
from unittest.mock import patch

from benchmarks.harness import Figure, at_most, exactly, in_new_process, interleave, per_call, ratio
from benchmarks.samples import NAME, OTHER_NAME, VALUE, quiet_environment
from secretsource import Resolver, configure, get_secret
from secretsource.testing import ScriptedProvider

TITLE = "hit: one cached read"


PROCESSES = 5
"""Where code and values lie in memory differs from process to process, and makes a hit up to 8 % quicker or slower."""


def measure(processes: int = PROCESSES, rounds: int = 12, seconds: float = 0.004) -> list[Figure]:
    """Time each way to read a secret, ``rounds`` times in each of several new processes; the median of these counts."""
    told: list[dict[str, float]] = [in_new_process(__name__, rounds, seconds) for _ in range(processes)]
    figures = {what: statistics.median(one[what] for one in told) for what in told[0]}
    return [
        *(figure for way in WAYS for figure in _compared(way, figures)),
        Figure("the read, once a second, that asks the environment again", figures[ONCE_A_SECOND] * 1e6, "us"),
        Figure("calls that reached the provider", max(one[CALLS] for one in told), "", exactly(1)),
    ]


def timed(rounds: int, seconds: float) -> dict[str, float]:
    """Take the processor time of each way in turn in this process, and its ratio to the others, ``seconds`` at a time.

    The two ways are not timed in one round: they are one function with two classes of ``self``, between which the
    interpreter would have to unlearn, each time, what it has learnt about the other.
    """
    remote = ScriptedProvider({NAME: VALUE}, name="remote")
    environment = quiet_environment(**{OTHER_NAME: VALUE, "AWS_DEFAULT_REGION": "eu-west-1"})
    figures: dict[str, float] = {}
    with patch.dict(os.environ, environment, clear=True), peers() as names, Resolver(["env", remote]) as resolver:
        configure(resolver)
        try:
            names |= {"os": os, "by_hand": by_hand}
            names |= {"resolver": resolver, "get_secret": get_secret, "hot": resolver._hot}
            for way in WAYS:
                samples = interleave(
                    {what: per_call(what, names, seconds, thread_time) for what in (way, *LIMITS)}, rounds
                )
                figures[way] = statistics.median(samples[way])
                figures |= {f"{way} / {base}": ratio(samples[way], samples[base]) for base in LIMITS}
            figures[ONCE_A_SECOND] = per_call(ONCE_A_SECOND, names, seconds, thread_time)()
        finally:
            configure(None)
    return figures | {CALLS: remote.calls}


WAYS = (f"get_secret({NAME!r})", f"resolver.get({NAME!r})")
ENVIRON = f"os.environ[{OTHER_NAME!r}]"
POWERTOOLS = f"parameters.get_secret({NAME!r})"
SECRET_CACHE = f"cache.get_secret_string({NAME!r})"
ONCE_A_SECOND = f"hot.clear(); resolver.get({NAME!r})"
BY_HAND = f"by_hand({NAME!r})"
CALLS = "calls"
LIMITS = {ENVIRON: 0.6, BY_HAND: 1.25, POWERTOOLS: 1 / 10, SECRET_CACHE: 1 / 200}

KEPT = {NAME: (0.0, 1e11, VALUE)}


def by_hand(name: str) -> str | None:
    """The floor: one look-up in a dictionary and one reading of the clock, as an application would write it out."""
    since, until, value = KEPT[name]
    return value if since <= time() < until else None


@contextmanager
def peers() -> Generator[dict[str, Any]]:
    """AWS Powertools and AWS's own cache, on moto in this process, each with the secret in its cache."""
    import boto3
    from aws_lambda_powertools.utilities import parameters
    from aws_secretsmanager_caching import SecretCache
    from moto import mock_aws

    with mock_aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name=NAME, SecretString=VALUE)
        cache = SecretCache(client=client)
        assert parameters.get_secret(NAME) == cache.get_secret_string(NAME) == VALUE
        yield {"parameters": parameters, "cache": cache}


def _compared(way: str, figures: Mapping[str, float]) -> list[Figure]:
    """One way to read a secret beside its limits."""
    ratios = [f"{way} / {base}" for base in LIMITS]
    return [
        *(
            Figure(what, figures[what], "x", at_most(bound))
            for what, bound in zip(ratios, LIMITS.values(), strict=True)
        ),
        Figure(way, figures[way] * 1e9, "ns"),
    ]


if __name__ == "__main__":
    print(json.dumps(timed(int(sys.argv[1]), float(sys.argv[2]))))
