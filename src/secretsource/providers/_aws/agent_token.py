"""The token of an AWS agent on this machine, read for each call, because it changes when the agent restarts."""

from __future__ import annotations

import os
import re
from urllib.parse import unquote, urlsplit

from secretsource.providers._regular_file import Contents, read_file, signature_at
from secretsource.providers.base import Failed, FailureCode

__all__ = ["DEFAULT_TOKEN_FILE", "agent_token"]

DEFAULT_TOKEN_FILE = "/var/run/awssmatoken"  # noqa: S105 - where AWS's own script puts it
VARIABLES = ("AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN")

_SENDABLE = re.compile(r"[\x21-\x7e]+")


def agent_token(token_file: str | None) -> str | Failed:
    """Return the token, or the failure that says why it cannot be read.

    Args:
        token_file: The file that holds the token; None for the places where the agent and AWS Lambda put it.
    """
    if token_file is not None:
        return _read(token_file, "token_file")
    given = os.environ.get("AWS_TOKEN", "")
    if given.startswith("file://"):
        return _read(unquote(urlsplit(given).path), "the file that AWS_TOKEN names")
    if given:
        return _checked(given, "AWS_TOKEN")
    if signature_at(DEFAULT_TOKEN_FILE) is not None:
        return _read(DEFAULT_TOKEN_FILE, DEFAULT_TOKEN_FILE)
    variable = next((name for name in VARIABLES if os.environ.get(name)), None)
    if variable is not None:
        return _checked(os.environ[variable], variable)
    return Failed(
        FailureCode.UNAUTHENTICATED,
        "there is no token for the agent",
        f"set token_file or AWS_TOKEN, or let the agent write {DEFAULT_TOKEN_FILE}",
    )


def _read(path: str, shown: str) -> str | Failed:
    contents = read_file(path, shown)
    if isinstance(contents, Contents):
        return _checked(contents.value.decode("utf-8", "replace").strip(), shown)
    return Failed(
        FailureCode.UNAUTHENTICATED,
        f"the token for the agent cannot be read: {contents.reason}",
        "let this user read the file that the agent was started with",
    )


def _checked(token: str, shown: str) -> str | Failed:
    if _SENDABLE.fullmatch(token):
        return token
    return Failed(
        FailureCode.UNAUTHENTICATED,
        f"the token for the agent is empty, or contains a character that no header can carry, in {shown}",
        "write the token without blanks and line breaks",
    )
