"""A moment in which the system starts no thread: an outage that passes, at every service and by every way to ask."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from threading import Thread, get_ident
from typing import TYPE_CHECKING, Any

import pytest

from secretsource import Resolver
from secretsource.providers.aws import AwsProvider
from secretsource.providers.azure import AzureProvider
from secretsource.providers.base import AsyncProvider, Failed, Found, SecretRef
from secretsource.providers.gcp import GcpProvider
from secretsource.providers.vault import VaultProvider
from secretsource.testing.servers import aws_server, azure_server, gcp_server, vault_server

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretsource.providers.base import Outcome

KINDS: dict[str, tuple[Any, Any, dict[str, str]]] = {
    "aws": (aws_server, AwsProvider, {}),
    "azure": (azure_server, AzureProvider, {}),
    "gcp-grpc": (gcp_server, GcpProvider, {"transport": "grpc"}),
    "gcp-rest": (gcp_server, GcpProvider, {"transport": "rest"}),
    "vault": (vault_server, VaultProvider, {}),
}
NATIVE = [kind for kind, (_, driver, _) in KINDS.items() if issubclass(driver, AsyncProvider)]
NAMES = ["ONE", "OTHER", "THIRD"]


@contextmanager
def world(kind: str) -> Generator[Any]:
    """A provider that has asked for nothing yet, at a server that has the names."""
    serve, driver, settings = KINDS[kind]
    with serve() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        provider = driver(**server.settings, **settings)
        for name in NAMES:
            server.put(provider.locate(name).location, "there")
        yield provider
        provider.close()


@contextmanager
def no_threads() -> Generator[None]:
    """This thread can start no other; those of the servers can."""
    start, ours = Thread.start, get_ident()

    def refuse(thread: Thread) -> None:
        if get_ident() == ours:
            raise RuntimeError("can't start new thread")
        start(thread)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Thread, "start", refuse)
        yield


def passes(outcome: Outcome) -> bool:
    """Whether a failure is one that passes, and says why."""
    assert isinstance(outcome, Failed), outcome
    return outcome.retryable and "no thread could be started" in str(outcome.reason)


@pytest.mark.parametrize("kind", KINDS)
def test_by_threads(kind: str) -> None:
    """The first call fails for this reason alone, and the next one is answered."""
    with world(kind) as provider:
        ref: SecretRef = provider.locate("ONE")
        with no_threads():
            assert passes(provider.fetch(ref, timeout=20))
        assert isinstance(provider.fetch(ref, timeout=20), Found)


@pytest.mark.parametrize("kind", NATIVE)
def test_by_tasks(kind: str) -> None:
    """So it is on an event loop."""

    async def ask(provider: AsyncProvider, ref: SecretRef) -> None:
        with no_threads():
            assert passes(await provider.afetch(ref, timeout=20))
        assert isinstance(await provider.afetch(ref, timeout=20), Found)
        await provider.aclose()

    with world(kind) as provider:
        asyncio.run(ask(provider, provider.locate("ONE")))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "aws"])  # whose server ends each connection
def test_several_at_once(kind: str) -> None:
    """A provider that is at work needs no further thread for several secrets: this one asks for them in turn."""
    with world(kind) as provider:
        resolver = Resolver([provider])
        assert resolver.get("ONE") == "there"
        with no_threads():
            assert resolver.get_many(NAMES) == dict.fromkeys(NAMES, "there")
