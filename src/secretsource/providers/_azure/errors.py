"""The meaning of each error of Azure, as one table; pure.

Keys are the inner codes and codes of Key Vault, HTTP statuses and, where no service answered, the class names of
azure's exceptions. The words are ours: an `HttpResponseError` keeps the whole answer, so it is read here and never
passed on.

Sources: https://learn.microsoft.com/azure/key-vault/general/rest-error-codes and the error classes of azure-core.
"""

from __future__ import annotations

import re
from ssl import SSLCertVerificationError
from typing import TYPE_CHECKING, Any, NamedTuple

from secretsource.providers._meaning import Meaning, wait_of
from secretsource.providers._wire.bounded_http import TooLarge
from secretsource.providers._wire.reach import cause_of, place_of, unreachable
from secretsource.providers.base import Failed, FailureCode, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MEANINGS", "AsynchronousCredential", "DeadlinePassed", "TokenAnswer", "explain", "explain_token_failure"]


class DeadlinePassed(Exception):
    """The time allowed for a call ended before its next attempt."""


class AsynchronousCredential(Exception):
    """A blocking call would need a credential of `azure.identity.aio`."""


class TokenAnswer(NamedTuple):
    """The end of the last request for a token.

    Attributes:
        host: The service that was asked.
        status: The HTTP status of the answer, or None before an answer.
        signed_in: Whether a token was ever obtained there.
        failure: Why there was no answer, if the network reported it.
    """

    host: str
    status: int | None = None
    signed_in: bool = False
    failure: Failed | None = None

    @property
    def url(self) -> str:
        """The URL of the service that was asked."""
        return f"https://{self.host}"

    @property
    def outage(self) -> str | None:
        """The key of `MEANINGS` for an outage; a refusal has no key here.

        A metadata service that never answered is not an outage: this machine is not one of Azure's.
        """
        if self.status is None:
            return "NoTokenAnswer" if self.signed_in or self.host != _METADATA_SERVICE else None
        return _status_key(self.status) if self.status in _OUTAGES or self.status >= 500 else None


_METADATA_SERVICE = "169.254.169.254"
_OUTAGES = frozenset({408, 410, 429})
_REDIRECTS = frozenset({300, 301, 302, 303, 307, 308})

_ABSENT = Meaning(None, None)
_DISABLED = Meaning(
    FailureCode.DISABLED,
    "this version of the secret is disabled",
    "enable it again, or store a new version; Key Vault gives no older one in its place",
)
_DELETED = Meaning(
    FailureCode.DELETED, "the secret is deleted", "recover it with  az keyvault secret recover, or remove the name"
)
_DENIED = Meaning(
    FailureCode.DENIED,
    "Key Vault refuses it to this identity",
    "give the identity the role Key Vault Secrets User on the vault (or {action} in the vault's access policy); "
    "a new grant takes some minutes",
)
_FIREWALL = Meaning(
    FailureCode.DENIED,
    "the vault's firewall does not let this address in",
    "allow its address or subnet in the vault's network settings, or connect by the private endpoint",
)
_UNAUTHORIZED = Meaning(
    FailureCode.UNAUTHENTICATED,
    "Key Vault does not accept the token",
    "check that the identity belongs to the vault's tenant, that vault_url and authority are of the same cloud, "
    "and the clock of this machine",
)
_NO_CREDENTIALS = Meaning(
    FailureCode.UNAUTHENTICATED,
    "azure-identity finds no credentials, or they are refused",
    "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, give the machine a managed identity, "
    "or run  az login",
)
_THROTTLED = Meaning(
    FailureCode.THROTTLED,
    "Azure throttles the calls of this vault or identity",
    "keep values longer, or use two vaults",
)
_INTERNAL = Meaning(FailureCode.UNAVAILABLE, "the service is out of order", "see azure.status.microsoft")
_UNREACHABLE = Meaning(
    FailureCode.UNAVAILABLE,
    "the vault cannot be reached",
    "check vault_url, and the network, private endpoint or proxy on the way",
)
_NO_TOKEN_ANSWER = Meaning(
    FailureCode.UNAVAILABLE,
    "the service that gives tokens cannot be reached",
    "check authority, and the network or proxy on the way",
)
_SLOW = Meaning(FailureCode.TIMEOUT, "it did not answer in time")
_TLS = Meaning(
    FailureCode.MISCONFIGURED,
    "the TLS certificate of the vault, or of the service that gives tokens, is not trusted",
    "check vault_url and authority, or set ca_cert",
)
_NO_CA = Meaning(
    FailureCode.MISCONFIGURED, "the file of ca_cert cannot be read, or has no certificate in it", "check ca_cert"
)
_RESOURCE = Meaning(
    FailureCode.MISCONFIGURED,
    "the vault asks for a token of another domain than its own",
    "check vault_url; set verify_challenge_resource = false only for a vault behind a name of your own",
)
_NO_VAULT = Meaning(FailureCode.MISCONFIGURED, "the answer is not from Key Vault", "check vault_url")
_REFUSED_QUESTION = Meaning(
    FailureCode.MISCONFIGURED, "Key Vault does not accept the question", "check the reference, and api_version"
)
_BAD_SETTINGS = Meaning(
    FailureCode.MISCONFIGURED,
    "azure's client cannot work with its settings",
    "check authority, AZURE_TENANT_ID, api_version, client_options and credential_options",
)
_ONLY_ASYNCHRONOUS = Meaning(
    FailureCode.MISCONFIGURED,
    "the credential that was given is asynchronous, and the call is not",
    "give one of azure.identity, which serves both",
)
_NOT_INSTALLED = Meaning(
    FailureCode.MISCONFIGURED, "azure's client is not installed", "run  pip install 'secretsource[azure]'"
)
_UNREADABLE = Meaning(
    FailureCode.MALFORMED, "azure's client cannot read the answer", "check that vault_url, and no proxy, answers"
)

