"""The clients of a vault: made once, signed in once, bounded in time, and silent."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential
from tests.frames import is_ours
from tests.servers.azure import (
    CLIENT,
    CLIENT_SECRET,
    DROPPED,
    TENANT,
    TOKEN,
    Answer,
    KeyVault,
    problem,
    provider,
    written,
)
from tests.servers.proxy import listening_proxy

from secretsource.providers._azure.pipeline import CredentialInThread
from secretsource.providers.azure import AzureProvider
from secretsource.providers.base import Failed, FailureCode, Found, SecretRef

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretsource.providers.base import Outcome

CANARY = "canary-a8d05e"
REF = SecretRef("azure", "token")


@pytest.fixture
def vault(vault: KeyVault) -> KeyVault:
    """A vault where ``token`` holds the canary, and an environment with a service principal."""
    vault.put("token", CANARY)
    return vault


@pytest.fixture
def azure(vault: KeyVault) -> Generator[AzureProvider]:
    """A provider for the vault."""
    azure = provider(vault)
    yield azure
    azure.close()


def failure(outcome: object) -> Failed:
    """The outcome, which must be a `Failed`."""
    assert isinstance(outcome, Failed), outcome
    return outcome


def given(vault: KeyVault, kind: Any = ClientSecretCredential) -> Any:
    """A credential that the application made."""
    return kind(
        TENANT,
        CLIENT,
        CLIENT_SECRET,
        authority=vault.url,
        disable_instance_discovery=True,
        connection_verify=vault.ca,
        retry_total=0,
    )


class TestMaking:
    """When clients are made, and how often they sign in."""

    def test_constructor_imports_no_azure(self) -> None:
        """azure is imported on the first fetch, and not by the module or the constructor."""
        script = (
            "import sys; from secretsource.providers.azure import AzureProvider;"
            "AzureProvider(vault_url='https://my-vault.vault.azure.net');"
            "sys.exit(any(name.partition('.')[0] in {'azure', 'msal', 'aiohttp', 'requests'} for name in sys.modules))"
        )
        assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

    def test_not_installed(self) -> None:
        """Without azure a fetch says what to install, and does not raise."""
        script = (
            "import sys; sys.modules['azure.keyvault'] = None\n"
            "from secretsource.providers.azure import AzureProvider\n"
            "from secretsource.providers.base import SecretRef\n"
            "provider = AzureProvider(vault_url='https://my-vault.vault.azure.net')\n"
            "print(provider.fetch(SecretRef('azure', 'x'), timeout=5).remedy)"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert "secretsource[azure]" in done.stdout

    def test_many_threads_sign_in_once(self, vault: KeyVault, azure: AzureProvider) -> None:
        """32 threads that start cold are challenged once, and ask for one token."""
        start = Barrier(32)

        def ask(_: int) -> object:
            start.wait(30)
            return azure.fetch(REF, timeout=10)

        with ThreadPoolExecutor(32) as threads:
            outcomes = list(threads.map(ask, range(32)))
        assert all(isinstance(outcome, Found) for outcome in outcomes)
        assert vault.logins == 1
        assert len([call for call in vault.calls if call[2] == 401]) <= 1

    async def test_many_tasks_sign_in_once(self, vault: KeyVault, azure: AzureProvider) -> None:
        """The same on the event loop."""
        outcomes = await asyncio.gather(*(azure.afetch(REF, timeout=10) for _ in range(32)))
        assert all(isinstance(outcome, Found) for outcome in outcomes)
        assert vault.logins == 1
        await azure.aclose()

    def test_reset_signs_in_anew(self, vault: KeyVault, azure: AzureProvider) -> None:
        """After a reset nothing of the former client is used."""
        azure.fetch(REF, timeout=5)
        azure.reset()
        assert isinstance(azure.fetch(REF, timeout=5), Found)
        assert vault.logins == 2

    def test_credential_that_was_given(self, vault: KeyVault) -> None:
        """A blocking credential serves both clients, and stays open."""
        credential = given(vault)
        azure = provider(vault, credential=credential)
        assert isinstance(azure.fetch(REF, timeout=5), Found)

        async def play() -> Outcome:
            outcome = await azure.afetch(REF, timeout=5)
            await azure.aclose()
            return outcome

        assert isinstance(asyncio.run(play()), Found)
        azure.close()
        assert credential.get_token("https://vault.azure.net/.default").token.startswith(TOKEN)
        assert vault.logins == 2  # one without continuous access evaluation: azure-identity keeps these apart
        credential.close()

    async def test_credential_in_a_thread_is_left_open(self, vault: KeyVault) -> None:
        """What wraps a credential that was given does not close it."""
        with given(vault) as credential:
            async with CredentialInThread(credential) as wrapped:
                await wrapped.close()
            assert credential.get_token("https://vault.azure.net/.default").token.startswith(TOKEN)

    async def test_asynchronous_credential_that_was_given(self, vault: KeyVault) -> None:
        """An asynchronous credential serves the asynchronous client; the blocking one says why it cannot."""
        async with given(vault, AsyncClientSecretCredential) as credential:
            azure = provider(vault, credential=credential)
            assert isinstance(await azure.afetch(REF, timeout=5), Found)
            outcome = failure(azure.fetch(REF, timeout=5))
            await azure.aclose()
            assert (await credential.get_token("https://vault.azure.net/.default")).token.startswith(TOKEN)
        assert outcome.code is FailureCode.MISCONFIGURED
        assert "azure.identity" in (outcome.remedy or "")

    def test_managed_identity(self, vault: KeyVault, azure: AzureProvider, monkeypatch: pytest.MonkeyPatch) -> None:
        """The client id of a user-assigned identity reaches the metadata service of the machine."""
        asked: list[dict[str, str]] = []
        answer = vault.answer

        def metadata(method: str, path: str, query: dict[str, str], form: dict[str, str], bearer: str) -> Answer:
            if path != "/msi":
                return answer(method, path, query, form, bearer)
            asked.append(query)
            token = TOKEN + "of-the-machine"
            vault.tokens.add(token)
            return written({"access_token": token, "expires_on": "4000000000", "resource": "r", "token_type": "Bearer"})

        monkeypatch.setattr(vault, "answer", metadata)
        for variable in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
            monkeypatch.delenv(variable)
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{vault.url}/msi")
        monkeypatch.setenv("IDENTITY_HEADER", "canary-of-the-header")
        azure = provider(vault, managed_identity_client_id="22222222-2222-2222-2222-222222222222")
        assert isinstance(azure.fetch(REF, timeout=5), Found)
        assert asked[0]["client_id"] == "22222222-2222-2222-2222-222222222222"
        azure.close()


class TestTokens:
    """What becomes of a token that is not accepted any more."""

    @pytest.mark.parametrize("threads", [1, 16])
    def test_revoked_with_a_claims_challenge(self, vault: KeyVault, azure: AzureProvider, threads: int) -> None:
        """Where access is evaluated continuously, the next call gets a new token by itself, in every thread."""
        assert isinstance(azure.fetch(REF, timeout=5), Found)
        vault.revoke()
        with ThreadPoolExecutor(threads) as pool:
            outcomes = list(pool.map(lambda _: azure.fetch(REF, timeout=10), range(threads)))
        assert all(isinstance(outcome, Found) for outcome in outcomes), outcomes
        assert vault.logins >= 2

    async def test_revoked_with_a_claims_challenge_on_the_loop(self, vault: KeyVault, azure: AzureProvider) -> None:
        """The same on the event loop."""
        assert isinstance(await azure.afetch(REF, timeout=5), Found)
        vault.revoke()
        outcomes = await asyncio.gather(*(azure.afetch(REF, timeout=5) for _ in range(8)))
        assert all(isinstance(outcome, Found) for outcome in outcomes)
        await azure.aclose()

    def test_refused_without_one(self, vault: KeyVault, azure: AzureProvider) -> None:
        """A token that is refused flatly fails one call; azure-identity would give it out for an hour more."""
        assert isinstance(azure.fetch(REF, timeout=5), Found)
        vault.revoke(continuously=False)
        assert failure(azure.fetch(REF, timeout=5)).code is FailureCode.UNAUTHENTICATED
        assert isinstance(azure.fetch(REF, timeout=5), Found)

    async def test_refused_without_one_on_the_loop(self, vault: KeyVault, azure: AzureProvider) -> None:
        """The same on the event loop, time and again, and every client that was made is closed."""
        for _ in range(3):
            assert isinstance(await azure.afetch(REF, timeout=5), Found)
            vault.revoke(continuously=False)
            assert failure(await azure.afetch(REF, timeout=5)).code is FailureCode.UNAUTHENTICATED
        await azure.aclose()

    async def test_refused_in_many_calls_at_once(self, vault: KeyVault, azure: AzureProvider) -> None:
        """Calls that are refused together make one new client, in threads and on the loop."""
        azure.fetch(REF, timeout=5)
        await azure.afetch(REF, timeout=5)
        start = Barrier(8)

        def ask(_: int) -> Outcome:
            start.wait(30)
            return azure.fetch(REF, timeout=10)

        for _ in range(2):
            vault.revoke(continuously=False)
            with ThreadPoolExecutor(8) as threads:
                outcomes = await asyncio.to_thread(list, threads.map(ask, range(8)))
            outcomes += await asyncio.gather(*(azure.afetch(REF, timeout=10) for _ in range(8)))
            refused = {outcome.code for outcome in outcomes if isinstance(outcome, Failed)}
            assert refused == {FailureCode.UNAUTHENTICATED}
            assert isinstance(azure.fetch(REF, timeout=5), Found)
            assert isinstance(await azure.afetch(REF, timeout=5), Found)
        await azure.aclose()

    def test_token_service_down_after_a_while(self, vault: KeyVault, azure: AzureProvider) -> None:
        """When no new token is to be had because of an outage, an old value may be served: it is retryable."""
        assert isinstance(azure.fetch(REF, timeout=5), Found)
        vault.revoke()
        vault.token_fault = lambda: problem(503, "ServiceUnavailable")
        assert failure(azure.fetch(REF, timeout=5)).code is FailureCode.UNAVAILABLE
        vault.heal()
        logins = vault.logins
        assert failure(azure.fetch(REF, timeout=5)).code is FailureCode.UNAVAILABLE
        assert vault.logins == logins  # MSAL leaves a token service alone for a minute that was out of order
        azure.reset()
        assert isinstance(azure.fetch(REF, timeout=5), Found)

    def test_given_credential_without_a_token_service(self, vault: KeyVault) -> None:
        """The same for a credential that was given, by what its exception came from."""
        vault.token_fault = lambda: DROPPED
        credential = given(vault)
        azure = provider(vault, credential=credential)
        assert failure(azure.fetch(REF, timeout=5)).code is FailureCode.UNAVAILABLE
        azure.close()
        credential.close()

    def test_untrusted_vault(self, vault: KeyVault) -> None:
        """A vault whose certificate is not trusted gets no request, and so no token."""

        class Ready:
            def get_token(self, *scopes: str, **options: Any) -> Any:
                raise ClientAuthenticationError("not to be asked")

        azure = provider(vault, ca_cert=None, credential=Ready(), vault_url=vault.url.replace("localhost", "127.0.0.1"))
        outcome = failure(azure.fetch(REF, timeout=5))
        azure.close()
        assert outcome.code is FailureCode.MISCONFIGURED
        assert "ca_cert" in (outcome.remedy or "")
        assert vault.calls == []


def retrying(vault: KeyVault, **headers: str) -> None:
    """Throttle the next call, and the next one only."""
    vault.faults.append(lambda: problem(429, "Throttled", **headers))


class TestTime:
    """A call ends in time, and a wait that the vault asked for is kept where it fits."""

    def test_retry_after_is_kept(self, vault: KeyVault, azure: AzureProvider) -> None:
        """Throttled once, it waits as long as it was told to, and gets the value."""
        azure.fetch(REF, timeout=5)
        retrying(vault, **{"Retry-After": "1"})
        started = monotonic()
        assert isinstance(azure.fetch(REF, timeout=60), Found)
        assert 1.0 <= monotonic() - started < 30

    async def test_retry_after_is_kept_on_the_loop(self, vault: KeyVault, azure: AzureProvider) -> None:
        """The same, while the loop does other things."""
        await azure.afetch(REF, timeout=5)
        retrying(vault, **{"x-ms-retry-after-ms": "200"})
        started = monotonic()
        assert isinstance(await azure.afetch(REF, timeout=60), Found)
        assert 0.2 <= monotonic() - started < 30
        await azure.aclose()

    def test_retry_after_that_does_not_fit(self, vault: KeyVault, azure: AzureProvider) -> None:
        """A wait that would outlast the call is not begun; the resolver is told of it at once."""
        azure.fetch(REF, timeout=5)
        retrying(vault, **{"Retry-After": "300"})
        started = monotonic()
        outcome = failure(azure.fetch(REF, timeout=60))
        assert monotonic() - started < 30
        assert (outcome.code, outcome.retry_after) == (FailureCode.THROTTLED, 300.0)

    async def test_retry_after_that_does_not_fit_on_the_loop(self, vault: KeyVault, azure: AzureProvider) -> None:
        """The same on the event loop."""
        await azure.afetch(REF, timeout=5)
        retrying(vault, **{"Retry-After": "300"})
        started = monotonic()
        outcome = failure(await azure.afetch(REF, timeout=60))
        assert monotonic() - started < 30
        assert (outcome.code, outcome.retry_after) == (FailureCode.THROTTLED, 300.0)
        await azure.aclose()

    @pytest.mark.parametrize("torn", [DROPPED, Answer(200, b'{"value":', torn=True), problem(503, "Busy")])
    def test_one_more_attempt(self, vault: KeyVault, azure: AzureProvider, torn: Answer) -> None:
        """A connection that broke once costs a second attempt, at once."""
        azure.fetch(REF, timeout=5)
        vault.faults.append(lambda: torn)
        assert isinstance(azure.fetch(REF, timeout=5), Found)

    def test_attempts(self, vault: KeyVault) -> None:
        """With one attempt there is no second."""
        azure = provider(vault, attempts=1)
        azure.fetch(REF, timeout=5)
        vault.faults.append(lambda: problem(503, "Busy"))
        assert failure(azure.fetch(REF, timeout=5)).code is FailureCode.UNAVAILABLE
        azure.close()

    def test_read_timeout(self, vault: KeyVault) -> None:
        """The setting bounds an attempt where the call's own time is longer."""
        azure = provider(vault, read_timeout=0.2, attempts=1)
        vault.standing = vault.hang
        started = monotonic()
        assert failure(azure.fetch(REF, timeout=60)).code is FailureCode.TIMEOUT
        assert monotonic() - started < 20
        azure.close()

    def test_one_deadline_for_all_requests(
        self, vault: KeyVault, azure: AzureProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Challenge, token and secret share one deadline: each comes well before it, and all three do not."""
        answer = vault.answer

        def late(*asked: Any) -> Answer:
            Event().wait(0.5)
            return answer(*asked)

        monkeypatch.setattr(vault, "answer", late)
        assert failure(azure.fetch(REF, timeout=1.2)).code is FailureCode.TIMEOUT

    def test_no_answer(self, vault: KeyVault) -> None:
        """A vault that says nothing is waited for until the deadline, and no longer."""
        azure = provider(vault, read_timeout=60)
        vault.standing = vault.hang
        started = monotonic()
        assert failure(azure.fetch(REF, timeout=1)).code is FailureCode.TIMEOUT
        assert 0.6 < monotonic() - started < 20
        azure.close()

    def test_cold_threads_share_the_wait(self, vault: KeyVault, azure: AzureProvider) -> None:
        """A thread that waits for the one that signs in gives up at its own deadline, and not at the other's."""
        signing_in = Event()

        def hang() -> Answer:
            signing_in.set()
            return vault.hang()

        vault.standing = hang
        with ThreadPoolExecutor(1) as thread:
            first = thread.submit(azure.fetch, REF, timeout=60)
            assert signing_in.wait(30)
            started = monotonic()
            assert failure(azure.fetch(REF, timeout=0.1)).code is FailureCode.TIMEOUT
            assert monotonic() - started < 20
            vault.heal()
            assert isinstance(first.result(), Found)

    @pytest.mark.parametrize("timeout", [0.0, -1.0])
    async def test_no_time_at_all(self, vault: KeyVault, azure: AzureProvider, timeout: float) -> None:
        """Without time nothing is asked."""
        assert failure(azure.fetch(REF, timeout=timeout)).code is FailureCode.TIMEOUT
        assert failure(await azure.afetch(REF, timeout=timeout)).code is FailureCode.TIMEOUT
        assert vault.calls == []

    async def test_cancelled_without_frames_of_azure(self, vault: KeyVault, azure: AzureProvider) -> None:
        """A cancelled call leaves a traceback of ours only: azure's frames hold the token."""
        await azure.afetch(REF, timeout=5)
        vault.standing = vault.hang
        waiting = asyncio.ensure_future(azure.afetch(REF, timeout=5))
        await asyncio.wait({waiting}, timeout=0.2)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await waiting
        files = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]
        assert [file for file in files if "site-packages" in Path(file).parts and not is_ours(file)] == []
        await azure.aclose()


