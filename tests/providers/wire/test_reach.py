"""Why a service could not be reached, in one sentence that names host, port and cause."""

from __future__ import annotations

import errno
import socket
import ssl
from http.client import IncompleteRead, RemoteDisconnected
from typing import TYPE_CHECKING

import pytest

from secretsource.providers._wire.reach import Cause, cause_of, place_of, unreachable
from secretsource.providers.base import FailureCode

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "canary-0b6e"
URL = f"https://user:{CANARY}@secrets.test:8443/path?token={CANARY}#{CANARY}"


def certificate() -> ssl.SSLError:
    error = ssl.SSLCertVerificationError()
    error.verify_message = CANARY
    return error


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConnectionRefusedError(CANARY), FailureCode.UNAVAILABLE, "connection refused"),
        (socket.gaierror(socket.EAI_NONAME, CANARY), FailureCode.UNAVAILABLE, "no such host name"),
        (socket.gaierror(socket.EAI_AGAIN, CANARY), FailureCode.UNAVAILABLE, "the name server does not answer"),
        (TimeoutError(CANARY), FailureCode.TIMEOUT, "it did not answer in time"),
        (ConnectionResetError(CANARY), FailureCode.UNAVAILABLE, "the connection was closed before the answer"),
        (BrokenPipeError(CANARY), FailureCode.UNAVAILABLE, "the connection was closed before the answer"),
        (RemoteDisconnected(CANARY), FailureCode.UNAVAILABLE, "the connection was closed before the answer"),
        (IncompleteRead(b"x"), FailureCode.UNAVAILABLE, "the connection was closed before the answer"),
        (OSError(errno.ENETUNREACH, CANARY), FailureCode.UNAVAILABLE, "there is no route to it"),
        (certificate(), FailureCode.MISCONFIGURED, "its TLS certificate is not trusted"),
        (ssl.SSLError(1, CANARY), FailureCode.MISCONFIGURED, "TLS failed"),
        (ssl.SSLEOFError(1, CANARY), FailureCode.UNAVAILABLE, "the connection was closed before the answer"),
        (RuntimeError(CANARY), FailureCode.UNAVAILABLE, "the network failed"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_sentence(error: Exception, code: FailureCode, words: str) -> None:
    """It names host, port and cause; no credentials, no path, no query, and nothing of the exception's text."""
    failed = unreachable(URL, error)
    assert failed.code is code
    assert failed.reason == f"secrets.test:8443 cannot be reached: {words}"
    assert failed.sdk_error == type(error).__name__
    assert CANARY not in repr(failed)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "it does not accept our TLS certificate"),
        ("TLSV1_ALERT_UNKNOWN_CA", "it does not accept our TLS certificate"),
        ("WRONG_VERSION_NUMBER", "TLS failed"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "TLS failed"),
    ],
)
def test_what_tls_says(reason: str, words: str) -> None:
    """TLS that fails is a mistake of the wiring; the other side may say that it is our certificate."""
    error = ssl.SSLError(1, CANARY)
    error.library, error.reason = "SSL", reason
    cause = cause_of(error)
    assert cause is not None
    assert (cause.code, cause.words) == (FailureCode.MISCONFIGURED, words)


@pytest.mark.parametrize("way", ["load_cert_chain", "load_verify_locations"])
def test_file_that_is_no_certificate_has_no_cause(way: str, tmp_path: Path) -> None:
    """A file of TLS that cannot be read as one is no outage, though `ssl` raises for it as for a connection."""
    (tmp_path / "x.pem").write_text("x")
    with pytest.raises(ssl.SSLError) as caught:
        getattr(ssl.create_default_context(), way)(tmp_path / "x.pem")
    assert cause_of(caught.value) is None


@pytest.mark.parametrize(
    "error",
    [FileNotFoundError("token"), PermissionError("token"), ValueError("header"), OSError(errno.EMFILE, "files")],
)
def test_what_is_not_the_network_has_no_cause(error: Exception) -> None:
    """A file, or text that is no header, is no outage."""
    assert cause_of(error) is None


def wrapped(style: str, error: Exception) -> Exception:
    """An exception of a vendor's client that was made from another one, in each way that is in use."""
    outer = RuntimeError("request failed")
    if style == "cause":
        outer.__cause__ = error
    elif style == "context":
        outer.__context__ = error
    elif style == "args":
        outer.args = ("failed", error)
    elif style == "reason":
        vars(outer)["reason"] = error
    else:
        vars(outer)["kwargs"] = {"error": error}
    return outer


@pytest.mark.parametrize("style", ["cause", "context", "args", "reason", "kwargs"])
def test_cause_is_found_within(style: str) -> None:
    """However a library keeps what happened below it, also twice over, it is found."""
    cause = cause_of(wrapped(style, wrapped(style, ConnectionRefusedError())))
    assert cause is not None
    assert cause.words == "connection refused"


def cause_as_caught(error: Exception) -> Cause | None:
    """As a driver asks: an exception is made from another one, and caught."""
    try:
        try:
            raise error
        except Exception:
            raise RuntimeError("request failed")  # noqa: B904 - its context is what is looked at
    except RuntimeError as caught:
        return cause_of(caught)


def test_what_a_caller_treats_is_no_cause() -> None:
    """An exception that the caller was treating when it asked says nothing of why the call failed."""
    try:
        raise ConnectionRefusedError("the caller's")
    except ConnectionRefusedError:
        assert cause_as_caught(ValueError("ours")) is None
        cause = cause_as_caught(TimeoutError("ours"))
    assert cause is not None
    assert cause.code is FailureCode.TIMEOUT


def test_circle_of_causes_ends() -> None:
    """Exceptions that are each other's context are looked at once."""
    one, two = RuntimeError(), RuntimeError()
    one.__context__, two.__context__ = two, one
    assert cause_of(one) is None


def test_more_telling_cause_wins() -> None:
    """A client calls the end of its attempts a timeout; what ended them is told."""
    outer = TimeoutError()
    outer.__cause__ = ConnectionRefusedError()
    cause = cause_of(outer)
    assert cause is not None
    assert cause.code is FailureCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://sm.test", "sm.test:443"),
        ("http://sm.test/x", "sm.test:80"),
        ("http://[::1]:8200/v1", "[::1]:8200"),
        ("unix:///run/vault.sock", "unix:///run/vault.sock"),
        ("http://[broken", "its address"),
        ("http://host:port", "its address"),
        ("", "its address"),
    ],
)
def test_place(url: str, place: str) -> None:
    """Host and port, the scheme's own where the URL has none; what is no URL is not quoted."""
    assert place_of(url) == place