_TOO_LARGE = Meaning(
    FailureCode.MALFORMED, "the answer is longer than 1 MiB", "check that vault_url, and no proxy, answers"
)
_NETWORK = frozenset({_UNREACHABLE, _NO_TOKEN_ANSWER, _SLOW, _TLS})
"""The rows whose message has host, port and cause."""
_AS_A_CAUSE: dict[Meaning, Exception] = {_SLOW: TimeoutError(), _TLS: SSLCertVerificationError()}
"""The description of an event that only its row gives."""

MEANINGS: dict[str, Meaning] = {
    # the secret
    "SecretNotFound": _ABSENT,
    "SecretDisabled": _DISABLED,
    "ObjectIsDeletedButRecoverable": _DELETED,
    "ObjectIsBeingDeleted": _DELETED,
    # permission
    "ForbiddenByRbac": _DENIED,
    "ForbiddenByPolicy": _DENIED,
    "AccessDenied": _DENIED,
    "ForbiddenByFirewall": _FIREWALL,
    "ForbiddenByConnection": _FIREWALL,
    # identity
    "Unauthorized": _UNAUTHORIZED,
    "CredentialUnavailableError": _NO_CREDENTIALS,
    "ClientAuthenticationError": _NO_CREDENTIALS,
    "NoTokenAnswer": _NO_TOKEN_ANSWER,
    # the way there
    "DeadlinePassed": _SLOW,
    "TimeoutError": _SLOW,
    "ServiceRequestTimeoutError": _SLOW,
    "ServiceResponseTimeoutError": _SLOW,
    "ServiceRequestError": _UNREACHABLE,
    "ServiceRequestError/certificate": _TLS,
    "ServiceRequestError/bundle": _NO_CA,
    "ClientAuthenticationError/certificate": _TLS,
    "ClientAuthenticationError/bundle": _NO_CA,
    "ServiceResponseError": _UNREACHABLE,
    "IncompleteReadError": _UNREACHABLE,
    "ConnectionError": _UNREACHABLE,
    "OSError": _NO_CA,
    # the wiring
    "AsynchronousCredential": _ONLY_ASYNCHRONOUS,
    "ImportError": _NOT_INSTALLED,
    "NotImplementedError": _BAD_SETTINGS,
    "ValueError/making": _BAD_SETTINGS,
    "TypeError/making": _BAD_SETTINGS,
    "ValueError/challenge": _RESOURCE,
    "TooManyRedirectsError": _NO_VAULT,
    # a status alone
    "HTTP 3xx": _NO_VAULT,
    "HTTP 400": _REFUSED_QUESTION,
    "HTTP 401": _UNAUTHORIZED,
    "HTTP 403": _DENIED,
    "HTTP 404": _NO_VAULT,  # an absence has its own code
    "HTTP 408": _SLOW,
    "HTTP 410": _INTERNAL,  # the metadata service, while it is being updated
    "HTTP 429": _THROTTLED,
    "HTTP 4xx": _REFUSED_QUESTION,
    "HTTP 5xx": _INTERNAL,
    # the answer
    "DecodeError": _UNREADABLE,
    "TooLarge": _TOO_LARGE,
    "ServiceResponseError/garbled": _UNREADABLE,
    "HttpResponseError": _UNREACHABLE,  # without a status: the answer broke off
    "Exception": _UNREADABLE,
}
"""Inner code, code, status or class name of an exception, to its meaning.

``class/words`` are the cases of one class that only its text distinguishes; ``class/making`` applies while a client is
made.
"""

_TELLING_WORDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("certificate", re.compile(r"certificate.verify.failed", re.IGNORECASE)),
    ("bundle", re.compile(r"suitable TLS CA certificate bundle|no certificate or crl found", re.IGNORECASE)),
    ("garbled", re.compile(r"\A[0-9]{3}, message[:=]")),  # of aiohttp: the bytes were not an answer of HTTP
    ("challenge", re.compile(r"challenge resource|invalid scope", re.IGNORECASE)),
)
_PLAIN_CODE = re.compile(r"[A-Za-z0-9._]{1,64}")


