"""The world around each provider, for tests that hold for all of them: started when it is first asked for."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.conformance.conftest import become_nobody
from tests.conformance.test_aws import SecretsManagerHarness
from tests.conformance.test_aws_ssm import ParameterStoreHarness
from tests.conformance.test_azure import KeyVaultHarness
from tests.conformance.test_dotenv import DotenvHarness
from tests.conformance.test_env import EnvHarness
from tests.conformance.test_file import FileHarness
from tests.conformance.test_gcp import GcpHarness
from tests.conformance.test_memory import MemoryHarness
from tests.conformance.test_vault import VaultHarness
from tests.servers.aws import AwsOverHttp
from tests.servers.azure import key_vault, signed_in
from tests.servers.gcp import secret_manager
from tests.servers.openbao import bao
from tests.servers.relay import relay

from secretsource.testing.servers import aws_server

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from secretsource.testing import ProviderHarness
    from secretsource.testing.servers import AwsServer

__all__ = ["bao", "become_nobody", "disable", "harness", "world"]


@pytest.fixture(scope="session")
def world() -> Generator[Callable[[str], Any]]:
    """Gives the server behind a provider, which is started for the first test that asks, and runs until the last."""
    running: dict[str, Any] = {}
    with ExitStack() as stack:
        starting: dict[str, Callable[[Any], Any]] = {
            "aws": lambda _: aws_server(),
            "vault": lambda bao: relay(bao.address),
            "gcp": lambda _: secret_manager(),
            "azure": lambda _: key_vault(),
        }

        def server(provider: str, bao: Any = None) -> Any:
            service = provider.partition("-")[0]
            if service in starting and service not in running:
                running[service] = stack.enter_context(starting[service](bao))
            return running.get(service)

        yield server


@contextmanager
def emptied(moto: AwsServer) -> Generator[Any]:
    """An AWS without secrets."""
    aws = AwsOverHttp(moto)
    with aws.cleanup:
        yield aws


@pytest.fixture
def harness(provider: str, world: Callable[..., Any], request: pytest.FixtureRequest) -> Generator[ProviderHarness]:
    """An empty world around one provider."""
    need = request.getfixturevalue
    bao: Any = need("bao") if provider == "vault" else None
    server: Any = world(provider, bao)
    with ExitStack() as stack:
        if provider in {"aws", "aws-ssm"}:
            server = stack.enter_context(emptied(server))
        if provider == "azure":
            signed_in(need("monkeypatch"))
            server.secrets.clear()
        make: dict[str, Callable[[], ProviderHarness]] = {
            "env": lambda: EnvHarness(need("monkeypatch")),
            "dotenv": lambda: DotenvHarness(need("open_folder") / "settings.env", need("become_nobody")),
            "file": lambda: FileHarness(need("open_folder"), need("become_nobody")),
            "memory": MemoryHarness,
            "aws": lambda: SecretsManagerHarness(server),
            "aws-ssm": lambda: ParameterStoreHarness(server),
            "vault": lambda: VaultHarness(bao, server),
            "gcp": lambda: GcpHarness(server, "grpc"),
            "gcp-rest": lambda: GcpHarness(server, "rest"),
            "azure": lambda: KeyVaultHarness(server),
        }
        yield make[provider]()


def disable(harness: Any, name: str, number: int = 1) -> None:
    """Switch off one version of a secret; a destroyed one is the nearest that Vault has."""
    if isinstance(harness, GcpHarness):
        harness.gcp.store.set_state(harness.resource(name), str(number), "DISABLED")
    elif isinstance(harness, KeyVaultHarness):
        harness.vault.secrets[harness.ref(name).location.lower()][number - 1].enabled = False
    else:
        harness.bao.do("PUT", f"secret/destroy/{harness.place}/{name}", {"versions": [number]})
