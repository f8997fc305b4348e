"""Who asks Google Cloud: application default credentials and given ones, as they arrive at a server over TLS.

The provider runs in processes of its own, because gRPC and google-auth read their environment once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import urlsafe_b64decode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.servers.gcp import SecretManager, secret_manager

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

ACCOUNT = "reader@p1.iam.gserviceaccount.com"
SCRIPT = """
import asyncio, json, logging, sys
from secretsource.providers.base import Found, SecretRef
from secretsource.providers.gcp import GcpProvider

logging.basicConfig(level=logging.DEBUG)
for settings in json.loads(sys.argv[1]):
    path = settings.pop("path", "threads")
    key_file = settings.pop("key_file", None)
    if key_file:
        from google.oauth2.service_account import Credentials
        settings["credentials"] = Credentials.from_service_account_file(key_file)
    login = settings.pop("login", None)
    if login:
        from google.oauth2.credentials import Credentials
        client = {"client_id": "c", "client_secret": "canary-of-the-client"}
        settings["credentials"] = Credentials(None, "canary-of-the-login", token_uri=login, **client)
    ref = SecretRef("gcp", settings.pop("name", "TOKEN"))
    provider = GcpProvider(**settings)
    if path == "asyncio":
        outcome = asyncio.run(provider.afetch(ref, timeout=5))
    else:
        outcome = provider.fetch(ref, timeout=5)
    print(outcome.value if isinstance(outcome, Found) else getattr(outcome, "code", type(outcome).__name__))
"""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who signs the certificates."""
    return trustme.CA()


@pytest.fixture(scope="module")
def gcp(authority: trustme.CA) -> Generator[SecretManager]:
    """A Secret Manager with TLS."""
    issued = authority.issue_cert("localhost")
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    with secret_manager((issued.private_key_pem.bytes(), chain)) as gcp:
        gcp.store.add("projects/p1/secrets/TOKEN", b"there")
        yield gcp


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """The key of a service account, as it is downloaded."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    account = {
        "type": "service_account",
        "project_id": "p1",
        "private_key_id": "k1",
        "private_key": pem.decode(),
        "client_email": ACCOUNT,
        "client_id": "1",
        "token_uri": "http://127.0.0.1:1/token",
    }
    file = tmp_path / "key.json"
    file.write_text(json.dumps(account))
    return file


@pytest.fixture
def logged() -> list[str]:
    """What each process has logged, at DEBUG."""
    return []


@pytest.fixture
def ask(gcp: SecretManager, authority: trustme.CA, tmp_path: Path, logged: list[str]) -> Callable[..., list[str]]:
    """Ask with each of some settings, in a process with its own environment; the values, or the failures' codes."""
    roots = tmp_path / "roots.pem"
    authority.cert_pem.write_to_path(str(roots))

    def ask(*settings: dict[str, Any], **environment: str) -> list[str]:
        gcp.calls.clear()
        given = [{"endpoint": gcp.tls_endpoint, **one} for one in settings]
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, json.dumps(given)],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env={
                **os.environ,
                "NO_GCE_CHECK": "true",
                "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(roots),
                **environment,
            },
        )
        assert done.returncode == 0, done.stderr[-2000:]
        logged.append(done.stderr)
        return done.stdout.split()

    return ask


def claims(token: str) -> dict[str, Any]:
    """The claims of a bearer token that is a JWT."""
    body = token.removeprefix("Bearer ").split(".")[1]
    parsed: dict[str, Any] = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return parsed


def test_service_account_file(gcp: SecretManager, ask: Callable[..., list[str]], key_file: Path) -> None:
    """A key file signs its own token, on both paths; its project is the project, and the quota project is told."""
    answers = ask({}, {"path": "asyncio", "quota_project": "billing"}, GOOGLE_APPLICATION_CREDENTIALS=str(key_file))
    assert answers == ["there", "there"]
    for call in gcp.calls:
        assert claims(call.headers["authorization"])["iss"] == ACCOUNT
    assert [call.headers.get("x-goog-user-project") for call in gcp.calls] == [None, "billing"]


