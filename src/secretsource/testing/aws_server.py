"""AWS on this machine, by moto, for tests, demonstrations and benchmarks.

with moto_server() as aws:
    aws.client("secretsmanager").create_secret(Name="STRIPE_SECRET_KEY", SecretString="sk_test_x")
    provider = AwsProvider(region=aws.region, endpoint_url=aws.endpoint_url, session=aws.session())
"""

from __future__ import annotations

from contextlib import contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

from secretsource.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from typing import TypeAlias

    from boto3.session import Session
    from moto.server import ThreadedMotoServer

    Application: TypeAlias = Callable[[dict[str, Any], Any], Iterable[bytes]]

__all__ = ["MotoServer", "finished_rotations", "moto_server"]


class MotoServer:
    """A running moto server, on a free port of the loopback interface.

    Attributes:
        endpoint_url: For a provider's ``endpoint_url``, or ``AWS_ENDPOINT_URL``.
        region: The region that ``client`` and ``environment`` name; moto has them all.
        answer_with: A WSGI application that answers in moto's place while it is set: how to break the service.
    """

    region = "eu-west-1"

    def __init__(self, threaded: ThreadedMotoServer) -> None:
        self._host, self._port = threaded.get_host_and_port()
        self.endpoint_url = f"http://{self._host}:{self._port}"
        self.answer_with: Application | None = None
        self._server: Any = vars(threaded)["_server"]  # moto shows no other way to its application and its socket
        self._moto: Application = self._server.app
        self._server.app = self._answer
        self._server.RequestHandlerClass = _quiet(self._server.RequestHandlerClass)

    @property
    def environment(self) -> dict[str, str]:
        """What to set in a process's environment so that boto3 talks to this server."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def session(self) -> Session:
        """A boto3 session with credentials that moto takes."""
        from boto3.session import Session

        return Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=self.region)  # noqa: S106

    def client(self, service: str) -> Any:
        """A boto3 client of this server, to put secrets into it."""
        make: Any = self.session().client
        return make(service, endpoint_url=self.endpoint_url)

    def reset(self) -> None:
        """Forget everything that was stored."""
        connection = HTTPConnection(self._host, self._port)
        try:
            connection.request("POST", "/moto-api/reset")
            connection.getresponse().read()
        finally:
            connection.close()

    def close(self) -> None:
        """Close the socket that a stopped server leaves open."""
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        application = self._moto if self.answer_with is None else self.answer_with
        return application(environ, start)


@contextmanager
def moto_server() -> Generator[MotoServer]:
    """Run moto's AWS until the end of the ``with`` block.

    Raises:
        ConfigurationError: moto is not installed.
    """
    threaded_server = _threaded_server()
    if threaded_server is None:
        raise ConfigurationError("moto_server needs moto: run  pip install 'moto[secretsmanager,ssm,server]'")
    threaded = threaded_server(ip_address="127.0.0.1", port=0, verbose=False)
    with finished_rotations():
        threaded.start()
        server = MotoServer(threaded)
        try:
            yield server
        finally:
            threaded.stop()
            server.close()


def _quiet(loud: type[Any]) -> type[Any]:
    """A request handler that does not print a line for each request."""

    class QuietRequest(loud):  # type: ignore[misc]
        def log_request(self, *_: object, **__: object) -> None:
            pass

    return QuietRequest


def _threaded_server() -> type[ThreadedMotoServer] | None:
    try:
        from moto.server import ThreadedMotoServer
    except ImportError:
        return None
    return ThreadedMotoServer


@contextmanager
def finished_rotations() -> Generator[None]:
    """Let moto serve the new value once AWSCURRENT has been moved to it, as AWS does.

    moto moves the label, but goes on to give the old version to whoever names no stage, and in every batch.
    """
    from unittest.mock import patch

    from moto.secretsmanager.models import SecretsManagerBackend

    move = SecretsManagerBackend.update_secret_version_stage

    def move_and_serve(
        self: SecretsManagerBackend,
        secret_id: str,
        version_stage: str,
        remove_from_version_id: str,
        move_to_version_id: str,
    ) -> tuple[str, str]:
        moved = move(self, secret_id, version_stage, remove_from_version_id, move_to_version_id)
        secret: Any = self.secrets[secret_id]
        if version_stage == "AWSCURRENT" and move_to_version_id:
            secret.set_default_version_id(move_to_version_id)
        return moved

    with patch.object(SecretsManagerBackend, "update_secret_version_stage", move_and_serve):
        yield
