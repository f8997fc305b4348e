"""The services that providers are measured at, each in a process of its own, so that no client shares its interpreter.

    python -m benchmarks.servers NAME

prints, as one line of JSON, the environment in which a client finds the service; then, for each line that says how many
seconds away it is to be from here on, how many calls it has had. It ends with its standard input.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks.samples import NAMES, VALUE, dashed, quiet_environment

if TYPE_CHECKING:
    from benchmarks.replay import Replay

    Serving: TypeAlias = tuple[Replay, dict[str, str]]
    """A service, and what leads a client to it."""

HERE = Path(__file__).resolve().parents[1]
PROJECT = "p1"


class Service:
    """A service in another process.

    Attributes:
        environment: What leads a client to it.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.environment: dict[str, str] = json.loads(self._line())

    def calls(self, distance: float = 0.0) -> int:
        """How many it has had; from here on it is ``distance`` seconds away."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{distance}\n")
        self._process.stdin.flush()
        return int(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextmanager
def service(name: str) -> Generator[Service]:
    """Run one until the end of the ``with`` block."""
    command = [sys.executable, "-m", "benchmarks.servers", name]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE, env=quiet_environment()
    ) as process:
        yield Service(process)
        assert process.stdin is not None
        process.stdin.close()


def aws(stack: ExitStack, folder: Path) -> Serving:
    """Secrets Manager and Parameter Store, by moto."""
    from benchmarks.replay import HttpReplay
    from secretsource.testing.servers import aws_server

    moto = stack.enter_context(aws_server())
    secrets, parameters = moto.client("secretsmanager"), moto.client("ssm")
    for name in NAMES:
        secrets.create_secret(Name=name, SecretString=VALUE)
        parameters.put_parameter(Name=name, Value=VALUE, Type="SecureString")
    replay = HttpReplay(moto.address)
    return replay, {**moto.environment, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{replay.port}"}


def vault(stack: ExitStack, folder: Path) -> Serving:
    """OpenBao."""
    from benchmarks.replay import HttpReplay
    from secretsource.testing.servers.openbao import openbao

    bao = stack.enter_context(openbao())
    for name in NAMES:
        bao.put("secret", name, {"value": VALUE})
    replay = HttpReplay(bao.address)
    return replay, {"VAULT_ADDR": f"http://127.0.0.1:{replay.port}", "VAULT_TOKEN": bao.root}


def gcp(stack: ExitStack, folder: Path) -> Serving:
    """Secret Manager over gRPC."""
    from benchmarks.replay import GrpcReplay

    replay = GrpcReplay(_secret_manager(stack).removeprefix("http://"))
    return replay, {"GCP_ENDPOINT": f"http://127.0.0.1:{replay.port}"}


def gcp_rest(stack: ExitStack, folder: Path) -> Serving:
    """Secret Manager over REST."""
    from benchmarks.replay import HttpReplay

    replay = HttpReplay(_secret_manager(stack))
    return replay, {"GCP_ENDPOINT": f"http://127.0.0.1:{replay.port}"}


def _secret_manager(stack: ExitStack) -> str:
    from secretsource.testing.servers import gcp_server

    manager = stack.enter_context(gcp_server())
    for name in NAMES:
        manager.store.add(f"projects/{PROJECT}/secrets/{name}", VALUE.encode())
    return manager.address


def azure(stack: ExitStack, folder: Path) -> Serving:
    """Key Vault and its token endpoint, over TLS."""
    import ssl

    import trustme

    from benchmarks.replay import HttpReplay
    from secretsource.testing.servers import azure_server

    server = stack.enter_context(azure_server())
    vault = server.vault
    for name in NAMES:
        vault.put(dashed(name), VALUE)
    authority, serving = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(serving)
    authority.cert_pem.write_to_path(str(folder / "replay.pem"))
    replay = HttpReplay(vault.url, (serving, ssl.create_default_context(cafile=vault.ca)))
    vault.authority = f"https://localhost:{replay.port}"
    trusted = dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), str(folder / "replay.pem"))
    return replay, {**server.environment, **trusted, "AZURE_KEY_VAULT_URL": vault.authority}


def main(name: str) -> None:
    """Serve until standard input ends."""
    services: dict[str, Any] = {"aws": aws, "vault": vault, "gcp": gcp, "gcp_rest": gcp_rest, "azure": azure}
    with ExitStack() as stack, TemporaryDirectory() as folder:
        replay, environment = services[name](stack, Path(folder))
        print(json.dumps(environment), flush=True)
        for line in sys.stdin:
            replay.distance = float(line)
            print(replay.calls, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