def test_given_credentials(gcp: SecretManager, ask: Callable[..., list[str]], key_file: Path) -> None:
    """Credentials that are given are used, with their project unless another one is named."""
    answers = ask(
        {"key_file": str(key_file), "quota_project": "billing"},
        {"key_file": str(key_file), "project": "p2"},
    )
    assert answers == ["there", "NotFound"]
    assert [call.resource.split("/")[1] for call in gcp.calls] == ["p1", "p2"]
    assert [call.headers.get("x-goog-user-project") for call in gcp.calls] == ["billing", None]
    assert claims(gcp.calls[0].headers["authorization"])["sub"] == ACCOUNT


def test_no_credentials_without_tls(gcp: SecretManager, ask: Callable[..., list[str]], key_file: Path) -> None:
    """An endpoint without TLS is never sent credentials, even given ones, on either transport."""
    plain = {"endpoint": gcp.endpoint, "project": "p1", "key_file": str(key_file)}
    assert ask(plain, {**plain, "transport": "rest"}, {**plain, "path": "asyncio"}) == ["there"] * 3
    assert [call.headers.get("authorization") for call in gcp.calls] == [None] * 3


def test_broken_credentials(gcp: SecretManager, ask: Callable[..., list[str]], tmp_path: Path) -> None:
    """No credentials, a file that is not there, one that is none and a folder are all "unauthenticated"."""
    broken = tmp_path / "broken.json"
    broken.write_text('{"type": "service_account", "private_key": "canary"}')
    assert ask({"project": "p1"}) == ["FailureCode.UNAUTHENTICATED"]
    assert ask({"project": "p1"}, GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "none")) == [
        "FailureCode.UNAUTHENTICATED"
    ]
    assert ask({"project": "p1"}, GOOGLE_APPLICATION_CREDENTIALS=str(broken)) == ["FailureCode.UNAUTHENTICATED"]
    assert ask({"project": "p1"}, GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path)) == ["FailureCode.UNAUTHENTICATED"]
    assert gcp.calls == []


def test_certificate_that_is_not_trusted(gcp: SecretManager, ask: Callable[..., list[str]], key_file: Path) -> None:
    """A certificate of another authority is a matter of the wiring, on each path."""
    paths = [{}, {"path": "asyncio"}]
    untrusted = {"GOOGLE_APPLICATION_CREDENTIALS": str(key_file), "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": ""}
    assert ask(*paths, **untrusted) == ["FailureCode.MISCONFIGURED"] * 2
    assert gcp.calls == []


PATHS: tuple[dict[str, Any], ...] = ({}, {"path": "asyncio"}, {"transport": "rest"})
OVER_TLS = PATHS[:2]
"""Those that our server speaks over TLS."""


def test_token_source_down(gcp: SecretManager, ask: Callable[..., list[str]]) -> None:
    """A login whose token cannot be fetched is "unavailable" while the token's source is down, on each path."""
    login = {"project": "p1", "login": "http://127.0.0.1:1/token"}
    assert ask(*({**login, **path} for path in PATHS)) == ["FailureCode.UNAVAILABLE"] * 3
    assert gcp.calls == []


def test_token_source_refuses(gcp: SecretManager, ask: Callable[..., list[str]]) -> None:
    """A login that was revoked is "unauthenticated", on each path."""
    refusal = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
    with answering({"/token": (400, refusal)}) as host:
        login = {"project": "p1", "login": f"http://{host}/token"}
        assert ask(*({**login, **path} for path in PATHS)) == ["FailureCode.UNAUTHENTICATED"] * 3
    assert gcp.calls == []


