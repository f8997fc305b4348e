"""The life of the token: had once, renewed ahead of its end, replaced when lost; and servers that go and come back."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from tests.servers.openbao import DurableOpenBao, OpenBao, durable_openbao
from tests.servers.relay import Call, Relay, Reply
from tests.servers.vault import ask, bao, code, fields, front, make, place, rules

from secretsource import Resolver
from secretsource.providers._vault.auth import Grant
from secretsource.providers._vault.client import seconds_of
from secretsource.providers._vault.token import AGAIN, Token
from secretsource.providers.base import FailureCode, Found, SecretRef
from secretsource.providers.vault import VaultProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

__all__ = ["bao", "front", "make", "place", "rules"]


@pytest.fixture
def machine(bao: OpenBao, rules: str, make: Callable[..., VaultProvider]) -> Callable[..., VaultProvider]:
    """Makes providers that log in by a role of AppRole as described."""

    def machine(**about: Any) -> VaultProvider:
        role_id = bao.approle(rules, rules, **about)
        return make(auth={"method": "approle", "role_id": role_id, "secret_id": bao.secret_id(rules)}, kv_version=2)

    return machine


def held(provider: VaultProvider) -> Token:
    """The token that a provider holds."""
    token = provider._tokens.held
    assert token is not None
    return token


def _ref(place: str) -> SecretRef:
    return SecretRef("vault", f"secret/{place}")


def is_due(provider: VaultProvider) -> None:
    """Let the time for renewing the token have come."""
    held(provider).due_at = time.monotonic()


class TestLength:
    """What a token's length comes to."""

    def test_token_with_an_end(self) -> None:
        """It is due at two thirds of its life."""
        token = Token(Grant("t", 90.0, True), 1000.0)
        assert (token.due_at, token.ends_at, token.left(1030.0)) == (1060.0, 1090.0, 60.0)

    def test_token_without_an_end(self) -> None:
        """A root token, or one of unknown length, is never due."""
        token = Token(Grant("t", 0.0, False), 1000.0)
        assert token.due_at == token.ends_at == float("inf")

    def test_nothing_longer_is_to_be_had(self) -> None:
        """It is sought again after half of what is left, and not more often than every second."""
        token = Token(Grant("t", 90.0, True), 1000.0)
        token.postpone(1060.0)
        assert token.due_at == 1075.0
        token.postpone(1089.5)
        assert token.due_at == 1090.5

    @pytest.mark.parametrize("told", ["3600", [1], -5, None, float("nan")])
    def test_length_that_is_none(self, told: object) -> None:
        """What is no length of time is taken as none that is known."""
        assert seconds_of(told) == 0

    def test_masked(self) -> None:
        """Neither shows its text."""
        grant = Grant("canary", 1.0, True)
        assert "canary" not in repr([grant, Token(grant, 0.0)])


