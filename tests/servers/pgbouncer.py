"""A real pgbouncer in transaction mode, before a PostgreSQL of this machine.

It comes from the system (``apt-get install pgbouncer``), or from ``SECRETSOURCE_PGBOUNCER``.

with pgbouncer(server) as pooler:
    psycopg.connect(pooler.url, prepare_threshold=None)
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.servers.postgres import PASSWORD, SUPERUSER, owner_of

from secretsource.testing.servers._process import reserved_port

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.servers.postgres import Postgres

PROGRAM = os.environ.get("SECRETSOURCE_PGBOUNCER") or shutil.which(
    "pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
)
needs_pgbouncer = pytest.mark.skipif(PROGRAM is None, reason="there is no pgbouncer: apt-get install pgbouncer")
SETTINGS = """
[databases]
* = host=127.0.0.1 port={server} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
max_client_conn = 200
unix_socket_dir =
logfile = {folder}/log
pidfile = {folder}/pid
"""


class Pgbouncer(NamedTuple):
    """A running pooler.

    Attributes:
        url: Of the database behind it.
    """

    url: str


@contextmanager
def pgbouncer(server: Postgres, sessions: int = 4) -> Generator[Pgbouncer]:
    """Run a pooler until the end of the ``with`` block.

    Args:
        server: What is behind it.
        sessions: How many it opens there; all clients share them.
    """
    assert PROGRAM is not None
    with TemporaryDirectory(prefix="pgbouncer-") as name, reserved_port() as port:
        folder = Path(name)
        runs_as = owner_of(folder)
        settings = folder / "settings"
        settings.write_text(
            SETTINGS.format(
                server=server.port, user=SUPERUSER, password=PASSWORD, port=port, sessions=sessions, folder=folder
            )
        )
        settings.chmod(0o644)  # whatever the umask, for another user
        process = subprocess.Popen([PROGRAM, "-q", settings], cwd=folder, stderr=subprocess.DEVNULL, **runs_as)
        try:
            _wait(port, process)
            yield Pgbouncer(f"postgresql://{SUPERUSER}@127.0.0.1:{port}/postgres")
        finally:
            process.terminate()
            process.wait(20)


def _wait(port: int, process: subprocess.Popen[Any]) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        else:
            return
