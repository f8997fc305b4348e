"""AWS by moto, in this process or over HTTP, and what can go wrong on the way to it.

Faults are put where the network is: on botocore's ``before-send`` event, or in front of moto's WSGI application. So
botocore's own signing, parsing and retrying always run.
"""

from __future__ import annotations

import io
import logging
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from boto3.session import Session
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.loaders import Loader
from botocore.session import get_session
from moto import mock_aws

from secretsource.testing.servers._moto import finished_rotations, refused_parameter, refused_secret
from secretsource.testing.servers.aws import AwsServer, problem

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import pytest
    from botocore.awsrequest import AWSPreparedRequest

    from secretsource.providers.aws import AwsProvider

__all__ = [
    "REGION",
    "Aws",
    "AwsInProcess",
    "AwsOverHttp",
    "Fault",
    "clients_of",
    "fault",
    "new_session",
    "problem",
    "quietly",
    "response",
    "set_clock",
]

REGION = AwsServer.region
LOADER = Loader()  # reading boto3's models is most of what making a client costs, so it is done once
JSON = {"content-type": "application/x-amz-json-1.1"}


def new_session() -> Session:
    """A boto3 session with credentials that moto takes."""
    core = get_session()
    core.register_component("data_loader", LOADER)
    return Session("testing", "testing", region_name=REGION, botocore_session=core)


class RawBody(io.BytesIO):
    """A body as botocore reads it from urllib3."""

    def stream(self, **_: Any) -> Generator[bytes]:
        while chunk := self.read():
            yield chunk


def response(request: AWSPreparedRequest, status: int, body: bytes, headers: dict[str, str] | None = None) -> Any:
    """What the network would have answered."""
    given: Any = {**JSON, **(headers or {})}
    return AWSResponse(request.url, status, given, RawBody(body))


class Fault:
    """A standing answer to calls, until it is spent.

    Attributes:
        hits: How many calls came by.
        operations: Their operations, in order.
    """

    def __init__(self, status: int, body: bytes, headers: dict[str, str] | None, times: float) -> None:
        self.status, self.body, self.headers, self.left = status, body, headers, times
        self.operations: list[str] = []

    @property
    def hits(self) -> int:
        return len(self.operations)

    def __call__(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> Any:
        self.operations.append(event_name.rpartition(".")[2])
        if self.left <= 0:
            return None
        self.left -= 1
        return response(request, self.status, self.body, self.headers)


def fault(
    client: Any,
    code: str,
    status: int = 400,
    message: str = "",
    *,
    operation: str = "*",
    times: float = float("inf"),
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> Fault:
    """Let a client, or a session before its clients are made, get an error instead of an answer."""
    events = client.events if isinstance(client, Session) else client.meta.events
    standing = Fault(status, problem(code, message) if body is None else body, headers, times)
    for service in ("secrets-manager", "ssm"):
        events.register_first(f"before-send.{service}.{operation}", standing)
    return standing


def clients_of(provider: AwsProvider) -> list[Any]:
    """The clients that a provider has made and kept."""
    return [kept.client for kept in provider._clients._shelf._kept.values()]


def set_clock(monkeypatch: pytest.MonkeyPatch, monotonic: Callable[[], float]) -> None:
    """Let the driver live by another clock."""
    for module in ("_aws.client", "_aws.provider", "_aws.wire", "_wire.bounded_http", "_wire.errand"):
        monkeypatch.setattr(f"secretsource.providers.{module}.monotonic", monotonic)


@contextmanager
def quietly() -> Generator[None]:
    """Without log records: what a test says to AWS is not what the driver says."""
    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


class Aws(ABC):
    """An AWS to put secrets into, and to break."""

    endpoint_url: str | None = None

    def __init__(self) -> None:
        self.cleanup = ExitStack()

    def session(self) -> Session:
        """A session for a provider, whose clients meet the faults."""
        return new_session()

    @abstractmethod
    def answer(self, status: int, body: bytes) -> None:
        """Answer every call with this from now on."""

    @abstractmethod
    def hang(self) -> None:
        """Answer no call from now on."""

    @abstractmethod
    def down(self) -> None:
        """Be out of order from now on."""

    @abstractmethod
    def heal(self) -> None:
        """End the fault."""

    def client(self, service: str) -> Any:
        """A client for the test's own calls, which meets no fault."""
        make: Any = new_session().client
        client = make(service, endpoint_url=self.endpoint_url)
        self.cleanup.callback(client.close)
        return client

    def refuse_secret(self, location: str) -> None:
        """Deny one secret."""
        self.cleanup.enter_context(refused_secret(location))

    def refuse_parameter(self, location: str) -> None:
        """Deny one parameter."""
        self.cleanup.enter_context(refused_parameter(location))


class AwsInProcess(Aws):
    """moto behind botocore's events."""

    def __init__(self) -> None:
        super().__init__()
        self.state: tuple[int, bytes] | type[EndpointConnectionError | ReadTimeoutError] | None = None
        self.cleanup.enter_context(mock_aws())
        self.cleanup.enter_context(finished_rotations())

    def session(self) -> Session:
        session = super().session()
        session.events.register_first("before-send", self._meet)
        return session

    def _meet(self, request: Any, **_: Any) -> Any:
        if self.state is None:
            return None
        if isinstance(self.state, tuple):
            return response(request, *self.state)
        if self.state is ReadTimeoutError:
            time.sleep(request.context["read_timeout"])  # as long as the socket would have been read
        raise self.state(endpoint_url=request.url, error="planned")

    def answer(self, status: int, body: bytes) -> None:
        self.state = (status, body)

    def hang(self) -> None:
        self.state = ReadTimeoutError

    def down(self) -> None:
        self.state = EndpointConnectionError

    def heal(self) -> None:
        self.state = None


class AwsOverHttp(Aws):
    """moto behind a socket."""

    def __init__(self, server: AwsServer) -> None:
        super().__init__()
        self.server = server
        self.endpoint_url = server.endpoint_url
        server.reset()
        self.cleanup.callback(self.heal)

    def answer(self, status: int, body: bytes) -> None:
        self.server.answer(status, body)

    def hang(self) -> None:
        self.server.hang()

    def down(self) -> None:
        self.server.down()

    def heal(self) -> None:
        self.server.heal()
