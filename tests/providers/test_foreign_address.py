"""Credentials of this machine, and an address of AWS or Google Cloud that a file names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.servers.aws import REGION, new_session
from tests.servers.relay import Relay, relay

from secretsource import Resolver
from secretsource.exceptions import ProviderResponseError
from secretsource.providers._aws.place import distrust_in
from secretsource.providers.aws import AwsProvider
from secretsource.providers.aws_ssm import AwsParameterProvider
from secretsource.providers.base import Failed, FailureCode, Found, SecretRef
from secretsource.providers.gcp import GcpProvider

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

FOUND = json.dumps({"SecretString": "value", "VersionId": "v" * 32}).encode()
ELSEWHERE = "secrets.example"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Generator[Relay]:
    """A Secrets Manager on this machine, and credentials in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with relay() as front:
        front.answer(200, FOUND, {"Content-Type": "application/x-amz-json-1.1"})
        yield front


def foreign(service: Relay) -> str:
    """Its address, written so that it is not one of this machine."""
    return service.address.replace("127.0.0.1", "0.0.0.0")


@pytest.mark.parametrize("driver", [AwsProvider, AwsParameterProvider])
def test_nothing_is_signed_for_another_server(driver: type[AwsProvider | AwsParameterProvider], service: Relay) -> None:
    """No call is made, and the error says what to set."""
    provider = driver(region=REGION, endpoint_url=foreign(service), trust_address=False)
    outcome = provider.fetch(SecretRef(driver.scheme, "TOKEN"), timeout=5)
    identity = provider.identify(timeout=5)
    assert isinstance(outcome, Failed)
    assert isinstance(identity, Failed)
    assert outcome.code is identity.code is FailureCode.MISCONFIGURED
    assert "a file names a server that is not of amazonaws.com" in str(outcome.reason)
    assert "trust_address = true" in str(outcome.remedy)
    assert service.calls == []


def test_calls_are_signed_for_this_machine(service: Relay) -> None:
    """An emulator of the one who writes the file needs no word of trust."""
    provider = AwsProvider(region=REGION, endpoint_url=service.address, trust_address=False)
    assert isinstance(provider.fetch(SecretRef("aws", "TOKEN"), timeout=5), Found)
    provider.close()


def test_what_the_environment_names_is_trusted() -> None:
    """boto3 would send all calls there anyway."""
    assert distrust_in({"AWS_ENDPOINT_URL": f"https://{ELSEWHERE}/"}, f"https://{ELSEWHERE}") is None
    assert distrust_in({"AWS_ENDPOINT_URL": "https://other.example"}, f"https://{ELSEWHERE}") is not None
    assert distrust_in({}, f"https://{ELSEWHERE}") is not None


def test_what_is_given_in_code_is_trusted(service: Relay) -> None:
    """An address, or a session, whose credentials are not found on the machine."""
    assert AwsProvider(region=REGION, endpoint_url=foreign(service))._clients._doubted is None
    given = AwsProvider(session=new_session(), endpoint_url=foreign(service), trust_address=False)
    assert given._clients._doubted is None


@pytest.mark.parametrize("transport", ["grpc", "rest"])
async def test_no_token_goes_to_another_server(transport: str) -> None:
    """No credentials are looked for, and the error says what to set."""
    provider = GcpProvider(project="p1", transport=transport, endpoint=ELSEWHERE, trust_address=False)
    outcomes = [
        provider.fetch(SecretRef("gcp", "TOKEN"), timeout=5),
        await provider.afetch(SecretRef("gcp", "TOKEN"), timeout=5),
    ]
    for outcome in outcomes:
        assert isinstance(outcome, Failed)
        assert outcome.code is FailureCode.MISCONFIGURED
        assert "a file names a server that is not of googleapis.com" in str(outcome.reason)
        assert "trust_address = true" in str(outcome.remedy)
    assert provider._clients._search._search is None


@pytest.mark.parametrize("endpoint", [None, "secretmanager-mine.p.googleapis.com", "http://emulator.example:9090"])
def test_a_token_may_go_to_google(endpoint: str | None) -> None:
    """And what is asked without one may be anywhere."""
    assert GcpProvider(project="p1", endpoint=endpoint, trust_address=False)._clients._distrust is None
    assert GcpProvider(project="p1", endpoint=ELSEWHERE)._clients._distrust is None


@pytest.mark.parametrize(
    ("driver", "setting"),
    [("aws", "endpoint_url"), ("aws-ssm", "endpoint_url"), ("gcp", "endpoint")],
)
def test_a_file_does_not_trust_by_itself(driver: str, setting: str, tmp_path: Path) -> None:
    """What a file names is not trusted unless the file says so."""
    file = tmp_path / "secretsource.toml"
    file.write_text(
        f'[environments.production]\nproviders = ["{driver}"]\n[providers.{driver}]\n{setting} = "https://{ELSEWHERE}"\n'
    )
    with (
        Resolver.from_config(path=file, environment="production") as resolver,
        pytest.raises(ProviderResponseError, match="trust_address"),
    ):
        resolver.get("TOKEN")
