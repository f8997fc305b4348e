"""A Key Vault and its Entra token endpoint over HTTPS, and what can go wrong with them.

Ours, in this process: spoken to by azure's own clients, over sockets and TLS, with the challenge that tells a client
where to get a token. What the answers look like is taken from the REST reference and from recorded answers.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from threading import Event, Thread
from time import time
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import trustme

from secretsource.providers.azure import AzureProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

for module in ("azure.identity.aio", "azure.keyvault.secrets.aio"):
    import_module(module)  # here, and not within the time of a test's first call

TENANT = "00000000-0000-0000-0000-00000000beef"
CLIENT, CLIENT_SECRET = "11111111-1111-1111-1111-11111111cafe", "canary-of-the-client-5d1e"
PRINCIPAL = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": CLIENT_SECRET}
MY_VAULT, LOGIN = "my-vault.vault.azure.net", ("login.microsoftonline.com", "login.microsoft.com")
TOKEN = "canary-of-the-token-"
PAGE = 3

MISSING = "A secret with (name/id) {} was not found in this key vault."
DENIED = {
    "ForbiddenByRbac": "Caller is not authorized to perform action on resource.",
    "ForbiddenByPolicy": "The user does not have secrets get permission on key vault.",
    "AccessDenied": "The user does not have secrets get permission on key vault.",
    "ForbiddenByFirewall": "Client address is not authorized and caller is not a trusted service.",
    "ForbiddenByConnection": "Public network access is disabled.",
}


@dataclass
class Stored:
    """One version of a secret."""

    value: str
    created: int
    identifier: str
    enabled: bool = True
    not_before: int | None = None
    expires: int | None = None


@dataclass
class Answer:
    """What goes back over the wire.

    Attributes:
        torn: Whether the connection breaks in the middle of the body.
    """

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    torn: bool = False


DROPPED = Answer(0, b"")
"""The connection is closed, and nothing is answered."""


def written(content: Any, status: int = 200, **headers: str) -> Answer:
    """A JSON document."""
    return Answer(status, json.dumps(content).encode(), headers)


def problem(status: int, code: str, message: str = "", inner: str | None = None, **headers: str) -> Answer:
    """An error as Key Vault writes it."""
    about: dict[str, Any] = {"code": code, "message": message}
    if inner is not None:
        about["innererror"] = {"code": inner}
    return written({"error": about}, status, **headers)


class KeyVault:
    """One vault with its token endpoint.

    Attributes:
        url: Where the secrets are.
        authority: Where the tokens are.
        calls: Method, path and status of what was answered, in order.
        logins: How many tokens were asked for.
        faults: What answers instead, in turn: a callable that gives an answer, or None to let a call pass.
        standing: What answers instead from now on, when there is no fault in turn.
        token_fault: The same for the token endpoint.
        refused: Inner code of the refusal for a secret, or for "*".
    """

    def __init__(self, ca: Path) -> None:
        self.ca = str(ca)
        self.url = ""
        self.authority = ""
        self.resource = "https://vault.azure.net"
        self.secrets: dict[str, list[Stored]] = {}
        self.deleted: dict[str, list[Stored]] = {}
        self.tokens: set[str] = set()
        self.revoked: set[str] = set()
        self.evaluates_continuously = True
        self.calls: list[tuple[str, str, int]] = []
        self.logins = 0
        self.refused: dict[str, str] = {}
        self.faults: list[Callable[[], Answer] | None] = []
        self.standing: Callable[[], Answer] | None = None
        self.token_fault: Callable[[], Answer] | None = None
        self.released = Event()
        self._second = 1_700_000_000

    # What a test does to the vault

    def put(
        self, name: str, value: str, *, enabled: bool = True, not_before: int | None = None, expires: int | None = None
    ) -> str:
        """Store a version, one second after the one before, and give its identifier."""
        self._second += 1
        stored = Stored(value, self._second, uuid.uuid4().hex, enabled, not_before, expires)
        self.secrets.setdefault(name.lower(), []).append(stored)
        return stored.identifier

    def delete(self, name: str) -> None:
        """Delete a secret softly: it can be recovered, and cannot be read."""
        self.deleted[name.lower()] = self.secrets.pop(name.lower())

    def revoke(self, *, continuously: bool = True) -> None:
        """Refuse every token that was given out; with a claims challenge, where access is evaluated continuously."""
        self.revoked |= self.tokens
        self.tokens = set()
        self.evaluates_continuously = continuously

    def hang(self) -> Answer:
        """Answer nothing, until healed."""
        self.released.wait(30)
        return DROPPED

    def heal(self) -> None:
        """End every fault."""
        self.standing = self.token_fault = None
        self.refused.clear()
        self.released.set()
        self.released = Event()

    # What the wire sees

    def answer(self, method: str, path: str, query: dict[str, str], form: dict[str, str], bearer: str) -> Answer:
        """The answer to one request."""
        if path.endswith("/.well-known/openid-configuration"):
            base = f"{self.authority}/{path.split('/')[1]}"
            return written(
                {
                    "token_endpoint": f"{base}/oauth2/v2.0/token",
                    "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                    "issuer": f"{base}/v2.0",
                }
            )
        if path == "/common/discovery/instance":
            return written({"tenant_discovery_endpoint": f"{self.authority}/{TENANT}/v2.0", "metadata": []})
        if path.endswith("/oauth2/v2.0/token"):
            return self._token(form)
        fault = self.faults.pop(0) if self.faults else self.standing
        if fault is not None:
            return fault()
        if bearer not in self.tokens:
            return self._challenge(bearer)
        return self._read(method, path.strip("/").split("/"), query, form)

    def _token(self, form: dict[str, str]) -> Answer:
        self.logins += 1
        if self.token_fault is not None:
            return self.token_fault()
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, CLIENT_SECRET):
            return written(
                {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}, 401
            )
        token = TOKEN + uuid.uuid4().hex
        self.tokens.add(token)
        return written({"token_type": "Bearer", "expires_in": 3600, "ext_expires_in": 3600, "access_token": token})

    def _challenge(self, bearer: str) -> Answer:
        where = f'authorization="{self.authority}/{TENANT}", resource="{self.resource}"'
        if bearer in self.revoked and self.evaluates_continuously:
            claims = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZX19fQ=="
            where = (
                f'realm="", authorization_uri="{self.authority}/common", error="insufficient_claims", claims="{claims}"'
            )
        message = "AKV10000: Request is missing a Bearer or PoP token."
        return problem(401, "Unauthorized", message, **{"WWW-Authenticate": f"Bearer {where}"})

    def _read(self, method: str, parts: list[str], query: dict[str, str], form: dict[str, str]) -> Answer:
        if method == "PUT" and parts[0] == "secrets" and len(parts) == 2:
            method = "GET"  # answered as reading it is
            if not {parts[1].lower(), "*"} & self.refused.keys():
                self.put(parts[1], form["value"])
        if method != "GET" or parts[0] != "secrets" or len(parts) not in {2, 3} or "api-version" not in query:
            return problem(400, "BadParameter", "The request is not understood.")
        name = parts[1].lower()
        inner = self.refused.get(name) or self.refused.get("*")
        if inner is not None:
            return problem(403, "Forbidden", DENIED[inner], inner)
        versions = self.secrets.get(name, [])
        if not versions:
            return problem(404, "SecretNotFound", MISSING.format(name))
        if parts[2:] == ["versions"]:
            return self._page(name, versions, query)
        wanted = parts[2] if len(parts) == 3 else versions[-1].identifier
        stored = next((version for version in versions if version.identifier == wanted.lower()), None)
        if stored is None:
            return problem(404, "SecretNotFound", MISSING.format(f"{name}/{wanted}"))
        if not stored.enabled:
            return problem(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")
        return written({"value": stored.value, **self._about(name, stored)})

    def _page(self, name: str, versions: list[Stored], query: dict[str, str]) -> Answer:
        """Versions in the order of their identifiers, as Key Vault has it, which is no order of time."""
        ordered = sorted(versions, key=lambda stored: stored.identifier)
        start = int(query.get("$skiptoken", 0))
        more = f"{self.url}/secrets/{name}/versions?api-version={query['api-version']}&$skiptoken={start + PAGE}"
        return written(
            {
                "value": [self._about(name, stored) for stored in ordered[start : start + PAGE]],
                "nextLink": more if start + PAGE < len(ordered) else None,
            }
        )

    def _about(self, name: str, stored: Stored) -> dict[str, Any]:
        attributes: dict[str, Any] = {"enabled": stored.enabled, "created": stored.created, "updated": stored.created}
        if stored.not_before is not None:
            attributes["nbf"] = stored.not_before
        if stored.expires is not None:
            attributes["exp"] = stored.expires
        return {"id": f"{self.url}/secrets/{name}/{stored.identifier}", "attributes": attributes}


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 with connections that stay open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Any

    def do_GET(self) -> None:
        """Read a request, and write what the vault answers."""
        url = urlsplit(self.path)
        vault: KeyVault = self.server.vault
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        answer = vault.answer(
            self.command,
            url.path,
            {key: values[0] for key, values in parse_qs(url.query).items()},
            json.loads(body or "{}")
            if self.command == "PUT"
            else {key: values[0] for key, values in parse_qs(body).items()},
            self.headers.get("Authorization", "").removeprefix("Bearer "),
        )
        if answer.status:
            vault.calls.append((self.command, url.path, answer.status))
        with suppress(OSError):  # nobody waits for the answer any more
            self._write(answer)

    do_POST = do_PUT = do_GET

    def _write(self, answer: Answer) -> None:
        if answer.status == 0:
            self.close_connection = True
            return
        self.send_response(answer.status)
        headers = {"Content-Type": "application/json; charset=utf-8", "x-ms-request-id": "0", **answer.headers}
        for header, value in headers.items():
            self.send_header(header, value)
        self.send_header("Content-Length", str(len(answer.body) * 2 if answer.torn else len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.close_connection = self.close_connection or answer.torn

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Shakes hands in the thread of the connection, so that a client that does not cannot stop the others."""

    daemon_threads = True
    vault: KeyVault
    context: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection."""
        with suppress(OSError), self.context.wrap_socket(request, server_side=True) as secure:
            super().finish_request(secure, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that went away is part of the tests."""


