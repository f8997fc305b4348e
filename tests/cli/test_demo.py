"""`secretsource demo`: each step behaves as it tells, and no value is shown."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.cli import _demo_scene as scenery
from secretsource.cli import _demo_steps as steps
from secretsource.cli._demo_scene import Scene, Surprise, clean_environment, expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., Any]
    Judge = Callable[[str], bool]


@pytest.fixture(scope="module")
def transcript(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the demo writes, on a machine full of settings that it must not listen to."""
    home = tmp_path_factory.mktemp("home")
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text("this is no configuration", encoding="utf-8")
    variables = {
        **os.environ,
        "HOME": str(home),
        "AWS_PROFILE": "no-such-profile",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "SECRETSOURCE_CONFIG": "/nowhere.toml",
        "SECRETSOURCE_ENV": "nowhere",
    }
    done = subprocess.run(
        [sys.executable, "-m", "secretsource", "demo"],
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def part(transcript: str, number: int) -> str:
    """One step of the transcript."""
    found = re.search(rf"^{number}\. .*?(?=^\d+\. |\Z)", transcript, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (1, ["environment", "from env, served=live", "explain SESSION_KEY: found", "aws        not asked"]),
        (2, [".env", "from dotenv, served=live", "explain MAIL_PASSWORD: found", "env        not found"]),
        (3, ["JSON field", "from aws, version ", "served=live", "aws://payments/stripe#secret_key"]),
        (4, ["rotation", "without a restart", "explain STRIPE_SECRET_KEY: found"]),
        (5, ["denial", "ProviderDenied: ", "explain DATABASE_PASSWORD: denied", "file       not asked"]),
        (6, ["outage", "served=stale", "explain STRIPE_SECRET_KEY: found, served=stale"]),
        (7, ["SECRETSOURCE_PEPPER is from .env", "in no file of the database", "$ curl -i -H", "HTTP/1.1 200 OK"]),
        (8, ["deprecation: @", "sunset: ", "1 request by billing-worker/1.4 from 127.0.0.1", "401 Unauthorized"]),
        (9, ["HTTP/1.1 200 OK", "revoked sk_live_", 'error="invalid_token"', "events of sk_live_"]),
        (10, ["401 Unauthorized", "403 Forbidden", "429 Too Many Requests", "retry-after: "]),
    ],
)
def test_each_step_shows_what_it_is_about(transcript: str, number: int, shown: list[str]) -> None:
    """Where the value came from, and how that is explained."""
    told = part(transcript, number)
    assert [words for words in shown if words not in told] == []


def test_the_rotation_is_told_by_versions(transcript: str) -> None:
    """The version that on_rotate tells is the one that is served, and not the one before."""
    old, new = re.findall(r"on_rotate: (\w+)… -> (\w+)…", part(transcript, 4))[0]
    assert old != new
    assert f"version {new}" in part(transcript, 4)
    assert f"version {new}" in part(transcript, 6)


def test_values_are_masked(transcript: str) -> None:
    """No line has the random part of a value, and the transcript ends with a verdict on all steps."""
    assert not re.search(r"[0-9a-f]{16}", transcript)
    assert not re.search(r"_[0-9A-Za-z]{54}", transcript)
    assert transcript.splitlines()[-1] == f"All {len(steps.STEPS)} steps behaved as told."


def test_json(command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--json gives the steps as one document; steps are played in the order of the list."""
    local = (steps.STEPS[0],)
    monkeypatch.setattr(steps, "STEPS", local)
    done = command("demo", "--json")
    (step,) = json.loads(done.stdout)
    assert (done.exit_code, step["step"], step["ok"]) == (0, local[0].title, True)
    assert step["lines"][0].startswith("SESSION_KEY = ses…(36)")


def test_a_step_that_misbehaves_fails_the_demo(
    command: Command, is_one_sentence: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first surprise ends the demo with exit code 1, and the later steps are not played."""
    played: list[str] = []

    def surprise(scene: Scene) -> None:
        scene.say("before")
        expect(False, "water runs uphill")

    def after(scene: Scene) -> None:
        played.append("after")

    monkeypatch.setattr(steps, "STEPS", (steps.Step("uphill", surprise), steps.Step("after", after)))
    done = command("demo")
    assert done.exit_code == 1
    assert done.stdout == "1. uphill\n   before\n"
    assert is_one_sentence(done.stderr)
    assert "step 1" in done.stderr
    assert "water runs uphill" in done.stderr
    assert played == []
    (step,) = json.loads(command("demo", "--json").stdout)
    assert step == {"step": "uphill", "ok": False, "lines": ["before"]}


def test_without_moto(command: Command, is_one_sentence: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says what to install."""
    monkeypatch.setitem(sys.modules, "moto.server", None)
    done = command("demo")
    assert done.exit_code == 2
    assert is_one_sentence(done.stderr)
    assert "pip install 'moto" in done.stderr


def test_a_line_with_a_value_is_a_surprise(tmp_path: Path) -> None:
    """The transcript refuses to show what is to be hidden."""
    told: list[str] = []
    scene = Scene(tmp_path, told.append)
    value = scene.new_value("sk")
    with pytest.raises(Surprise):
        scene.say(f"the value is {value}")
    scene.say(f"the value is {scenery.masked(value)}")
    assert told == ["the value is sk_…(35)"]


def test_what_never_comes_is_a_surprise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Waiting ends."""
    monkeypatch.setattr(steps, "PATIENCE", 0.0)
    scene = Scene(tmp_path, print)
    with pytest.raises(Surprise, match="STRIPE_SECRET_KEY"):
        steps._once(scene, "STRIPE_SECRET_KEY", lambda _: False)


def test_the_environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials and proxies are gone inside, and as before afterwards; what was added is gone."""
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    before = dict(os.environ)
    with clean_environment():
        assert "AWS_PROFILE" not in os.environ
        assert "https_proxy" not in os.environ
        os.environ["SESSION_KEY"] = "added"
    assert dict(os.environ) == before
