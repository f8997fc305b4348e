"""What an error of Vault means."""

from __future__ import annotations

import json
import socket
import ssl
from http.client import LineTooLong, RemoteDisconnected
from typing import Any

import pytest
import requests
from urllib3.exceptions import LocationParseError, ProtocolError

from secretsource.providers._vault.errors import (
    explain_answer,
    explain_error,
    explain_login,
    explain_unwrapping,
)
from secretsource.providers._wire.bounded_http import TooLarge
from secretsource.providers._wire.bounded_requests import ClosedSocket, NoSocket
from secretsource.providers.base import Failed, FailureCode, NotFound

CANARY = "canary-51f0c4"
ADDRESS = f"https://user:{CANARY}@vault.internal:8200/{CANARY}"


def errors(*texts: str) -> dict[str, Any]:
    """A body as Vault writes it for an error."""
    return {"errors": [*texts]}


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (307, "", FailureCode.MISCONFIGURED),
        (400, "field validation failed", FailureCode.MISCONFIGURED),
        (400, "missing client token", FailureCode.UNAUTHENTICATED),
        (401, "", FailureCode.UNAUTHENTICATED),
        (403, "permission denied", FailureCode.DENIED),
        (404, 'no handler for route "nowhere/x". route entry not found.', FailureCode.MISCONFIGURED),
        (404, "namespace not found", FailureCode.MISCONFIGURED),
        (404, "1 error occurred:\n\t* unsupported path\n\n", FailureCode.MISCONFIGURED),
        (405, "unsupported operation", FailureCode.MISCONFIGURED),
        (408, "", FailureCode.TIMEOUT),
        (412, "required index state not present", FailureCode.UNAVAILABLE),
        (413, "", FailureCode.MISCONFIGURED),
        (429, "rate limit quota exceeded", FailureCode.THROTTLED),
        (472, "", FailureCode.UNAVAILABLE),
        (473, "", FailureCode.UNAVAILABLE),
        (500, "internal error", FailureCode.UNAVAILABLE),
        (501, "Vault is not initialized", FailureCode.UNAVAILABLE),
        (502, "", FailureCode.UNAVAILABLE),
        (503, "Vault is sealed", FailureCode.UNAVAILABLE),
        (504, "", FailureCode.TIMEOUT),
        (599, "", FailureCode.UNAVAILABLE),
    ],
)
def test_status(status: int, text: str, expected: FailureCode) -> None:
    """Each status has its failure; the text of Vault is not passed on."""
    outcome = explain_answer(status, errors(f"{text} {CANARY}"), path="secret/data/x")
    assert isinstance(outcome, Failed)
    assert outcome.code is expected
    assert outcome.sdk_error == f"HTTP {status}"
    assert CANARY not in repr(outcome)


@pytest.mark.parametrize("status", [400, 404, 412, 429, 472, 473, 503])
def test_status_without_a_body_is_never_an_absence(status: int) -> None:
    """An error page of something else than Vault must not move the chain on."""
    assert isinstance(explain_answer(status, None, path="x"), Failed)


def test_absent() -> None:
    """A 404 with an empty list of errors is how Vault says that nothing is there."""
    assert explain_answer(404, errors(), path="secret/data/x") == NotFound()


@pytest.mark.parametrize("word", ["unknown role: app", "unknown static role: app"])
def test_absent_role(word: str) -> None:
    """A role that an engine does not know is an absence."""
    assert isinstance(explain_answer(400, errors(word), path="database/creds/app"), NotFound)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"deletion_time": "2026-11-23T21:24:12Z", "destroyed": False}, "this version is deleted"),
        ({"deletion_time": "2026-11-23T21:24:12Z", "destroyed": True}, "this version is destroyed for good"),
        ({"deletion_time": "", "destroyed": True}, "this version is destroyed for good"),
    ],
)
def test_removed(metadata: dict[str, Any], reason: str) -> None:
    """A version that was taken away is told apart from one that never was."""
    outcome = explain_answer(404, {"data": {"data": None, "metadata": metadata}}, path="secret/data/x")
    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.reason) == (FailureCode.DELETED, reason)


def test_metadata_that_says_nothing_of_a_removal() -> None:
    """A 404 whose metadata names no removal is an absence."""
    assert explain_answer(404, {"data": {"metadata": {"destroyed": False}}}, path="x") == NotFound()


def test_versioned_mount_asked_without_a_version() -> None:
    """What Vault says in a warning is heard: the mount keeps versions."""
    body = {"data": None, "warnings": ["Invalid path for a versioned K/V secrets engine."]}
    outcome = explain_answer(404, body, path="secret/x")
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.MISCONFIGURED


def test_denied_names_the_policy() -> None:
    """The remedy is the policy to write."""
    outcome = explain_answer(403, errors("permission denied"), path="secret/data/x")
    assert isinstance(outcome, Failed)
    assert outcome.remedy == 'allow it in a policy:  path "secret/data/x" { capabilities = ["read"] }'


