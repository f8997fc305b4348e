"""What an error of AWS means."""

from __future__ import annotations

import inspect
from http.client import BadStatusLine, HTTPException, RemoteDisconnected

import botocore.exceptions
import botocore.parsers
import pytest
from botocore.exceptions import ClientError

from secretsource.providers._aws.errors import MEANINGS, DeadlinePassed, explain, explain_code
from secretsource.providers._aws.place import words_of
from secretsource.providers._meaning import told_with_place
from secretsource.providers._wire.bounded_http import TooLarge
from secretsource.providers.base import Failed, FailureCode, NotFound

ACTION = "secretsmanager:GetSecretValue"
CANARY = "canary-51f0c4"


def client_error(code: str, message: str = "", operation: str = "GetSecretValue", **metadata: object) -> ClientError:
    """The exception that boto3 raises for an error answer."""
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}
    return ClientError(answer, operation)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        ("AccessDeniedException", "", FailureCode.DENIED),
        ("403", "", FailureCode.DENIED),
        ("DecryptionFailure", "", FailureCode.DENIED),
        ("KMSDisabledException", "", FailureCode.DISABLED),
        ("InvalidKeyId", "", FailureCode.MISCONFIGURED),
        ("InvalidRequestException", "… because it was marked for deletion.", FailureCode.DELETED),
        ("InvalidRequestException", "… because it was deleted.", FailureCode.DELETED),
        ("InvalidParameterException", "… scheduled for deletion", FailureCode.DELETED),
        ("InvalidRequestException", "… managed by another service", FailureCode.MISCONFIGURED),
        ("InvalidParameterException", "", FailureCode.MISCONFIGURED),
        ("ValidationException", "", FailureCode.MISCONFIGURED),
        ("ThrottlingException", "Rate exceeded", FailureCode.THROTTLED),
        ("TooManyRequestsException", "", FailureCode.THROTTLED),
        ("RequestLimitExceeded", "", FailureCode.THROTTLED),
        ("InternalServiceError", "", FailureCode.UNAVAILABLE),
        ("InternalServerError", "", FailureCode.UNAVAILABLE),
        ("ServiceUnavailable", "", FailureCode.UNAVAILABLE),
        ("ExpiredTokenException", "", FailureCode.UNAUTHENTICATED),
        ("UnrecognizedClientException", "", FailureCode.UNAUTHENTICATED),
        ("InvalidSignatureException", "", FailureCode.UNAUTHENTICATED),
        ("MissingAuthenticationTokenException", "", FailureCode.UNAUTHENTICATED),
        ("RequestTimeout", "", FailureCode.TIMEOUT),
    ],
)
def test_code_of_a_service(code: str, message: str, expected: FailureCode) -> None:
    """Each error code has its failure, and the code itself is passed on."""
    outcome = explain_code(code, message, action=ACTION)
    assert isinstance(outcome, Failed)
    assert outcome.code is expected
    assert outcome.sdk_error == code


