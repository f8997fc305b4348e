"""A Key Vault and its Entra token endpoint: their content, and their answers.

The form of the answers is from the REST reference and from recorded answers.
https://learn.microsoft.com/rest/api/keyvault/secrets
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any

from secretsource.testing.servers.azure.answers import DENIED, DROPPED, MISSING, Answer, problem, written

if TYPE_CHECKING:
    from collections.abc import Callable
    from ssl import SSLContext

__all__ = ["PRINCIPAL", "KeyVault", "Stored"]

TENANT = "00000000-0000-0000-0000-00000000beef"
CLIENT, CLIENT_SECRET = "11111111-1111-1111-1111-11111111cafe", "client-secret-of-this-vault-5d1e"
PRINCIPAL = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": CLIENT_SECRET}
TOKEN = "token-of-this-vault-"  # noqa: S105 - how every one of them begins
PAGE = 3


@dataclass
class Stored:
    """One version of a secret."""

    value: str
    created: int
    identifier: str
    enabled: bool = True
    not_before: int | None = None
    expires: int | None = None


class KeyVault:
    """One vault with its token endpoint.

    Args:
        url: The URL of both.
        ca: The file with the certificate of their authority.
        tls: The TLS context of a server of the same authority on 127.0.0.1.

    Attributes:
        url: The URL of the secrets.
        authority: The URL of the tokens.
        calls: Method, path and status of each answer, in order.
        assertions: Federated tokens that are accepted in place of the client's secret.
        logins: The number of requests for tokens.
        faults: Planned answers, in turn: a callable that returns an answer, or None to let a call pass.
        standing: The answer from now on, if there is no planned one.
        token_fault: The same for the token endpoint.
        refused: Inner code of the refusal for a secret, or for "*".
    """

    def __init__(self, url: str, ca: str, tls: SSLContext) -> None:
        self.ca = ca
        self.tls = tls
        self.url = self.authority = url
        self.resource = "https://vault.azure.net"
        self.secrets: dict[str, list[Stored]] = {}
        self.deleted: dict[str, list[Stored]] = {}
        self.tokens: set[str] = set()
        self.revoked: set[str] = set()
        self.assertions: set[str] = set()
        self.evaluates_continuously = True
        self.calls: list[tuple[str, str, int]] = []
        self.logins = 0
        self.refused: dict[str, str] = {}
        self.faults: list[Callable[[], Answer] | None] = []
        self.standing: Callable[[], Answer] | None = None
        self.token_fault: Callable[[], Answer] | None = None
        self.released = Event()
        self._second = 1_700_000_000

    # Actions of its owner

    def put(
        self, name: str, value: str, *, enabled: bool = True, not_before: int | None = None, expires: int | None = None
    ) -> str:
        """Store a version, one second after the one before, and return its identifier."""
        self._second += 1
        stored = Stored(value, self._second, uuid.uuid4().hex, enabled, not_before, expires)
        self.secrets.setdefault(name.lower(), []).append(stored)
        return stored.identifier

    def disable(self, name: str) -> None:
        """Disable the newest version."""
        self.secrets[name.lower()][-1].enabled = False

    def delete(self, name: str) -> None:
        """Delete a secret softly: it can be recovered, but not read."""
        self.deleted[name.lower()] = self.secrets.pop(name.lower())

    def clear(self) -> None:
        """Start anew: no fault, no secret, no call."""
        self.heal()
        self.faults.clear()
        self.secrets.clear()
        self.deleted.clear()
        self.calls.clear()

    def revoke(self, *, continuously: bool = True) -> None:
        """Refuse every issued token; with a claims challenge, if access is evaluated continuously."""
        self.revoked |= self.tokens
        self.tokens = set()
        self.evaluates_continuously = continuously

    def hang(self) -> Answer:
        """Answer no call until healed."""
        self.released.wait(30)
        return DROPPED

    def heal(self) -> None:
        """End every fault."""
        self.standing = self.token_fault = None
        self.refused.clear()
        self.released.set()
        self.released = Event()

    # The wire

    def answer(self, method: str, path: str, query: dict[str, str], form: dict[str, str], bearer: str) -> Answer:
        """Return the answer to one request."""
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
        is_known = form.get("client_secret") == CLIENT_SECRET or form.get("client_assertion") in self.assertions
        if form.get("client_id") != CLIENT or not is_known:
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
        """Return versions in the order of their identifiers, as Key Vault does, which is not the order of time."""
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
