"""What the asynchronous client of a vault leaves behind: nothing, whatever became of its calls."""

from __future__ import annotations

import asyncio
import gc
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import uvloop
from azure.core.credentials import AccessToken
from azure.core.exceptions import ServiceRequestError
from azure.core.rest import HttpRequest
from tests.servers.azure import CLIENT_SECRET, DROPPED, Answer, KeyVault, provider
from tests.servers.relay import relay

from secretsource.providers._azure import aclient
from secretsource.providers._azure.connections import EndingTransport
from secretsource.providers._meaning import told_with_place
from secretsource.providers.base import Failed, FailureCode, Found, SecretRef

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from secretsource.providers.azure import AzureProvider
    from secretsource.providers.base import Outcome

    Loops = Callable[[], asyncio.AbstractEventLoop]

REF = SecretRef("azure", "token")
TORN = {"dropped": DROPPED, "torn": Answer(200, b'{"value":', torn=True)}


@pytest.fixture
def vault(vault: KeyVault) -> KeyVault:
    """A vault with one secret, and an environment with a service principal."""
    vault.put("token", "value")
    return vault


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loops(request: pytest.FixtureRequest) -> Loops:
    """Each kind of event loop."""
    made: Loops = request.param
    return made


def left_open(scenario: Coroutine[Any, Any, object], loops: Loops = asyncio.new_event_loop) -> list[str]:
    """What Python complains of, because a scenario and its event loop have not closed it."""
    gc.collect()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        with asyncio.Runner(loop_factory=loops) as runner:
            runner.run(scenario)
        gc.collect()
    return [str(warning.message) for warning in told]


async def by_deadline(azure: AzureProvider) -> None:
    """A call whose time is over."""
    outcome = await azure.afetch(REF, timeout=0.2)
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.TIMEOUT


async def by_cancellation(azure: AzureProvider) -> None:
    """A call whose task is cancelled."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(azure.afetch(REF, timeout=5), 0.2)


@pytest.mark.parametrize("given_up", [by_deadline, by_cancellation])
@pytest.mark.parametrize("hanging", ["vault", "token service"])
def test_given_up(
    vault: KeyVault, loops: Loops, hanging: str, given_up: Callable[[AzureProvider], Coroutine[Any, Any, None]]
) -> None:
    """A connection whose request was given up ends with the client: a service that hangs says no goodbye."""
    azure = provider(vault)

    async def play() -> None:
        if hanging == "vault":
            assert isinstance(await azure.afetch(REF, timeout=5), Found)
            vault.standing = vault.hang
        else:
            vault.token_fault = vault.hang
        await given_up(azure)
        await asyncio.sleep(0)  # the connection is given up in the turn after
        await azure.aclose()

    assert left_open(play(), loops) == []


@pytest.mark.parametrize("case", TORN)
def test_torn(vault: KeyVault, loops: Loops, case: str) -> None:
    """So does one that the other side has torn."""
    azure = provider(vault, attempts=1)

    async def play() -> None:
        assert isinstance(await azure.afetch(REF, timeout=5), Found)
        vault.standing = lambda: TORN[case]
        assert isinstance(await azure.afetch(REF, timeout=5), Failed)
        await azure.aclose()

    assert left_open(play(), loops) == []


def test_in_the_middle_of_a_call(vault: KeyVault, loops: Loops) -> None:
    """Calls under way are ended before their client is, and say so to whoever waits for them."""
    azure = provider(vault)
    vault.standing = vault.hang

    async def play() -> None:
        calls = [asyncio.ensure_future(azure.afetch(REF, timeout=5)) for _ in range(3)]
        await asyncio.wait(calls, timeout=0.2)
        await azure.aclose()
        told = told_with_place(aclient.CLOSED, vault.url.removeprefix("https://"))
        assert await asyncio.gather(*calls) == [told] * 3

    assert left_open(play(), loops) == []


def test_loop_that_ends_without_aclose(vault: KeyVault, loops: Loops) -> None:
    """The end of the loop closes its client, and the next loop forgets it."""
    azure = provider(vault)

    async def play() -> Outcome:
        outcome = await azure.afetch(REF, timeout=5)
        vault.standing = vault.hang
        await by_deadline(azure)
        vault.heal()
        return outcome

    for _ in range(2):
        assert left_open(play(), loops) == []
    assert azure._async_client is not None
    assert len(azure._async_client._loops) == 1


async def test_call_that_does_not_end(vault: KeyVault, monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential that does not let itself be cancelled holds the end up for a while, and not for good."""
    monkeypatch.setattr(aclient, "PATIENCE", 0.01)
    asked, released = asyncio.Event(), asyncio.Event()

    class Stubborn:
        async def get_token(self, *_: str, **__: Any) -> AccessToken:
            asked.set()
            while not released.is_set():
                try:
                    await released.wait()
                except asyncio.CancelledError:
                    continue
            return AccessToken(CLIENT_SECRET, 4_000_000_000)

    azure = provider(vault, credential=Stubborn())
    call = asyncio.ensure_future(azure.afetch(REF, timeout=60))
    await asked.wait()
    await asyncio.wait_for(azure.aclose(), 5)
    assert not call.done()
    released.set()
    assert isinstance(await call, Failed)


def test_unused(vault: KeyVault) -> None:
    """Closing what was never opened does nothing."""
    azure = provider(vault)
    asyncio.run(azure.aclose())
    azure.close()
    assert vault.calls == []


@pytest.mark.parametrize("heeded", [True, False])
@pytest.mark.parametrize("url", ["http://tokens.invalid/t", "http://localhost:1/t"])
async def test_proxy_of_the_environment(heeded: bool, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """azure's own option says whether the environment may name a proxy, which is not asked about this machine."""
    for name in ("http_proxy", "all_proxy", "no_proxy", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with relay() as proxy:
        proxy.answer(204)
        monkeypatch.setenv("HTTP_PROXY", proxy.address)
        transport = EndingTransport(True, use_env_settings=heeded)
        with suppress(ServiceRequestError):
            await transport.send(HttpRequest("GET", url))
        await transport.close()
        assert [call.path for call in proxy.calls] == ([url] if heeded and "invalid" in url else [])
