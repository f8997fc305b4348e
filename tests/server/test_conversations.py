"""schemathesis reads the document, and asks what it allows and what it forbids, in every order that its links give."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.request
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn
from tests.server.github import Signer, listing
from tests.server.test_leak_fetching import serving as serving_list
from tests.server.test_leak_fetching import whole

from secretsource.issuing import AsyncApiKeys
from secretsource.server.app import Application
from secretsource.server.rights import EVERYTHING, ROOT_OWNER, ROOT_PREFIX
from secretsource.server.root_keys import RootKeys
from secretsource.server.service import Service
from secretsource.server.settings import LeakSettings, ServerSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

SOAK = bool(os.environ.get("SOAK"))
PATIENCE = 900 if SOAK else 400
NOT_CHECKED = {
    "positive_data_acceptance": "the library refuses what no schema can say: a plan's bound, two ends of one key",
    "unsupported_method": "the tests of 405 ask for each method themselves",
}
"""Checks that are left out, each with the reason."""
NOT_ASKED = "surrenderKey"
"""The operation that would end the root key of the requests, which it is sent as the key to end."""


@pytest.fixture
def github() -> Iterator[str]:
    """The address of a list of public keys, none of which signs anything here."""
    with serving_list(whole(listing(Signer()))) as url:
        yield url


@pytest.fixture
def served(tmp_path: Path, github: str) -> Iterator[tuple[str, str]]:
    """A service on a socket, and its root key."""
    made: list[str] = []

    async def open_service(settings: ServerSettings) -> Service:
        keys = await AsyncApiKeys.open(f"sqlite:///{tmp_path}/keys.db", peppers=["a pepper of the tests, long enough"])
        made.append((await keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=EVERYTHING)).plaintext)
        return Service(keys, settings, RootKeys(keys, refuse_after=0))

    settings = ServerSettings(
        trusted_proxies=(ip_network("127.0.0.1/32"),), default_scope="orders:read", leaks=LeakSettings(github)
    )
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
            "--max-examples", "40" if SOAK else "2", "--workers", "1", "--seed", "1", "--no-color", "--checks", "all",
            "--exclude-checks", ",".join(NOT_CHECKED), "--exclude-operation-id", NOT_ASKED, "--request-timeout", "30",
            "--generation-database", "none", "--phases", f"examples,{'coverage,' if SOAK else ''}fuzzing,stateful",
        ],
        capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]
    assert re.search(r"(\d+) generated, \1 passed", done.stdout), done.stdout[-2000:]
    request = urllib.request.Request(f"{url}/v1/keys", headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200, "a root key that had ended would have been refused by every operation"
