"""Proxies of the environment: asked about the servers of others, and never about this machine."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from boto3.session import Session
from botocore.config import Config
from requests import Request
from tests.servers.proxy import listening_proxy

from secretsource.providers._aws.wire import stay_here
from secretsource.providers._wire.bounded_session import SurroundedSession
from secretsource.providers._wire.proxies import environment_proxies, environment_proxy
from secretsource.providers.aws import AwsProvider
from secretsource.providers.azure import AzureProvider
from secretsource.providers.base import Found, SecretRef
from secretsource.providers.gcp import GcpProvider
from secretsource.testing.servers import aws_server, azure_server, gcp_server

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretsource.providers.base import AsyncProvider, Outcome

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "grpc_proxy", "no_grpc_proxy")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Generator[list[bytes]]:
    """What the proxy of the environment hears; it answers nothing."""
    with listening_proxy() as (url, heard):
        for name in NAMES:
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        for name in NAMES[:3]:
            monkeypatch.setenv(name.upper(), url)
        monkeypatch.setenv("http_proxy", url)  # gRPC reads no other
        yield heard


@contextmanager
def aws() -> Generator[AwsProvider]:
    """AWS as moto serves it."""
    with aws_server() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        provider = AwsProvider(**server.settings)
        server.put("TOKEN", "of this machine")
        yield provider
        provider.close()


@contextmanager
def gcp(transport: str) -> Generator[GcpProvider]:
    """Google Cloud on this machine."""
    with gcp_server() as server:
        server.put("TOKEN", "of this machine")
        provider = GcpProvider(**server.settings, transport=transport)
        yield provider
        provider.close()


@contextmanager
def azure() -> Generator[AzureProvider]:
    """Key Vault, and the service that gives tokens."""
    with azure_server() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        provider = AzureProvider(**server.settings)
        server.put(provider.locate("TOKEN").location, "of this machine")  # type: ignore[union-attr]
        yield provider
        provider.close()


WORLDS = {"aws": aws, "gcp-grpc": lambda: gcp("grpc"), "gcp-rest": lambda: gcp("rest"), "azure": azure}


@pytest.mark.parametrize("world", WORLDS)
def test_this_machine_is_asked_directly(world: str, said: list[bytes]) -> None:
    """A local server, emulator or agent answers, whatever proxy the environment has for everybody else."""
    opened: Any = WORLDS[world]()
    with opened as provider:
        assert text(provider.fetch(place(provider), timeout=20)) == "of this machine"
    assert said == []


@pytest.mark.parametrize("world", ["gcp-grpc", "azure"])
def test_native_clients_ask_it_directly(world: str, said: list[bytes]) -> None:
    """So do the clients of an event loop."""

    async def ask(provider: AsyncProvider) -> Outcome:
        try:
            return await provider.afetch(place(provider), timeout=20)
        finally:
            await provider.aclose()

    opened: Any = WORLDS[world]()
    with opened as provider:
        assert text(asyncio.run(ask(provider))) == "of this machine"
    assert said == []


def test_others_are_asked_through_the_proxy(said: list[bytes]) -> None:
    """The proxy of the environment holds for a server elsewhere, and also for its tokens."""
    assert environment_proxy("https://vault.example") is not None
    assert environment_proxies("http://localhost:8200") == environment_proxies("https://[::1]:8200") == {}
    session = SurroundedSession()
    with suppress(OSError):
        session.send(
            Request("GET", "http://tokens.invalid/t").prepare(),
            **session.merge_environment_settings("http://tokens.invalid/t", {}, None, None, None),
        )
    session.close()
    assert [line.partition(b"\r\n")[0] for line in said] == [b"GET http://tokens.invalid/t HTTP/1.1"]


def test_a_proxy_that_is_set_is_asked(said: list[bytes]) -> None:
    """Whoever sets a proxy for a client of boto3 means it, also for this machine."""
    proxies = environment_proxies("http://x.invalid")
    made = Session("a", "b", region_name="eu-west-1").client(
        "secretsmanager",
        endpoint_url="http://127.0.0.1:9",
        config=Config(proxies=proxies, retries={"total_max_attempts": 1}),
    )
    stay_here(made)
    with suppress(Exception):
        made.get_secret_value(SecretId="x")
    made.close()
    assert said[0].startswith(b"POST http://127.0.0.1:9/")


def place(provider: Any) -> SecretRef:
    """Where a provider has the name."""
    located = provider.locate("TOKEN")
    assert isinstance(located, SecretRef)
    return located


def text(outcome: Outcome) -> object:
    """The value, which must be there."""
    assert isinstance(outcome, Found), outcome
    return outcome.value