class TestRenewal:
    """Ahead of its end."""

    def test_renewed_when_due(
        self, rules: str, place: str, front: Relay, machine: Callable[..., VaultProvider]
    ) -> None:
        """A token that is due is renewed, once, and stays the same."""
        provider = machine(token_ttl="1h")
        ask(provider, f"secret/{place}")
        before = held(provider)
        is_due(provider)
        front.calls.clear()
        for _ in range(2):
            assert isinstance(ask(provider, f"secret/{place}"), Found)
        assert front.asked == ["POST auth/token/renew-self", *[f"GET secret/data/{place}"] * 2]
        assert held(provider) is before
        assert before.left(time.monotonic()) > 3590

    @pytest.mark.parametrize("about", [{"token_ttl": "30s", "token_max_ttl": "30s"}, {"token_type": "batch"}])
    def test_new_login_where_renewal_gives_less(
        self, about: dict[str, str], place: str, front: Relay, machine: Callable[..., VaultProvider]
    ) -> None:
        """A token near its greatest age, or one that cannot be renewed, is replaced ahead of its end."""
        provider = machine(**about)
        ask(provider, f"secret/{place}")
        before = held(provider)
        time.sleep(1.1)
        is_due(provider)
        front.calls.clear()
        assert isinstance(ask(provider, f"secret/{place}"), Found)
        assert "POST auth/approle/login" in front.asked
        assert held(provider) is not before

    def test_login_that_cannot_be_repeated(
        self, place: str, front: Relay, machine: Callable[..., VaultProvider]
    ) -> None:
        """Where neither renewing nor logging in gives more, the token serves to its end and is left alone."""
        provider = machine(token_ttl="30s", token_max_ttl="30s", secret_id_num_uses=1)
        ask(provider, f"secret/{place}")
        time.sleep(1.1)
        is_due(provider)
        front.calls.clear()
        for _ in range(2):
            assert isinstance(ask(provider, f"secret/{place}"), Found)
        assert front.asked == [
            "POST auth/token/renew-self",
            "POST auth/approle/login",
            *[f"GET secret/data/{place}"] * 2,
        ]

    def test_renewal_that_fails(self, place: str, front: Relay, machine: Callable[..., VaultProvider]) -> None:
        """A Vault that does not renew for a moment does not stop a fetch."""
        provider = machine(token_ttl="1h")
        ask(provider, f"secret/{place}")
        for status in (500, 200):
            is_due(provider)
            front.answer(status, b'{"auth":{}}', on="auth/")
            assert isinstance(ask(provider, f"secret/{place}"), Found)
        front.hang(on="auth/")
        is_due(provider)
        assert code(provider.fetch(provider.complete(_ref(place)), timeout=0.2)) is FailureCode.TIMEOUT
        front.heal()

    def test_one_thread_renews(self, place: str, front: Relay, machine: Callable[..., VaultProvider]) -> None:
        """While one thread renews, the others go on with the token that there is."""
        provider = machine(token_ttl="1h")
        ask(provider, f"secret/{place}")
        is_due(provider)
        begun, ended = threading.Event(), threading.Event()

        def slowly(call: Call) -> Reply | None:
            if "renew-self" in call.path:
                begun.set()
                ended.wait(30)
            return None

        front.fault = slowly
        with ThreadPoolExecutor(1) as threads:
            renewing = threads.submit(ask, provider, f"secret/{place}")
            assert begun.wait(30)
            assert isinstance(ask(provider, f"secret/{place}"), Found)
            assert not renewing.done()
            ended.set()
            assert isinstance(renewing.result(), Found)
        assert front.asked.count("POST auth/token/renew-self") == 1

    def test_given_token_is_asked_for_in_time(
        self, bao: OpenBao, rules: str, place: str, make: Callable[..., VaultProvider]
    ) -> None:
        """The resolver is told to ask again before a token ends that nothing would bring back."""
        provider = make(auth={"method": "token", "token": bao.token(rules, ttl="60s")})
        outcome = ask(provider, f"secret/{place}")
        assert 50 < outcome.max_age <= 60
        bao.do("POST", f"kv/one/{place}", {"value": "x", "ttl": "10s"})
        bao.policy(rules, f"kv/one/{place}")
        assert ask(provider, f"kv/one/{place}").max_age == 10


