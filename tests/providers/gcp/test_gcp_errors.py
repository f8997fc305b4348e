"""What an error of Google Cloud means, on each path it can come by."""

from __future__ import annotations

import builtins
import inspect
from typing import TYPE_CHECKING, Any

import google.api_core.exceptions
import google.auth.exceptions
import pytest
import requests.exceptions
import urllib3.exceptions
from google.protobuf.json_format import ParseError

from secretsource.providers._gcp.errors import _TELLING_WORDS, MEANINGS, explain, malformed
from secretsource.providers.base import Failed, FailureCode, NotFound, SecretRef
from secretsource.providers.gcp import GcpProvider

if TYPE_CHECKING:
    from tests.servers.gcp import SecretManager

api: Any = google.api_core.exceptions  # no types in either
auth: Any = google.auth.exceptions

CANARY = "canary-77ab0e"
REF = SecretRef("gcp", "TOKEN")
NAMED = "projects/p1/secrets/TOKEN"
ROOTS = [
    (api, api.GoogleAPIError),
    (auth, auth.GoogleAuthError),
    (requests.exceptions, requests.exceptions.RequestException),
]

OUTCOMES: list[tuple[str, str, str, FailureCode | None, str]] = [
    ("NOT_FOUND", f"Secret [{NAMED}] not found or has no versions.", "", None, ""),
    ("NOT_FOUND", f"Secret Version [{NAMED}/versions/9] not found.", "", None, "no such version"),
    ("FAILED_PRECONDITION", "Secret Version [x] is in DISABLED state.", "", FailureCode.DISABLED, "disabled"),
    ("FAILED_PRECONDITION", "Secret Version [x] is in DESTROYED state.", "", FailureCode.DELETED, "destroyed"),
    ("FAILED_PRECONDITION", "The Cloud KMS key is not enabled.", "", FailureCode.DISABLED, "KMS"),
    ("FAILED_PRECONDITION", "Something else.", "", FailureCode.MISCONFIGURED, "question"),
    ("INVALID_ARGUMENT", "The provided resource name is invalid.", "", FailureCode.MISCONFIGURED, "question"),
    ("OUT_OF_RANGE", "", "", FailureCode.MISCONFIGURED, "question"),
    ("PERMISSION_DENIED", "Permission denied (or it may not exist).", "", FailureCode.DENIED, "does not exist"),
    ("PERMISSION_DENIED", "Permission 'cloudkms.x' denied.", "", FailureCode.DENIED, "KMS"),
    ("PERMISSION_DENIED", "", "SERVICE_DISABLED", FailureCode.MISCONFIGURED, "API is not enabled"),
    ("PERMISSION_DENIED", "", "BILLING_DISABLED", FailureCode.MISCONFIGURED, "billing"),
    ("PERMISSION_DENIED", "", "USER_PROJECT_DENIED", FailureCode.DENIED, "quota project"),
    ("PERMISSION_DENIED", "", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", FailureCode.DENIED, "scope"),
    ("UNAUTHENTICATED", "Request had invalid credentials.", "", FailureCode.UNAUTHENTICATED, "credentials"),
    ("RESOURCE_EXHAUSTED", "Quota exceeded.", "", FailureCode.THROTTLED, "quota"),
    ("DEADLINE_EXCEEDED", "", "", FailureCode.TIMEOUT, "in time"),
    ("UNAVAILABLE", "", "", FailureCode.UNAVAILABLE, "out of order"),
    ("INTERNAL", "", "", FailureCode.UNAVAILABLE, "out of order"),
    ("UNKNOWN", "", "", FailureCode.UNAVAILABLE, "out of order"),
    ("DATA_LOSS", "", "", FailureCode.UNAVAILABLE, "out of order"),
    ("ABORTED", "", "", FailureCode.UNAVAILABLE, "out of order"),
    ("CANCELLED", "", "", FailureCode.UNAVAILABLE, "out of order"),
    ("UNIMPLEMENTED", "", "", FailureCode.MISCONFIGURED, "not from Secret Manager"),
]


@pytest.fixture
def gcp(gcp: SecretManager) -> SecretManager:
    """An empty Secret Manager, with one secret."""
    gcp.store.add(NAMED, CANARY.encode())
    return gcp


async def ask(path: str, gcp: SecretManager, timeout: float = 5) -> Any:
    """The outcome on one of the three paths."""
    provider = GcpProvider(project="p1", endpoint=gcp.endpoint, transport="rest" if path == "rest" else "grpc")
    try:
        if path == "asyncio":
            return await provider.afetch(REF, timeout=timeout)
        return provider.fetch(REF, timeout=timeout)
    finally:
        provider.close()
        await provider.aclose()


@pytest.mark.parametrize("path", ["grpc", "rest", "asyncio"])
class TestOnEachPath:
    """The same error means the same, whichever class the SDK makes of it."""

    @pytest.mark.parametrize(("status", "message", "reason", "code", "word"), OUTCOMES)
    async def test_status(
        self,
        gcp: SecretManager,
        path: str,
        status: str,
        message: str,
        reason: str,
        code: FailureCode | None,
        word: str,
    ) -> None:
        """Each status has its outcome, told apart by its reason and by tested words; its text is not passed on."""
        gcp.faults.refuse(status, f"{message} {CANARY}", reason=reason)
        outcome = await ask(path, gcp)
        if code is None:
            assert isinstance(outcome, NotFound)
        else:
            assert isinstance(outcome, Failed)
            assert outcome.code is code
            assert outcome.sdk_error
        assert word in str(outcome.reason)
        assert CANARY not in repr(outcome)
        assert len(gcp.calls) == 1

    async def test_wait_is_passed_on(self, gcp: SecretManager, path: str) -> None:
        """The wait that the service asks for comes from RetryInfo, on both wires."""
        gcp.faults.refuse("RESOURCE_EXHAUSTED", wait=2.5)
        assert (await ask(path, gcp)).retry_after == 2.5

    async def test_no_wait_after_a_refusal(self, gcp: SecretManager, path: str) -> None:
        """What waiting does not mend has no wait."""
        gcp.faults.refuse("PERMISSION_DENIED", wait=2.5)
        assert (await ask(path, gcp)).retry_after is None

    async def test_slow(self, gcp: SecretManager, path: str) -> None:
        """An answer that comes too late is a timeout."""
        gcp.faults.slow(2)
        outcome = await ask(path, gcp, timeout=0.2)
        gcp.heal()
        assert outcome.code is FailureCode.TIMEOUT

    async def test_torn_connection(self, gcp: SecretManager, path: str) -> None:
        """A connection that is torn is "unavailable", and its endpoint is what to look at."""
        gcp.cut()
        outcome = await ask(path, gcp)
        assert outcome.code is FailureCode.UNAVAILABLE
        assert "reached" in outcome.reason

    async def test_broken_answer(self, gcp: SecretManager, path: str) -> None:
        """An answer that cannot be read is malformed, and nothing of it is shown."""
        gcp.faults.garbage = CANARY.encode()
        outcome = await ask(path, gcp)
        assert outcome.code is FailureCode.MALFORMED
        assert CANARY not in repr(outcome)

    @pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://nowhere.invalid:80"])
    async def test_nobody_there(self, gcp: SecretManager, path: str, address: str) -> None:
        """A port that nobody listens on, or a host that nobody knows, is "unavailable"; look at the endpoint."""
        gcp.address, working = address, gcp.address
        try:
            outcome = await ask(path, gcp)
        finally:
            gcp.address = working
        assert outcome.code is FailureCode.UNAVAILABLE
        cause = "connection refused" if "127.0.0.1" in address else "no such host name"
        assert outcome.reason == f"{address.removeprefix('http://')} cannot be reached: {cause} (in project p1)"
        assert "endpoint" in (outcome.remedy or "")


class Response:
    """An HTTP answer as google.api_core looks at it."""

    def __init__(self, status: int, payload: object, headers: dict[str, str]) -> None:
        self.status_code = status
        self.headers = headers
        self._payload = payload

    def json(self) -> Any:
        if isinstance(self._payload, Exception):
            raise self._payload
        return self._payload


def http_error(status: int, payload: object = None, headers: dict[str, str] | None = None, **more: Any) -> Exception:
    """The exception that the SDK raises for an HTTP answer."""
    response = Response(status, ValueError("no JSON") if payload is None else payload, headers or {})
    error: Exception = api.from_http_status(status, "GET https://host/v1/x: text", response=response, **more)
    return error


class TestWithoutTheService:
    """Errors that some other program than Secret Manager is the cause of."""

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (auth.DefaultCredentialsError("none"), FailureCode.UNAUTHENTICATED),
            (auth.RefreshError("invalid_grant"), FailureCode.UNAUTHENTICATED),
            (auth.RefreshError("busy", retryable=True), FailureCode.UNAVAILABLE),
            (auth.ReauthFailError("again"), FailureCode.UNAUTHENTICATED),
            (auth.TransportError("down"), FailureCode.UNAVAILABLE),
            (auth.TimeoutError("slow"), FailureCode.TIMEOUT),
            (auth.OSError("broken file"), FailureCode.UNAUTHENTICATED),
            (auth.MutualTLSChannelError("cert"), FailureCode.MISCONFIGURED),
            (auth.UserAccessTokenError("gcloud"), FailureCode.UNAUTHENTICATED),
            (requests.exceptions.ReadTimeout("slow"), FailureCode.TIMEOUT),
            (requests.exceptions.ConnectTimeout("slow"), FailureCode.TIMEOUT),
            (requests.exceptions.SSLError("bad"), FailureCode.MISCONFIGURED),
            (requests.exceptions.ProxyError("bad"), FailureCode.UNAVAILABLE),
            (requests.exceptions.ChunkedEncodingError("torn"), FailureCode.UNAVAILABLE),
            (urllib3.exceptions.ProtocolError("torn"), FailureCode.UNAVAILABLE),
            (TimeoutError(), FailureCode.TIMEOUT),
            (ConnectionResetError(), FailureCode.UNAVAILABLE),
            (ParseError(CANARY), FailureCode.MALFORMED),
            (ValueError(CANARY), FailureCode.MALFORMED),
            (ModuleNotFoundError("No module named 'google'"), FailureCode.MISCONFIGURED),
            (api.RetryError(CANARY, ValueError(CANARY)), FailureCode.UNAVAILABLE),
            (api.MovedPermanently("there"), FailureCode.MISCONFIGURED),
            (http_error(404), FailureCode.MISCONFIGURED),
            (http_error(404, ["odd"]), FailureCode.MISCONFIGURED),
            (http_error(404, {"error": {"code": 404}}), FailureCode.MISCONFIGURED),
            (http_error(407), FailureCode.MISCONFIGURED),
            (http_error(403), FailureCode.DENIED),
            (http_error(502), FailureCode.UNAVAILABLE),
            (http_error(504), FailureCode.TIMEOUT),
            (
                api.ServiceUnavailable("Getting metadata from plugin failed with error: ('invalid_grant: no',)"),
                FailureCode.UNAUTHENTICATED,
            ),
            (
                api.ServiceUnavailable("Getting metadata from plugin failed with error: Max retries exceeded"),
                FailureCode.UNAVAILABLE,
            ),
            (api.ServiceUnavailable("… SSL_ERROR_SSL: CERTIFICATE_VERIFY_FAILED …"), FailureCode.MISCONFIGURED),
        ],
    )
    def test_exception(self, error: Exception, code: FailureCode) -> None:
        """Each has its failure, the class name is passed on, and the text is not."""
        outcome = explain(error)
        assert isinstance(outcome, Failed)
        assert outcome.code is code
        assert outcome.sdk_error == type(error).__name__
        assert CANARY not in repr(outcome)

    def test_absence_that_google_tells(self) -> None:
        """404 is an absence where it is written as Google's services write errors, and only there."""
        assert isinstance(explain(http_error(404, {"error": {"status": "NOT_FOUND"}})), NotFound)

    def test_while_making(self) -> None:
        """What is wrong while a client is made is wrong with the settings."""
        outcome = explain(ValueError("endpoint"), making=True)
        assert isinstance(outcome, Failed)
        assert outcome.code is FailureCode.MISCONFIGURED

    def test_grant_of_the_call(self) -> None:
        """The remedy names the grant that the refused call needs."""
        outcome = explain(api.PermissionDenied("no"), "list_secret_versions")
        assert isinstance(outcome, Failed)
        assert "secretmanager.versions.list" in str(outcome.remedy)

    def test_malformed_has_a_remedy(self) -> None:
        """A value that is none says what to look at."""
        assert "endpoint" in str(malformed("why").remedy)
        assert malformed("why").reason == "why"

    @pytest.mark.parametrize(
        ("header", "details", "expected"),
        [
            ("7", [], 7.0),
            ("7", [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}], 1.5),
            ("7", [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "soon"}], 7.0),
            ("7", [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "-1s"}], 7.0),
            ("7", [{"@type": "type.googleapis.com/google.rpc.Help"}, "odd"], 7.0),
            ("Wed, 21 Oct 2031 07:28:00 GMT", [], None),
            ("", [], None),
        ],
    )
    def test_wait(self, header: str, details: list[Any], expected: float | None) -> None:
        """RetryInfo goes before the header; what is no number of seconds is no wait."""
        headers = {"Retry-After": header} if header else {}
        outcome = explain(http_error(429, {}, headers, details=details))
        assert isinstance(outcome, Failed)
        assert outcome.retry_after == expected

    def test_negative_wait(self) -> None:
        """A negative RetryInfo over gRPC is none."""
        from google.rpc.error_details_pb2 import RetryInfo

        detail = RetryInfo()
        detail.retry_delay.seconds = -3
        outcome = explain(api.ResourceExhausted("x", details=[detail]))
        assert isinstance(outcome, Failed)
        assert outcome.retry_after is None


