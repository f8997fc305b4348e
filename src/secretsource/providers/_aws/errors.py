"""The meaning of each error of AWS, as one table; pure.

Keys are the error codes of the services and, where no service answered, the class names of botocore's exceptions.
The words are ours: a service's text may quote what it was sent, so it is read here and never passed on.

Sources: "Errors" of GetSecretValue, BatchGetSecretValue, GetParameter and "Common errors" in the AWS API references;
the throttling codes are those that botocore retries.
"""

from __future__ import annotations

import re
from http.client import BadStatusLine, HTTPException, LineTooLong, UnknownProtocol
from typing import TYPE_CHECKING, Any

from secretsource.providers._meaning import Meaning, wait_of
from secretsource.providers._wire.bounded_http import TooLarge
from secretsource.providers._wire.reach import cause_of, causes, unreachable
from secretsource.providers.base import Failed, FailureCode, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MEANINGS", "NO_CREDENTIALS", "DeadlinePassed", "explain", "explain_code"]


class DeadlinePassed(Exception):
    """The time allowed for a call ended before its next attempt."""


_ABSENT = Meaning(None, None)
_NO_VALUE = Meaning(None, "the secret is there, but has no value with this version or stage")
_NO_VERSION = Meaning(None, "the parameter is there, but has no such version or label")
_DELETED = Meaning(
    FailureCode.DELETED,
    "the secret is marked for deletion",
    "restore it with  aws secretsmanager restore-secret, or remove the name",
)
_EXISTS = Meaning(FailureCode.MISCONFIGURED, "a secret of this name is there already", "choose whether to overwrite it")
_DENIED = Meaning(
    FailureCode.DENIED,
    "AWS refuses it to this identity (it says the same of a secret that does not exist)",
    "allow {action} on it in the identity's policy, and in the resource policy for another account's secret",
)
_KMS_DENIED = Meaning(
    FailureCode.DENIED,
    "the KMS key that encrypts it may not be used by this identity",
    "allow kms:Decrypt on the key in its key policy or in the identity's policy",
)
_KMS_DISABLED = Meaning(
    FailureCode.DISABLED,
    "the KMS key that encrypts it is disabled or pending deletion",
    "enable the key again, or encrypt the secret with another one",
)
_KMS_ABSENT = Meaning(
    FailureCode.MISCONFIGURED,
    "the KMS key that encrypts it cannot be found",
    "encrypt the secret with a key that exists",
)
_THROTTLED = Meaning(
    FailureCode.THROTTLED, "AWS throttles the calls of this account", "keep values longer, or raise the quota"
)
_INTERNAL = Meaning(FailureCode.UNAVAILABLE, "the service is out of order", "see health.aws.amazon.com")
_UNREACHABLE = Meaning(
    FailureCode.UNAVAILABLE,
    "its endpoint cannot be reached",
    "check that the region exists and has the service, and the network, VPC endpoint or proxy on the way",
)
_UNSENT = Meaning(
    FailureCode.MISCONFIGURED,
    "boto3 could not send the call",
    "check endpoint_url, AWS_CA_BUNDLE and the proxy settings",
)
_SLOW = Meaning(FailureCode.TIMEOUT, "it did not answer in time")
_EXPIRED = Meaning(
    FailureCode.UNAUTHENTICATED,
    "the AWS credentials have expired",
    "sign in again (aws sso login), or give credentials that boto3 can refresh",
)
_UNKNOWN_KEY = Meaning(
    FailureCode.UNAUTHENTICATED,
    "AWS does not know the access key",
    "check AWS_ACCESS_KEY_ID, and that AWS_SESSION_TOKEN belongs to it",
)
_BAD_SIGNATURE = Meaning(
    FailureCode.UNAUTHENTICATED,
    "the signature of the call is wrong",
    "check AWS_SECRET_ACCESS_KEY, and the clock of this machine",
)
_NO_CREDENTIALS = Meaning(
    FailureCode.UNAUTHENTICATED,
    "boto3 finds no AWS credentials",
    "set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role",
)
NO_CREDENTIALS = _NO_CREDENTIALS.failure("NoCredentialsError")
_HALF_CREDENTIALS = Meaning(
    FailureCode.UNAUTHENTICATED,
    "the AWS credentials are incomplete",
    "set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
)
_NO_REFRESH = Meaning(
    FailureCode.UNAUTHENTICATED,
    "boto3 could not fetch AWS credentials from their source",
    "check the profile's role, credential_process, or the metadata service",
)
_SSO = Meaning(
    FailureCode.UNAUTHENTICATED,
    "the AWS sign-in session is missing or has expired",
    "run  aws sso login  or  aws login",
)
_NO_REGION = Meaning(FailureCode.MISCONFIGURED, "no region is set", "set region, or AWS_REGION")
_NO_PROFILE = Meaning(
    FailureCode.MISCONFIGURED, "the AWS profile is not in the AWS configuration", "check profile, or AWS_PROFILE"
)
_NO_ENDPOINT = Meaning(
    FailureCode.MISCONFIGURED, "the region or the endpoint is not a valid one", "check region and endpoint_url"
)
_TLS = Meaning(
    FailureCode.MISCONFIGURED,
    "the endpoint's TLS certificate is not trusted",
    "check endpoint_url, or set AWS_CA_BUNDLE",
)
_REFUSED_QUESTION = Meaning(
    FailureCode.MISCONFIGURED, "AWS does not accept the question", "check the reference: name, version and stage"
)
_BAD_CONFIGURATION = Meaning(
    FailureCode.MISCONFIGURED, "boto3 cannot work with its configuration", "check ~/.aws/config"
)
_NOT_INSTALLED = Meaning(FailureCode.MISCONFIGURED, "boto3 is not installed", "run  pip install 'secretsource[aws]'")
_UNREADABLE = Meaning(
    FailureCode.MALFORMED, "boto3 cannot read the answer", "check that endpoint_url, and no proxy, answers"
)
_TOO_LARGE = Meaning(
    FailureCode.MALFORMED,
    "the answer is longer than any that holds secrets",
    "check that endpoint_url, and no proxy, answers",
)