@pytest.mark.parametrize(
    ("code", "message", "reason"),
    [
        ("ResourceNotFoundException", "Secrets Manager can't find the specified secret.", None),
        (
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret value for staging label: AWSPENDING",
            "the secret is there, but has no value with this version or stage",
        ),
        ("ParameterNotFound", "", None),
        ("ParameterVersionNotFound", "", "the parameter is there, but has no such version or label"),
    ],
)
def test_absence(code: str, message: str, reason: str | None) -> None:
    """What is not there is NotFound; its reason tells a missing version from a missing secret."""
    assert explain_code(code, message, action=ACTION) == NotFound(reason)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DeadlinePassed(), FailureCode.TIMEOUT),
        (botocore.exceptions.ConnectTimeoutError(endpoint_url="x", error="x"), FailureCode.TIMEOUT),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="x", error="x"), FailureCode.TIMEOUT),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="x", error="x"), FailureCode.UNAVAILABLE),
        (botocore.exceptions.ProxyConnectionError(proxy_url="x", error="x"), FailureCode.UNAVAILABLE),
        (botocore.exceptions.ConnectionClosedError(endpoint_url="x", error="x"), FailureCode.UNAVAILABLE),
        (botocore.exceptions.HTTPClientError(error="x"), FailureCode.MISCONFIGURED),
        (ConnectionResetError(), FailureCode.UNAVAILABLE),
        (botocore.exceptions.SSLError(endpoint_url="x", error=OSError()), FailureCode.MISCONFIGURED),
        (botocore.exceptions.NoCredentialsError(), FailureCode.UNAUTHENTICATED),
        (botocore.exceptions.PartialCredentialsError(provider="x", cred_var="x"), FailureCode.UNAUTHENTICATED),
        (botocore.exceptions.CredentialRetrievalError(provider="x", error_msg="x"), FailureCode.UNAUTHENTICATED),
        (botocore.exceptions.TokenRetrievalError(provider="x", error_msg="x"), FailureCode.UNAUTHENTICATED),
        (botocore.exceptions.UnauthorizedSSOTokenError(), FailureCode.UNAUTHENTICATED),
        (botocore.exceptions.SSOTokenLoadError(error_msg="x"), FailureCode.UNAUTHENTICATED),
        (RuntimeError("refreshed credentials are still expired"), FailureCode.UNAUTHENTICATED),
        (botocore.exceptions.NoRegionError(), FailureCode.MISCONFIGURED),
        (botocore.exceptions.ProfileNotFound(profile="x"), FailureCode.MISCONFIGURED),
        (botocore.exceptions.ParamValidationError(report="x"), FailureCode.MISCONFIGURED),
        (botocore.exceptions.ConfigParseError(path="x"), FailureCode.MISCONFIGURED),
        (ValueError("Invalid timestamp"), FailureCode.MALFORMED),
        (ImportError("No module named 'boto3'"), FailureCode.MISCONFIGURED),
        (botocore.parsers.ResponseParserError("x"), FailureCode.MALFORMED),
        (TypeError("x"), FailureCode.MALFORMED),
        (RecursionError("nested too deeply"), FailureCode.MALFORMED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_exception_without_an_answer(error: Exception, expected: FailureCode) -> None:
    """Where no service answered, the class of the exception, or the nearest one above it, decides."""
    outcome = explain(error, "secretsmanager")
    assert isinstance(outcome, Failed)
    assert outcome.code is expected
    assert outcome.sdk_error == type(error).__name__


@pytest.mark.parametrize(
    ("within", "expected", "said"),
    [
        (ConnectionRefusedError(), FailureCode.UNAVAILABLE, "sm.test:443 cannot be reached: connection refused"),
        (ConnectionResetError(), FailureCode.UNAVAILABLE, "sm.test:443 cannot be reached: the connection"),
        (
            RemoteDisconnected("closed"),
            FailureCode.UNAVAILABLE,
            "sm.test:443 cannot be reached: the connection",
        ),
        (TimeoutError(), FailureCode.TIMEOUT, "sm.test:443 cannot be reached: it did not answer in time"),
        (ValueError("Invalid header value"), FailureCode.MISCONFIGURED, "boto3 could not send the call"),
        (FileNotFoundError("bundle"), FailureCode.MISCONFIGURED, "boto3 could not send the call"),
        (TooLarge(), FailureCode.MALFORMED, "the answer is longer than any that holds secrets"),
        (BadStatusLine(CANARY), FailureCode.MALFORMED, "boto3 cannot read the answer"),
        (HTTPException("got more than 100 headers"), FailureCode.MALFORMED, "boto3 cannot read the answer"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_transport_is_told_by_its_cause(within: Exception, expected: FailureCode, said: str) -> None:
    """What happened below botocore decides: only the network is an outage, and it is told with host and port."""
    error = botocore.exceptions.HTTPClientError(error=within, endpoint_url=f"https://sm.test/?token={CANARY}")
    outcome = explain(error, "secretsmanager")
    assert isinstance(outcome, Failed)
    assert outcome.code is expected
    assert str(outcome.reason).startswith(said)
    assert CANARY not in repr(outcome)


def test_value_error_while_a_client_is_made() -> None:
    """Before anything was asked, a ValueError speaks of the endpoint."""
    outcome = explain(ValueError("Invalid endpoint"), "ssm", making=True)
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.MISCONFIGURED
    late = explain(botocore.exceptions.NoRegionError(), "ssm", making=True)
    assert late == explain(botocore.exceptions.NoRegionError(), "ssm")


def test_a_missing_region_is_said_once() -> None:
    """The place of a call without a region adds nothing to its reason."""
    missing = explain(botocore.exceptions.NoRegionError(), "ssm")
    assert isinstance(missing, Failed)
    assert told_with_place(missing, words_of(None, None, None)).reason == missing.reason


def test_every_exception_of_botocore_has_a_meaning() -> None:
    """No class of botocore's falls through to "cannot read the answer"."""
    for _, cls in inspect.getmembers(botocore.exceptions, inspect.isclass):
        if issubclass(cls, botocore.exceptions.BotoCoreError):
            nearest = next(above.__name__ for above in cls.__mro__ if above.__name__ in MEANINGS)
            assert nearest != "Exception", cls


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, FailureCode.MALFORMED),
        (200, FailureCode.MALFORMED),
        (400, FailureCode.MISCONFIGURED),
        (401, FailureCode.UNAUTHENTICATED),
        (403, FailureCode.DENIED),
        (404, FailureCode.MISCONFIGURED),
        (408, FailureCode.TIMEOUT),
        (429, FailureCode.THROTTLED),
        (500, FailureCode.UNAVAILABLE),
        (503, FailureCode.UNAVAILABLE),
    ],
)
def test_unknown_code_goes_by_status(status: int | None, expected: FailureCode) -> None:
    """A code that is in no table is judged by the HTTP status; a bare 404 is a wrong endpoint, and no absence."""
    outcome = explain(client_error("Surprise", HTTPStatusCode=status), "secretsmanager")
    assert isinstance(outcome, Failed)
    assert outcome.code is expected


def test_remedy_names_the_permission() -> None:
    """Who is denied reads which permission to grant; for a KMS key it is the key's, for a role it is STS's."""
    plain = explain(client_error("AccessDeniedException"), "secretsmanager")
    kms = explain(client_error("AccessDeniedException", "Access to KMS is not allowed"), "secretsmanager")
    decrypt = explain(client_error("AccessDeniedException", "not authorized to perform: kms:Decrypt"), "ssm")
    role = explain(client_error("AccessDenied", operation="AssumeRole"), "secretsmanager")
    remedies = [str(outcome.remedy) for outcome in (plain, kms, decrypt, role) if isinstance(outcome, Failed)]
    assert ACTION in remedies[0]
    assert "kms:Decrypt" in remedies[1]
    assert "kms:Decrypt" in remedies[2]
    assert "sts:AssumeRole" in remedies[3]


def test_secret_called_kms_is_not_a_key() -> None:
    """The name of a secret does not turn a refusal into one of KMS."""
    message = "not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:…:secret:kms-token"
    outcome = explain_code("AccessDeniedException", message, action=ACTION)
    assert isinstance(outcome, Failed)
    assert ACTION in str(outcome.remedy)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"x-amz-retry-after": "1500"}, 1.5),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9" * 5000}, None),
    ],
)
def test_wait_that_was_asked_for(headers: dict[str, str], seconds: float | None) -> None:
    """The wait is given in seconds, from whichever header has it; a date is not understood, and left out."""
    outcome = explain(client_error("ThrottlingException", HTTPHeaders=headers), "ssm")
    assert isinstance(outcome, Failed)
    assert outcome.retry_after == seconds


