"""What is special about the AWS of the test kit, which is moto."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from moto import mock_aws
from tests.servers.aws import new_session

from secretsource.providers.aws import AwsProvider
from secretsource.providers.aws_ssm import AwsParameterProvider
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef
from secretsource.testing.servers import AwsServer, aws_server
from secretsource.testing.servers._moto import finished_rotations

if TYPE_CHECKING:
    from collections.abc import Generator

REF = SecretRef("aws", "TOKEN")


@pytest.fixture(scope="module")
def server() -> Generator[AwsServer]:
    """A running moto, without what other tests have left in it: all moto of a process has one memory."""
    with aws_server() as server:
        server.reset()
        yield server


def test_environment_is_all_it_takes(server: AwsServer, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert isinstance(provider.fetch(REF, timeout=5), NotFound)
    provider.close()
    client.close()


def test_prints_no_line_per_request(server: AwsServer, capfd: pytest.CaptureFixture[str]) -> None:
    """Requests do not show on the terminal of a demonstration."""
    server.reset()
    assert capfd.readouterr() == ("", "")


def test_two_servers_have_two_ports(server: AwsServer) -> None:
    """Each server finds a free port of its own, and gives it back."""
    with aws_server() as other:
        assert other.endpoint_url != server.endpoint_url
        other.reset()
    with pytest.raises(ConnectionError):
        other.reset()


def test_a_parameter_can_be_refused(server: AwsServer) -> None:
    """A denial of one location is one of the parameter, too."""
    client = server.client("ssm")
    client.put_parameter(Name="/prod/db", Value="value", Type="SecureString")
    provider = AwsParameterProvider(**server.settings, session=server.session())
    ref = SecretRef("aws-ssm", "/prod/db")
    server.deny("/prod/db")
    refused = provider.fetch(ref, timeout=5)
    assert isinstance(refused, Failed)
    assert refused.code is FailureCode.DENIED
    server.down()
    broken = provider.fetch(ref, timeout=5)
    assert isinstance(broken, Failed)
    assert broken.code is FailureCode.UNAVAILABLE
    server.reset()
    assert isinstance(provider.fetch(ref, timeout=5), NotFound)
    provider.close()
    client.close()


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
