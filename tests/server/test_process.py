"""The command `serve`, as processes of its own: founding, checking, serving, reloading, stopping."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.issuing import ApiKeys

if TYPE_CHECKING:
    from collections.abc import Generator

PATIENCE = 90
START = Path.cwd()


def environment() -> dict[str, str]:
    """Variables for a child that finds the same package from any folder, and no configuration of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SECRETSOURCE_")}
    if tree := kept.get("PYTHONPATH"):
        kept["PYTHONPATH"] = os.pathsep.join(str(START / part) for part in tree.split(os.pathsep))
    return kept


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "secretsource", *arguments], cwd=folder, env=environment(), capture_output=True,
        text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


def found_service(folder: Path, factory: pytest.TempPathFactory) -> Path:
    """Found a service in a folder: a copy of the first one, which took a second of processor time."""
    first = factory.getbasetemp() / "founded"
    if not (first / "root.key").exists():
        first.mkdir(exist_ok=True)
        done = command(first, "serve", "--init", "--out", "root.key")
        assert done.returncode == 0, done.stderr
    for file in first.iterdir():
        shutil.copy2(file, folder)
    return folder


@pytest.fixture
def founded(open_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a service was founded."""
    return found_service(open_folder, tmp_path_factory)


class Running:
    """A service on a free port."""

    def __init__(self, process: subprocess.Popen[str], port: int, key: str) -> None:
        self.process = process
        self.port = port
        self.key = key
        self.log = ""

    def ask(self, method: str, path: str, document: object = None, key: str | None = None) -> tuple[int, Any]:
        """Send a request by the first root key, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if document is None else json.dumps(document), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def until_told(self, sentence: str) -> None:
        """Read the log up to a line with a sentence."""
        assert self.process.stderr is not None
        line = " "
        while sentence not in line:
            line = self.process.stderr.readline()
            assert line, self.log
            self.log += line

    def until(self, path: str, status: int) -> None:
        """Wait until a path is answered with a status."""
        deadline = time.monotonic() + PATIENCE
        while self.ask("GET", path)[0] != status:
            assert time.monotonic() < deadline, path
            time.sleep(0.05)

    def until_counted(self, figure: str) -> None:
        """Wait until the figures hold a line: a request is counted at the end of its answer, which its caller has."""
        deadline = time.monotonic() + PATIENCE
        while figure not in (told := self.figures()):
            assert time.monotonic() < deadline, told
            time.sleep(0.05)

    def figures(self) -> str:
        """Read the figures of all workers."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()


@contextmanager
def serving(folder: Path, *arguments: str) -> Generator[Running]:
    """Serve while a test asks; the process has ended afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-m", "secretsource", "serve", "--port", "0", *arguments], cwd=folder, env=environment(),
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"serving: http://127\.0\.0\.1:(\d+)", line)
        assert found, line + process.stderr.read()
        running = Running(process, int(found[1]), (folder / "root.key").read_text().strip())
        running.until("/livez", 200)
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=PATIENCE)


def test_init_makes_what_a_service_needs(founded: Path) -> None:
    """A pepper in a file that nobody else reads, a store, and a root key that is shown once."""
    modes = {name: stat.S_IMODE((founded / name).stat().st_mode) for name in (".env", "root.key", "keys.db")}
    assert set(modes.values()) == {0o600}
    pepper = (founded / ".env").read_text().removeprefix("SECRETSOURCE_PEPPER=").strip()
    assert len(pepper) == 44
    key = (founded / "root.key").read_text().strip()
    with ApiKeys.open(f"sqlite:///{founded}/keys.db", peppers=[pepper]) as keys:
        assert keys.check(key, scope="root:write", prefix="root")
    again = command(founded, "serve", "--init", "--out", "second.key")
    assert again.returncode == 2
    assert "has a root key already" in again.stderr
    assert not (founded / "second.key").exists()
    assert (founded / ".env").read_text().count("PEPPER") == 1


def test_init_makes_nothing_in_memory(open_folder: Path) -> None:
    """The root key would be of a store that has ended."""
    (open_folder / "secretsource.toml").write_text('[server]\nstore = "sqlite://"\n')
    done = command(open_folder, "serve", "--init", "--out", "root.key")
    assert (done.returncode, "a store in memory ends with the service" in done.stderr) == (2, True)
    assert not (open_folder / "root.key").exists()


