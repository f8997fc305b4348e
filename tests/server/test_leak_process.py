"""The endpoint for leaks in a real service, with its list of public keys behind a real connection."""

from __future__ import annotations

import http.client
import json
import time
from typing import TYPE_CHECKING

from tests.server.github import Signer, listing
from tests.server.test_leak_fetching import serving as serving_list
from tests.server.test_leak_fetching import whole
from tests.server.test_process import PATIENCE, Running, command, found_service, serving

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

TABLE = '[server]\n[server.leaks]\ngithub_keys = "{url}"\n[environments.production]\nproviders = ["env", "dotenv"]\n'


def report(running: Running, signer: Signer, text: str) -> None:
    """Send a signed report, and read its answer."""
    body = json.dumps([{"token": text, "type": "acme", "url": "https://github.com/acme/shop"}]).encode()
    headers = {name.replace("_", "-"): value for name, value in signer.headers(body).items()}
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
    connection.request("POST", "/v1/leaks/github", body, headers)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())[0]["label"]) == (200, "true_positive")
    connection.close()


def kinds(folder: Path, key_id: str) -> list[str]:
    """The events of a key."""
    shown = command(folder, "keys", "events", key_id, "--store", "sqlite:///keys.db", "--json")
    return [event["kind"] for event in json.loads(shown.stdout)]


def test_a_signed_report_ends_a_key_before_the_service_stops(
    open_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The report is answered, the service is stopped at once, and the key is revoked; no log line holds it."""
    found_service(open_folder, tmp_path_factory)
    signer = Signer()
    with serving_list(whole(listing(signer))) as url:
        (open_folder / "secretsource.toml").write_text(TABLE.format(url=url))
        with serving(open_folder) as running:
            status, issued = running.ask("POST", "/v1/keys", {"owner": "acme", "prefix": "acme"})
            assert status == 201
            report(running, signer, issued["key"])
            running.process.terminate()
            _, log = running.process.communicate(timeout=PATIENCE)
            assert running.process.returncode == 0
    assert f"key {issued['key_id']} was reported as leaked: revoke, it is revoked" in log
    assert issued["key"][-41:-9] not in log
    assert kinds(open_folder, issued["key_id"]) == ["issued", "revoked", "exposed"]


def test_a_report_outlives_a_kill(open_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The service is killed as soon as it has answered; the next one acts on every report, once."""
    found_service(open_folder, tmp_path_factory)
    signer = Signer()
    with serving_list(whole(listing(signer))) as url:
        (open_folder / "secretsource.toml").write_text(TABLE.format(url=url))
        with serving(open_folder) as running:
            _, issued = running.ask("POST", "/v1/keys", {"owner": "acme", "prefix": "acme"})
            report(running, signer, issued["key"])
            running.process.kill()
            running.process.wait(30)
        with serving(open_folder):
            deadline = time.monotonic() + PATIENCE
            while kinds(open_folder, issued["key_id"])[-1] != "exposed":
                assert time.monotonic() < deadline
    assert kinds(open_folder, issued["key_id"]) == ["issued", "revoked", "exposed"]