def explain(
    error: Exception,
    action: str,
    *,
    url: str | None = None,
    making: bool = False,
    token: TokenAnswer | None = None,
    late: bool = False,
) -> NotFound | Failed:
    """Return the outcome that an exception of azure's client stands for.

    Args:
        error: The exception of a client, or of making it.
        action: The permission that the call needs, such as ``secrets/get``.
        url: The URL asked; messages show only host and port, if the network failed.
        making: Whether the client was still being made.
        token: The end of the last request for a token, if it is known.
        late: Whether the time allowed for the call has ended.
    """
    key, sdk_error, status = _key(error, making), type(error).__name__, getattr(error, "status_code", None)
    for code in _codes(error):
        if code in MEANINGS:
            key = code
        if _PLAIN_CODE.fullmatch(code):
            sdk_error = code
            break
    if key in {"ClientAuthenticationError", "CredentialUnavailableError"}:
        if token is not None and token.outage is not None and token.failure is not None:
            return token.failure
        key = _outage(error, token) or key
        if late and key == "NoTokenAnswer":
            key = "DeadlinePassed"
    elif isinstance(status, int) and _is_plain_answer(key, status):
        key = _status_key(status)
    meaning = MEANINGS[key]
    wait = _retry_after(getattr(getattr(error, "response", None), "headers", None) or {})
    if url is not None and meaning in _NETWORK:
        asked = url if token is None or meaning is not _NO_TOKEN_ANSWER else token.url
        return _of_network(error, meaning, asked)._replace(retry_after=wait)
    return meaning.outcome(sdk_error, wait, action=action)


def explain_token_failure(error: Exception, url: str) -> Failed | None:
    """Return why a request for a token had no answer; None if the exception does not say so.

    Args:
        error: The exception of the transport.
        url: The URL asked; messages show only host and port.
    """
    if isinstance(error, TooLarge):
        return _TOO_LARGE.failure(type(error).__name__)._replace(
            reason=f"the answer of {place_of(url)}, which gives tokens, is longer than 1 MiB"
        )
    return None if cause_of(error) is None else unreachable(url, error)


def _of_network(error: Exception, meaning: Meaning, url: str) -> Failed:
    """Return the failure with host, port and cause; the row describes the event if the exception does not."""
    told = error if cause_of(error) is not None else _AS_A_CAUSE.get(meaning, error)
    failed = unreachable(url, told, remedy=meaning.remedy)
    return failed._replace(sdk_error=type(error).__name__)


def _key(error: Exception, making: bool) -> str:
    """Return the row for the class of an exception, recognised without importing azure."""
    text = str(error)
    cases = ["/making"] if making else []
    cases += [f"/{words}" for words, pattern in _TELLING_WORDS if pattern.search(text)]
    keys = (f"{cls.__name__}{case}" for cls in type(error).__mro__ for case in [*cases, ""])
    return next(key for key in keys if key in MEANINGS)


def _codes(error: Exception) -> Iterator[str]:
    """Yield the codes in the body of an answer, the innermost first."""
    body: Any = getattr(error, "error", None)
    inner: Any = getattr(body, "innererror", None)
    for code in (inner.get("code") if isinstance(inner, dict) else None, getattr(body, "code", None)):
        if isinstance(code, str):
            yield code


def _outage(error: Exception, token: TokenAnswer | None) -> str | None:
    """Return the row of the outage that denied a credential its token; a refusal has no row.

    azure-identity reports an outage of the token service as failed authentication. The difference decides whether an
    old value may be served meanwhile.
    """
    if token is not None and token.outage is not None:
        return token.outage
    cause: BaseException | None = error
    while cause is not None:
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if isinstance(status, int) and (status in _OUTAGES or status >= 500):
            return _status_key(status)
        names = {cls.__name__ for cls in type(cause).__mro__}
        if "DeadlinePassed" in names:
            return "DeadlinePassed"
        if names & {"ServiceRequestError", "ServiceResponseError"}:
            return "NoTokenAnswer"
        cause = cause.__cause__ or cause.__context__
    return None


def _is_plain_answer(key: str, status: int) -> bool:
    """Return whether only the status gives an answer its meaning; "not found" counts only with its code."""
    if key == "DecodeError":
        return status >= 400  # an error whose body does not match its content type
    return key == "HttpResponseError" or (key == "SecretNotFound" and status != 404)


def _status_key(status: int) -> str:
    if f"HTTP {status}" in MEANINGS:
        return f"HTTP {status}"
    if status in _REDIRECTS or 400 <= status < 500:
        return f"HTTP {status // 100}xx"
    return "HTTP 5xx" if status >= 500 else "DecodeError"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the service asked us to wait."""
    for header, unit in (("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001), ("Retry-After", 1.0)):
        asked = wait_of(headers.get(header))
        if asked is not None:
            return asked * unit
    return None
