"""The meaning of Google Cloud credentials that cannot be made: a mistake of the wiring, unless the network failed.

Neither is an absence. A mistake does not pass by itself, so it is never reported as an outage, which a chain may step
over.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from secretsource.providers._gcp.errors import explain, no_token
from secretsource.providers._regular_file import read_file
from secretsource.providers._wire.bounded_http import TooLarge
from secretsource.providers._wire.reach import cause_of, causes, unreachable
from secretsource.providers.base import Failed, FailureCode, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["explain_search"]

FILE = "GOOGLE_APPLICATION_CREDENTIALS"
KINDS = frozenset(
    {
        "authorized_user",
        "external_account",
        "external_account_authorized_user",
        "gdch_service_account",
        "impersonated_service_account",
        "service_account",
    }
)
"""The types of credentials that google-auth reads."""

_KEPT = frozenset({FailureCode.MISCONFIGURED, FailureCode.UNAUTHENTICATED})
_METADATA = "http://169.254.169.254"


def explain_search(error: Exception, status: int = 0) -> Failed:
    """Return the failure of a search for credentials, or for a token.

    Args:
        error: The exception of google-auth, a program or a file.
        status: The HTTP status of the last answer of a source; 0 for none.
    """
    if any(isinstance(cause, TooLarge) for cause in causes(error)):
        return _failure("the answer of their source is longer than 1 MiB", FailureCode.MALFORMED, error)
    if cause_of(error) is not None:
        failed = unreachable(_url_in(error), error)
        return failed._replace(reason=f"no access token could be fetched: {failed.reason}")
    if isinstance(error, OSError):
        return _of_file(str(error.filename or "a file"), error)
    outcome = explain(error, making=True)
    if isinstance(outcome, Failed) and outcome.retryable:
        return outcome
    if status >= 500 or status in {408, 429}:  # google-auth calls some of them a refusal
        return no_token(error)
    flaw = flaw_of_file(os.environ)
    if flaw is not None:
        return _failure(flaw, FailureCode.UNAUTHENTICATED, error)
    if isinstance(outcome, Failed) and outcome.code in _KEPT:
        return outcome
    return _failure("the output of their source is not in the promised form", FailureCode.UNAUTHENTICATED, error)


def flaw_of_file(environ: Mapping[str, str]) -> str | None:
    """Return the problem with the file that the environment names; None if it names none, or a good one."""
    path = environ.get(FILE)
    if not path:
        return None
    shown = _shown(path)
    contents = read_file(path, shown)
    if isinstance(contents, (NotFound, Failed)):
        return contents.reason
    try:
        parsed = json.loads(contents.value)
    except ValueError:
        return f"{shown} is not JSON"
    if not isinstance(parsed, dict) or parsed.get("type") not in KINDS:
        return f"{shown} has no type of credentials that is known, such as service_account"
    return _flaw_of_source(parsed.get("credential_source"))


def _flaw_of_source(source: object) -> str | None:
    """Return the problem with the file that holds the token of a workload."""
    path = source.get("file") if isinstance(source, dict) else None
    if not isinstance(path, str):
        return None
    contents = read_file(path, _shown(path))
    return contents.reason if isinstance(contents, (NotFound, Failed)) else None


def _of_file(path: str, error: OSError) -> Failed:
    contents = read_file(path, _shown(path))
    reason = contents.reason if isinstance(contents, (NotFound, Failed)) else None
    return _failure(reason or f"{_shown(path)} cannot be read", FailureCode.UNAUTHENTICATED, error)


def _failure(reason: str, code: FailureCode, error: Exception) -> Failed:
    return Failed(
        code,
        f"Google Cloud credentials cannot be made: {reason}",
        f"check {FILE} and the file that it names, or run  gcloud auth application-default login",
        type(error).__name__,
    )


def _shown(path: str) -> str:
    return path if path.isprintable() and len(path) < 256 else "a file"


def _url_in(error: Exception) -> str:
    """Return the URL that was asked when the network failed, as requests notes it."""
    asked = (getattr(getattr(cause, "request", None), "url", None) for cause in causes(error))
    return next((url for url in asked if isinstance(url, str)), _METADATA)
