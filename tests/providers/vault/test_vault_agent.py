"""Vault reached by an agent that has the token, and what credentials of this machine are sent where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.servers.odd import odd
from tests.servers.openbao import OpenBao
from tests.servers.relay import Call, Relay, Reply, relay
from tests.servers.vault import ask, bao, code, fields, front, make, place

from secretsource import Resolver
from secretsource.config import parse_config
from secretsource.providers.base import FailureCode
from secretsource.providers.vault import VaultProvider
from secretsource.resolver._assembly import chain_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

__all__ = ["bao", "front", "make", "place"]


@pytest.fixture
def agent(bao: OpenBao, front: Relay) -> Relay:
    """A relay that adds a token of its own to calls that have none, as an agent with auto-auth does."""

    def add(call: Call) -> Reply | None:
        return front.pass_on(call._replace(headers={"X-Vault-Token": bao.root, **call.headers}))

    front.fault = add
    return front


class TestAgent:
    """The auth method ``agent``: this program has no token."""

    def test_no_token_is_sent(
        self, agent: Relay, bao: OpenBao, make: Callable[..., VaultProvider], place: str, monkeypatch: Any
    ) -> None:
        """Every call goes without a token, also where this machine has one, and none is asked for."""
        monkeypatch.setenv("VAULT_TOKEN", "of this machine")
        bao.put("secret", place, {"value": "x"})
        provider = make(auth={"method": "agent"})
        assert fields(ask(provider, f"secret/{place}")) == {"value": "x"}
        assert "root" in getattr(provider.identify(timeout=5), "text", "")
        assert [call for call in agent.calls if "X-Vault-Token" in call.headers] == []
        provider.close()
        assert agent.asked[-1] == "GET auth/token/lookup-self", "the token of the agent is not ours to end"

    def test_agent_without_a_token(self, front: Relay, make: Callable[..., VaultProvider]) -> None:
        """An agent that adds no token, or one that Vault refuses, is a matter of identity, and the error names it."""
        failure = ask(make(auth={"method": "agent"}, kv_version=2), "secret/x")
        assert code(failure) is FailureCode.UNAUTHENTICATED
        assert failure.reason is not None
        assert "the agent adds no token that Vault accepts" in failure.reason
        front.answer(400, b'{"errors":["missing client token"]}')
        failure = ask(make(auth={"method": "agent"}, kv_version=2), "secret/x")
        assert (code(failure), "agent" in str(failure.reason)) == (FailureCode.UNAUTHENTICATED, True)


ANSWER = b'{"request_id":"r","data":{"data":{"value":"x"},"metadata":{"version":1}}}'


class TestSocket:
    """An address that is a Unix socket."""

    def test_answer_comes_through_a_socket(self, tmp_path: Path) -> None:
        """``unix://`` and a path reach an agent there."""
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)
        with odd(lambda line: line.sendall(head + ANSWER), path=tmp_path / "agent.sock"):
            provider = VaultProvider(
                address=f"unix://{tmp_path}/agent.sock", auth={"method": "agent"}, kv_version=2, proxy="http://p:1"
            )
            with Resolver([provider]) as resolver:
                assert resolver.get("X") == "x"

    def test_no_socket(self, tmp_path: Path) -> None:
        """An agent that is not there yet is an outage."""
        provider = VaultProvider(address=f"unix://{tmp_path}/none", auth={"method": "agent"}, kv_version=2)
        failure = ask(provider, "secret/x")
        assert code(failure) is FailureCode.UNAVAILABLE
        assert "no such socket" in str(failure.reason)

    @pytest.mark.parametrize("address", ["unix://", "unix:///", "unix://run/agent.sock", "unix:///a b"])
    def test_mistakes(self, address: str) -> None:
        """A socket is named by its whole path."""
        with pytest.raises(Exception, match="address must be the URL of a host"):
            VaultProvider(address=address)


CONFIGURATION = """
[environments.test]
providers = ["vault"]

[providers.vault]
kv_version = 2
"""


class TestAmbient:
    """Credentials found on this machine, and an address that a file names."""

    @pytest.fixture
    def vault(self) -> Generator[Relay]:
        """A server that takes every token."""
        with relay() as vault:
            vault.answer(200, ANSWER)
            yield vault

    def asked(self, tmp_path: Path, *lines: str, named: str = "") -> Any:
        """What a resolver has that a file with these settings makes."""
        text = CONFIGURATION + "\n".join(lines)
        if named:
            text = text.replace('["vault"]', f'["{named}"]')
        chain = chain_of(parse_config(text, file=tmp_path / "secretsource.toml"))
        return ask(chain.routes[0].provider, "secret/X")  # type: ignore[arg-type]

    def test_other_than_the_environment_says(
        self, vault: Relay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """``VAULT_TOKEN`` goes to ``VAULT_ADDR``, and to another address of a file only where the file says so."""
        monkeypatch.setenv("VAULT_TOKEN", "token of the machine")
        monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
        failure = self.asked(tmp_path, f'address = "{vault.address}"')
        assert code(failure) is FailureCode.MISCONFIGURED
        assert "trust_address = true" in str(failure.remedy)
        assert code(self.asked(tmp_path, named=f"vault://?address={vault.address}")) is FailureCode.MISCONFIGURED
        assert vault.calls == []
        assert fields(self.asked(tmp_path, f'address = "{vault.address}"', "trust_address = true")) == {"value": "x"}
        monkeypatch.setenv("VAULT_ADDR", vault.address)
        assert fields(self.asked(tmp_path, f'address = "{vault.address}"')) == {"value": "x"}
        monkeypatch.delenv("VAULT_ADDR")
        assert fields(self.asked(tmp_path, f'address = "{vault.address}"')) == {"value": "x"}

    @pytest.mark.parametrize(
        "auth",
        [
            None,
            {"method": "token"},
            {"method": "kubernetes", "role": "r"},
            {"method": "aws"},
            {"method": "aws", "role": "r"},
        ],
    )
    def test_what_the_machine_has(self, auth: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Tokens, the service account of a pod and the keys of AWS are not sent without encryption."""
        monkeypatch.setenv("VAULT_TOKEN", "token of the machine")
        provider = VaultProvider(address="http://vault.invalid:8200", auth=auth, trust_address=False)
        failure = ask(provider, "secret/x")
        assert code(failure) is FailureCode.MISCONFIGURED
        assert "without encryption" in str(failure.reason)

    def test_what_the_file_has(self, vault: Relay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Credentials that the setting gives belong to the address beside them."""
        monkeypatch.setenv("VAULT_ADDR", "https://elsewhere.invalid")
        auth = 'auth = { method = "token", token = "given" }'
        assert fields(self.asked(tmp_path, f'address = "{vault.address}"', auth)) == {"value": "x"}
        assert {call.headers["X-Vault-Token"] for call in vault.calls} == {"given"}

    def test_in_a_program(self, vault: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
        """An address that the program names is trusted."""
        monkeypatch.setenv("VAULT_TOKEN", "token of the machine")
        monkeypatch.setenv("VAULT_ADDR", "https://elsewhere.invalid")
        provider = VaultProvider(address=vault.address, kv_version=2)
        assert fields(ask(provider, "secret/X")) == {"value": "x"}
        provider.close()
