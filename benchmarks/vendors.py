"""Each provider beside the bare client of its vendor: how both are made, and how they are asked.

The bare client is used as the vendor's own documentation has it. Its packages are imported inside the functions, so
that a new process can time them. Where the service is, the environment says.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from benchmarks.samples import dashed
from benchmarks.servers import PROJECT

if TYPE_CHECKING:
    from secretsource.providers.base import Provider

    One: TypeAlias = Callable[[str], str]
    Many: TypeAlias = Callable[[Sequence[str]], Iterable[str]]
    AsyncOne: TypeAlias = Callable[[str], Awaitable[str]]


class Bare(NamedTuple):
    """A bare client.

    Attributes:
        one: Gets one secret.
        many: Gets many by the service's own call for many; None where it has none.
    """

    one: One
    many: Many | None = None


class Case(NamedTuple):
    """One provider and its vendor's client.

    Attributes:
        service: Where both ask; a name of `benchmarks.servers`.
        provider: Makes ours.
        bare: Makes the bare client.
        packages: The vendor's, which nobody else loads.
        abare: Makes the asynchronous bare client, on the running loop.
        spelled: A name as the vendor has it.
    """

    service: str
    provider: Callable[[], str | Provider]
    bare: Callable[[], Bare]
    packages: tuple[str, ...]
    abare: Callable[[], AsyncOne] | None = None
    spelled: Callable[[str], str] = str


def aws() -> Bare:
    import boto3

    client: Any = boto3.client("secretsmanager")

    def one(name: str) -> str:
        return str(client.get_secret_value(SecretId=name)["SecretString"])

    def many(names: Sequence[str]) -> list[str]:
        values: list[str] = []
        for start in range(0, len(names), 20):
            answer = client.batch_get_secret_value(SecretIdList=names[start : start + 20])
            values += [entry["SecretString"] for entry in answer["SecretValues"]]
        return values

    return Bare(one, many)


def aws_ssm() -> Bare:
    import boto3

    client: Any = boto3.client("ssm")

    def one(name: str) -> str:
        return str(client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])

    def many(names: Sequence[str]) -> list[str]:
        values: list[str] = []
        for start in range(0, len(names), 10):
            answer = client.get_parameters(Names=names[start : start + 10], WithDecryption=True)
            values += [entry["Value"] for entry in answer["Parameters"]]
        return values

    return Bare(one, many)


def vault() -> Bare:
    import hvac

    read: Any = hvac.Client().secrets.kv.v2.read_secret_version

    def one(name: str) -> str:
        return str(read(path=name, raise_on_deleted_version=False)["data"]["data"]["value"])

    return Bare(one)


def gcp() -> Bare:
    import grpc
    from google.cloud.secretmanager_v1.services.secret_manager_service import transports

    channel = grpc.insecure_channel(os.environ["GCP_ENDPOINT"].removeprefix("http://"))
    return Bare(_google(transports.SecretManagerServiceGrpcTransport(channel=channel, credentials=_nobody())))


def gcp_rest() -> Bare:
    from google.cloud.secretmanager_v1.services.secret_manager_service import transports

    endpoint = os.environ["GCP_ENDPOINT"].removeprefix("http://")
    return Bare(
        _google(transports.SecretManagerServiceRestTransport(host=endpoint, url_scheme="http", credentials=_nobody()))
    )


def _google(transport: Any) -> One:
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient

    client = SecretManagerServiceClient(transport=transport)

    def one(name: str) -> str:
        return _intact(client.access_secret_version(name=_version(name)))

    return one


def gcp_async() -> AsyncOne:
    import grpc
    from google.cloud.secretmanager_v1 import SecretManagerServiceAsyncClient
    from google.cloud.secretmanager_v1.services.secret_manager_service import transports

    channel = grpc.aio.insecure_channel(os.environ["GCP_ENDPOINT"].removeprefix("http://"))
    transport = transports.SecretManagerServiceGrpcAsyncIOTransport(channel=channel, credentials=_nobody())
    client = SecretManagerServiceAsyncClient(transport=transport)

    async def one(name: str) -> str:
        return _intact(await client.access_secret_version(name=_version(name)))

    return one


def _nobody() -> Any:
    from google.auth.credentials import AnonymousCredentials

    return AnonymousCredentials()


def _version(name: str) -> str:
    return f"projects/{PROJECT}/secrets/{name}/versions/latest"


def _intact(answer: Any) -> str:
    """With its checksum verified, as Google's example has it.

    https://cloud.google.com/secret-manager/docs/access-secret-version
    """
    import google_crc32c

    assert google_crc32c.value(answer.payload.data) == answer.payload.data_crc32c
    text: str = answer.payload.data.decode()
    return text


def azure() -> Bare:
    from azure.identity import DefaultAzureCredential
    from azure.keyvault.secrets import SecretClient

    get: Any = SecretClient(**_key_vault(DefaultAzureCredential)).get_secret

    def one(name: str) -> str:
        return str(get(name).value)

    return Bare(one)


def azure_async() -> AsyncOne:
    from azure.identity.aio import DefaultAzureCredential
    from azure.keyvault.secrets.aio import SecretClient

    get: Any = SecretClient(**_key_vault(DefaultAzureCredential)).get_secret

    async def one(name: str) -> str:
        return str((await get(name)).value)

    return one


def _key_vault(credential: Any) -> dict[str, Any]:
    url = os.environ["AZURE_KEY_VAULT_URL"]
    known = credential(authority=url, disable_instance_discovery=True)
    return {"vault_url": url, "credential": known, "verify_challenge_resource": False}


def azure_provider() -> Provider:
    from secretsource.providers.azure import AzureProvider

    url = os.environ["AZURE_KEY_VAULT_URL"]
    return AzureProvider(
        vault_url=url,
        authority=url,
        verify_challenge_resource=False,
        credential_options={"disable_instance_discovery": True},
    )


GOOGLE = ("google.api_core", "google.auth", "google.cloud.secretmanager_v1", "google.protobuf", "grpc", "proto")
"""Not ``google`` and ``google.cloud``, which are empty, and which looking for what is installed makes."""

CASES = {
    "aws": Case("aws", lambda: "aws", aws, ("boto3", "botocore")),
    "aws-ssm": Case("aws", lambda: "aws-ssm", aws_ssm, ("boto3", "botocore")),
    "vault": Case("vault", lambda: "vault", vault, ("hvac",)),
    "gcp": Case("gcp", lambda: f"gcp://{PROJECT}?endpoint={os.environ['GCP_ENDPOINT']}", gcp, GOOGLE, gcp_async),
    "gcp-rest": Case(
        "gcp_rest",
        lambda: f"gcp://{PROJECT}?endpoint={os.environ['GCP_ENDPOINT']}&transport=rest",
        gcp_rest,
        GOOGLE,
    ),
    "azure": Case("azure", azure_provider, azure, ("azure", "msal"), azure_async, dashed),
}