class Unasked:
    """A credential that is not come to."""

    def get_token(self, *scopes: str, **options: Any) -> Any:
        raise AssertionError


class TestEnvironment:
    """Proxies that the environment names."""

    @pytest.fixture
    def proxy(self) -> Generator[tuple[str, list[bytes]]]:
        """The URL of a proxy that connects nobody, and what each client has asked it for."""
        with listening_proxy(lambda first: first.partition(b" HTTP/")[0]) as proxy:
            yield proxy

    @pytest.mark.parametrize(
        ("variable", "excepted", "asked"),
        [
            ("HTTPS_PROXY", "", {b"CONNECT vault.invalid:443"}),
            ("ALL_PROXY", "", {b"CONNECT vault.invalid:443"}),
            ("HTTPS_PROXY", "vault.invalid", set()),
            ("HTTP_PROXY", "", set()),
        ],
    )
    @pytest.mark.parametrize("native", [False, True])
    async def test_proxy(
        self,
        proxy: tuple[str, list[bytes]],
        variable: str,
        excepted: str,
        asked: set[bytes],
        native: bool,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The proxy for https is asked by both clients, unless the vault is excepted."""
        address, said = proxy
        for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.lower(), raising=False)
        monkeypatch.setenv(variable, address)
        monkeypatch.setenv("NO_PROXY", excepted)
        azure = AzureProvider(vault_url="https://vault.invalid", credential=Unasked(), attempts=1)
        outcome = await azure.afetch(REF, timeout=5) if native else azure.fetch(REF, timeout=5)
        assert failure(outcome).code is FailureCode.UNAVAILABLE
        assert set(said) == asked  # aiohttp tries again
        await azure.aclose()
        azure.close()

    def test_setting(self, proxy: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
        """A proxy that is set goes before that of the environment."""
        address, said = proxy
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
        azure = AzureProvider(
            vault_url="https://vault.invalid",
            credential=Unasked(),
            attempts=1,
            client_options={"proxies": {"https": address}},
        )
        assert failure(azure.fetch(REF, timeout=5)).code is FailureCode.UNAVAILABLE
        assert said == [b"CONNECT vault.invalid:443"]
        azure.close()

    def test_authorities(self, vault: KeyVault, monkeypatch: pytest.MonkeyPatch) -> None:
        """The blocking client trusts the bundle that the environment names for requests."""
        azure = provider(vault, ca_cert=None, credential=given(vault))
        assert failure(azure.fetch(REF, timeout=5)).code is FailureCode.MISCONFIGURED
        azure.reset()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", vault.ca)
        assert isinstance(azure.fetch(REF, timeout=5), Found)
        azure.close()

    def test_no_netrc(self, vault: KeyVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A password for the host in ``.netrc`` does not take the place of the token."""
        netrc = tmp_path / "netrc"
        netrc.write_text("machine localhost login somebody password elsewhere\n")
        monkeypatch.setenv("NETRC", str(netrc))
        azure = provider(vault, credential=given(vault))
        assert isinstance(azure.fetch(REF, timeout=5), Found)
        azure.close()


def told(record: logging.LogRecord) -> list[str]:
    """The traceback of a record."""
    return traceback.format_exception(*record.exc_info) if record.exc_info else []


class TestSilence:
    """Neither a value nor a token gets into a log, or stays where an error tracker finds it."""

    async def test_root_at_debug(self, vault: KeyVault, azure: AzureProvider, caplog: pytest.LogCaptureFixture) -> None:
        """With everything at DEBUG, on both clients, with a login, a listing and a refusal, no record shows one."""
        caplog.set_level(logging.DEBUG)
        vault.put("token", CANARY + "-newer")
        for ref in (REF, REF._replace(stage="previous"), SecretRef("azure", "absent")):
            azure.fetch(ref, timeout=5)
            await azure.afetch(ref, timeout=5)
        vault.revoke(continuously=False)
        failure(azure.fetch(REF, timeout=5))
        failure(await azure.afetch(REF, timeout=5))
        await azure.aclose()
        assert {"azure.core.pipeline.policies.http_logging_policy", "msal.application", "urllib3.connectionpool"} <= {
            record.name for record in caplog.records
        }
        for record in caplog.records:
            told = repr(vars(record)) + record.getMessage()
            for canary in (CANARY, CLIENT_SECRET, TOKEN):
                assert canary not in told, record.name

    @pytest.mark.parametrize(
        "answer",
        [
            written({"access_token": TOKEN}, 400),
            written({"id_token": TOKEN}),
            Answer(200, f'{{"access_token": "{TOKEN}'.encode()),
            Answer(500, TOKEN.encode()),
        ],
    )
    async def test_token_service_at_debug(
        self, vault: KeyVault, azure: AzureProvider, answer: Answer, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A token in an answer that is not what was expected is in no outcome and no record."""
        caplog.set_level(logging.DEBUG)
        vault.token_fault = lambda: answer
        for outcome in (azure.fetch(REF, timeout=5), await azure.afetch(REF, timeout=5)):
            assert TOKEN not in repr(failure(outcome))
        await azure.aclose()
        assert "DefaultAzureCredential failed" in caplog.text
        for record in caplog.records:
            assert TOKEN not in "".join(map(str, (vars(record), record.getMessage(), *told(record)))), record.name

    def test_others_are_left_alone(
        self, vault: KeyVault, azure: AzureProvider, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A credential of the application's own logs as ever: the leak is real, and closed for our calls only."""
        azure.fetch(REF, timeout=5)
        vault.token_fault = lambda: Answer(200, f'{{"access_token": "{TOKEN}'.encode())
        with given(vault) as credential, pytest.raises(ClientAuthenticationError):
            credential.get_token("https://vault.azure.net/.default")
        assert TOKEN in caplog.text