def test_nobody_waits_for_a_permanent_failure() -> None:
    """A refusal carries no wait, whatever the headers say."""
    outcome = explain(client_error("AccessDeniedException", HTTPHeaders={"retry-after": "7"}), "ssm")
    assert isinstance(outcome, Failed)
    assert outcome.retry_after is None


@pytest.mark.parametrize("code", sorted(code for code in MEANINGS if "/" not in code))
def test_text_of_the_service_is_not_passed_on(code: str) -> None:
    """Whatever the service says, what comes out are our words."""
    outcome = explain_code(code, f"secret value {CANARY} was deleted, access to kms", action=ACTION)
    assert CANARY not in repr(outcome)


def test_code_that_is_no_code_is_not_passed_on() -> None:
    """An error code in free text is not repeated either."""
    outcome = explain(client_error(f"the value was {CANARY}!", HTTPStatusCode=400), "secretsmanager")
    assert isinstance(outcome, Failed)
    assert outcome.sdk_error == "ClientError"


def test_every_failure_says_what_happened() -> None:
    """Each entry of the table but "did not answer in time" has a reason and a remedy."""
    for meaning in MEANINGS.values():
        if meaning.code is not None:
            assert meaning.reason
            assert meaning.remedy or meaning.code is FailureCode.TIMEOUT
