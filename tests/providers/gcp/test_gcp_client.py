"""The Google Cloud clients of a provider: made once, bounded in time, rebuilt after a fork, and silent."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import subprocess
import sys
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

import google.auth
import pytest
from google.auth.exceptions import DefaultCredentialsError
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from tests.forks import needs_fork
from tests.servers.relay import relay

from secretsource.providers._gcp import client as gcp_client
from secretsource.providers.base import Failed, FailureCode, Found, SecretRef
from secretsource.providers.gcp import GcpProvider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.gcp import SecretManager

CANARY = "canary-51be0d"
REF = SecretRef("gcp", "TOKEN")
NAMED = "projects/p1/secrets/TOKEN"


@pytest.fixture
def gcp(gcp: SecretManager) -> SecretManager:
    """A Secret Manager where ``TOKEN`` holds the canary."""
    gcp.store.add(NAMED, CANARY.encode())
    return gcp


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The endpoints of the clients made from now on."""
    made: list[str] = []
    make = SecretManagerServiceClient.__init__  # the asynchronous client has one of these inside

    def count(self: Any, **settings: Any) -> None:
        made.append(str(settings["client_options"].api_endpoint))
        make(self, **settings)

    monkeypatch.setattr(SecretManagerServiceClient, "__init__", count)
    return made


def provider(gcp: SecretManager, **settings: Any) -> GcpProvider:
    """A provider of the project ``p1``."""
    given: dict[str, Any] = {"project": "p1", "endpoint": gcp.endpoint}
    return GcpProvider(**(given | settings))


def failure(outcome: object) -> Failed:
    """The outcome, which must be a `Failed`."""
    assert isinstance(outcome, Failed), outcome
    return outcome


