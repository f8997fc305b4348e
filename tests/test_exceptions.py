"""The tree of errors, on its way to another process."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from secretsource import Resolver, exceptions
from secretsource.exceptions import SecretNotFound, SecretSourceError
from secretsource.providers.base import FailureCode

if TYPE_CHECKING:
    from collections.abc import Callable

OF_A_PROVIDER = {"name": "KEY", "provider": "aws", "code": FailureCode.THROTTLED, "sdk_error": "ClientError"}
OF_A_KEY = {"reason": "invalid_token"}
MADE: dict[str, dict[str, Any]] = {
    "SecretNotFound": {"name": "KEY", "providers": ("env", "aws")},
    "ProviderError": OF_A_PROVIDER,
    "ProviderDenied": OF_A_PROVIDER,
    "ProviderUnavailable": OF_A_PROVIDER,
    "ProviderResponseError": OF_A_PROVIDER,
    "KeyRejected": OF_A_KEY,
    "InvalidKey": OF_A_KEY,
    "InsufficientScope": OF_A_KEY,
    "RateLimited": OF_A_KEY,
    "InvalidRequest": {"field": "scopes"},
    "Conflict": {"revision": 7},
    "ProviderNotInstalled": {"extra": "aws"},
    "PlanExceeded": {"plan": "pro", "why": "has no such scope"},
}
"""What the constructors take beside their first argument."""

COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda error: pickle.loads(pickle.dumps(error)),
    "pickle of old": lambda error: pickle.loads(pickle.dumps(error, 0)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("name", exceptions.__all__)
def test_an_error_arrives_whole(name: str, way: str) -> None:
    """Every error comes out of pickle and copy with its class, its text and its attributes."""
    error: SecretSourceError = getattr(exceptions, name)("the first argument", **MADE.get(name, {}))
    error.add_note("a note")
    if name == "ProviderNotInstalled":
        del error.__notes__
    twin = COPIES[way](error)
    assert (type(twin), str(twin), twin.args, vars(twin)) == (type(error), str(error), error.args, vars(error))
    assert getattr(twin, "msg", None) == getattr(error, "msg", None)


def ask(name: str) -> str:
    """Read a secret, as work in a pool does."""
    return Resolver([]).get(name)


def test_a_pool_of_processes_survives_it() -> None:
    """A secret that is missing is an error of its work alone: the process that waits can read it."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for name in ("ONE", "OTHER"):
            with pytest.raises(SecretNotFound, match=name) as caught:
                pool.submit(ask, name).result(60)
            assert caught.value.name == name