class TestLoss:
    """Expired, revoked, or not allowed."""

    def test_expired_token_is_replaced(self, place: str, front: Relay, machine: Callable[..., VaultProvider]) -> None:
        """A token that has run out is replaced by a login, without a call in vain."""
        provider = machine(token_ttl="1s", token_max_ttl="1s")
        assert isinstance(ask(provider, f"secret/{place}"), Found)
        time.sleep(1.1)
        front.calls.clear()
        assert isinstance(ask(provider, f"secret/{place}"), Found)
        assert front.asked == ["POST auth/approle/login", f"GET secret/data/{place}"]

    def test_revoked_token_is_replaced(
        self, bao: OpenBao, place: str, front: Relay, machine: Callable[..., VaultProvider]
    ) -> None:
        """A 403 that is the token's is met by one login and one retry."""
        provider = machine()
        ask(provider, f"secret/{place}")
        bao.revoke(held(provider).text)
        front.calls.clear()
        assert isinstance(ask(provider, f"secret/{place}"), Found)
        assert front.asked == [
            f"GET secret/data/{place}",
            "GET auth/token/lookup-self",
            "POST auth/approle/login",
            f"GET secret/data/{place}",
        ]

    def test_missing_policy_is_no_loss(
        self, bao: OpenBao, rules: str, place: str, front: Relay, machine: Callable[..., VaultProvider]
    ) -> None:
        """A 403 of a token that is good is a refusal; there is no login."""
        provider = machine()
        ask(provider, f"secret/{place}")
        bao.policy(rules, "somewhere/else")
        front.calls.clear()
        failure = ask(provider, f"secret/{place}")
        assert code(failure) is FailureCode.DENIED
        assert f'path "secret/data/{place}"' in failure.remedy
        assert front.asked == [f"GET secret/data/{place}", "GET auth/token/lookup-self"]

    def test_no_policy_at_all(self, bao: OpenBao, place: str, make: Callable[..., VaultProvider]) -> None:
        """A token that may not even see the mount is told what to allow, for either version of KV."""
        failure = ask(make(auth={"method": "token", "token": bao.token("default")}), f"secret/{place}")
        assert code(failure) is FailureCode.DENIED
        assert f'path "secret/{place}" {{ capabilities = ["read"] }}' in failure.remedy
        assert "in KV version 2 with data/ after the mount" in failure.remedy

    def test_loss_that_cannot_be_told(
        self, rules: str, bao: OpenBao, place: str, front: Relay, machine: Callable[..., VaultProvider]
    ) -> None:
        """When Vault fails between the 403 and the look-up, that failure is the outcome, which may pass."""
        provider = machine()
        ask(provider, f"secret/{place}")
        bao.policy(rules, "somewhere/else")
        front.answer(503, b'{"errors":["Vault is sealed"]}', on="lookup-self")
        assert code(ask(provider, f"secret/{place}")) is FailureCode.UNAVAILABLE
        front.answer(404, b'{"errors":[]}', on="lookup-self")
        assert code(ask(provider, f"secret/{place}")) is FailureCode.DENIED
        front.hang(on="lookup-self")
        assert code(provider.fetch(provider.complete(_ref(place)), timeout=0.2)) is FailureCode.TIMEOUT
        front.heal()

    @pytest.mark.parametrize("method", ["token", "approle", "jwt"])
    def test_refused_credentials_rest(
        self, method: str, front: Relay, make: Callable[..., VaultProvider], tmp_path: Path, monkeypatch: Any
    ) -> None:
        """Credentials of a file that Vault refused are shown again after a while, and others that follow at once."""
        word, more = {
            "token": ("token", {}),
            "approle": ("secret_id", {"role_id": "r"}),
            "jwt": ("jwt", {"role": "r"}),
        }[method]
        file = tmp_path / word
        file.write_text("old")

        def refuse(call: Call) -> Reply | None:
            shown = call.headers.get("X-Vault-Token", "") + call.body.decode()
            if "new" in shown:
                return Reply(200, b'{"auth":{"client_token":"new"},"data":{"data":{"value":"x"},"metadata":{}}}')
            return Reply(403, b'{"errors":["permission denied"]}')

        front.fault = refuse
        later = [0.0]
        monkeypatch.setattr("secretsource.providers._vault.token.monotonic", lambda: time.monotonic() + later[0])
        provider = make(kv_version=2, auth={"method": method, f"{word}_file": str(file), **more})

        def logins() -> int:
            before = len(front.calls)
            refused = provider._tokens.held or Token(Grant("old", 0, renewable=False), 0)
            failure = provider._tokens.after_refusal(refused, time.monotonic() + later[0] + 5)
            assert code(failure) is FailureCode.UNAUTHENTICATED
            return len(front.calls) - before

        assert logins() == 1
        assert logins() == 0
        later[0] += AGAIN + 0.1
        assert logins() == 1
        file.write_text("new")
        assert fields(ask(provider, "secret/x")) == {"value": "x"}

    @pytest.mark.parametrize("status", [429, 503])
    def test_end_that_cannot_be_told_now(
        self, status: int, rules: str, bao: OpenBao, place: str, front: Relay, make: Callable[..., VaultProvider]
    ) -> None:
        """A fault of a moment does not make a given token one without an end, which would never be renewed."""
        provider = make(auth={"method": "token", "token": bao.token(rules, ttl="1h", renewable=True)})
        front.answer(status, b'{"errors":["a fault"]}', on="lookup-self")
        assert code(ask(provider, f"secret/{place}")) in {FailureCode.THROTTLED, FailureCode.UNAVAILABLE}
        front.heal()
        assert isinstance(ask(provider, f"secret/{place}"), Found)
        assert held(provider).due_at < float("inf")

    def test_given_token_that_is_lost(
        self, bao: OpenBao, rules: str, place: str, make: Callable[..., VaultProvider], tmp_path: Path
    ) -> None:
        """A given token that was revoked is reported, until its file has a new one."""
        file = tmp_path / "token"
        file.write_text(bao.token(rules))
        provider = make(auth={"method": "token", "token_file": str(file)})
        assert isinstance(ask(provider, f"secret/{place}"), Found)
        bao.revoke(file.read_text())
        failure = ask(provider, f"secret/{place}")
        assert code(failure) is FailureCode.UNAUTHENTICATED
        assert failure.remedy == "give a new one, or an auth method that can log in by itself"
        file.write_text(bao.token(rules))
        assert isinstance(ask(provider, f"secret/{place}"), Found)

    def test_login_fails_after_the_loss(
        self, bao: OpenBao, rules: str, place: str, machine: Callable[..., VaultProvider]
    ) -> None:
        """If there is no new login, that is the outcome."""
        provider = machine(secret_id_num_uses=1)
        ask(provider, f"secret/{place}")
        bao.revoke(held(provider).text)
        assert code(ask(provider, f"secret/{place}")) is FailureCode.UNAUTHENTICATED


