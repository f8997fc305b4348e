"""The Secrets Manager provider keeps the contract, with moto in this process and over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

import pytest
from tests.servers.aws import Aws, AwsInProcess, AwsOverHttp, problem, quietly

from secretsource.providers.aws import AwsProvider
from secretsource.testing import BatchProviderConformance, ProviderHarness, WritableProviderConformance
from secretsource.testing.servers import aws_server

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretsource.testing.servers import AwsServer

DENIED = problem("AccessDeniedException", "User is not authorized to perform: secretsmanager:GetSecretValue")
NO_WIRE = "there is no wire in this process; the class below has one"


@pytest.fixture(scope="module")
def server() -> Generator[AwsServer]:
    """A running moto."""
    with aws_server() as server:
        yield server


class SecretsManagerHarness(ProviderHarness):
    """Puts secrets into moto by boto3, and rotates them as a rotation function does."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.provider = AwsProvider(prefix="prod/", endpoint_url=aws.endpoint_url, session=aws.session())
        self.boto3 = aws.client("secretsmanager")

    def put(self, name: str, value: str | bytes) -> None:
        content = {"SecretString": value} if isinstance(value, str) else {"SecretBinary": value}
        with quietly():
            self.boto3.create_secret(Name=f"prod/{name}", **content)

    def rotate(self, name: str, value: str | bytes) -> None:
        location, old, new = f"prod/{name}", self.current(name), str(uuid4())
        pending: Any = {"ClientRequestToken": new, "VersionStages": ["AWSPENDING"]}
        with quietly():
            self.boto3.put_secret_value(SecretId=location, SecretString=value, **pending)
            self.boto3.update_secret_version_stage(
                SecretId=location, VersionStage="AWSCURRENT", MoveToVersionId=new, RemoveFromVersionId=old
            )

    def current(self, name: str) -> str:
        versions: dict[str, list[str]] = self.boto3.describe_secret(SecretId=f"prod/{name}")["VersionIdsToStages"]
        return next(version for version, stages in versions.items() if "AWSCURRENT" in stages)

    def delete(self, name: str) -> None:
        self.boto3.delete_secret(SecretId=f"prod/{name}", RecoveryWindowInDays=7)

    def older_stage(self, name: str) -> str:
        return "AWSPREVIOUS"

    def deny(self) -> None:
        self.aws.answer(400, DENIED)

    def deny_one(self, name: str) -> None:
        self.aws.refuse_secret(f"prod/{name}")

    def throttle(self) -> None:
        self.aws.answer(400, problem("ThrottlingException", "Rate exceeded"))

    def hang(self) -> None:
        self.aws.hang()

    def break_response(self, planted: str) -> None:
        self.aws.answer(200, f"<html>{planted}</html>".encode())

    def down(self) -> None:
        self.aws.down()

    def heal(self) -> None:
        self.aws.heal()

    def behind(self, address: str) -> AwsProvider:
        return AwsProvider(prefix="prod/", endpoint_url=address, session=self.aws.session())


class TestAwsProvider(BatchProviderConformance, WritableProviderConformance):
    """Every case, in this process."""

    impossible: ClassVar = {
        "empty": "a secret of AWS has at least one character",
        "deny_write": "the test server refuses reading and writing alike",
        "wire": NO_WIRE,
    }
    patience: ClassVar = 0.6  # the first call also makes the client

    @pytest.fixture
    def harness(self) -> Generator[SecretsManagerHarness]:
        """An empty Secrets Manager."""
        aws = AwsInProcess()
        with aws.cleanup:
            yield SecretsManagerHarness(aws)


class TestAwsProviderOverHttp(BatchProviderConformance, WritableProviderConformance):
    """Every case, over a socket."""

    impossible: ClassVar = {name: why for name, why in TestAwsProvider.impossible.items() if name != "wire"}
    patience: ClassVar = TestAwsProvider.patience

    @pytest.fixture
    def harness(self, server: AwsServer) -> Generator[SecretsManagerHarness]:
        """An empty Secrets Manager."""
        aws = AwsOverHttp(server)
        with aws.cleanup:
            yield SecretsManagerHarness(aws)
