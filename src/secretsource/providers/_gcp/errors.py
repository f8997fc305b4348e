"""The meaning of each error of Google Cloud, as one table; pure.

The two transports raise different classes for one thing: `FailedPrecondition` over gRPC is `BadRequest` over REST. So
the table holds their common classes, and an exception is looked up by its class and then its bases. The words are ours:
a service's text may quote what it was sent, so it is read here and never passed on.

Sources: https://cloud.google.com/secret-manager/docs/reference/rest, the canonical codes of google.rpc.Code, and the
reasons of https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto.
"""

from __future__ import annotations

import re
from socket import EAI_NONAME, gaierror
from ssl import SSLCertVerificationError, SSLError
from typing import TYPE_CHECKING, Any

from secretsource.providers._meaning import Meaning, wait_of
from secretsource.providers._wire.reach import cause_of, unreachable
from secretsource.providers.base import Failed, FailureCode, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MEANINGS", "NO_PROJECT", "TIMED_OUT", "explain", "malformed", "no_token"]

ACCESS = "access_secret_version"
_GRANTS = {
    ACCESS: "roles/secretmanager.secretAccessor (secretmanager.versions.access)",
    "list_secret_versions": "secretmanager.versions.list",
    "get_secret": "secretmanager.secrets.get",
    "create_secret": "secretmanager.secrets.create",
    "add_secret_version": "roles/secretmanager.secretVersionAdder (secretmanager.versions.add)",
}
"""The permission that each call of the provider needs."""


TIMED_OUT = Failed(FailureCode.TIMEOUT, "the time allowed for it was over before Google Cloud could be asked")
NO_PROJECT = Failed(
    FailureCode.MISCONFIGURED,
    "no Google Cloud project is set, and the credentials name none",
    "set project, or GOOGLE_CLOUD_PROJECT",
)

_ABSENT = Meaning(None, None)
_NO_VERSION = Meaning(None, "the secret is there, but has no such version or alias")
_DISABLED = Meaning(
    FailureCode.DISABLED,
    "this version of the secret is disabled (older ones are not used by themselves)",
    "enable it, add a new version, or set fallback_to_enabled",
)
_DESTROYED = Meaning(
    FailureCode.DELETED,
    "this version of the secret is destroyed (older ones are not used by themselves)",
    "add a new version, or set fallback_to_enabled",
)
_DENIED = Meaning(
    FailureCode.DENIED,
    "Google Cloud refuses it to this identity (it says the same of a secret that does not exist)",
    'grant {grant} on it, or set  on_denied = "next"  if it may be absent',
)
_QUOTA_PROJECT_DENIED = Meaning(
    FailureCode.DENIED,
    "this identity may not charge its calls to the quota project",
    "grant roles/serviceusage.serviceUsageConsumer on the quota project, or set another quota_project",
)
_SCOPE = Meaning(
    FailureCode.DENIED,
    "the access token has too narrow a scope for Secret Manager",
    "give the machine or the token the scope https://www.googleapis.com/auth/cloud-platform",
)
_API_OFF = Meaning(
    FailureCode.MISCONFIGURED,
    "the Secret Manager API is not enabled in the project",
    "run  gcloud services enable secretmanager.googleapis.com",
)
_BILLING = Meaning(FailureCode.MISCONFIGURED, "the project has no billing account", "enable billing for it")
_KMS_DENIED = Meaning(
    FailureCode.DENIED,
    "the Cloud KMS key that encrypts it may not be used",
    "grant roles/cloudkms.cryptoKeyEncrypterDecrypter on the key to Secret Manager's service agent",
)
_KMS_DISABLED = Meaning(
    FailureCode.DISABLED,
    "the Cloud KMS key that encrypts it cannot be used",
    "enable the key version again, or add a version of the secret under another key",
)
_UNAUTHENTICATED = Meaning(
    FailureCode.UNAUTHENTICATED,
    "Google Cloud does not accept the credentials",
    "sign in again (gcloud auth application-default login), or check the service account and the clock",
)
_NO_CREDENTIALS = Meaning(
    FailureCode.UNAUTHENTICATED,
    "no application default credentials are found, or they are broken",
    "run  gcloud auth application-default login, set GOOGLE_APPLICATION_CREDENTIALS, or give the machine a "
    "service account",
)
_NO_TOKEN = Meaning(
    FailureCode.UNAVAILABLE,
    "no access token could be fetched",
    "check the network on the way to the token's source: oauth2.googleapis.com, or the metadata server",
)
_THROTTLED = Meaning(
    FailureCode.THROTTLED,
    "a quota of the project is used up",
    "keep values longer, or raise the quota; rotation_hints has the smallest one (600 reads a minute)",
)
_INTERNAL = Meaning(FailureCode.UNAVAILABLE, "the service is out of order", "see status.cloud.google.com")
_UNREACHABLE = Meaning(
    FailureCode.UNAVAILABLE,
    "its endpoint cannot be reached",
    "check location and endpoint, and the network or proxy on the way",
)
_SLOW = Meaning(FailureCode.TIMEOUT, "it did not answer in time")
_TLS = Meaning(
    FailureCode.MISCONFIGURED,
    "the endpoint's TLS certificate is not trusted",
    "check endpoint, or set GRPC_DEFAULT_SSL_ROOTS_FILE_PATH (over REST: REQUESTS_CA_BUNDLE)",
)
_CLIENT_CERTIFICATE = Meaning(
    FailureCode.MISCONFIGURED, "the client certificate cannot be used", "check GOOGLE_API_USE_CLIENT_CERTIFICATE"
)
_NO_ENDPOINT = Meaning(
    FailureCode.MISCONFIGURED, "the answer is not from Secret Manager", "check location and endpoint"
)
_REFUSED_QUESTION = Meaning(
    FailureCode.MISCONFIGURED,
    "Google Cloud does not accept the question",
    "check project, location, and the reference: name, version and stage",
)
_BAD_CONFIGURATION = Meaning(
    FailureCode.MISCONFIGURED, "the client cannot be made", "check endpoint, quota_project and the credentials"
)
_NOT_INSTALLED = Meaning(
    FailureCode.MISCONFIGURED,
    "google-cloud-secret-manager or google-crc32c is not installed",
    "run  pip install 'secretsource[gcp]'",
)
_UNREADABLE = Meaning(FailureCode.MALFORMED, "the answer cannot be read", "check that endpoint, and no proxy, answers")

