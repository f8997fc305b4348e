"""The OpenBao of the test kit, one for all tests of a process; and one on disk, to be sealed and killed."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from secretsource.testing.servers._process import await_ready, reserved_port
from secretsource.testing.servers.openbao import OpenBao, launch, openbao

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Generator

__all__ = ["DurableOpenBao", "OpenBao", "bao", "durable_openbao", "openbao"]


class DurableOpenBao(OpenBao):
    """A server that keeps its world on disk, and can be sealed, killed and started again."""

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(f"http://127.0.0.1:{port}", root="")
        self._folder = folder
        self._log = folder / "log"
        self._key = ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it is sealed, or not yet initialized."""
        self._process = launch(self._folder, "-config", str(self._folder / "bao.hcl"))
        await_ready(lambda: self.health() in {501, 503}, self._process, self._log)

    def initialize(self) -> None:
        """Make its keys and its root token, unseal it, and mount a KV 2 engine at ``secret``."""
        made = self.do("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
        self.root, self._key = made["root_token"], made["keys"][0]
        self.unseal()
        self.enable("kv", "secret", options={"version": "2"})
        await_ready(lambda: self.call("GET", "secret/config").ok, self._process, self._log)

    def unseal(self) -> None:
        """Unseal it, and wait until it answers."""
        self.do("PUT", "sys/unseal", {"key": self._key})
        await_ready(lambda: self.health() == 200, self._process, self._log)

    def seal(self) -> None:
        """Seal it."""
        self.do("PUT", "sys/seal")

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)


@contextmanager
def durable_openbao() -> Generator[DurableOpenBao]:
    """Run a server on disk, initialized and unsealed."""
    with TemporaryDirectory(prefix="bao-") as name, reserved_port() as port, reserved_port() as cluster:
        folder = Path(name)
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
