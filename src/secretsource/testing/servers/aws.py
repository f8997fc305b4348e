"""AWS on this machine, by the emulator moto.

with aws_server() as aws:
    aws.put("STRIPE_SECRET_KEY", "sk_test_x")
    provider = AwsProvider(**aws.settings, session=aws.session())
"""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from threading import Event
from typing import TYPE_CHECKING, Any, NoReturn

from secretsource.testing.servers._moto import finished_rotations, refused_parameter, refused_secret
from secretsource.testing.servers._needed import need
from secretsource.testing.servers.base import SecretServer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping
    from typing import TypeAlias

    from boto3.session import Session
    from moto.server import ThreadedMotoServer

    Application: TypeAlias = Callable[[dict[str, Any], Any], Iterable[bytes]]

__all__ = ["AwsServer", "aws_server", "problem"]

APPLICATION, OPERATOR = "testing", "operator"
"""The access keys of the code under test, which meets the faults, and of the test itself, which does not."""

JSON = "application/x-amz-json-1.1"


class AwsServer(SecretServer):
    """AWS Secrets Manager and Parameter Store, emulated by moto on a free port of the loopback interface.

    moto stores its secrets in this process, so all servers of a process hold the same.

    Attributes:
        address: The value of a provider's ``endpoint_url``, or of ``AWS_ENDPOINT_URL``.
        region: The region in all names here; moto has every region.
        answer_with: A WSGI application that answers in moto's place while it is set: use it to break the service.
    """

    scheme = "aws"
    region = "eu-west-1"

    def __init__(self, threaded: ThreadedMotoServer) -> None:
        self._host, self._port = threaded.get_host_and_port()
        self.address = f"http://{self._host}:{self._port}"
        self.answer_with: Application | None = None
        self._refusals = ExitStack()
        self._released = Event()
        self._operator: Any = None
        self._server: Any = vars(threaded)["_server"]  # moto has no other way to its application and its socket
        self._moto: Application = self._server.app
        self._server.app = self._answer
        self._server.RequestHandlerClass = _quiet(self._server.RequestHandlerClass)

    @property
    def endpoint_url(self) -> str:
        """The same as ``address``, under boto3's name for it."""
        return self.address

    @property
    def settings(self) -> dict[str, Any]:
        """Settings for ``AwsProvider`` and ``AwsParameterProvider``."""
        return {"region": self.region, "endpoint_url": self.address}

    @property
    def environment(self) -> dict[str, str]:
        """Variables for a process's environment that lead boto3 to this server."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": APPLICATION,
            "AWS_SECRET_ACCESS_KEY": APPLICATION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def session(self) -> Session:
        """Return a boto3 session with credentials that moto accepts."""
        return self._session_of(APPLICATION)

    def client(self, service: str) -> Any:
        """Return a boto3 client of this server, to put secrets into it; it meets no fault."""
        from botocore.config import Config

        make: Any = self._session_of(OPERATOR).client
        return make(service, endpoint_url=self.address, config=Config(proxies={}))

    def put(self, location: str, value: str | Mapping[str, Any]) -> str:
        """Store a secret of Secrets Manager, or a new version of it, as AWSCURRENT; return its version."""
        text = value if isinstance(value, str) else json.dumps(dict(value))
        operator = self._secrets_manager()
        try:
            stored = operator.create_secret(Name=location, SecretString=text)
        except operator.exceptions.ResourceExistsException:
            stored = operator.put_secret_value(SecretId=location, SecretString=text)
        return str(stored["VersionId"])

    def disable(self, location: str) -> NoReturn:
        """Raise NotImplementedError: a secret of AWS cannot be disabled."""
        raise NotImplementedError(f"a secret of AWS cannot be disabled: delete {location!r}")

    def delete(self, location: str) -> None:
        """Schedule the deletion of a secret: it can be restored, but not read."""
        self._secrets_manager().delete_secret(SecretId=location, RecoveryWindowInDays=7)

    def reset(self) -> None:
        """Start anew: no fault, and no stored secret."""
        self.heal()
        connection = HTTPConnection(self._host, self._port)
        try:
            connection.request("POST", "/moto-api/reset")
            connection.getresponse().read()
        finally:
            connection.close()

    def answer(self, status: int, body: bytes) -> None:
        """Answer every call with this from now on."""
        self.answer_with = _constant(status, body)

    def deny(self, location: str | None = None) -> None:
        """Refuse one secret or parameter, or every call, as a policy does."""
        if location is None:
            self.answer(400, problem("AccessDeniedException", "not authorized"))
        else:
            self._refusals.enter_context(refused_secret(location))
            self._refusals.enter_context(refused_parameter(location))

    def throttle(self) -> None:
        """Answer every call with ThrottlingException."""
        self.answer(400, problem("ThrottlingException", "Rate exceeded"))

    def hang(self) -> None:
        """Accept every call, and answer no call before the fault ends."""
        self._released = released = Event()

        def silent(_: dict[str, Any], start: Any) -> list[bytes]:
            released.wait(30)
            start("500 Late", [("Content-Type", JSON)])
            return []

        self.answer_with = silent

    def break_response(self, planted: str = "") -> None:
        """Answer every call with a page of HTML."""
        self.answer(200, f"<html>{planted}</html>".encode())

    def down(self) -> None:
        """Answer every call with the internal error of the service that is asked."""

        def application(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
            of_parameters = environ.get("HTTP_X_AMZ_TARGET", "").startswith("AmazonSSM")
            code = "InternalServerError" if of_parameters else "InternalServiceError"
            return _constant(500, problem(code))(environ, start)

        self.answer_with = application

    def heal(self) -> None:
        """End every fault."""
        self.answer_with = None
        self._refusals.close()
        self._released.set()

    def close(self) -> None:
        """Release hanging calls, and close the sockets that a stopped server leaves open."""
        self.heal()
        if self._operator is not None:
            self._operator.close()
        self._server.server_close()

    def _secrets_manager(self) -> Any:
        if self._operator is None:
            self._operator = self.client("secretsmanager")
        return self._operator

    def _session_of(self, access_key: str) -> Session:
        from boto3.session import Session

        return Session(aws_access_key_id=access_key, aws_secret_access_key="testing", region_name=self.region)  # noqa: S106 - moto takes any

    def _answer(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        of_operator = f"Credential={OPERATOR}/" in environ.get("HTTP_AUTHORIZATION", "")
        application = self._moto if self.answer_with is None or of_operator else self.answer_with
        return application(environ, start)


@contextmanager
def aws_server() -> Generator[AwsServer]:
    """Run moto's AWS until the end of the ``with`` block.

    Raises:
        ConfigurationError: moto is not installed.
    """
    need("aws_server", "moto.server", "boto3")
    from moto.server import ThreadedMotoServer

    threaded = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with finished_rotations():
        threaded.start()
        server = AwsServer(threaded)
        try:
            yield server
        finally:
            server.heal()
            threaded.stop()
            server.close()


def _constant(status: int, body: bytes) -> Application:
    """Return a service that always returns the same answer."""

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start(f"{status} Planned", [("Content-Type", JSON)])
        return [body]

    return application


def problem(code: str, message: str = "") -> bytes:
    """Return an error as the JSON protocol of AWS writes it."""
    return json.dumps({"__type": code, "message": message}).encode()


def _quiet(loud: type[Any]) -> type[Any]:
    """Return a request handler that does not print a line for each request."""

    class QuietRequest(loud):  # type: ignore[misc]  # the server says which class it is
        def log_request(self, *_: object, **__: object) -> None:
            pass

    return QuietRequest