@contextmanager
def key_vault(folder: Path, *hosts: str) -> Generator[KeyVault]:
    """A running vault, whose certificate is of an authority of its own.

    Args:
        folder: Where the authority's certificate is put.
        hosts: Names beside localhost that the certificate is for.
    """
    authority = trustme.CA()
    ca = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", *hosts).configure_cert(context)
    server = Server(("127.0.0.1", 0), Handler)
    server.vault, server.context = KeyVault(ca), context
    server.vault.url = server.vault.authority = f"https://localhost:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.vault
    finally:
        server.vault.heal()
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def public_cloud(folder: Path) -> Generator[KeyVault]:
    """A vault under the names of Azure's public cloud, and an environment that leads there as a user's does.

    The names are looked up here, and the default port leads to ours, so a client needs no setting at all.
    """
    look_up = socket.getaddrinfo
    with key_vault(folder, MY_VAULT, *LOGIN) as vault, patch.dict(os.environ):
        port = int(vault.url.rpartition(":")[2])

        def here(host: Any, service: Any, *arguments: Any, **keywords: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            if name in {MY_VAULT, *LOGIN}:
                return look_up("127.0.0.1", port, *arguments, **keywords)
            return look_up(host, service, *arguments, **keywords)

        vault.url, vault.authority = f"https://{MY_VAULT}", f"https://{LOGIN[0]}"
        os.environ |= {**PRINCIPAL, "REQUESTS_CA_BUNDLE": vault.ca}
        with patch.object(socket, "getaddrinfo", here):
            yield vault


def signed_in(environ: Any) -> None:
    """Set the environment that azure-identity finds the service principal in."""
    for variable, value in PRINCIPAL.items():
        environ.setenv(variable, value)


def provider(vault: KeyVault, **settings: Any) -> AzureProvider:
    """A provider for the vault, as for a cloud of its own."""
    given: dict[str, Any] = {
        "vault_url": vault.url,
        "authority": vault.url,
        "ca_cert": vault.ca,
        "verify_challenge_resource": False,
        "credential_options": {"disable_instance_discovery": True},
    }
    return AzureProvider(**{**given, **settings})


def unused_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def now() -> int:
    """The present second, as Key Vault counts them."""
    return int(time())
