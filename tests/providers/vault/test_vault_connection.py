"""How the Vault provider reaches its server: namespaces, TLS, proxies; and over its life: threads, forks, sleep."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from tests.forks import is_right_in_child, needs_fork
from tests.servers.openbao import OpenBao, openbao
from tests.servers.relay import Relay
from tests.servers.vault import ask, bao, code, fields, front, make, place

from secretsource.providers.base import FailureCode, Found
from secretsource.providers.vault import VaultProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["bao", "front", "make", "place"]


@pytest.fixture(scope="module")
def team(bao: OpenBao) -> str:
    """A namespace with a KV engine of its own."""
    name = f"team-{uuid4().hex[:8]}"
    bao.do("POST", f"sys/namespaces/{name}")
    bao.do("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}}, namespace=name)
    until = time.monotonic() + 5
    while not bao.call("GET", "secret/config", namespace=name).ok and time.monotonic() < until:
        time.sleep(0.02)
    bao.put("secret", "x", {"value": "the team's"}, namespace=name)
    bao.put("secret", "x", {"value": "everyone's"})
    return name


class TestNamespaces:
    """Namespaces, which OpenBao has as Vault Enterprise does."""

    def test_setting_and_option(self, team: str, make: Callable[..., VaultProvider]) -> None:
        """The setting names one for all, a reference another for itself."""
        assert fields(ask(make(), "secret/x")) == {"value": "everyone's"}
        assert fields(ask(make(namespace=team), "secret/x")) == {"value": "the team's"}
        assert fields(ask(make(), "secret/x", options=(("namespace", team),))) == {"value": "the team's"}

    def test_environment(self, team: str, make: Callable[..., VaultProvider], monkeypatch: pytest.MonkeyPatch) -> None:
        """``VAULT_NAMESPACE`` is the default."""
        provider = make()
        monkeypatch.setenv("VAULT_NAMESPACE", team)
        assert fields(ask(provider, "secret/x")) == {"value": "the team's"}

    def test_unknown(self, make: Callable[..., VaultProvider]) -> None:
        """A namespace that does not exist is a mistake in the wiring, not an absence."""
        assert code(ask(make(namespace="nobody", kv_version=2), "secret/x")) is FailureCode.MISCONFIGURED

    def test_login_in_the_namespace_of_the_method(
        self, team: str, bao: OpenBao, front: Relay, make: Callable[..., VaultProvider]
    ) -> None:
        """An auth method may be mounted in another namespace than the secrets are."""
        rules = bao.policy(f"read-{team}", f"{team}/secret/data/*")
        role_id = bao.approle(team, rules)
        auth = {"method": "approle", "role_id": role_id, "secret_id": bao.secret_id(team), "namespace": "root"}
        provider = make(namespace=team, auth=auth)
        assert fields(ask(provider, "secret/x")) == {"value": "the team's"}


@pytest.fixture(scope="module")
def tls() -> Generator[OpenBao]:
    """A server that speaks TLS, with an authority of its own."""
    with openbao(tls=True) as server:
        server.put("secret", "x", {"value": "x"})
        yield server


class TestTls:
    """Certificates, theirs and ours."""

    def auth(self, server: OpenBao) -> dict[str, str]:
        return {"method": "token", "token": server.root}

    def test_unknown_authority(self, tls: OpenBao) -> None:
        """A certificate that is not trusted is refused."""
        provider = VaultProvider(address=tls.address, auth=self.auth(tls))
        assert code(ask(provider, "secret/x")) is FailureCode.MISCONFIGURED
        provider.close()

    def test_own_authority(self, tls: OpenBao, monkeypatch: pytest.MonkeyPatch) -> None:
        """The authority is a setting, or ``VAULT_CACERT``, whenever that was set."""
        provider = VaultProvider(address=tls.address, auth=self.auth(tls), ca_cert=str(tls.ca_cert))
        assert fields(ask(provider, "secret/x")) == {"value": "x"}
        provider.close()
        monkeypatch.setenv("VAULT_CACERT", str(tls.ca_cert))
        provider = VaultProvider(address=tls.address, auth=self.auth(tls))
        assert fields(ask(provider, "secret/x")) == {"value": "x"}
        provider.close()

    def test_any_certificate(self, tls: OpenBao) -> None:
        """Without verification every certificate is taken, with urllib3's warning."""
        provider = VaultProvider(address=tls.address, auth=self.auth(tls), verify=False)
        with pytest.warns(match="Unverified HTTPS request"):
            assert fields(ask(provider, "secret/x")) == {"value": "x"}
        provider.close()

    def test_missing_file(self, tls: OpenBao) -> None:
        """A file that is not there is a mistake in the wiring."""
        provider = VaultProvider(address=tls.address, auth=self.auth(tls), ca_cert="nowhere.pem")
        assert code(ask(provider, "secret/x")) is FailureCode.MISCONFIGURED

    @pytest.mark.parametrize("missing", ["ca_cert", "client_cert", "client_key"])
    @pytest.mark.parametrize("kind", ["nowhere", "folder", "no certificate"])
    def test_files_of_tls(self, missing: str, kind: str, tls: OpenBao, tmp_path: Path) -> None:
        """A certificate file that is missing, a folder, or something else is wiring, and never an outage."""
        (tmp_path / "folder").mkdir()
        (tmp_path / "no certificate").write_text("x")
        files: dict[str, Any] = {
            "ca_cert": str(tls.ca_cert),
            "client_cert": str(tls.ca_cert),
            "client_key": str(tls.ca_cert),
        }
        files[missing] = str(tmp_path / kind)
        provider = VaultProvider(address=tls.address, auth=self.auth(tls), **files)
        assert code(ask(provider, "secret/x")) is FailureCode.MISCONFIGURED
        provider.close()

    def test_login_by_certificate(self, tls: OpenBao, tmp_path: Any) -> None:
        """Our certificate logs in, to the role that is named or to any; without one, nothing is tried."""
        import trustme

        authority = trustme.CA()
        ours = authority.issue_cert("program.example", common_name="program")
        ours.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
        ours.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
        ours.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
        tls.enable_auth("cert")
        rules = tls.policy("read", "secret/data/*")
        body = {"certificate": authority.cert_pem.bytes().decode(), "token_policies": rules}
        tls.do("POST", "auth/cert/certs/program", body)
        common: dict[str, Any] = {"address": tls.address, "ca_cert": str(tls.ca_cert)}
        both: dict[str, Any] = {"client_cert": str(tmp_path / "both.pem")}
        apart: dict[str, Any] = {"client_cert": str(tmp_path / "cert.pem"), "client_key": str(tmp_path / "key.pem")}
        for auth, settings in (
            ({"method": "cert"}, common | both),
            ({"method": "cert", "name": "program"}, common | apart),
        ):
            provider = VaultProvider(auth=auth, **settings)
            assert fields(ask(provider, "secret/x")) == {"value": "x"}
            provider.close()
        wrong = VaultProvider(auth={"method": "cert", "name": "nobody"}, **common, **both)
        assert code(ask(wrong, "secret/x")) is FailureCode.UNAUTHENTICATED
        wrong.close()
        assert code(ask(VaultProvider(auth={"method": "cert"}, **common), "secret/x")) is FailureCode.MISCONFIGURED