def test_init_keeps_the_lines_of_an_env_file(open_folder: Path) -> None:
    """The pepper is added on a line of its own, and the file is closed to others."""
    (open_folder / ".env").write_text("OTHER=1")
    (open_folder / ".env").chmod(0o644)
    done = command(open_folder, "serve", "--init", "--out", "root.key")
    assert done.returncode == 0, done.stderr
    first, second = (open_folder / ".env").read_text().splitlines()
    assert (first, second[:20]) == ("OTHER=1", "SECRETSOURCE_PEPPER=")
    assert stat.S_IMODE((open_folder / ".env").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("prot = 1", "line 2, in [server]: unknown key 'prot': did you mean 'port'?"),
        ('store = "memory://"', "there is no root key"),
        ('store = "sqlite:///other.db"', "there is no key store at sqlite:///other.db"),
        ('store = "ref+env://NO_SUCH_STORE"', "NO_SUCH_STORE"),
        ('limiter = "redsi://x"', "redsi"),
        ('[[server.routes]]\npath = "/a"\nscope = "a b"', "a b"),
        ('[server.pages]\nlanguage = "xx"', "language must be one of en, de, not 'xx'"),
        ('[server.pages]\nzone = "Mars/Phobos"', "zone must be a time zone such as  Europe/Berlin, not 'Mars/Phobos'"),
        (
            '[server.pages.oidc]\nissuer = "https://idp.example"\nclient_id = "x"\n'
            'redirect_uri = "https://keys.example/operator/sign-in/back"\nclient_secret = "ref+env://NO_SUCH_SECRET"',
            "NO_SUCH_SECRET",
        ),
    ],
)
def test_check_says_what_is_missing(table: str, sentence: str, founded: Path) -> None:
    """Each in one sentence, before anything is served."""
    text = f'[server]\n{table}\n[environments.production]\nproviders = ["env", "dotenv"]\n'
    (founded / "secretsource.toml").write_text(text)
    done = command(founded, "serve", "--check")
    assert done.returncode in {1, 2}
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["--check"], ["--port", "0"]])
def test_a_service_needs_its_pepper(words: list[str], founded: Path) -> None:
    """Without it, no key would be accepted, and new ones would be hashed without a pepper."""
    (founded / ".env").unlink()
    done = command(founded, "serve", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no pepper: run  secretsource serve --init, or set SECRETSOURCE_PEPPER" in done.stderr


def test_init_makes_no_pepper_for_keys_that_have_one(founded: Path) -> None:
    """A new pepper would refuse them all, so the one that they were made with must be found first."""
    (founded / ".env").unlink()
    done = command(founded, "serve", "--init", "--out", "second.key")
    assert done.returncode == 2
    assert "has keys, and the pepper that they were made with is not here: set SECRETSOURCE_PEPPER to it" in done.stderr
    assert not (founded / ".env").exists()
    assert not (founded / "second.key").exists()


def test_a_service_needs_the_pepper_of_its_store(founded: Path) -> None:
    """With another one every key would be refused; with both, the pepper may be rotated."""
    pepper = (founded / ".env").read_text().partition("=")[2].strip()
    other = "SECRETSOURCE_PEPPER=a pepper that made no key here\n"
    (founded / ".env").write_text(other)
    done = command(founded, "serve", "--port", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert "every key of the store was made with another pepper, so all would be refused" in done.stderr
    (founded / ".env").write_text(f"{other}SECRETSOURCE_PEPPER_PREVIOUS={pepper}\n")
    assert command(founded, "serve", "--check").returncode == 0


def test_a_pepper_of_which_only_the_root_key_is_left_may_go(founded: Path) -> None:
    """The keys of customers work with the newest pepper, so the service starts."""
    (founded / ".env").write_text("SECRETSOURCE_PEPPER=a pepper that made no key here\n")
    with ApiKeys.open(f"sqlite:///{founded}/keys.db", peppers=["a pepper that made no key here"]) as keys:
        keys.issue(owner="acme")
    assert command(founded, "serve", "--check").returncode == 0


def test_init_replaces_a_root_key_that_has_ended(founded: Path) -> None:
    """Nobody could make another one over HTTP; a root key that makes no others does not count either."""
    pepper = (founded / ".env").read_text().partition("=")[2].strip()
    with ApiKeys.open(f"sqlite:///{founded}/keys.db", peppers=[pepper]) as keys:
        (first,) = keys.list(owner=":root")
        keys.revoke(first.key_id)
        keys.issue(owner=":root", prefix="root", scopes=["keys:verify"])
    done = command(founded, "serve", "--init", "--out", "second.key")
    assert done.returncode == 0, done.stderr
    second = (founded / "second.key").read_text().strip()
    with ApiKeys.open(f"sqlite:///{founded}/keys.db", peppers=[pepper]) as keys:
        assert keys.check(second, scope="root:write", prefix="root")


def test_check_passes_where_serve_starts(founded: Path) -> None:
    """And leaves no process."""
    done = command(founded, "serve", "--check")
    assert (done.returncode, done.stderr) == (0, "")
    assert "the service could start" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_loses_nothing(number: int, founded: Path) -> None:
    """The service ends with 0, and the uses that it has seen are stored."""
    with serving(founded) as service:
        status, made = service.ask("POST", "/v1/keys", {"owner": "acme", "scopes": ["a:b"]})
        assert status == 201
        assert service.ask("POST", "/v1/keys:rotateSelf", {"overlap": 1}, key=made["key"])[0] == 403
        service.process.send_signal(number)
        assert service.process.wait(PATIENCE) == 0
    with ApiKeys.open(f"sqlite:///{founded}/keys.db", peppers=[]) as keys:
        record = keys.list(prefix="root").records[0]
        assert record.last_used is not None


def test_a_hangup_reads_the_settings_again(founded: Path) -> None:
    """What is safe to change changes; a mistake leaves everything as it was, and the log says why."""
    file = founded / "secretsource.toml"
    providers = '[environments.production]\nproviders = ["env", "dotenv"]\n'
    with serving(founded) as service:
        assert service.ask("GET", "/openapi.json")[0] == 200
        file.write_text(f'[server]\ndocs = false\nstore = "sqlite:///other.db"\n{providers}')
        service.process.send_signal(signal.SIGHUP)
        service.until("/openapi.json", 404)
        assert service.ask("GET", "/v1/keys")[0] == 200
        for mistake in ("prot = 1", 'docs = true\n[[server.routes]]\npath = "/a//b"\nscope = "a:b"'):
            file.write_text(f"[server]\n{mistake}\n{providers}")
            service.process.send_signal(signal.SIGHUP)
            service.until_told("the settings were not read again")
        assert service.ask("GET", "/openapi.json")[0] == 404
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(PATIENCE) == 0
    assert "a change of store needs a restart" in service.log
    assert "unknown key 'prot'" in service.log
    assert "the settings were not read again: the path of route 1 must be like" in service.log


def test_several_processes_serve_one_address(founded: Path) -> None:
    """Each answers, a revocation reaches all, the figures are those of all, and a stop ends all of them."""
    with serving(founded, "--workers", "2") as service:
        _, made = service.ask("POST", "/v1/keys", {"owner": "acme", "scopes": ["keys:rotate-self"]})
        assert service.ask("POST", "/v1/keys:rotateSelf", {"overlap": 60}, key=made["key"])[0] == 201
        assert service.ask("POST", f"/v1/keys/{made['key_id']}:revoke", {})[0] == 200
        for _ in range(6):
            assert service.ask("POST", "/v1/keys:rotateSelf", {"overlap": 60}, key=made["key"])[0] == 401
        service.until_counted('operation="rotateSelf",status="401"} 6.0')
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(PATIENCE) == 0


def children(parent: int) -> list[int]:
    """The serving processes below another one."""
    found = []
    for stat_file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            is_child = int(stat_file.read_text().rpartition(")")[2].split()[1]) == parent
            if is_child and b"spawn_main" in (stat_file.parent / "cmdline").read_bytes():
                found.append(int(stat_file.parent.name))
    return found


@pytest.mark.timeout(400)
def test_a_process_that_cannot_start_for_a_while_stops_no_other(founded: Path) -> None:
    """One is killed while the pepper is away: the other serves on, and is two again when the pepper is back."""
    with serving(founded, "--workers", "2") as service:
        pepper, away = founded / ".env", founded / "away"
        while len(before := children(service.process.pid)) < 2:
            time.sleep(0.05)
        pepper.rename(away)
        os.kill(before[0], signal.SIGKILL)
        service.until_told("SECRETSOURCE_PEPPER")
        service.until_told("is tried again")
        for _ in range(10):
            assert service.ask("GET", "/v1/keys")[0] == 200
        away.rename(pepper)
        os.kill(before[1], signal.SIGKILL)
        service.until("/livez", 200)
        assert service.ask("GET", "/v1/keys")[0] == 200
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(PATIENCE) == 0


def test_a_taken_port_is_named(founded: Path) -> None:
    """In one sentence."""
    with serving(founded) as service:
        done = command(founded, "serve", "--port", str(service.port))
    assert done.returncode == 2
    assert f"cannot listen at 127.0.0.1 port {service.port} (Address already in use): choose" in done.stderr


def test_a_service_needs_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the extra."""
    from secretsource.cli.serve import verb
    from secretsource.exceptions import ConfigurationError

    monkeypatch.setattr(verb, "NEEDED", ("no_such_package",))
    with pytest.raises(ConfigurationError, match=r"pip install 'secretsource\[server\]'"):
        verb._refuse_missing_packages()
