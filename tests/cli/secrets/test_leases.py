"""`secretsource run` and `get` with a secret under a lease: it lives as long as the command that has it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.servers.relay import Call, Relay, Reply, relay

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    Spawn = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")

LEASE = "database/creds/app/L1"
SECONDS = 6
"""Of a lease, which is renewed when a third of it is left: so much may a busy machine be late."""
CONFIGURATION = """
[environments.test]
providers = ["vault"]

[secrets.LOGIN]
vault = "database/creds/app"
"""


@pytest.fixture
def vault(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Relay]:
    """A stand-in for Vault with a database engine; it tells a command that waits when its lease was renewed."""
    (folder / "secretsource.toml").write_text(CONFIGURATION, encoding="utf-8")
    renewed = threading.Event()
    with relay() as vault:

        def answer(call: Call) -> Reply:
            document: dict[str, Any] = {"data": {"ttl": 3600, "renewable": False}}
            if "ui/mounts" in call.path:
                document = {"data": {"path": "database/", "type": "database"}}
            elif call.path.endswith("/creds/app"):
                document = {"lease_id": LEASE, "lease_duration": SECONDS, "renewable": True, "data": {"password": "pw"}}
            elif call.path.endswith("/renew"):
                document = {"lease_id": LEASE, "lease_duration": SECONDS, "renewable": True}
                renewed.set()
            elif call.path.endswith("/until-it-is-renewed"):
                renewed.wait(30)
            return Reply(200, json.dumps(document).encode())

        vault.fault = answer
        monkeypatch.setenv("VAULT_ADDR", vault.address)
        monkeypatch.setenv("VAULT_TOKEN", "token of the test")
        yield vault


def revoked(vault: Relay) -> bool:
    return "PUT sys/leases/revoke" in vault.asked


def test_export_leaves_the_lease_alone(vault: Relay, spawn: Spawn) -> None:
    """What `export` has written is alive afterwards; what could not be written is revoked."""
    asking = ("export", "LOGIN", "--format", "json", "--out", "login.json")
    assert spawn(*asking).returncode == 0
    assert not revoked(vault)
    assert spawn(*asking).returncode == 2
    assert revoked(vault)


def test_get_leaves_the_lease_alone(vault: Relay, spawn: Spawn) -> None:
    """What `get` has written is alive afterwards."""
    done = spawn("get", "LOGIN")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"password": "pw"})
    assert not revoked(vault)


def test_get_that_fails_revokes(vault: Relay, spawn: Spawn) -> None:
    """A lease whose secret was not written is revoked."""
    assert spawn("get", "LOGIN", "--field", "nowhere").returncode == 2
    assert revoked(vault)


def test_run_prolongs_and_then_revokes(vault: Relay, spawn: Spawn) -> None:
    """The lease is prolonged while the command runs, revoked when it has ended, and its exit code is ours."""
    script = (
        "import os, sys, urllib.request; assert 'pw' in os.environ['LOGIN']; "
        "urllib.request.urlopen(os.environ['VAULT_ADDR'] + '/v1/until-it-is-renewed'); "
        "urllib.request.urlopen(os.environ['VAULT_ADDR'] + '/v1/end-of-the-command'); sys.exit(7)"
    )
    done = spawn("run", "--", sys.executable, "-c", script)
    assert (done.returncode, done.stderr) == (7, "")
    renewed, ended, over = map(
        vault.asked.index, ("PUT sys/leases/renew", "GET end-of-the-command", "PUT sys/leases/revoke")
    )
    assert renewed < ended < over


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_reach_the_command(number: signal.Signals, vault: Relay, environment: dict[str, str]) -> None:
    """A signal to us is one to the command, and what it ends with is ours."""
    script = (
        "import os, signal, sys\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(9))\n"
        "print(os.getpid(), flush=True)\n"
        "while True: signal.pause()"
    )
    with started(environment, script) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) != process.pid
        process.send_signal(number)
        assert process.wait(30) == 9
    assert revoked(vault)


def test_death_by_a_signal(vault: Relay, environment: dict[str, str]) -> None:
    """Where a signal ends the command, the lease is revoked, and then we die of the same signal."""
    with started(environment, "import signal; print(flush=True); signal.pause()") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM
    assert revoked(vault)


def test_command_that_is_not_there(vault: Relay, spawn: Spawn) -> None:
    """The exit code is that of a shell, and the lease is revoked."""
    assert spawn("run", "--", "no-such-command-here").returncode == 127
    assert revoked(vault)


def started(environment: dict[str, str], script: str) -> subprocess.Popen[str]:
    """`run` of a script, in a session without a terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "secretsource", "run", "--", sys.executable, "-c", script],
        env=environment | {name: os.environ[name] for name in ("VAULT_ADDR", "VAULT_TOKEN")},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


class TestSurroundings:
    """What the command inherits."""

    PRINT = "import json, os; print(json.dumps(dict(os.environ)))"

    def told(self, spawn: Spawn, *options: str, **variables: str) -> tuple[dict[str, str], str]:
        done = spawn("run", *options, "--", sys.executable, "-c", self.PRINT, **variables)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), done.stderr

    def test_clean(self, vault: Relay, spawn: Spawn) -> None:
        """--clean keeps from it what the drivers of the chain, and references in their settings, are known by."""
        own, other = {"BAO_TOKEN": "x", "APP_ROLE": "role"}, {"AWS_SECRET_ACCESS_KEY": "the command's own"}
        with open("secretsource.toml", "a", encoding="utf-8") as file:  # noqa: PTH123 - in the folder of the test
            file.write('[providers.vault]\nauth = { method = "token", token = "ref+env://APP_ROLE" }\n')
        inherited, said = self.told(spawn, **own, **other)
        assert own.items() <= inherited.items()
        assert said == ""
        inherited, said = self.told(spawn, "--clean", "-v", **own, **other)
        assert not {"VAULT_TOKEN", "BAO_TOKEN", "APP_ROLE"} & set(inherited)
        assert other.items() <= inherited.items()
        assert (inherited["VAULT_ADDR"], "pw" in inherited["LOGIN"]) == (vault.address, True)
        assert said == "note: the command inherits these credentials of the providers: none\n"

    def test_verbose(self, vault: Relay, spawn: Spawn) -> None:
        """-v names the credentials that the command inherits, in one line and without their values."""
        _, said = self.told(spawn, "-v")
        assert said == "note: the command inherits these credentials of the providers: VAULT_TOKEN\n"

    @pytest.mark.skipif(sys.platform != "linux", reason="the system keeps no environment of a process")
    @pytest.mark.parametrize("given", [None, "C"])
    def test_locale_is_that_which_was_given(
        self, given: str | None, project: Path, environment: dict[str, str]
    ) -> None:
        """Python sets LC_CTYPE for itself where the locale is C; the command has what we were given."""
        cleared = {name: value for name, value in environment.items() if name not in {"LC_ALL", "LC_CTYPE", "LANG"}}
        variables = cleared | ({} if given is None else {"LC_CTYPE": given})
        done = subprocess.run(
            [sys.executable, "-m", "secretsource", "run", "--", "env"],
            env=variables,
            capture_output=True,
            text=True,
            check=True,
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("LC_CTYPE=")]
        assert lines == ([] if given is None else [f"LC_CTYPE={given}"])
