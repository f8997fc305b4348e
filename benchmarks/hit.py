"""A secret that is remembered, against a variable of the environment and against what AWS users cache with today."""

from __future__ import annotations

import os
import statistics
from collections.abc import Generator
from contextlib import contextmanager
from time import time
from typing import Any
from unittest.mock import patch

from benchmarks.harness import Figure, at_most, exactly, interleave, per_call, ratio
from benchmarks.samples import NAME, OTHER_NAME, VALUE, quiet_environment
from secretsource import Resolver, configure, get_secret
from secretsource.testing import ScriptedProvider

TITLE = "hit: one cached read"


def measure(rounds: int = 60, seconds: float = 0.004) -> list[Figure]:
    """Time each way to read a secret in turn, ``seconds`` at a time."""
    remote = ScriptedProvider({NAME: VALUE}, name="remote")
    environment = quiet_environment(**{OTHER_NAME: VALUE, "AWS_DEFAULT_REGION": "eu-west-1"})
    with patch.dict(os.environ, environment, clear=True), peers() as names, Resolver(["env", remote]) as resolver:
        configure(resolver)
        try:
            names |= {"os": os, "by_hand": by_hand}
            names |= {"resolver": resolver, "get_secret": get_secret, "hot": resolver._hot}
            figures = [figure for way in WAYS for figure in _compared(way, names, rounds, seconds)]
            walk = per_call(ONCE_A_SECOND, names, seconds)()
        finally:
            configure(None)
    return [
        *figures,
        Figure("the read, once a second, that asks the environment again", walk * 1e6, "us"),
        Figure("calls that reached the provider", remote.calls, "", exactly(1)),
    ]


WAYS = (f"get_secret({NAME!r})", f"resolver.get({NAME!r})")
ENVIRON = f"os.environ[{OTHER_NAME!r}]"
POWERTOOLS = f"parameters.get_secret({NAME!r})"
SECRET_CACHE = f"cache.get_secret_string({NAME!r})"
ONCE_A_SECOND = f"hot.clear(); resolver.get({NAME!r})"
BY_HAND = f"by_hand({NAME!r})"
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


def _compared(way: str, names: dict[str, Any], rounds: int, seconds: float) -> list[Figure]:
    """One way to read a secret beside its limits.

    The two ways are not timed in one round: they are one function with two classes of ``self``, between which the
    interpreter would have to unlearn, each time, what it has learnt about the other.
    """
    samples = interleave({what: per_call(what, names, seconds) for what in (way, *LIMITS)}, rounds)
    return [
        *(Figure(f"{way} / {base}", ratio(samples[way], samples[base]), "x", at_most(LIMITS[base])) for base in LIMITS),
        Figure(way, statistics.median(samples[way]) * 1e9, "ns"),
    ]