MEANINGS: dict[str, Meaning] = {
    # the secret
    "ResourceExistsException": _EXISTS,
    "ResourceNotFoundException": _ABSENT,
    "ResourceNotFoundException/value": _NO_VALUE,
    "ParameterNotFound": _ABSENT,
    "ParameterVersionNotFound": _NO_VERSION,
    "InvalidRequestException": _REFUSED_QUESTION,
    "InvalidRequestException/deleted": _DELETED,
    "InvalidParameterException": _REFUSED_QUESTION,
    "InvalidParameterException/deleted": _DELETED,
    "ValidationException": _REFUSED_QUESTION,
    "ValidationError": _REFUSED_QUESTION,
    # permission
    "AccessDeniedException": _DENIED,
    "AccessDeniedException/kms": _KMS_DENIED,
    "AccessDenied": _DENIED,
    "AccessDenied/kms": _KMS_DENIED,
    "NotAuthorized": _DENIED,
    "UnauthorizedOperation": _DENIED,
    "OptInRequired": _DENIED,
    "403": _DENIED,
    "DecryptionFailure": _KMS_DENIED,
    "KMSAccessDeniedException": _KMS_DENIED,
    "KMSDisabledException": _KMS_DISABLED,
    "KMSInvalidStateException": _KMS_DISABLED,
    "KMSNotFoundException": _KMS_ABSENT,
    "InvalidKeyId": _KMS_ABSENT,
    # identity
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "RequestExpired": _BAD_SIGNATURE,
    "UnrecognizedClientException": _UNKNOWN_KEY,
    "InvalidClientTokenId": _UNKNOWN_KEY,
    "AuthFailure": _UNKNOWN_KEY,
    "InvalidSignatureException": _BAD_SIGNATURE,
    "SignatureDoesNotMatch": _BAD_SIGNATURE,
    "IncompleteSignature": _BAD_SIGNATURE,
    "IncompleteSignatureException": _BAD_SIGNATURE,
    "MissingAuthenticationToken": _NO_CREDENTIALS,
    "MissingAuthenticationTokenException": _NO_CREDENTIALS,
    "NoCredentialsError": _NO_CREDENTIALS,
    "PartialCredentialsError": _HALF_CREDENTIALS,
    "CredentialRetrievalError": _NO_REFRESH,
    "MetadataRetrievalError": _NO_REFRESH,
    "RefreshWithMFAUnsupportedError": _NO_REFRESH,
    "RuntimeError": _NO_REFRESH,  # botocore's word for refreshed credentials that had already expired
    "NoAuthTokenError": _SSO,
    "TokenRetrievalError": _SSO,
    "SSOError": _SSO,
    "LoginError": _SSO,
    # load
    "Throttling": _THROTTLED,
    "ThrottlingException": _THROTTLED,
    "ThrottledException": _THROTTLED,
    "RequestThrottled": _THROTTLED,
    "RequestThrottledException": _THROTTLED,
    "RequestLimitExceeded": _THROTTLED,
    "TooManyRequestsException": _THROTTLED,
    "LimitExceededException": _THROTTLED,
    "SlowDown": _THROTTLED,
    # the service
    "InternalServiceError": _INTERNAL,
    "InternalServiceErrorException": _INTERNAL,
    "InternalServerError": _INTERNAL,
    "InternalFailure": _INTERNAL,
    "InternalError": _INTERNAL,
    "ServiceUnavailable": _INTERNAL,
    "ServiceUnavailableException": _INTERNAL,
    "IDPCommunicationError": _INTERNAL,  # STS could not ask the provider of a web identity
    # the way there
    "DeadlinePassed": _SLOW,
    "RequestTimeout": _SLOW,
    "RequestTimeoutException": _SLOW,
    "ConnectTimeoutError": _SLOW,
    "ReadTimeoutError": _SLOW,
    "SSLError": _TLS,
    "ConnectionError": _UNREACHABLE,
    "ConnectionClosedError": _UNREACHABLE,
    "ResponseStreamingError": _UNREACHABLE,
    "IncompleteReadError": _UNREACHABLE,
    "HTTPClientError": _UNSENT,
    "OSError": _UNSENT,
    # the wiring
    "NoRegionError": _NO_REGION,
    "ProfileNotFound": _NO_PROFILE,
    "InvalidRegionError": _NO_ENDPOINT,
    "UnknownEndpointError": _NO_ENDPOINT,
    "EndpointProviderError": _NO_ENDPOINT,
    "ValueError/making": _NO_ENDPOINT,  # botocore's word for an endpoint_url that is not a URL
    "ParamValidationError": _REFUSED_QUESTION,
    "ImportError": _NOT_INSTALLED,
    "BotoCoreError": _BAD_CONFIGURATION,
    # the answer
    "TooLarge": _TOO_LARGE,
    "ResponseParserError": _UNREADABLE,
    "RecursionError": _UNREADABLE,  # nested too deeply
    "ValueError": _UNREADABLE,  # a malformed date, or bytes that are neither text nor base64
    "Exception": _UNREADABLE,
}
"""Error code, or class name of an exception, to its meaning.

``code/words`` are the cases of one code that only its text distinguishes; ``class/making`` applies while a client is
made.
"""