class TestSite:
    """Where the provider asks, for a person."""

    @pytest.mark.parametrize(
        ("address", "shown"),
        [
            ("https://user:canary@vault.internal/canary?token=canary#canary", "vault.internal:443"),
            ("http://[::1]:8200", "[::1]:8200"),
            ("unix:///run/vault/agent.sock", "unix:///run/vault/agent.sock"),
        ],
    )
    def test_server_and_mount(self, address: str, shown: str) -> None:
        """Host and port, or the socket, and the mount; nothing else of the address."""
        assert VaultProvider(address=address, mount="kv/team").site == f"{shown}, mount kv/team"

    @pytest.mark.parametrize("variable", ["VAULT_ADDR", "BAO_ADDR"])
    def test_address_of_the_environment(self, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The address may come from the environment, and may be missing."""
        assert VaultProvider().site == "no address, mount secret"
        monkeypatch.setenv(variable, "https://vault.internal:8200")
        assert VaultProvider().site == "vault.internal:8200, mount secret"


class TestProxy:
    """The proxy is the one that is set, then Vault's, then everyone's."""

    @pytest.mark.parametrize("variable", [None, "VAULT_PROXY_ADDR", "VAULT_HTTP_PROXY", "HTTP_PROXY"])
    def test_proxy(
        self, variable: str | None, front: Relay, make: Callable[..., VaultProvider], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Calls go to the proxy, with the whole address in the first line."""
        front.answer(200, b'{"data":{"a":"b"}}')
        if variable is not None:
            monkeypatch.setenv(variable, front.address)
        given = {"proxy": front.address} if variable is None else {}
        ask(make(address="http://vault.invalid:8200", kv_version=1, **given), "secret/x")
        assert front.calls[-1].path == "http://vault.invalid:8200/v1/secret/x"

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    def test_everyones_proxy_sees_no_call_to_this_machine(
        self,
        host: str,
        bao: OpenBao,
        front: Relay,
        make: Callable[..., VaultProvider],
        place: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A token in plain text does not leave the machine, as with Vault's command; Vault's variable may say so."""
        monkeypatch.setenv("HTTP_PROXY", front.address)
        bao.put("secret", place, {"value": "x"})
        address = f"http://{host}:{urlsplit(bao.address).port}"
        assert fields(ask(make(address=address), f"secret/{place}")) == {"value": "x"}
        assert front.calls == []
        monkeypatch.setenv("VAULT_PROXY_ADDR", front.address)
        ask(make(address=address), f"secret/{place}")
        assert front.calls != []


class TestLife:
    """Threads, forks and the end."""

    def test_many_threads_ask_at_once(
        self, bao: OpenBao, front: Relay, make: Callable[..., VaultProvider], place: str
    ) -> None:
        """However many threads come first, the token is looked up once."""
        bao.put("secret", place, {"value": "x"})
        provider = make()
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda _: ask(provider, f"secret/{place}"), range(64)))
        assert [fields(answer) for answer in answers] == [{"value": "x"}] * 64
        assert front.asked.count("GET auth/token/lookup-self") == 1

    @needs_fork
    def test_child_logs_in_for_itself(self, bao: OpenBao, make: Callable[..., VaultProvider], place: str) -> None:
        """A child has a token of its own, and closing there leaves the parent's alone."""
        bao.put("secret", place, {"value": "x"})
        rules = bao.policy(uuid4().hex, f"secret/data/{place}")
        auth = {"method": "approle", "role_id": bao.approle(rules, rules), "secret_id": bao.secret_id(rules)}
        provider = make(auth=auth)
        ask(provider, f"secret/{place}")
        parents = provider._tokens.held
        assert parents is not None

        def act() -> bool:
            provider.reset()
            outcome = ask(provider, f"secret/{place}")
            held = provider._tokens.held
            same = held is None or held.text == parents.text
            provider.close()
            return isinstance(outcome, Found) and not same

        assert is_right_in_child(act)
        assert bao.call("GET", "auth/token/lookup-self", token=parents.text).ok

    @needs_fork
    def test_child_that_only_closes(self, bao: OpenBao, make: Callable[..., VaultProvider], place: str) -> None:
        """A child that closes without having been told of the fork revokes nothing of the parent's."""
        rules = bao.policy(uuid4().hex, f"secret/data/{place}")
        auth = {"method": "approle", "role_id": bao.approle(rules, rules), "secret_id": bao.secret_id(rules)}
        provider = make(auth=auth)
        ask(provider, f"secret/{place}")
        parents = provider._tokens.held
        assert parents is not None

        def act() -> bool:
            provider.close()
            return True

        assert is_right_in_child(act)
        assert bao.call("GET", "auth/token/lookup-self", token=parents.text).ok

    def test_waking_up_keeps_the_token(self, bao: OpenBao, front: Relay, make: Callable[..., VaultProvider]) -> None:
        """After a sleep only the connections are new: a login may not be repeatable."""
        provider = make(kv_version=2)
        ask(provider, "secret/x")
        front.calls.clear()
        provider.reset()
        ask(provider, "secret/x")
        assert front.asked == ["GET secret/data/x"]
