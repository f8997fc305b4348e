"""What holds for every test: nothing of this machine's world gets in, and nothing gets out to another machine."""

from __future__ import annotations

import faulthandler
import gc
import ipaddress
import os
import shutil
import socket
import sys
import threading
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep, time
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key
from hypothesis import HealthCheck, settings
from tests.chain.outcomes import table

from secretsource.resolver._default import default_resolver

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

FOREIGN = ("AWS_", "AZURE_", "GOOGLE_", "CLOUDSDK_", "GCLOUD_", "GCE_", "VAULT_", "BAO_", "SECRETSOURCE_")
"""Prefixes of the variables that the library or a vendor's SDK would listen to."""

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
"""Before gRPC is loaded: its fork handlers end a forked child when another of its threads is at work."""

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

DAY, MOMENTS = 86400, 30
"""Seconds of a day in UTC, and those in which a test that counts by days is over."""

ENDED_BY_CLOSE = {"secretsource-flush", "secretsource-listen"}
"""Names of the threads that are gone soon after what began them was closed."""

settings.register_profile(
    "house",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],  # it reads the clock, and so would judge the machine
)
settings.load_profile("house")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect the tests without a search for garbage, and let later searches pass over them: none of it goes away.

    Each search would go through all tests, some 700,000 objects: that was a third of the collection, and is a tenth of
    a run. What the tests make from then on is searched as before.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let the process of a test with a limit of its own end later than that limit, if the test hears no signal."""
    limit, usual = limit_of(item), float(item.config.getini("timeout"))
    if limit > usual:
        later = limit - usual + float(item.config.getini("faulthandler_timeout"))
        stderr = item.config.stash[fault_handler_stderr_fd_key]
        faulthandler.dump_traceback_later(later, file=stderr, exit=True)


def limit_of(item: pytest.Item) -> float:
    """The seconds that a test may take by its own mark; 0 where it has none."""
    mark = item.get_closest_marker("timeout")
    return 0.0 if mark is None else float((*mark.args, mark.kwargs.get("timeout", 0))[0])


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """An empty folder that every user may enter; pytest's own is closed to others by each run of it that begins."""
    with TemporaryDirectory(prefix="secretsource-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home directory of all tests."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def empty_home(home: Path) -> str:
    """A home directory without anybody's ``~/.aws``, ``~/.vault-token`` or login, and without what tests left there."""
    if any(home.iterdir()):
        shutil.rmtree(home)
        home.mkdir()
    return str(home)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, empty_home: str) -> None:
    """Each test starts without credentials, addresses and proxies, and sets the ones it means."""
    for name in list(os.environ):
        if name.startswith(FOREIGN) or name.lower() in PROXIES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", empty_home)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def one_day() -> None:
    """A test that counts the requests of a day by the real clock begins with half a minute of that day left."""
    left = DAY - time() % DAY
    if left < MOMENTS:
        sleep(left)


@pytest.fixture(autouse=True)
def unwired() -> Iterator[None]:
    """Each test finds the default resolver as a new process does, whatever the one before made of it."""
    default_resolver.rewire(None)
    yield
    default_resolver.rewire(None)


@pytest.fixture(autouse=True)
def the_tracer_is_given_back() -> Iterator[None]:
    """A test that traces puts back the tracer it found: coverage would measure nothing after it."""
    before = sys.gettrace()
    yield
    after = sys.gettrace()
    if after is not before:
        sys.settrace(before)
        pytest.fail(f"the test must give the tracer back, not leave {after!r}")


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """A test closes what it opened, and what is closed ends its threads: the next test may count its own."""
    before = set(threading.enumerate())
    yield
    patience = monotonic() + 30
    while left := [
        thread for thread in threading.enumerate() if thread.name in ENDED_BY_CLOSE and thread not in before
    ]:
        assert monotonic() < patience, f"this test left {left}"
        sleep(0.005)


def is_local(address: Any) -> bool:
    """Whether an address given to ``connect`` stays on this machine."""
    if not isinstance(address, tuple):
        return True  # a Unix socket
    return is_local_host(str(address[0]))


def is_local_host(host: str) -> bool:
    """Whether a host name or number is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in {"", "localhost"}


@pytest.fixture(scope="session", autouse=True)
def attempts() -> Iterator[list[str]]:
    """Sockets reach this machine only; every attempt to leave it is refused and noted here.

    It is noted, because a provider turns a refused connection into "unavailable", as it should. Names under
    ``.invalid`` do not exist anywhere (RFC 6761), so a test may ask for one. gRPC has sockets of its own.
    """
    noted: list[str] = []
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if not is_local(address):
            noted.append(str(address))
            raise ConnectionRefusedError(f"a test may not connect to {address}")
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        if not is_local(address):
            noted.append(str(address))
            return 111
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *arguments: Any, **keywords: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host or "")
        if not is_local_host(name) and not is_number(name):
            if not name.endswith(".invalid"):
                noted.append(name)
            raise socket.gaierror(socket.EAI_NONAME, f"a test may not look up {name}")
        return getaddrinfo(host, *arguments, **keywords)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield noted


def is_number(host: str) -> bool:
    """Whether a host is written as an IP address, in a form of today or of old, which needs no look-up."""
    for read in (ipaddress.ip_address, socket.inet_aton):
        try:
            read(host)
        except (ValueError, OSError):
            continue
        return True
    return False


@pytest.fixture(autouse=True)
def stays_on_this_machine(attempts: list[str]) -> Iterator[None]:
    """A test that tried to reach another machine fails, whatever became of the attempt."""
    attempts.clear()
    yield
    reached = ", ".join(attempts)
    assert not reached, f"this test tried to reach {reached}"


def counted(reports: Iterable[pytest.TestReport]) -> list[str]:
    """What passing tests have done very often; they say ``record_property("signals", "what: 123")`` once or more."""
    sums = Counter[str]()
    for report in reports:
        for name, value in report.user_properties:
            if name == "signals":
                what, _, number = str(value).rpartition(": ")
                sums[what] += int(number)
    return [f"{what}: {number}" for what, number in [*sorted(sums.items()), ("all", sums.total())] if number]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """End a run with what its tests have found out; they say it with ``record_property(name, line)``."""
    said = {
        (name, str(value)): outcome
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        for name, value in report.user_properties
    }
    cells = {value: outcome for (name, value), outcome in said.items() if name == "cell"}
    shown = {
        "every provider, every outcome": table(cells) if cells else [],
        "measured": sorted(value for name, value in said if name == "measured"),
        "cut short or entered again": counted(terminalreporter.getreports("passed")),
    }
    for title, lines in shown.items():
        if lines:
            terminalreporter.section(title)
            for line in lines:
                terminalreporter.write_line(line)
