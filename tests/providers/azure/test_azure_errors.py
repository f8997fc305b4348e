"""What each error of Key Vault and of the token service comes down to, on both clients, over the wire."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseTimeoutError,
    TooManyRedirectsError,
)
from tests.servers.azure import (
    DENIED,
    DROPPED,
    Answer,
    KeyVault,
    problem,
    provider,
    written,
)

from secretsource.providers._azure.errors import DeadlinePassed, TokenAnswer, explain
from secretsource.providers.base import Failed, FailureCode, NotFound, SecretRef
from secretsource.testing.servers._process import reserved_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.providers.azure import AzureProvider
    from secretsource.providers.base import Outcome

    Ask = Callable[..., Outcome]

CANARY = "canary-2f8b7d"
REF = SecretRef("azure", "token")


@pytest.fixture
def vault(vault: KeyVault) -> KeyVault:
    """A vault where ``token`` holds the canary, and an environment with a service principal."""
    vault.put("token", CANARY)
    return vault


@pytest.fixture(params=["fetch", "afetch"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Asks a provider, and closes it."""

    def blocking(provider: AzureProvider, ref: SecretRef = REF, timeout: float = 5) -> Outcome:
        outcome = provider.fetch(ref, timeout=timeout)
        provider.close()
        return outcome

    def asynchronous(provider: AzureProvider, ref: SecretRef = REF, timeout: float = 5) -> Outcome:
        async def play() -> Outcome:
            try:
                return await provider.afetch(ref, timeout=timeout)
            finally:
                await provider.aclose()

        return asyncio.run(play())

    return blocking if request.param == "fetch" else asynchronous


def failure(outcome: object) -> Failed:
    """The outcome, which must be a `Failed` and show nothing."""
    assert isinstance(outcome, Failed), outcome
    assert "canary" not in repr(outcome)
    return outcome


