"""An OpenID Connect provider on this machine: strict about codes and secrets, and faulty on demand."""

from __future__ import annotations

import json
import time
import warnings
from base64 import b64decode, urlsafe_b64encode
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import RSAKey

from secretsource.server.oidc.settings import OidcSettings, OperatorRule

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["BACK", "CLIENT", "SECRET", "OidcProvider", "oidc_settings", "running"]

CLIENT, SECRET = "the service", "canary-41d9 of the client/with:signs"
BACK = "https://keys.example.com/sign-in/back"
KEYS = [RSAKey.generate_key(2048, {"kid": name, "use": "sig"}) for name in ("first", "second")]
RULES = (
    OperatorRule("groups", "platform", ("keys:*", "owners:*")),
    OperatorRule("email", "ann@example.com", ("keys:read",), "acme"),
)


@dataclass
class OidcProvider:
    """A running provider.

    Attributes:
        issuer: Its address.
        document: Changes of its document.
        claims: Changes of the claims of its tokens; None leaves one out.
        header: Changes of the header of its tokens; None leaves one out.
        signer: The key that signs them.
        published: The keys that it shows.
        answers: Paths that it answers otherwise: a status and a body.
        asked: The paths that it was asked for.
        is_public: Whether it takes a client without a secret.
    """

    issuer: str
    document: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    signer: Any = field(default_factory=lambda: KEYS[0])
    published: list[Any] = field(default_factory=lambda: KEYS[:1])
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    is_public: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def visit(self, address: str, **claims: Any) -> dict[str, str]:
        """Sign in as a person would, and return the parameters of the way back."""
        asked = dict(parse_qsl(urlsplit(address).query))
        assert asked["response_type"] == "code"
        assert (asked["client_id"], asked["redirect_uri"]) == (CLIENT, BACK)
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        self.claims = {"sub": "u-1", **claims, **self.claims}
        return {"code": code, "state": asked["state"]}

    def answer(self, path: str, headers: Any, body: str) -> tuple[int, bytes]:
        """Answer one request."""
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        if path == "/.well-known/openid-configuration":
            told = {
                "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys", **self.document,
            }  # fmt: skip
            return 200, json.dumps(told).encode()
        if path == "/keys":
            return 200, json.dumps({"keys": [key.as_dict(private=False) for key in self.published]}).encode()
        return self.token(headers, dict(parse_qsl(body)))

    def token(self, headers: Any, form: dict[str, str]) -> tuple[int, bytes]:
        """Exchange a code, once."""
        if self.is_public and "Authorization" not in headers:
            caller = form["client_id"], SECRET
        elif "client_secret" in form:
            caller = form["client_id"], form["client_secret"]
        else:
            name, _, secret = b64decode(headers["Authorization"].partition(" ")[2]).decode().partition(":")
            caller = unquote(name), unquote(secret)
        if caller != (CLIENT, SECRET):
            return 401, b'{"error": "invalid_client"}'
        asked = self.codes.pop(form["code"], None)
        challenge = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or form["redirect_uri"] != BACK:
            return 400, b'{"error": "invalid_grant"}'
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.claims,
        }  # fmt: skip
        kept = {name: value for name, value in claims.items() if value is not None}
        told = {"alg": "RS256", "kid": "first", **self.header}
        header = {name: value for name, value in told.items() if value is not None}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # of the token without a signature
            token = jwt.encode(header, kept, self.signer, algorithms=["RS256", "ES256", "HS256", "none"])
        return 200, json.dumps({"access_token": "x", "token_type": "Bearer", "id_token": token}).encode()


@contextmanager
def running() -> Generator[OidcProvider]:
    """Serve a provider at a free port of this machine."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, body: bytes) -> None:
            status, text = provider.answer(self.path, self.headers, body.decode())
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    provider = OidcProvider(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)
    assert not thread.is_alive()


def oidc_settings(provider: OidcProvider, **changed: Any) -> OidcSettings:
    """Return the settings of a service that trusts a provider."""
    given: dict[str, Any] = {
        "issuer": provider.issuer, "client_id": CLIENT, "redirect_uri": BACK,
        "client_secret": "ref+env://OIDC_CLIENT_SECRET", "operators": RULES, **changed,
    }  # fmt: skip
    return OidcSettings(**given)