_TOO_LARGE = Meaning(
    FailureCode.MALFORMED, "the answer is longer than 1 MiB", "check that endpoint, and no proxy, answers"
)
_NETWORK = frozenset({_UNREACHABLE, _SLOW, _TLS})
"""The rows whose message has host, port and cause."""
_AS_A_CAUSE: dict[Meaning, Exception] = {_SLOW: TimeoutError(), _TLS: SSLCertVerificationError()}
"""The description of an event that only its row gives."""

MEANINGS: dict[str, Meaning] = {
    # the secret
    "google.NotFound": _ABSENT,
    "google.NotFound/version": _NO_VERSION,
    "google.NotFound/foreign": _NO_ENDPOINT,
    "google.BadRequest": _REFUSED_QUESTION,
    "google.BadRequest/disabled": _DISABLED,
    "google.BadRequest/destroyed": _DESTROYED,
    "google.BadRequest/kms": _KMS_DISABLED,
    # permission
    "google.Forbidden": _DENIED,
    "google.Forbidden/quota project": _QUOTA_PROJECT_DENIED,
    "google.Forbidden/scope": _SCOPE,
    "google.Forbidden/api": _API_OFF,
    "google.Forbidden/billing": _BILLING,
    "google.Forbidden/kms": _KMS_DENIED,
    # identity
    "google.Unauthorized": _UNAUTHENTICATED,
    "google.DefaultCredentialsError": _NO_CREDENTIALS,
    "google.RefreshError": _UNAUTHENTICATED,
    "google.RefreshError/retryable": _NO_TOKEN,
    "google.TransportError": _NO_TOKEN,
    "google.GoogleAuthError": _UNAUTHENTICATED,
    "google.MutualTLSChannelError": _CLIENT_CERTIFICATE,
    "google.ClientCertError": _CLIENT_CERTIFICATE,
    # load
    "google.TooManyRequests": _THROTTLED,
    "google.TooManyRequests/too large": _TOO_LARGE,
    # the service, and the way there
    "google.ServerError": _INTERNAL,
    "google.ServerError/token": _NO_TOKEN,
    "google.ServerError/token refused": _UNAUTHENTICATED,
    "google.ServerError/unreadable": _UNREADABLE,
    "google.ServerError/certificate": _TLS,
    "google.ServerError/connection": _UNREACHABLE,
    "google.GatewayTimeout": _SLOW,
    "google.MethodNotImplemented": _NO_ENDPOINT,
    "google.Cancelled": _INTERNAL,
    "google.Conflict": _INTERNAL,
    "google.ClientError": _REFUSED_QUESTION,
    "google.Redirection": _NO_ENDPOINT,
    "google.GoogleAPICallError/408": _SLOW,
    "google.GoogleAPICallError/4xx": _NO_ENDPOINT,  # a status that Google's services do not use: of a proxy
    "google.GoogleAPICallError/3xx": _NO_ENDPOINT,
    "google.GoogleAPIError": _INTERNAL,
    "google.TimeoutError": _SLOW,
    "requests.TooManyRedirects": _NO_ENDPOINT,
    "requests.Timeout": _SLOW,
    "requests.SSLError": _TLS,
    "requests.RequestException": _UNREACHABLE,
    "urllib3.HTTPError": _UNREACHABLE,
    "builtins.TimeoutError": _SLOW,
    "builtins.OSError": _UNREACHABLE,
    "builtins.FileNotFoundError/making": _NO_CREDENTIALS,
    "builtins.IsADirectoryError/making": _NO_CREDENTIALS,
    "builtins.NotADirectoryError/making": _NO_CREDENTIALS,
    "builtins.PermissionError/making": _NO_CREDENTIALS,
    # the wiring
    "builtins.ImportError": _NOT_INSTALLED,
    "builtins.Exception/making": _BAD_CONFIGURATION,
    # the answer
    "secretsource.TooLarge": _TOO_LARGE,
    "builtins.Exception": _UNREADABLE,
}
"""Package and class of an exception to its meaning; ``class/words`` are the cases that only its text distinguishes."""