_OF_THE_TRANSPORT = frozenset(
    {
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "SSLError",
        "ConnectionError",
        "ConnectionClosedError",
        "ResponseStreamingError",
        "IncompleteReadError",
        "HTTPClientError",
        "OSError",
    }
)
"""Names of the table that may hide a network error: the network's own error is more exact than the name."""

_UNREADABLES = frozenset({TooLarge, HTTPException, BadStatusLine, LineTooLong, UnknownProtocol})
"""The signs of an answer that was not HTTP. The classes must match exactly: `RemoteDisconnected` is only a subclass."""

_TELLING_WORDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("value", re.compile(r"secret value|staging label|version ?id", re.IGNORECASE)),
    ("deleted", re.compile(r"marked for deletion|marked deleted|scheduled for deletion|was deleted", re.IGNORECASE)),
    ("kms", re.compile(r"kms:[a-z]|access to kms", re.IGNORECASE)),
)
_PLAIN_CODE = re.compile(r"[A-Za-z0-9._]{1,64}")


def explain(error: Exception, service: str, *, making: bool = False) -> NotFound | Failed:
    """Return the outcome that an exception of boto3 stands for.

    Args:
        error: The exception of a client, or of making it.
        service: The prefix of the service's permissions, such as ``secretsmanager``.
        making: Whether the client was still being made.
    """
    operation = getattr(error, "operation_name", None)
    if operation is None:  # everything but a ClientError, recognised without importing botocore
        return _explain_silence(error, service, making=making)
    answer: Mapping[str, Any] = getattr(error, "response", {})
    about = answer.get("Error", {})
    if operation.startswith("AssumeRole"):
        service = "sts"
    return explain_code(
        str(about.get("Code", "")),
        str(about.get("Message", "")),
        action=f"{service}:{operation}",
        metadata=answer.get("ResponseMetadata", {}),
    )


