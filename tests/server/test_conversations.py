"""schemathesis reads the document, and asks what it allows and what it forbids, in every order that its links give."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn

from secretsource.issuing import AsyncApiKeys
from secretsource.server.app import Application
from secretsource.server.rights import EVERYTHING, ROOT_OWNER, ROOT_PREFIX
from secretsource.server.root_keys import RootKeys
from secretsource.server.service import Service
from secretsource.server.settings import ServerSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 110
NOT_ASKED = {
    "positive_data_acceptance": "the library refuses what no schema can say: a plan's bound, two ends of one key",
    "unsupported_method": "HEAD and OPTIONS are methods that the tests of 405 ask for themselves",
}
"""Checks that are left out, each with the reason."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A service on a socket, and its root key."""
    made: list[str] = []

    async def open_service(settings: ServerSettings) -> Service:
        keys = await AsyncApiKeys.open(f"sqlite:///{tmp_path}/keys.db", peppers=["a pepper of the tests, long enough"])
        made.append((await keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=EVERYTHING)).plaintext)
        return Service(keys, settings, RootKeys(keys, refuse_after=0))

    settings = ServerSettings()
    app = Application(settings, open_service, lambda: settings)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="none", lifespan="on"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                thread.join(0.01)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", made[0]
        finally:
            server.should_exit = True
            thread.join(30)


@pytest.mark.timeout(PATIENCE + 10)
def test_the_service_keeps_to_its_document(served: tuple[str, str], tmp_path: Path) -> None:
    """No 5xx, no status or form that the document lacks, and no body that it forbids is taken."""
    url, key = served
    tool = str(Path(sys.executable).with_name("st"))
    done = subprocess.run(
        [
            tool, "run", f"{url}/openapi.json", "-H", f"Authorization: Bearer {key}",
            "--max-examples", "4", "--workers", "1", "--seed", "1", "--no-color", "--checks", "all",
            "--exclude-checks", ",".join(NOT_ASKED), "--request-timeout", "20", "--generation-database", "none",
        ],
        capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]