_TELLING_WORDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    # The name of a secret has no space, dot, colon, quote or bracket, so it cannot look like these.
    ("foreign", re.compile(r"\AFOREIGN:")),
    ("version", re.compile(r"Secret Version \[")),
    ("disabled", re.compile(r"is in DISABLED state")),
    ("destroyed", re.compile(r"is in DESTROYED state")),
    ("kms", re.compile(r"Cloud KMS|'cloudkms\.|KMS key ")),
    ("quota project", re.compile(r":USER_PROJECT_DENIED:|serviceusage\.services\.use")),
    ("scope", re.compile(r":ACCESS_TOKEN_SCOPE_INSUFFICIENT:|insufficient authentication scopes")),
    ("api", re.compile(r":SERVICE_DISABLED:|API has not been used in project")),
    ("billing", re.compile(r":BILLING_DISABLED:|requires billing to be enabled")),
    ("token refused", re.compile(r"from plugin failed.*\b(invalid_\w+|unauthorized_client|[Rr]eauth\w*)\b", re.DOTALL)),
    ("token", re.compile(r"from plugin failed")),
    ("too large", re.compile(r"larger than max|metadata size exceeds")),  # of gRPC on our side
    ("unreadable", re.compile(r"Exception deserializing response")),
    ("certificate", re.compile(r"CERTIFICATE_VERIFY_FAILED|certificate verify failed")),
    (
        "connection",
        re.compile(
            r"[Ff]ailed to connect|[Cc]onnection (refused|reset)|Socket closed|DNS resolution failed|errors resolving"
        ),
    ),
    ("retryable", re.compile(r"\ARETRYABLE:")),
)


_CAUSES: tuple[tuple[str, Exception], ...] = (
    ("onnection refused", ConnectionRefusedError()),
    ("DNS resolution failed", gaierror(EAI_NONAME, "")),
    ("errors resolving", gaierror(EAI_NONAME, "")),
    ("handshak", SSLError()),
    ("onnection reset", ConnectionResetError()),
    ("Socket closed", ConnectionResetError()),
    ("imed out", TimeoutError()),
)
"""gRPC's words for network errors, as the system would have raised them."""