@pytest.mark.parametrize(
    ("status", "wait", "expected"), [(429, "7", 7.0), (503, "2", 2.0), (429, "soon", None), (403, "7", None)]
)
def test_wait_that_is_asked_for(status: int, wait: str, expected: float | None) -> None:
    """``Retry-After`` in seconds is passed on where asking again makes sense."""
    outcome = explain_answer(status, errors("x"), path="x", wait=wait)
    assert isinstance(outcome, Failed)
    assert outcome.retry_after == expected


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (400, "invalid role or secret ID", FailureCode.UNAUTHENTICATED),
        (400, "unknown role", FailureCode.UNAUTHENTICATED),
        (401, "", FailureCode.UNAUTHENTICATED),
        (403, "permission denied", FailureCode.UNAUTHENTICATED),
        (404, 'no handler for route "auth/x/login"', FailureCode.MISCONFIGURED),
        (404, "unsupported path", FailureCode.MISCONFIGURED),
        (404, "", FailureCode.MISCONFIGURED),
        (429, "", FailureCode.THROTTLED),
        (503, "Vault is sealed", FailureCode.UNAVAILABLE),
    ],
)
def test_login(status: int, text: str, expected: FailureCode) -> None:
    """A refused login is a matter of identity; a login that could not be tried is not."""
    assert explain_login(status, errors(*filter(None, [text])), path="auth/approle/login").code is expected


def test_unwrapping() -> None:
    """A wrapping token that no longer opens may have been opened by somebody else."""
    refused = explain_unwrapping(400, errors("wrapping token is not valid or does not exist"))
    assert refused.code is FailureCode.UNAUTHENTICATED
    assert refused.remedy is not None
    assert "treat it as stolen" in refused.remedy
    assert explain_unwrapping(503, errors("Vault is sealed")).code is FailureCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (requests.ConnectTimeout(TimeoutError(CANARY)), FailureCode.TIMEOUT),
        (requests.ConnectionError(ProtocolError(CANARY, LineTooLong(CANARY))), FailureCode.MALFORMED),
        (requests.ConnectionError(ProtocolError(CANARY, NoSocket(CANARY))), FailureCode.UNAVAILABLE),
        (requests.ConnectionError(ProtocolError(CANARY, ClosedSocket(CANARY))), FailureCode.MISCONFIGURED),
        (TooLarge(CANARY), FailureCode.MALFORMED),
        (requests.ConnectionError(CANARY), FailureCode.UNAVAILABLE),
        (requests.exceptions.ProxyError(CANARY), FailureCode.UNAVAILABLE),
        (requests.exceptions.ChunkedEncodingError(CANARY), FailureCode.UNAVAILABLE),
        (requests.exceptions.SSLError(CANARY), FailureCode.MISCONFIGURED),
        (requests.exceptions.InvalidURL(CANARY), FailureCode.MISCONFIGURED),
        (requests.exceptions.InvalidSchema(CANARY), FailureCode.MISCONFIGURED),
        (requests.exceptions.InvalidHeader(CANARY), FailureCode.UNAUTHENTICATED),
        (UnicodeEncodeError("latin-1", CANARY, 0, 1, CANARY), FailureCode.UNAUTHENTICATED),
        (LocationParseError(CANARY), FailureCode.MISCONFIGURED),
        (requests.TooManyRedirects(CANARY), FailureCode.MISCONFIGURED),
        (FileNotFoundError(CANARY), FailureCode.MISCONFIGURED),
        (ModuleNotFoundError(CANARY), FailureCode.MISCONFIGURED),
        (json.JSONDecodeError(CANARY, CANARY, 0), FailureCode.MALFORMED),
        (requests.JSONDecodeError(CANARY, CANARY, 0), FailureCode.MALFORMED),
        (RuntimeError(CANARY), FailureCode.MALFORMED),
    ],
)
def test_exception(error: Exception, expected: FailureCode) -> None:
    """Each exception has its failure; its text is not passed on, only the name of its class."""
    failure = explain_error(error, ADDRESS)
    assert failure.code is expected
    assert failure.sdk_error == type(error).__name__
    assert CANARY not in repr(failure)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConnectionRefusedError(CANARY), FailureCode.UNAVAILABLE, "connection refused"),
        (socket.gaierror(socket.EAI_NONAME, CANARY), FailureCode.UNAVAILABLE, "no such host name"),
        (RemoteDisconnected(CANARY), FailureCode.UNAVAILABLE, "the connection was closed before the answer"),
        (TimeoutError(CANARY), FailureCode.TIMEOUT, "it did not answer in time"),
        (ssl.SSLCertVerificationError(1, CANARY), FailureCode.MISCONFIGURED, "its TLS certificate is not trusted"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_network(error: Exception, code: FailureCode, words: str) -> None:
    """What the network did is told in the words of every driver, with host and port; certificates name the settings."""
    failure = explain_error(requests.ConnectionError(ProtocolError(CANARY, error)), ADDRESS)
    assert failure.code is code
    assert failure.reason == f"vault.internal:8200 cannot be reached: {words}"
    assert ("ca_cert" in (failure.remedy or "")) is (code is FailureCode.MISCONFIGURED)
    assert CANARY not in repr(failure)
