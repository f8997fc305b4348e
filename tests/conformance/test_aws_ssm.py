"""The Parameter Store provider keeps the contract, with moto in this process and over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest
from tests.servers.aws import Aws, AwsInProcess, AwsOverHttp, problem, quietly

from secretsource.providers.aws_ssm import AwsParameterProvider
from secretsource.testing import BatchProviderConformance, ProviderHarness
from secretsource.testing.servers import aws_server

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretsource.testing.servers import AwsServer

DENIED = problem("AccessDeniedException", "User is not authorized to perform: ssm:GetParameter")
NO_WIRE = "there is no wire in this process; the class below has one"


@pytest.fixture(scope="module")
def server() -> Generator[AwsServer]:
    """A running moto."""
    with aws_server() as server:
        yield server


class ParameterStoreHarness(ProviderHarness):
    """Puts encrypted parameters into moto by boto3."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.provider = AwsParameterProvider(prefix="/prod/", endpoint_url=aws.endpoint_url, session=aws.session())
        self.boto3 = aws.client("ssm")

    def put(self, name: str, value: str | bytes) -> None:
        with quietly():
            self.boto3.put_parameter(Name=f"/prod/{name}", Value=value, Type="SecureString", Overwrite=True)

    def delete(self, name: str) -> None:
        self.boto3.delete_parameter(Name=f"/prod/{name}")

    def older_stage(self, name: str) -> str:
        newest = self.boto3.get_parameter(Name=f"/prod/{name}")["Parameter"]["Version"]
        self.boto3.label_parameter_version(Name=f"/prod/{name}", ParameterVersion=newest - 1, Labels=["older"])
        return "older"

    def deny(self) -> None:
        self.aws.answer(400, DENIED)

    def deny_one(self, name: str) -> None:
        self.aws.refuse_parameter(f"/prod/{name}")

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

    def behind(self, address: str) -> AwsParameterProvider:
        return AwsParameterProvider(prefix="/prod/", endpoint_url=address, session=self.aws.session())


class TestAwsParameterProvider(BatchProviderConformance):
    """Every case that text can have, in this process."""

    impossible: ClassVar = {
        "binary": "a parameter is text",
        "empty": "a parameter has at least one character",
        "wire": NO_WIRE,
    }
    largest: ClassVar = 4096  # of the standard tier
    patience: ClassVar = 0.6  # the first call also makes the client

    @pytest.fixture
    def harness(self) -> Generator[ParameterStoreHarness]:
        """An empty Parameter Store."""
        aws = AwsInProcess()
        with aws.cleanup:
            yield ParameterStoreHarness(aws)


class TestAwsParameterProviderOverHttp(BatchProviderConformance):
    """Every case that text can have, over a socket."""

    impossible: ClassVar = {name: why for name, why in TestAwsParameterProvider.impossible.items() if name != "wire"}
    largest: ClassVar = TestAwsParameterProvider.largest
    patience: ClassVar = TestAwsParameterProvider.patience

    @pytest.fixture
    def harness(self, server: AwsServer) -> Generator[ParameterStoreHarness]:
        """An empty Parameter Store."""
        aws = AwsOverHttp(server)
        with aws.cleanup:
            yield ParameterStoreHarness(aws)
