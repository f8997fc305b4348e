"""What the tests of the Vault provider share: a relay in front of OpenBao, providers that ask through it, answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from tests.servers.openbao import OpenBao, bao
from tests.servers.relay import Relay, relay

from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef
from secretsource.providers.vault import VaultProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["ask", "bao", "code", "fields", "front", "make", "place", "rules", "told"]


@pytest.fixture
def front(bao: OpenBao) -> Generator[Relay]:
    """What comes by on the way to the server."""
    with relay(bao.address) as front:
        yield front


@pytest.fixture
def make(bao: OpenBao, front: Relay) -> Generator[Callable[..., VaultProvider]]:
    """Makes providers with the root token, and closes them."""
    made: list[VaultProvider] = []

    def make(**settings: Any) -> VaultProvider:
        settings = {"address": front.address, "auth": {"method": "token", "token": bao.root}, **settings}
        made.append(VaultProvider(**settings))
        return made[-1]

    yield make
    for provider in made:
        provider.close()


@pytest.fixture
def place(bao: OpenBao) -> str:
    """A path in the server that no other test uses."""
    return f"test/{uuid4().hex}"


@pytest.fixture
def rules(bao: OpenBao, place: str) -> str:
    """A policy that lets read one secret, which is there."""
    bao.put("secret", place, {"value": "x"})
    return bao.policy(uuid4().hex, f"secret/data/{place}")


def ask(provider: VaultProvider, location: str, **about: Any) -> Any:
    """Fetch a reference."""
    return provider.fetch(provider.complete(SecretRef("vault", location, **about)), timeout=5)


def fields(outcome: object) -> Mapping[str, object]:
    """The fields of what was found."""
    assert isinstance(outcome, Found), outcome
    assert isinstance(outcome.value, Mapping)
    return outcome.value


def code(outcome: object) -> FailureCode:
    """The code of what failed."""
    assert isinstance(outcome, Failed), outcome
    return outcome.code


def told(outcome: object) -> str:
    """What an outcome that is not the secret says, without the server and the mount, which it has to name."""
    assert isinstance(outcome, (Failed, NotFound)), outcome
    server = r"(?:127\.0\.0\.1:[0-9]+|unix:[^,]+)"
    told = rf"(?:(.*) \()?at {server}, mount '[^']+'\)?|({server} cannot be reached: .*) \(mount '[^']+'\)"
    parts = re.fullmatch(told, outcome.reason or "")
    assert parts is not None, outcome
    return parts[1] or parts[2] or ""