class TestSingleFlight:
    """One login, however many need it."""

    def test_threads_share_a_login(
        self, bao: OpenBao, place: str, front: Relay, machine: Callable[..., VaultProvider]
    ) -> None:
        """After a loss that many threads meet at once, there is one login."""
        provider = machine()
        ask(provider, f"secret/{place}")
        bao.revoke(held(provider).text)
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda _: ask(provider, f"secret/{place}"), range(8)))
        assert all(isinstance(answer, Found) for answer in answers)
        assert front.asked.count("POST auth/approle/login") == 2

    def test_threads_share_a_failure(self, front: Relay, machine: Callable[..., VaultProvider]) -> None:
        """A login that fails is not tried again by everyone who waited for it."""
        provider = machine()
        begun = threading.Event()

        def slowly(call: Call) -> Reply:
            begun.wait(30)
            return Reply(503, b'{"errors":["Vault is sealed"]}')

        front.fault = slowly
        with ThreadPoolExecutor(8) as threads:
            come = threading.Barrier(9)

            def one() -> Any:
                come.wait(30)
                return ask(provider, "secret/x")

            asking = [threads.submit(one) for _ in range(8)]
            come.wait(30)
            while len(front.calls) < 1:
                time.sleep(0.01)
            time.sleep(0.3)
            begun.set()
            assert {code(flight.result()) for flight in asking} == {FailureCode.UNAVAILABLE}
        assert len(front.calls) == 1

    def test_waiting_ends_in_time(self, front: Relay, machine: Callable[..., VaultProvider]) -> None:
        """Who waits for another's login waits no longer than its own time."""
        provider = machine()
        front.hang()
        with ThreadPoolExecutor(1) as threads:
            slow = threads.submit(provider.fetch, provider.complete(_ref("x")), timeout=60)
            while not front.calls:
                time.sleep(0.01)
            assert code(provider.fetch(provider.complete(_ref("x")), timeout=0.2)) is FailureCode.TIMEOUT
            assert not slow.done()
            front.heal()
            slow.result()


@pytest.fixture(scope="module")
def durable() -> Generator[DurableOpenBao]:
    """A server on disk, with one secret."""
    with durable_openbao() as server:
        server.put("secret", "x", {"value": "x"})
        server.policy("read", "secret/data/*")
        server.enable_auth("approle")
        yield server


@pytest.mark.parametrize("stop", ["seal", "kill"])
def test_server_that_stops_and_comes_back(stop: str, durable: DurableOpenBao) -> None:
    """Sealed or killed it is unavailable, which serves what is remembered; unsealed, the same token goes on."""
    role_id = durable.approle("app", "read", secret_id_num_uses=1)
    auth = {"method": "approle", "role_id": role_id, "secret_id": durable.secret_id("app")}
    provider = VaultProvider(address=durable.address, auth=auth)
    with Resolver([provider], ttl=0.05, revalidate=0.0, max_stale=3600) as resolver:
        assert resolver.get("x").served == "live"
        getattr(durable, stop)()
        failure = ask(provider, "secret/x")
        assert code(failure) is FailureCode.UNAVAILABLE
        time.sleep(0.06)
        assert resolver.get("x").served == "stale"
        if stop == "kill":
            durable.start()
            assert code(ask(provider, "secret/x")) is FailureCode.UNAVAILABLE
        durable.unseal()
        assert fields(ask(provider, "secret/x")) == {"value": "x"}
        assert resolver.get("x", fresh=True).served == "live"


def test_nothing_is_logged(
    bao: OpenBao, rules: str, place: str, make: Callable[..., VaultProvider], caplog: pytest.LogCaptureFixture
) -> None:
    """At DEBUG, neither value, nor token, nor secret id is in the log of requests, urllib3 or hvac."""
    caplog.set_level(logging.DEBUG)
    canary = "canary-5b0d"
    bao.put("secret", place, {"value": canary})
    role_id, secret_id = bao.approle(rules, rules), bao.secret_id(rules)
    caplog.clear()
    provider = make(auth={"method": "approle", "role_id": role_id, "secret_id": secret_id})
    assert fields(ask(provider, f"secret/{place}")) == {"value": canary}
    token = held(provider).text
    provider.close()
    assert f"/v1/secret/data/{place}" in caplog.text
    logged = caplog.text + repr([vars(record) for record in caplog.records])
    assert not [secret for secret in (canary, token, secret_id) if secret in logged]