def _explain_silence(error: Exception, service: str, *, making: bool) -> NotFound | Failed:
    """Return the outcome of an exception without an answer: the answer did not arrive, or could not be read."""
    known = next(cls.__name__ for cls in type(error).__mro__ if cls.__name__ in MEANINGS)
    if known in _OF_THE_TRANSPORT:
        kept: Mapping[str, Any] = getattr(error, "kwargs", {})
        within = next((type(cause).__name__ for cause in causes(error) if type(cause) in _UNREADABLES), None)
        if within is None and cause_of(error) is not None:
            return unreachable(str(kept.get("proxy_url") or kept.get("endpoint_url") or ""), error)
        known = known if within is None else "TooLarge" if within == "TooLarge" else "Exception"
    meaning = MEANINGS.get(f"{known}/making") if making else None
    return (meaning or MEANINGS[known]).outcome(type(error).__name__, action=service)


def explain_code(code: str, text: str, *, action: str, metadata: Mapping[str, Any] | None = None) -> NotFound | Failed:
    """Return the outcome that an error code of a service stands for.

    Args:
        code: The error code.
        text: The service's text; it distinguishes two causes of one code, and is not passed on.
        action: The permission that the call needs, such as ``secretsmanager:GetSecretValue``.
        metadata: The HTTP status and headers.
    """
    metadata = metadata or {}
    meaning = MEANINGS.get(code)
    for words, pattern in _TELLING_WORDS:
        special = MEANINGS.get(f"{code}/{words}")
        if special is not None and pattern.search(text):
            meaning = special
    if meaning is None:
        meaning = _by_status(metadata.get("HTTPStatusCode"))
    sdk_error = code if _PLAIN_CODE.fullmatch(code) else "ClientError"
    return meaning.outcome(sdk_error, _retry_after(metadata.get("HTTPHeaders", {})), action=action)


def _by_status(status: int | None) -> Meaning:
    """Return the meaning of an error without a known code; a 404 without a code is a wrong endpoint, not an absence."""
    if status is None or status < 400:
        return _UNREADABLE
    if status >= 500:
        return _INTERNAL
    return {401: _UNKNOWN_KEY, 403: _DENIED, 404: _NO_ENDPOINT, 408: _SLOW, 429: _THROTTLED}.get(
        status, _REFUSED_QUESTION
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait: ``retry-after`` in seconds, ``x-amz-retry-after`` in milliseconds."""
    for header, unit in (("x-amz-retry-after", 0.001), ("retry-after", 1.0)):
        asked = wait_of(headers.get(header))
        if asked is not None:
            return asked * unit
    return None
