"""HashiCorp Vault on this machine: a real OpenBao, its open fork, behind a relay that can fail in its place.

with vault_server() as vault:
    vault.put("secret/STRIPE_SECRET_KEY", "sk_test_x")
    provider = VaultProvider(address=vault.address, auth={"method": "token", "token": vault.token})
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from secretsource.testing.servers.base import SecretServer
from secretsource.testing.servers.openbao import openbao
from secretsource.testing.servers.relay import relay

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from secretsource.testing.servers.openbao import OpenBao
    from secretsource.testing.servers.relay import Relay

__all__ = ["VaultServer", "vault_server"]

POLICY = "application"
MOUNT = "secret"


class VaultServer(SecretServer):
    """A real OpenBao in memory, with KV 2 at ``secret``.

    A location starts with the mount, as in a reference: ``secret/payments/stripe``. Faults are the relay's, except
    denials, which are OpenBao's own: they change the policy of ``token``.

    Attributes:
        address: The value of a provider's ``address``, or of ``VAULT_ADDR``.
        token: The token of the code under test; it may do everything, until it is denied.
        bao: The server itself, for policies, auth methods, other engines and leases.
        relay: The relay in front of it, which records the calls.
    """

    scheme = "vault"

    def __init__(self, bao: OpenBao, front: Relay) -> None:
        self.bao = bao
        self.relay = front
        self.address = front.address
        self._allow()
        self.token = bao.token(POLICY)

    @property
    def settings(self) -> dict[str, Any]:
        """Settings for ``VaultProvider``."""
        return {"address": self.address}

    @property
    def environment(self) -> dict[str, str]:
        """Address and token, as Vault's own tools read them."""
        return {"VAULT_ADDR": self.address, "VAULT_TOKEN": self.token}

    def put(self, location: str, value: str | Mapping[str, Any]) -> str:
        """Write a version of a KV 2 secret: some fields, or a text in the field ``value``; return its number."""
        mount, path = _parts(location)
        return self.bao.put(mount, path, {"value": value} if isinstance(value, str) else value)

    def disable(self, location: str) -> None:
        """Destroy the newest version, because Vault cannot disable one."""
        mount, path = _parts(location)
        newest = self.bao.do("GET", f"{mount}/metadata/{path}")["data"]["current_version"]
        self.bao.do("PUT", f"{mount}/destroy/{path}", {"versions": [newest]})

    def delete(self, location: str) -> None:
        """Delete the newest version: it can be undeleted, but not read."""
        mount, path = _parts(location)
        self.bao.do("DELETE", f"{mount}/data/{path}")

    def reset(self) -> None:
        """Start anew: no fault, and no secret at ``secret``."""
        self.heal()
        self._forget("")

    def deny(self, location: str | None = None) -> None:
        """Remove the right to one KV 2 secret, or to everything, from the token."""
        if location is None:
            self.bao.policy(POLICY, "nowhere")
        else:
            mount, path = _parts(location)
            self.bao.policy(POLICY, "*", deny=[f"{mount}/data/{path}"])

    def throttle(self) -> None:
        """Answer as a rate limit quota does."""
        self.relay.answer(429, b'{"errors":["request path: rate limit quota exceeded"]}')

    def hang(self) -> None:
        """Accept every call, and answer it when the fault ends."""
        self.relay.hang()

    def break_response(self, planted: str = "") -> None:
        """Answer every call with a page of HTML."""
        self.relay.answer(200, f"<html>{planted}</html>".encode())

    def down(self) -> None:
        """Answer as a sealed server does."""
        self.relay.answer(503, b'{"errors":["Vault is sealed"]}')

    def heal(self) -> None:
        """End every fault, and give the token its rights back."""
        self.relay.heal()
        self._allow()

    def _allow(self) -> None:
        self.bao.policy(POLICY, "*")

    def _forget(self, folder: str) -> None:
        answer = self.bao.call("LIST", f"{MOUNT}/metadata/{quote(folder)}")
        for key in answer.json()["data"]["keys"] if answer.ok else ():
            if key.endswith("/"):
                self._forget(f"{folder}{key}")
            else:
                self.bao.do("DELETE", f"{MOUNT}/metadata/{quote(folder + key)}")


@contextmanager
def vault_server() -> Generator[VaultServer]:
    """Run an OpenBao until the end of the ``with`` block.

    Raises:
        ConfigurationError: The wheel with OpenBao is not installed.
    """
    with openbao() as bao, relay(bao.address) as front:
        yield VaultServer(bao, front)


def _parts(location: str) -> tuple[str, str]:
    """Return the mount and the path below it."""
    mount, _, path = location.partition("/")
    return mount, path