def test_metadata_server(gcp: SecretManager, ask: Callable[..., list[str]]) -> None:
    """On a machine of Google's, token and project come from the metadata server."""
    metadata = {
        "/": (200, {}),
        "/computeMetadata/v1/project/project-id": (200, "p1"),
        "/computeMetadata/v1/instance/service-accounts/default/": (200, {"email": ACCOUNT, "scopes": []}),
        "/computeMetadata/v1/instance/service-accounts/default/token": (
            200,
            {"access_token": "of-the-machine", "expires_in": 3600, "token_type": "Bearer"},
        ),
    }
    with answering(metadata) as host:
        environment = {"NO_GCE_CHECK": "false", "GCE_METADATA_HOST": host, "GCE_METADATA_IP": host}
        assert ask({}, **environment) == ["there"]
    assert [call.headers["authorization"] for call in gcp.calls] == ["Bearer of-the-machine"]


@pytest.mark.parametrize("scope", ["", "google"])
def test_nothing_of_a_login_is_logged(
    scope: str, gcp: SecretManager, ask: Callable[..., list[str]], key_file: Path, logged: list[str]
) -> None:
    """At DEBUG, also by Google's own switch, no value, token or key is in the log, let in, refused or garbled."""
    canary, google = "canary-of-the-value", {"GOOGLE_SDK_PYTHON_LOGGING_SCOPE": scope}
    gcp.store.add("projects/p1/secrets/CANARY", canary.encode())
    key = json.loads(key_file.read_text())["private_key"].splitlines()[1]
    token = {"access_token": "canary-of-the-token", "expires_in": 3600}
    refusal = {"error": "invalid_grant", "error_description": "canary-of-the-token"}
    for answer, paths, told in [
        ((200, token), OVER_TLS, canary),
        ((400, refusal), PATHS, "FailureCode.UNAUTHENTICATED"),
        ((200, '{"access_token": "canary-of-the-token'), PATHS, "FailureCode."),
    ]:
        with answering({"/token": answer}) as host:
            login = {"project": "p1", "login": f"http://{host}/token", "name": "CANARY"}
            answers = ask(*({**login, **path} for path in paths), **google)
        assert [text for text in answers if not text.startswith(told)] == []
    file = {"GOOGLE_APPLICATION_CREDENTIALS": str(key_file)}
    assert ask(*({"name": "CANARY", **path} for path in OVER_TLS), **google, **file) == [canary] * 2
    signed = [call.headers["authorization"].removeprefix("Bearer ") for call in gcp.calls]
    everything = "".join(logged)
    assert ("<masked by secretsource>" in everything) is bool(scope)
    assert '"POST /token HTTP/1.1" 400' in everything
    assert [secret for secret in ("canary-of", key, *signed) if secret in everything] == []


@contextmanager
def answering(answers: dict[str, tuple[int, Any]]) -> Generator[str]:
    """A server with fixed answers, as the metadata server or the token endpoint; its host and port."""

    class Request(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, answer = answers.get(self.path.partition("?")[0], (404, {}))
            body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Metadata-Flavor", "Google")
            self.send_header("Content-Type", "application/text" if isinstance(answer, str) else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
    server.daemon_threads = True
    thread = Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


OUTLIVED = """
import datetime, sys

class Later(datetime.date):
    @classmethod
    def today(cls):
        return cls(2100, 1, 1)

datetime.date = Later  # before Google's packages look at it, and at nothing else
from secretsource.providers.gcp import GcpProvider

provider = GcpProvider(project="p1", endpoint=sys.argv[1])
outcome = provider.fetch(provider.locate("TOKEN"), timeout=30)
print(outcome.value)
"""


def test_a_python_that_google_has_given_up(gcp: SecretManager) -> None:
    """Google's packages warn of such a Python as they are imported; where warnings are errors, values still come."""
    arguments = [sys.executable, "-W", "error", "-c", OUTLIVED, gcp.endpoint]
    done = subprocess.run(arguments, check=False, timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "there\n"), done.stderr
    assert "You are using a non-supported Python version" in done.stderr