ANSWERS: dict[str, tuple[Answer, FailureCode, str]] = {
    "deleted": (problem(409, "Conflict", CANARY, "ObjectIsDeletedButRecoverable"), FailureCode.DELETED, "recover"),
    "forbidden": (problem(403, "Forbidden", CANARY), FailureCode.DENIED, "Key Vault Secrets User"),
    "forbidden-newly": (problem(403, "Forbidden", CANARY, "SomethingNew"), FailureCode.DENIED, "secrets/get"),
    "forbidden-by-a-proxy": (Answer(403, CANARY.encode()), FailureCode.DENIED, "Key Vault Secrets User"),
    "unauthorized": (problem(401, "Unauthorized", CANARY), FailureCode.UNAUTHENTICATED, "tenant"),
    "bad-parameter": (problem(400, "BadParameter", CANARY), FailureCode.MISCONFIGURED, "reference"),
    "teapot": (problem(418, CANARY + " is no code"), FailureCode.MISCONFIGURED, "reference"),
    "not-found-newly": (problem(404, "ResourceNotFound"), FailureCode.MISCONFIGURED, "vault_url"),
    "redirect": (Answer(302, b"", {"Location": "http://127.0.0.1:9/"}), FailureCode.MISCONFIGURED, "vault_url"),
    "redirect-to-another": (
        Answer(307, b"", {"Location": "https://127.0.0.1:9/"}),
        FailureCode.MISCONFIGURED,
        "vault_url",
    ),
    "not-found-by-a-proxy": (Answer(404, f"<html>{CANARY}</html>".encode()), FailureCode.MISCONFIGURED, "vault_url"),
    "request-timeout": (problem(408, "Timeout"), FailureCode.TIMEOUT, ""),
    "throttled": (problem(429, "Throttled"), FailureCode.THROTTLED, "longer"),
    "internal": (problem(500, "InternalServerError", CANARY), FailureCode.UNAVAILABLE, "status"),
    "unavailable": (problem(503, "ServiceUnavailable"), FailureCode.UNAVAILABLE, "status"),
    "bad-gateway": (Answer(502, f"<html>{CANARY}</html>".encode()), FailureCode.UNAVAILABLE, "status"),
    "internal-and-absent": (problem(500, "SecretNotFound"), FailureCode.UNAVAILABLE, "status"),
    "torn": (Answer(200, f'{{"value": "{CANARY}"'.encode(), torn=True), FailureCode.UNAVAILABLE, "vault_url"),
    "dropped": (DROPPED, FailureCode.UNAVAILABLE, "vault_url"),
    "empty": (Answer(200, b""), FailureCode.MALFORMED, "proxy"),
    "text": (Answer(200, CANARY.encode()), FailureCode.MALFORMED, "proxy"),
    "list": (Answer(200, f'["{CANARY}"]'.encode()), FailureCode.MALFORMED, "proxy"),
    "not-utf8": (Answer(200, b'{"value": "\xff\xfe"}'), FailureCode.MALFORMED, "proxy"),
    "no-value": (written({"id": "https://v/secrets/token/0", "attributes": {}}), FailureCode.MALFORMED, "proxy"),
    "bad-id": (written({"value": CANARY, "id": CANARY}), FailureCode.MALFORMED, "proxy"),
    "no-id": (written({"value": CANARY}), FailureCode.MALFORMED, "proxy"),
    "not-modified": (Answer(304, b""), FailureCode.MALFORMED, "proxy"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_answer(vault: KeyVault, ask: Ask, case: str) -> None:
    """However the vault answers, it is one of our codes, with a remedy, and shows nothing of the answer."""
    answer, code, remedy = ANSWERS[case]
    vault.standing = lambda: answer
    outcome = failure(ask(provider(vault, attempts=1)))
    assert outcome.code is code
    assert remedy in (outcome.remedy or "")


@pytest.mark.parametrize(
    ("inner", "word"),
    [
        ("ForbiddenByRbac", "Key Vault Secrets User"),
        ("ForbiddenByPolicy", "secrets/get"),
        ("AccessDenied", "secrets/get"),
        ("ForbiddenByFirewall", "network settings"),
        ("ForbiddenByConnection", "private endpoint"),
    ],
)
def test_forbidden(vault: KeyVault, ask: Ask, inner: str, word: str) -> None:
    """A refusal says who refused, and what to grant or open."""
    assert inner in DENIED
    vault.refused["token"] = inner
    outcome = failure(ask(provider(vault)))
    assert (outcome.code, outcome.sdk_error) == (FailureCode.DENIED, inner)
    assert word in (outcome.remedy or "")


def test_disabled_is_not_denied(vault: KeyVault, ask: Ask) -> None:
    """A disabled version has the status of a refusal, and is told apart; no older version takes its place."""
    vault.put("token", "second", enabled=False)
    outcome = failure(ask(provider(vault)))
    assert (outcome.code, outcome.sdk_error) == (FailureCode.DISABLED, "SecretDisabled")


def test_soft_deleted_is_absent(vault: KeyVault, ask: Ask) -> None:
    """Without a list permission a deleted secret looks as one that never was."""
    vault.delete("token")
    assert isinstance(ask(provider(vault)), NotFound)


def test_throttled_says_how_long(vault: KeyVault, ask: Ask) -> None:
    """The wait that the vault asks for is passed on."""
    vault.standing = lambda: problem(429, "Throttled", **{"Retry-After": "7"})
    outcome = failure(ask(provider(vault)))
    assert (outcome.code, outcome.retry_after) == (FailureCode.THROTTLED, 7.0)


WIRINGS: dict[str, tuple[dict[str, Any], FailureCode, str]] = {
    "no-such-vault": ({"vault_url": "https://vault.invalid"}, FailureCode.UNAVAILABLE, "vault_url"),
    "unknown-authority": ({"ca_cert": None}, FailureCode.MISCONFIGURED, "ca_cert"),
    "no-ca-file": ({"ca_cert": "/nowhere.pem"}, FailureCode.MISCONFIGURED, "ca_cert"),
    "no-ca-in-it": ({"ca_cert": __file__}, FailureCode.MISCONFIGURED, "ca_cert"),
    "other-resource": ({"verify_challenge_resource": True}, FailureCode.MISCONFIGURED, "verify_challenge_resource"),
}


@pytest.mark.parametrize("case", WIRINGS)
def test_wiring(vault: KeyVault, ask: Ask, case: str) -> None:
    """What is set wrongly is told by the setting's name."""
    settings, code, remedy = WIRINGS[case]
    outcome = failure(ask(provider(vault, **settings)))
    assert outcome.code is code
    assert remedy in (outcome.remedy or "")


def test_nobody_listens(vault: KeyVault, ask: Ask) -> None:
    """A refused connection is an outage."""
    with reserved_port() as unused:
        outcome = failure(ask(provider(vault, vault_url=f"https://localhost:{unused}")))
    assert outcome.code is FailureCode.UNAVAILABLE


def test_wrong_client_secret(vault: KeyVault, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal of the token service is no outage."""
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "canary-of-a-wrong-one")
    outcome = failure(ask(provider(vault)))
    assert outcome.code is FailureCode.UNAUTHENTICATED
    assert "AZURE_CLIENT_SECRET" in (outcome.remedy or "")


def test_no_credentials(vault: KeyVault, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where azure-identity finds nothing at all, the remedy names the ways to give it something."""
    for variable in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(variable)
    options = {"exclude_managed_identity_credential": True, "disable_instance_discovery": True}
    outcome = failure(ask(provider(vault, credential_options=options)))
    assert outcome.code is FailureCode.UNAUTHENTICATED
    assert "az login" in (outcome.remedy or "")


TOKEN_FAULTS: dict[str, tuple[Answer, FailureCode]] = {
    "down": (problem(503, "ServiceUnavailable"), FailureCode.UNAVAILABLE),
    "internal": (problem(500, "InternalError"), FailureCode.UNAVAILABLE),
    "temporarily-down": (
        written({"error": "temporarily_unavailable", "error_description": CANARY}, 503),
        FailureCode.UNAVAILABLE,
    ),
    "throttled": (written({"error": "throttled", "error_description": CANARY}, 429), FailureCode.THROTTLED),
    "dropped": (DROPPED, FailureCode.UNAVAILABLE),
    "refused": (
        written({"error": "unauthorized_client", "error_description": CANARY}, 400),
        FailureCode.UNAUTHENTICATED,
    ),
}


@pytest.mark.parametrize("case", TOKEN_FAULTS)
def test_token_service(vault: KeyVault, ask: Ask, case: str) -> None:
    """An outage of the token service is retryable, though azure-identity calls it failed authentication."""
    answer, code = TOKEN_FAULTS[case]
    vault.token_fault = lambda: answer
    assert failure(ask(provider(vault))).code is code


def test_token_service_hangs(vault: KeyVault) -> None:
    """A token service that does not answer uses up the time of the call, and no more."""
    vault.token_fault = vault.hang
    azure = provider(vault)
    assert failure(azure.fetch(REF, timeout=0.4)).code is FailureCode.TIMEOUT
    azure.close()


async def test_token_service_hangs_on_the_loop(vault: KeyVault) -> None:
    """The same for the asynchronous client."""
    vault.token_fault = vault.hang
    azure = provider(vault)
    assert failure(await azure.afetch(REF, timeout=0.4)).code is FailureCode.TIMEOUT
    await azure.aclose()


def answered(status: int, headers: dict[str, str] | None = None) -> Any:
    """An answer as azure's errors hold it."""

    class Response:
        status_code, reason = status, ""

        def text(self) -> str:
            return ""

    response: Any = Response()
    response.headers = headers or {}
    return response


class TestTable:
    """Rows that no server of ours brings about."""

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (DeadlinePassed(), FailureCode.TIMEOUT),
            (TimeoutError(), FailureCode.TIMEOUT),
            (ServiceResponseTimeoutError(CANARY), FailureCode.TIMEOUT),
            (ServiceRequestError(f"{CANARY} CERTIFICATE_VERIFY_FAILED"), FailureCode.MISCONFIGURED),
            (ServiceRequestError(CANARY), FailureCode.UNAVAILABLE),
            (ConnectionResetError(CANARY), FailureCode.UNAVAILABLE),
            (HttpResponseError(CANARY), FailureCode.UNAVAILABLE),
            (TooManyRedirectsError([]), FailureCode.MISCONFIGURED),
            (ImportError(CANARY), FailureCode.MISCONFIGURED),
            (NotImplementedError(CANARY), FailureCode.MISCONFIGURED),
            (ValueError(CANARY), FailureCode.MALFORMED),
            (LookupError(CANARY), FailureCode.MALFORMED),
            (ClientAuthenticationError(CANARY), FailureCode.UNAUTHENTICATED),
        ],
    )
    def test_class(self, error: Exception, code: FailureCode) -> None:
        """An exception without an answer is known by its class."""
        outcome = failure(explain(error, "secrets/get"))
        assert (outcome.code, outcome.sdk_error) == (code, type(error).__name__)

    @pytest.mark.parametrize("error", [ValueError(CANARY), TypeError(CANARY)])
    def test_making(self, error: Exception) -> None:
        """What is wrong while a client is made is wrong with its settings."""
        assert failure(explain(error, "secrets/get", making=True)).code is FailureCode.MISCONFIGURED

    @pytest.mark.parametrize(
        ("cause", "code"),
        [
            (ServiceRequestError("down"), FailureCode.UNAVAILABLE),
            (ServiceResponseTimeoutError("slow"), FailureCode.UNAVAILABLE),
            (DeadlinePassed(), FailureCode.TIMEOUT),
            (HttpResponseError(response=answered(502)), FailureCode.UNAVAILABLE),
            (HttpResponseError(response=answered(429)), FailureCode.THROTTLED),
            (HttpResponseError(response=answered(400)), FailureCode.UNAUTHENTICATED),
            (LookupError("other"), FailureCode.UNAUTHENTICATED),
        ],
    )
    def test_cause_of_a_failed_authentication(self, cause: Exception, code: FailureCode) -> None:
        """A credential that was given is judged by what its exception came from."""
        error = ClientAuthenticationError("Authentication failed")
        error.__cause__ = cause
        assert failure(explain(error, "secrets/get")).code is code

    @pytest.mark.parametrize(
        ("token", "code"),
        [
            (TokenAnswer("login", None), FailureCode.UNAVAILABLE),
            (TokenAnswer("169.254.169.254", None), FailureCode.UNAUTHENTICATED),
            (TokenAnswer("169.254.169.254", None, signed_in=True), FailureCode.UNAVAILABLE),
            (TokenAnswer("169.254.169.254", 410), FailureCode.UNAVAILABLE),
            (TokenAnswer("169.254.169.254", 429), FailureCode.THROTTLED),
            (TokenAnswer("169.254.169.254", 400), FailureCode.UNAUTHENTICATED),
            (TokenAnswer("login", 200), FailureCode.UNAUTHENTICATED),
        ],
    )
    def test_last_answer_of_the_token_service(self, token: TokenAnswer, code: FailureCode) -> None:
        """A metadata service that never answered is not there; one that did, and does not any more, is down."""
        assert failure(explain(ClientAuthenticationError("no"), "secrets/get", token=token)).code is code

    def test_late(self) -> None:
        """A token that did not come before the deadline is a timeout."""
        token = TokenAnswer("login", None)
        outcome = failure(explain(ClientAuthenticationError("no"), "secrets/get", token=token, late=True))
        assert outcome.code is FailureCode.TIMEOUT

    def test_action_is_named(self) -> None:
        """The remedy names the permission of the call that was refused."""
        error = HttpResponseError("no")
        error.status_code = 403
        assert "secrets/list" in (failure(explain(error, "secrets/list")).remedy or "")

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"Retry-After": "3"}, 3.0),
            ({"x-ms-retry-after-ms": "250"}, 0.25),
            ({"retry-after-ms": "500", "Retry-After": "1"}, 0.5),
            ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
            ({"Retry-After": "9" * 5000}, None),
            ({}, None),
        ],
    )
    def test_wait(self, headers: dict[str, str], seconds: float | None) -> None:
        """The wait is read from each header that Azure uses; a date is left to the resolver's own pause."""
        error = HttpResponseError(response=answered(429, headers))
        assert failure(explain(error, "secrets/get")).retry_after == seconds