class TestMaking:
    """When clients are made, and how many."""

    def test_constructor_imports_nothing_of_google(self) -> None:
        """Google's packages are imported on the first fetch, and not by the module or the constructor."""
        script = (
            "import sys, threading; from secretsource.providers.gcp import GcpProvider; GcpProvider(project='p1');"
            "sys.exit(threading.active_count() > 1"
            " or any(name.partition('.')[0] in {'google', 'grpc', 'google_crc32c'} for name in sys.modules))"
        )
        assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

    @pytest.mark.parametrize("transport", ["grpc", "rest"])
    def test_many_threads_make_one_client(self, gcp: SecretManager, made: list[str], transport: str) -> None:
        """Threads that start cold share one search for credentials and one client."""
        asked = provider(gcp, transport=transport)
        start = Barrier(32)

        def ask(_: int) -> object:
            start.wait(30)
            return asked.fetch(REF, timeout=10)

        with ThreadPoolExecutor(32) as threads:
            outcomes = list(threads.map(ask, range(32)))
        assert all(isinstance(outcome, Found) for outcome in outcomes)
        assert len(made) == 1
        asked.close()

    def test_environment(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Over REST, calls go to the proxy that the environment names, and to no account of ``.netrc``."""
        netrc = tmp_path / "netrc"
        netrc.write_text("default login somebody password elsewhere\n")
        monkeypatch.setenv("NETRC", str(netrc))
        with relay("http://127.0.0.1:1") as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.address)
            proxy.answer(503, b"{}")
            asked = GcpProvider(project="p1", endpoint="http://secrets.invalid", transport="rest")
            assert failure(asked.fetch(REF, timeout=5)).code is FailureCode.UNAVAILABLE
            asked.close()
        (call,) = proxy.calls
        assert call.path.startswith(f"http://secrets.invalid/v1/{NAMED}/versions/latest:access")
        assert "authorization" not in {header.lower() for header in call.headers}

    async def test_many_tasks_make_one_client(self, gcp: SecretManager, made: list[str]) -> None:
        """So do tasks of one event loop."""
        asked = provider(gcp)
        outcomes = await asyncio.gather(*(asked.afetch(REF, timeout=10) for _ in range(32)))
        assert all(isinstance(outcome, Found) for outcome in outcomes)
        assert len(made) == 1
        await asked.aclose()

    def test_one_client_per_region(self, gcp: SecretManager, made: list[str]) -> None:
        """A resource name with a region is asked for there, each region by a client of its own."""
        asked = provider(gcp)
        for place in ("", "/locations/us-east1", "", "/locations/us-east1", "/locations/europe-west3"):
            asked.fetch(REF._replace(location=f"projects/p1{place}/secrets/T"), timeout=5)
        assert len(made) == 3
        asked.close()

    @pytest.mark.parametrize(
        ("settings", "location", "expected"),
        [
            ({}, None, None),
            ({}, "us-east1", "secretmanager.us-east1.rep.googleapis.com"),
            ({"endpoint": "psc.example"}, None, "psc.example"),
            ({"endpoint": "psc.example"}, "us-east1", "psc.example"),
            ({"endpoint": "https://psc.example:8443/"}, None, "psc.example:8443"),
            ({"endpoint": "http://127.0.0.1:80"}, None, "127.0.0.1:80"),
            ({"endpoint": "https://psc.example:8443/", "transport": "rest"}, None, "https://psc.example:8443"),
            ({"transport": "rest"}, "us-east1", "secretmanager.us-east1.rep.googleapis.com"),
        ],
    )
    def test_where_it_connects(self, settings: dict[str, str], location: str | None, expected: str | None) -> None:
        """The endpoint of the settings, else the region's, else the SDK's own choice."""
        assert GcpProvider(**settings)._clients._options(location).api_endpoint == expected  # type: ignore[arg-type]

    def test_loops_at_once(self, gcp: SecretManager, made: list[str]) -> None:
        """Two event loops in two threads have a client each; the clients of a loop that ended are dropped."""
        asked = provider(gcp)
        meet = Barrier(2, timeout=10)

        async def ask() -> object:
            outcome = await asked.afetch(REF, timeout=5)
            await asyncio.to_thread(meet.wait)
            return outcome

        with ThreadPoolExecutor(2) as threads:
            outcomes = list(threads.map(lambda _: asyncio.run(ask()), range(2)))
        assert all(isinstance(outcome, Found) for outcome in outcomes)
        assert len(made) == 2
        asyncio.run(ask_once(asked))
        assert len(asked._clients._async_clients) == 1
        gc.collect()

    def test_without_the_packages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Used directly without one of Google's packages, it says what to install."""
        for package in ("google_crc32c", "google.cloud.secretmanager_v1"):
            with monkeypatch.context() as patch:
                patch.setitem(sys.modules, package, None)
                outcome = failure(GcpProvider(endpoint="http://127.0.0.1:1").fetch(REF, timeout=5))
            assert outcome.code is FailureCode.MISCONFIGURED
            assert "secretsource[gcp]" in str(outcome.remedy)

    async def test_client_that_cannot_be_made(self, gcp: SecretManager, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is wrong with the wiring is a failure, and no exception."""
        monkeypatch.setenv("GOOGLE_API_USE_MTLS_ENDPOINT", "perhaps")
        for transport in ("grpc", "rest"):
            broken = provider(gcp, transport=transport)
            assert failure(broken.fetch(REF, timeout=5)).code is FailureCode.MISCONFIGURED
            assert failure(await broken.afetch(REF, timeout=5)).code is FailureCode.MISCONFIGURED


async def ask_once(asked: GcpProvider) -> object:
    """One outcome, by the asynchronous client."""
    return await asked.afetch(REF, timeout=5)


class TestTime:
    """How long a call may take."""

    @pytest.mark.parametrize("transport", ["grpc", "rest"])
    @pytest.mark.parametrize("status", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
    def test_no_retry_of_the_sdk(self, gcp: SecretManager, transport: str, status: str) -> None:
        """The SDK's own retry, which begins with a wait of up to 2 s, is off, although there is time for many."""
        gcp.faults.refuse(status)
        assert failure(provider(gcp, transport=transport).fetch(REF, timeout=20)).retryable
        assert len(gcp.calls) == 1

    @pytest.mark.parametrize("transport", ["grpc", "rest"])
    async def test_time_that_is_over(self, gcp: SecretManager, made: list[str], transport: str) -> None:
        """With no time left nothing is asked."""
        late = provider(gcp, transport=transport)
        assert isinstance(late.fetch(REF, timeout=5), Found)
        gcp.calls.clear()
        for timeout in (0, -1):
            assert failure(late.fetch(REF, timeout=timeout)).code is FailureCode.TIMEOUT
            assert failure(await late.afetch(REF, timeout=timeout)).code is FailureCode.TIMEOUT
        assert gcp.calls == []
        late.close()
        await late.aclose()

    @pytest.mark.parametrize("call", ["ListSecretVersions", "GetSecret"])
    def test_time_is_for_all_calls(self, gcp: SecretManager, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
        """The second call of a look-up has what the first has left, and no more."""
        given: list[float] = []
        call_sdk = gcp_client.call

        def asked(client: Any, question: Any, timeout: float) -> Any:
            given.append(timeout)
            return call_sdk(client, question, timeout)

        monkeypatch.setattr(gcp_client, "call", asked)
        gcp.store.set_state(NAMED, "1", "DISABLED" if call == "ListSecretVersions" else "ENABLED")
        gcp.faults.slow(0.3)
        provider(gcp, fallback_to_enabled=True, rotation_hints=True).fetch(REF, timeout=20)
        assert [asked.method for asked in gcp.calls] == ["AccessSecretVersion", call]
        first, second = given
        assert 0 < second <= first - 0.3

    def test_channel_recovers_soon(self, gcp: SecretManager) -> None:
        """A channel that was cut off tries again within a moment, not after gRPC's minutes."""
        asked = provider(gcp)
        assert isinstance(asked.fetch(REF, timeout=5), Found)
        gcp.cut()
        for _ in range(20):
            assert failure(asked.fetch(REF, timeout=5)).code is FailureCode.UNAVAILABLE
        gcp.heal()
        healed = monotonic()
        while not isinstance(asked.fetch(REF, timeout=5), Found):
            assert monotonic() - healed < 30
        asked.close()

    @pytest.mark.parametrize("asynchronous", [False, True])
    def test_slow_search_for_credentials(self, monkeypatch: pytest.MonkeyPatch, asynchronous: bool) -> None:
        """A search that takes longer than there is time is a timeout; it goes on, once, and serves later callers."""
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p1")
        release, searches = Event(), []

        def slow(**_: object) -> tuple[None, str]:
            searches.append(1)
            release.wait(30)
            raise DefaultCredentialsError("none")  # type: ignore[no-untyped-call]

        monkeypatch.setattr(google.auth, "default", slow)
        asked = GcpProvider()

        def ask(timeout: float) -> Failed:
            call = asked.afetch(REF, timeout=timeout) if asynchronous else None
            return failure(asyncio.run(call) if call else asked.fetch(REF, timeout=timeout))

        for _ in range(2):
            started = monotonic()
            assert ask(0.1).code is FailureCode.TIMEOUT
            assert monotonic() - started < 25
        later = Thread(target=release.set)
        later.start()
        assert ask(5).code is FailureCode.UNAUTHENTICATED
        later.join()
        assert len(searches) in {1, 2}  # the search may have ended before the last one asked

    def test_failed_search_is_begun_again(self, monkeypatch: pytest.MonkeyPatch, gcp: SecretManager) -> None:
        """Credentials that appear later are found by the next fetch."""
        monkeypatch.setenv("NO_GCE_CHECK", "true")
        asked = GcpProvider(project="p1", transport="rest")
        outcome = failure(asked.fetch(REF, timeout=5))
        assert outcome.code is FailureCode.UNAUTHENTICATED
        assert "gcloud auth application-default login" in str(outcome.remedy)
        found = google.auth.credentials.AnonymousCredentials()  # type: ignore[no-untyped-call]
        monkeypatch.setattr(google.auth, "default", lambda **_: (found, "p1"))
        asked._clients._endpoint = gcp.endpoint
        assert isinstance(asked.fetch(REF, timeout=5), Found)

    def test_no_thread_to_be_had(self, monkeypatch: pytest.MonkeyPatch, gcp: SecretManager) -> None:
        """Where no thread can be started, that is a passing failure, and the next fetch tries again."""
        asked = provider(gcp)

        def refuse(self: Thread) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patch:
            patch.setattr(Thread, "start", refuse)
            assert failure(asked.fetch(REF, timeout=5)).code is FailureCode.UNAVAILABLE
        assert isinstance(asked.fetch(REF, timeout=5), Found)
        asked.close()


class TestLife:
    """Closing, and being forgotten."""

    def test_reset_makes_anew(self, gcp: SecretManager, made: list[str]) -> None:
        """After a reset in the same process the next fetch makes a new client of the same kind."""
        asked = provider(gcp)
        asked.fetch(REF, timeout=5)
        asked.reset()
        assert asked._clients.native_async
        assert isinstance(asked.fetch(REF, timeout=5), Found)
        assert len(made) == 2
        assert gcp_client._left_alone == []

    def test_reset_while_a_client_is_being_made(self, gcp: SecretManager) -> None:
        """A lock that another thread held at the fork does not stop the child."""
        asked = provider(gcp)
        asked._clients._lock.acquire()
        asked._clients._search._lock.acquire()
        asked.reset()
        assert isinstance(asked.fetch(REF, timeout=5), Found)
        asked.close()

    def test_reset_during_the_search(self, monkeypatch: pytest.MonkeyPatch, gcp: SecretManager) -> None:
        """A search that fails after it was forgotten does not disturb the one that took its place."""
        release = Event()

        def slow(**_: object) -> tuple[None, str]:
            release.wait(30)
            raise DefaultCredentialsError("none")  # type: ignore[no-untyped-call]

        monkeypatch.setattr(google.auth, "default", slow)
        asked = GcpProvider(project="p1")
        forgotten = asked._clients._search._begun()
        asked.reset()
        current = asked._clients._search._begun()
        release.set()
        assert isinstance(forgotten.result(30), Failed)
        assert isinstance(current.result(30), Failed)

    async def test_closed_on_the_right_loop(self, gcp: SecretManager) -> None:
        """``aclose`` closes the running loop's client; a loop that has none is left in peace."""
        asked = provider(gcp)
        await asked.afetch(REF, timeout=5)
        await asyncio.to_thread(lambda: asyncio.run(asked.aclose()))
        assert isinstance(await asked.afetch(REF, timeout=5), Found)
        await asked.aclose()
        assert asked._clients._async_clients == {}


FORKING = """
import os, sys, threading
from secretsource.providers.base import Found, SecretRef
from secretsource.providers.gcp import GcpProvider

provider = GcpProvider(project="p1", endpoint=sys.argv[1])
ref = SecretRef("gcp", "TOKEN")
assert isinstance(provider.fetch(ref, timeout=5), Found)

def busy():
    while True:
        provider.fetch(ref, timeout=5)

for _ in range(3):
    threading.Thread(target=busy, daemon=True).start()
wrong = 0
for _ in range(4):
    child = os.fork()
    if child == 0:
        import asyncio
        provider.reset()
        answers = provider.fetch(ref, timeout=5), asyncio.run(provider.afetch(ref, timeout=5))
        provider.close()
        sys.exit(0 if all(isinstance(answer, Found) for answer in answers) else 3)
    wrong += os.waitpid(child, 0)[1] != 0
assert isinstance(provider.fetch(ref, timeout=5), Found)
os._exit(wrong)
"""


@needs_fork
class TestFork:
    """A process that was forked from one that was using gRPC."""

    @pytest.mark.parametrize("support", [None, "0"])
    def test_child_answers(self, gcp: SecretManager, support: str | None) -> None:
        """The child answers and ends, whatever gRPC's own fork support is set to, and the parent goes on."""
        environment = {key: text for key, text in os.environ.items() if key != "GRPC_ENABLE_FORK_SUPPORT"}
        if support is not None:
            environment["GRPC_ENABLE_FORK_SUPPORT"] = support
        arguments = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING, gcp.endpoint]
        done = subprocess.run(arguments, check=False, timeout=60, env=environment, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()[-2000:]

    def test_child_speaks_rest(self, gcp: SecretManager, monkeypatch: pytest.MonkeyPatch) -> None:
        """In another process than the client's, the old client is kept aside untouched, and REST is spoken."""
        asked = provider(gcp)
        asked.fetch(REF, timeout=5)
        old = asked._clients._clients
        aside: list[object] = []
        monkeypatch.setattr(gcp_client, "_left_alone", aside)
        monkeypatch.setattr(asked._clients, "_process", -1)
        asked.reset()
        assert aside == [(old, {})]
        assert not asked._clients.native_async
        gcp.calls.clear()
        assert isinstance(asked.fetch(REF, timeout=5), Found)
        assert "user-agent" in gcp.calls[0].headers
        assert "python-requests" in gcp.calls[0].headers["user-agent"]
        for client in old.values():
            client.transport.close()
        asked.close()

    def test_child_of_an_idle_parent_speaks_grpc(self, gcp: SecretManager, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where nothing was asked before the fork, nothing changes."""
        asked = provider(gcp)
        monkeypatch.setattr(asked._clients, "_process", -1)
        asked.reset()
        assert asked._clients.native_async
        assert isinstance(asked.fetch(REF, timeout=5), Found)
        asked.close()


class Records(logging.Handler):
    """Every log record, with everything that it carries."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def texts(self) -> str:
        return "\n".join(f"{record.getMessage()} {vars(record)!r}" for record in self.records)


@pytest.fixture
def records(gcp: SecretManager) -> Iterator[Records]:
    """What is logged at DEBUG, also below ``google``, whose records do not get to the root logger."""
    handler = Records()
    loggers = [logging.getLogger(name) for name in ("", "google")]
    before = [(logger.level, logger.propagate) for logger in loggers]
    loggers[1].propagate = False
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.addHandler(handler)
    yield handler
    for logger, (level, propagate) in zip(loggers, before, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


def assert_unseen(texts: str) -> None:
    """Fail where the canary is shown, plainly or in base64."""
    assert CANARY not in texts
    assert b64encode(CANARY.encode()).decode() not in texts


class TestSilence:
    """Nothing that was read gets into a log."""

    @pytest.mark.parametrize("path", ["grpc", "rest", "asyncio"])
    async def test_everything_at_debug(self, gcp: SecretManager, records: Records, path: str) -> None:
        """No record shows the value, and the ones that would have are there."""
        asked = provider(gcp, transport="rest" if path == "rest" else "grpc", rotation_hints=True)
        if path == "asyncio":
            outcome = await asked.afetch(REF, timeout=5)
        else:
            outcome = asked.fetch(REF, timeout=5)
        assert isinstance(outcome, Found)
        assert outcome.value == CANARY
        assert_unseen(records.texts)
        assert "Received response" in records.texts
        assert "<masked by secretsource>" in records.texts
        asked.close()
        await asked.aclose()

    def test_others_are_left_alone(self, gcp: SecretManager, records: Records) -> None:
        """The SDK used by the application logs as ever: the leak is real, and closed for our calls only."""
        asked = provider(gcp)
        asked.fetch(REF, timeout=5)
        assert_unseen(records.texts)
        client = asked._clients._clients[None]
        client.access_secret_version(name=f"{NAMED}/versions/latest")
        assert b64encode(CANARY.encode()).decode() in records.texts
        asked.close()

    @pytest.mark.parametrize("path", ["grpc", "rest", "asyncio"])
    async def test_broken_answer(self, gcp: SecretManager, records: Records, path: str) -> None:
        """What could not be read is in no record, and no record has a traceback whose frames hold it."""
        gcp.faults.garbage = CANARY.encode()
        asked = provider(gcp, transport="rest" if path == "rest" else "grpc")
        if path == "asyncio":
            outcome = await asked.afetch(REF, timeout=5)
        else:
            outcome = asked.fetch(REF, timeout=5)
        assert failure(outcome).code is FailureCode.MALFORMED
        assert_unseen(records.texts)
        assert [record for record in records.records if record.exc_info] == []
        await asked.aclose()

    def test_logging_scope_of_google(self, gcp: SecretManager) -> None:
        """With the variable that turns Google's own logging on, its output does not show the value."""
        script = (
            "import sys; from secretsource import Resolver\n"
            f"with Resolver(['gcp://p1?endpoint={gcp.endpoint}']) as resolver:\n"
            f"    sys.exit(resolver.get('TOKEN') != {CANARY!r})"
        )
        environment = {**os.environ, "GOOGLE_SDK_PYTHON_LOGGING_SCOPE": "google"}
        done = subprocess.run([sys.executable, "-c", script], check=True, env=environment, capture_output=True)
        logged = done.stderr.decode()
        received = [json.loads(line) for line in logged.splitlines() if "Received response" in line]
        assert [record["response"] for record in received] == ["<masked by secretsource>"]
        assert_unseen(logged)

    def test_exceptions_of_anyone_do_not_escape(self, gcp: SecretManager, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever the SDK raises is a failure, because its traceback would hold the SDK's frames."""
        asked = provider(gcp)
        asked.fetch(REF, timeout=5)

        def raising(**_: Any) -> None:
            raise LookupError(CANARY)

        monkeypatch.setattr(asked._clients._clients[None], "access_secret_version", raising)
        outcome = failure(asked.fetch(REF, timeout=5))
        assert outcome.sdk_error == "LookupError"
        assert_unseen(repr(outcome))
