"""moto's AWS as the test kit ships it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws
from tests.servers.aws import new_session

from secretsource.exceptions import ConfigurationError
from secretsource.providers.aws import AwsProvider
from secretsource.providers.base import Found, NotFound, SecretRef
from secretsource.testing.aws_server import MotoServer, finished_rotations, moto_server

if TYPE_CHECKING:
    from collections.abc import Generator

REF = SecretRef("aws", "TOKEN")


@pytest.fixture(scope="module")
def server() -> Generator[MotoServer]:
    """A running moto."""
    with moto_server() as server:
        yield server


def test_environment_is_all_it_takes(server: MotoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the server's environment, a provider without settings finds what was put there, until a reset."""
    for name, setting in server.environment.items():
        monkeypatch.setenv(name, setting)
    client = server.client("secretsmanager")
    client.create_secret(Name="TOKEN", SecretString="value")
    provider = AwsProvider()
    outcome = provider.fetch(REF, timeout=5)
    assert isinstance(outcome, Found)
    assert outcome.value == "value"
    server.reset()
    assert provider.fetch(REF, timeout=5) == NotFound()
    provider.close()
    client.close()


def test_listens_on_the_loopback_interface(server: MotoServer) -> None:
    """Nobody else on the network can reach it."""
    assert server.endpoint_url.startswith("http://127.0.0.1:")


def test_prints_no_line_per_request(server: MotoServer, capfd: pytest.CaptureFixture[str]) -> None:
    """Requests do not show on the terminal of a demonstration."""
    server.reset()
    assert capfd.readouterr() == ("", "")


def test_two_servers_have_two_ports(server: MotoServer) -> None:
    """Each server finds a free port of its own, and gives it back."""
    with moto_server() as other:
        assert other.endpoint_url != server.endpoint_url
        other.reset()
    with pytest.raises(ConnectionError):
        other.reset()


def test_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without moto's server the error is a sentence with a remedy."""
    monkeypatch.setitem(sys.modules, "moto.server", None)
    with pytest.raises(ConfigurationError, match="pip install 'moto"), moto_server():
        pass


@pytest.mark.parametrize("stage", ["AWSCURRENT", "blue"])
def test_finished_rotations_are_served(stage: str) -> None:
    """Who names no stage gets the version that AWSCURRENT was moved to; another label changes nothing."""
    with mock_aws(), finished_rotations():
        client = new_session().client("secretsmanager")
        client.create_secret(Name="TOKEN", SecretString="old", ClientRequestToken="a" * 32)
        client.put_secret_value(
            SecretId="TOKEN", SecretString="new", ClientRequestToken="b" * 32, VersionStages=["AWSPENDING"]
        )
        move = {"RemoveFromVersionId": "a" * 32} if stage == "AWSCURRENT" else {}
        client.update_secret_version_stage(SecretId="TOKEN", VersionStage=stage, MoveToVersionId="b" * 32, **move)
        given = client.get_secret_value(SecretId="TOKEN")["SecretString"]
        assert given == ("new" if stage == "AWSCURRENT" else "old")