class TestTable:
    """The table itself."""

    @pytest.mark.parametrize(("package", "root"), ROOTS)
    def test_every_class_has_a_meaning_of_its_package(self, package: Any, root: type[Exception]) -> None:
        """No exception of the packages falls through to "cannot be read"."""
        for name, cls in inspect.getmembers(package, inspect.isclass):
            if issubclass(cls, root):
                known = [f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in cls.__mro__]
                assert next(key for key in known if key in MEANINGS) != "builtins.Exception", name

    def test_every_key_names_a_class(self) -> None:
        """A key that names no class would never be found."""
        known = {"google.ParseError", "urllib3.HTTPError", "secretsource.TooLarge"} | {
            f"builtins.{name}" for name in dir(builtins)
        }
        for package, _ in ROOTS:
            root = package.__name__.partition(".")[0]
            known |= {f"{root}.{name}" for name, _ in inspect.getmembers(package, inspect.isclass)}
        assert {key.partition("/")[0] for key in MEANINGS} <= known

    def test_every_case_has_its_words(self) -> None:
        """A case of a key that no words lead to would never be met."""
        cases = {key.partition("/")[2] for key in MEANINGS} - {"", "making", "408", "3xx", "4xx"}
        assert cases == {case for case, _ in _TELLING_WORDS}

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (302, FailureCode.MISCONFIGURED),
            (402, FailureCode.MISCONFIGURED),
            (407, FailureCode.MISCONFIGURED),
            (431, FailureCode.MISCONFIGURED),
            (451, FailureCode.MISCONFIGURED),
            (408, FailureCode.TIMEOUT),
            (505, FailureCode.UNAVAILABLE),
            (520, FailureCode.UNAVAILABLE),
        ],
    )
    def test_a_status_that_google_does_not_use(self, status: int, code: FailureCode) -> None:
        """A refusal of a proxy on the way is wiring, which does not pass by itself, and only 5xx is an outage."""
        outcome = explain(api.from_http_status(status, "canary"))
        assert isinstance(outcome, Failed)
        assert outcome.code is code

    @pytest.mark.parametrize(
        "name", ["is-in-DISABLED-state", "Cloud_KMS", "cloudkms", "SERVICE_DISABLED-", "Secret_Version", "FOREIGN"]
    )
    def test_names_do_not_steer(self, name: str) -> None:
        """A secret whose name looks like an error's words has the meaning that it should have."""
        absent = api.NotFound(f"Secret [projects/p1/secrets/{name}] not found or has no versions.")
        assert explain(absent) == NotFound()
        denied = explain(api.PermissionDenied(f"Permission denied for 'projects/p1/secrets/{name}'"))
        assert isinstance(denied, Failed)
        assert denied.code is FailureCode.DENIED
        assert "does not exist" in str(denied.reason)