def explain(error: Exception, call: str = ACCESS, *, url: str | None = None, making: bool = False) -> NotFound | Failed:
    """Return the outcome that an exception of Google's packages stands for.

    Args:
        error: The exception of a client, or of making it.
        call: The client's method, for the permission that it needs.
        url: The URL asked; messages show only host and port, if the network failed.
        making: Whether the client, or its credentials, were still being made.
    """
    text = _text(error)
    cases = ["/making"] if making else []
    cases += [f"/{case}" for case, words in _TELLING_WORDS if words.search(text)]
    status = getattr(error, "code", None)
    cases += [f"/{status:d}", f"/{status // 100}xx"] if isinstance(status, int) else []
    classes = [f"{cls.__module__.partition('.')[0]}.{cls.__name__}" for cls in type(error).__mro__]
    key = next(key for known in classes for case in [*cases, ""] if (key := f"{known}{case}") in MEANINGS)
    meaning = MEANINGS[key]
    if url is not None and meaning in _NETWORK:
        return _of_network(error, meaning, url)
    return meaning.outcome(type(error).__name__, _retry_after(error), grant=_GRANTS[call])


def _of_network(error: Exception, meaning: Meaning, url: str) -> Failed:
    """Return the failure with host, port and cause, which gRPC gives in its text only."""
    told = error if cause_of(error) is not None else _AS_A_CAUSE.get(meaning)
    if told is None:
        text = _text(error)
        told = next((cause for words, cause in _CAUSES if words in text), error)
    failed = unreachable(url, told, remedy=meaning.remedy)
    return failed._replace(sdk_error=type(error).__name__, retry_after=_retry_after(error))


def no_token(error: Exception) -> Failed:
    """Return the failure of a source of tokens that is out of order for now."""
    return _NO_TOKEN.failure(type(error).__name__)


def malformed(reason: str | None = _UNREADABLE.reason) -> Failed:
    """Return the failure of a service that answered without a value."""
    return Failed(FailureCode.MALFORMED, reason, _UNREADABLE.remedy)


def _text(error: Exception) -> str:
    """Return the text that separates two causes of one class: the error's domain, its reason, and its text."""
    if getattr(error, "retryable", False) is True:  # an error of google.auth that may pass
        return f"RETRYABLE: {error}"
    response = getattr(error, "response", None)
    origin = "FOREIGN" if hasattr(response, "status_code") and not _is_of_google(response) else ""
    return f"{origin}:{_reason(error)}: {getattr(error, 'message', None)}"


def _reason(error: Exception) -> str | None:
    """Return the reason of a ``google.rpc.ErrorInfo``; the SDK's own property fails over REST in some versions."""
    for detail in getattr(error, "details", None) or ():
        if type(detail).__name__ == "ErrorInfo":
            return str(detail.reason)
        if isinstance(detail, dict) and str(detail.get("@type")).endswith("/google.rpc.ErrorInfo"):
            return str(detail.get("reason"))
    return None


def _is_of_google(response: Any) -> bool:
    """Return whether an HTTP answer is an error in the form of Google's services, not another server's page."""
    try:
        return bool(response.json()["error"]["status"])
    except Exception:
        return False


def _retry_after(error: Exception) -> float | None:
    """Return the seconds that the service asked us to wait: ``google.rpc.RetryInfo``, or the header ``Retry-After``."""
    for seconds in _asked(error):
        if seconds >= 0:
            return seconds
    return None


def _asked(error: Exception) -> Iterable[float]:
    for detail in getattr(error, "details", None) or ():
        if type(detail).__name__ == "RetryInfo":
            yield detail.retry_delay.seconds + detail.retry_delay.nanos / 1e9
        elif isinstance(detail, dict) and str(detail.get("@type")).endswith("/google.rpc.RetryInfo"):
            delay = str(detail.get("retryDelay")).removesuffix("s")
            if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", delay, re.ASCII):
                yield float(delay)
    header = wait_of(getattr(getattr(error, "response", None), "headers", {}).get("Retry-After"))
    if header is not None:
        yield header
