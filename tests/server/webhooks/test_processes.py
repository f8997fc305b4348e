"""Webhooks of a real service: processes are killed at any moment, and each change arrives at least once."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest
from tests.server.test_process import command, found_service, serving
from tests.server.webhooks.receiver import Receiver, signing_secret

if TYPE_CHECKING:
    from pathlib import Path

TABLE = """
[environments.production]
providers = ["env", "dotenv"]
[[server.webhooks]]
name = "shop"
url = "{url}"
secret = "HOOK"
private = true
"""


@pytest.fixture
def founded(open_folder: Path, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a service that has an endpoint."""
    found_service(open_folder, tmp_path_factory)
    (open_folder / "secretsource.toml").write_text(TABLE.format(url=receiver.url))
    with (open_folder / ".env").open("a") as env:
        env.write(f"HOOK={signing_secret()}\n")
    return open_folder


def told(receiver: Receiver) -> set[str]:
    """The keys that the receiver knows of."""
    return {json.loads(body)["data"]["event"]["id"] for _, body in receiver.seen}


def test_check_finds_a_secret_that_cannot_sign(founded: Path) -> None:
    """Before the service starts; the endpoint is named, and no part of the secret."""
    assert command(founded, "serve", "--check").returncode == 0
    env = founded / ".env"
    env.write_text(env.read_text().replace("HOOK=whsec_", "HOOK=canary"))
    checked = command(founded, "serve", "--check")
    assert checked.returncode != 0
    assert "webhooks for shop cannot be signed: the signing secret must be whsec_" in checked.stderr
    assert "canary" not in checked.stderr


@pytest.mark.timeout(400)
def test_a_killed_service_loses_no_webhook(founded: Path, receiver: Receiver) -> None:
    """The key is made, and the process is killed before it has sent anything: the next one sends it."""
    made: set[str] = set()
    for number in range(2):
        with serving(founded) as running:
            if number == 0:
                made.add(running.ask("POST", "/v1/keys", {"owner": "acme"})[1]["key_id"])
                receiver.wait_for(1)  # the endpoint has its place in the feed from now on
            for _ in range(3):
                status, issued = running.ask("POST", "/v1/keys", {"owner": "acme"})
                assert status == 201
                made.add(issued["key_id"])
            running.process.kill()
            running.process.wait(30)
    with serving(founded) as running:
        status, last = running.ask("POST", "/v1/keys", {"owner": "acme"})
        assert status == 201
        made.add(last["key_id"])
        while not made <= told(receiver):
            receiver.wait_for(len(receiver.seen) + 1)
    assert {each["type"] for each in receiver.read()} == {"key.issued"}


def test_several_processes_send_each_message_once(founded: Path, receiver: Receiver) -> None:
    """Workers share the queue; none of them was killed, so nothing arrives twice."""
    with serving(founded, "--workers", "3") as running:
        running.ask("POST", "/v1/keys", {"owner": "acme"})
        receiver.wait_for(1)
        for _ in range(20):
            assert running.ask("POST", "/v1/keys", {"owner": "acme"})[0] == 201
        receiver.wait_for(21)
        os.kill(running.process.pid, signal.SIGTERM)
        running.process.wait(60)
    assert len(receiver.ids()) == len(set(receiver.ids())) == 21
