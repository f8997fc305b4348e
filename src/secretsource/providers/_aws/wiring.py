"""The meaning of AWS credentials that cannot be made: a mistake of the wiring, unless the network failed; pure.

Neither is an absence. A mistake does not pass by itself, so it is never reported as an outage, which a chain may step
over.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from secretsource.providers._aws.errors import explain
from secretsource.providers._wire.reach import cause_of, unreachable
from secretsource.providers.base import Failed, FailureCode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["explain_search"]

SETTINGS = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
)
"""Variables that name a file of credentials."""

_STATES: Mapping[type[OSError], str] = {
    FileNotFoundError: "is not there",
    PermissionError: "may not be read or run by this user",
    IsADirectoryError: "is a folder",
    NotADirectoryError: "is not there",
}
NO_MFA = Failed(
    FailureCode.UNAUTHENTICATED,
    "the role of the AWS profile wants an MFA code, and nobody can type one here",
    "use a profile without mfa_serial, or run a program that fetches a session for this one",
    "EOFError",
)
SOURCE_OUT_OF_ORDER = Failed(
    FailureCode.UNAVAILABLE,
    "AWS credentials cannot be fetched: their source is out of order",
    "look at the agent that AWS_CONTAINER_CREDENTIALS_FULL_URI or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI leads to",
    "MetadataRetrievalError",
)
_OUT_OF_ORDER = re.compile(r"non 200 response (5[0-9]{2}|429|408) ")
"""The words of botocore for an answer of a container's agent that may pass."""
NO_ROLE = Failed(
    FailureCode.UNAUTHENTICATED,
    "AWS credentials cannot be made: AWS gives this identity none for the role",
    "check the role's ARN and trust policy, and AWS_WEB_IDENTITY_TOKEN_FILE or the profile in ~/.aws/config",
)
_PART = re.compile(r"[A-Za-z_ ]{1,60}")
_ELSEWHERE = "credential_process or web_identity_token_file in ~/.aws/config"
_CONTAINER = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")


def explain_search(error: Exception) -> Failed:
    """Return the failure of a search for credentials.

    Args:
        error: The exception of botocore, a program or a file.
    """
    if cause_of(error) is not None:
        return _unreachable(error)
    if isinstance(error, OSError):
        return _file(error)
    if isinstance(error, EOFError):
        return NO_MFA
    if type(error).__name__ == "PartialCredentialsError":
        return _incomplete(error)
    if _OUT_OF_ORDER.search(str(getattr(error, "kwargs", {}).get("error_msg", ""))):
        return SOURCE_OUT_OF_ORDER
    outcome = explain(error, "sts", making=True)
    if _is_of_a_source(error):
        return _unreadable(error)
    if isinstance(outcome, Failed) and (outcome.retryable or outcome.code is FailureCode.UNAUTHENTICATED):
        return outcome
    if isinstance(outcome, Failed) and outcome.code is FailureCode.MISCONFIGURED and not _is_of_a_role(error):
        return outcome
    return NO_ROLE._replace(sdk_error=outcome.sdk_error if isinstance(outcome, Failed) else type(error).__name__)


def _unreadable(error: Exception) -> Failed:
    """Return the failure of a source whose address, token or output is not in the form that AWS asks for."""
    container = next((name for name in _CONTAINER if os.environ.get(name)), None)
    return Failed(
        FailureCode.UNAUTHENTICATED,
        "AWS credentials cannot be made: their source, or its output, is not in the promised form",
        "check that credential_process prints the JSON that AWS asks for"
        if container is None
        else f"check {container}, and the token for it",
        type(error).__name__,
    )


def _is_of_a_role(error: Exception) -> bool:
    """Return whether AWS was asked for the credentials of a role, or would not even be asked such a question."""
    return hasattr(error, "operation_name") or type(error).__name__ == "ParamValidationError"


def _is_of_a_source(error: Exception) -> bool:
    """Return whether a program, a file or a service returned unreadable credentials."""
    return isinstance(error, (ValueError, LookupError, TypeError, AttributeError))


def _unreachable(error: Exception) -> Failed:
    kept: dict[str, Any] = getattr(error, "kwargs", {})
    of_container = os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.2")
    failed = unreachable(str(kept.get("endpoint_url") or kept.get("proxy_url") or of_container), error)
    return failed._replace(reason=f"AWS credentials cannot be fetched: {failed.reason}")


def _incomplete(error: Exception) -> Failed:
    """Return the failure of credentials of which a part is missing; botocore names the part by its key or variable."""
    kept: dict[str, Any] = getattr(error, "kwargs", {})
    missing = str(kept.get("cred_var", ""))
    if _PART.fullmatch(missing) is None:
        missing = "a part"
    return Failed(
        FailureCode.UNAUTHENTICATED,
        f"the AWS credentials are incomplete: {missing} is missing",
        "set it beside the others, or choose another profile",
        type(error).__name__,
    )


def _file(error: OSError) -> Failed:
    path = str(error.filename or "a file")
    state = next((words for kind, words in _STATES.items() if isinstance(error, kind)), "cannot be read")
    named = [variable for variable in SETTINGS if os.environ.get(variable) == path]
    shown = path if path.isprintable() and len(path) < 256 else "a file"
    return Failed(
        FailureCode.UNAUTHENTICATED,
        f"AWS credentials cannot be made: {shown} {state}",
        f"check {named[0] if named else _ELSEWHERE}",
        type(error).__name__,
    )
