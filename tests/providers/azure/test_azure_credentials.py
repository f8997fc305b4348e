"""Credentials of Azure that cannot be made, that come from a server that misbehaves, and that are replaced on disk."""

from __future__ import annotations

import asyncio
import gzip
import socket
import tracemalloc
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

import pytest
from azure.identity import ClientSecretCredential
from tests.servers.azure import CLIENT, CLIENT_SECRET, TENANT, Answer, KeyVault, provider

from secretsource import Resolver
from secretsource.exceptions import ProviderDenied, ProviderResponseError
from secretsource.providers._azure import client as azure_client
from secretsource.providers._azure.client import Renewal
from secretsource.providers._azure.wiring import flaw_in, mark_of
from secretsource.providers.base import Failed, FailureCode, Found, Identity, SecretRef
from secretsource.testing.servers.rogue import DRIPS, FLOODS, rogue_server

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from secretsource.providers.azure import AzureProvider
    from secretsource.providers.base import Outcome

REF = SecretRef("azure", "token")
TIMEOUT, SLACK = 0.6, 20.0
"""Seconds of a call, and those more that a busy machine may take; without a deadline, the servers here never end."""
Way = Literal["fetch", "afetch"]
WAYS: tuple[Way, ...] = ("fetch", "afetch")


@pytest.fixture
def vault(vault: KeyVault) -> KeyVault:
    """A vault that holds ``token``, and an environment with a service principal."""
    vault.put("token", "there")
    return vault


@contextmanager
def asking(azure: AzureProvider, way: Way) -> Generator[Callable[..., Outcome]]:
    """Ask a provider, blocking or on one event loop; it is closed in the end."""
    with asyncio.Runner() as runner:

        def ask(timeout: float = 10) -> Outcome:
            if way == "fetch":
                return azure.fetch(REF, timeout=timeout)
            return runner.run(azure.afetch(REF, timeout=timeout))

        yield ask
        runner.run(azure.aclose())
        azure.close()


def failure(outcome: object) -> Failed:
    """The outcome, which must be a `Failed`."""
    assert isinstance(outcome, Failed), outcome
    return outcome


class TestWire:
    """A token service that misbehaves."""

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("misconduct", sorted(DRIPS))
    def test_drip(self, vault: KeyVault, way: Way, misconduct: str) -> None:
        """A token that does not come in time is a timeout, when the timeout is over."""
        with (
            rogue_server(misconduct, vault.tls) as address,
            asking(provider(vault, authority=address), way) as ask,
        ):
            began = monotonic()
            assert failure(ask(TIMEOUT)).code is FailureCode.TIMEOUT
            assert monotonic() - began < TIMEOUT + SLACK

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("misconduct", sorted(FLOODS - {"flood_head"}))
    def test_flood(self, vault: KeyVault, way: Way, misconduct: str) -> None:
        """An answer with a token that never ends is malformed, and told by its host."""
        with (
            rogue_server(misconduct, vault.tls) as address,
            asking(provider(vault, authority=address), way) as ask,
        ):
            outcome = failure(ask())
        if misconduct != "flood_zipped":  # a short one that is not expanded is just no token
            assert outcome.code is FailureCode.MALFORMED
            assert f"the answer of {address.removeprefix('https://')}" in str(outcome.reason)
        assert not outcome.retryable

    def test_identity(self, vault: KeyVault) -> None:
        """To ask who one is ends in time as well."""
        with rogue_server("drip_body", vault.tls) as address:
            azure = provider(vault, authority=address)
            began = monotonic()
            who = azure.identify(timeout=TIMEOUT)
            azure.close()
        assert not isinstance(who, Identity)
        assert who.code is FailureCode.TIMEOUT
        assert monotonic() - began < TIMEOUT + SLACK

    @pytest.mark.parametrize("way", WAYS)
    def test_nobody_there(self, vault: KeyVault, way: Way) -> None:
        """A token service that cannot be reached is told by its own host and port, with the cause."""
        with socket.create_server(("127.0.0.1", 0)) as closed:
            address = f"127.0.0.1:{closed.getsockname()[1]}"
        with asking(provider(vault, authority=address), way) as ask:
            outcome = failure(ask())
        assert outcome.code is FailureCode.UNAVAILABLE
        assert f"{address} cannot be reached: connection refused" in str(outcome.reason)


PRINCIPAL = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT}
FLAWS: dict[str, tuple[dict[str, str], str]] = {
    "certificate missing": ({"AZURE_CLIENT_CERTIFICATE_PATH": "{}/none.pem"}, "none.pem does not exist"),
    "certificate a folder": ({"AZURE_CLIENT_CERTIFICATE_PATH": "{}"}, "is a directory"),
    "certificate empty": ({"AZURE_CLIENT_CERTIFICATE_PATH": "{}/empty"}, "empty is empty"),
    "certificate broken": ({"AZURE_CLIENT_CERTIFICATE_PATH": "{}/broken"}, ""),
    "token file missing": ({"AZURE_FEDERATED_TOKEN_FILE": "{}/none"}, "none does not exist"),
    "token file a folder": ({"AZURE_FEDERATED_TOKEN_FILE": "{}"}, "is a directory"),
    "token file empty": ({"AZURE_FEDERATED_TOKEN_FILE": "{}/empty"}, "empty is empty"),
    "line break in the secret": ({"AZURE_CLIENT_SECRET": "canary\n"}, "AZURE_CLIENT_SECRET has a line break"),
    "blank tenant": ({"AZURE_CLIENT_SECRET": "canary", "AZURE_TENANT_ID": "not a tenant"}, "AZURE_TENANT_ID"),
    "tenant with a line break": ({"AZURE_CLIENT_SECRET": "canary", "AZURE_TENANT_ID": f"{TENANT}\n"}, "TENANT_ID"),
}


class TestWiring:
    """What the environment names cannot be made into credentials."""

    @pytest.fixture
    def set_up(self, vault: KeyVault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
        """Put a flaw into the environment."""

        def set_up(flaw: str) -> None:
            (tmp_path / "empty").touch()
            (tmp_path / "broken").write_text("canary")
            monkeypatch.delenv("AZURE_CLIENT_SECRET")
            for variable, text in FLAWS[flaw][0].items():
                monkeypatch.setenv(variable, text.format(tmp_path))

        return set_up

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("flaw", FLAWS)
    def test_flaw(self, vault: KeyVault, set_up: Callable[[str], None], way: Way, flaw: str) -> None:
        """It is told by the variable or the file, is no outage, and quotes nothing."""
        set_up(flaw)
        with asking(provider(vault), way) as ask:
            outcome = failure(ask())
        assert outcome.code in {FailureCode.UNAUTHENTICATED, FailureCode.MISCONFIGURED}
        assert not outcome.retryable
        assert FLAWS[flaw][1] in str(outcome.reason)
        assert "canary" not in repr(outcome)

    @pytest.mark.parametrize("flaw", FLAWS)
    def test_is_not_passed_over(
        self, vault: KeyVault, set_up: Callable[[str], None], flaw: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A chain that may pass over an outage does not pass over it."""
        set_up(flaw)
        monkeypatch.setenv("TOKEN", "weaker")
        host = vault.url.removeprefix("https://")
        chain = [f"azure://{host}?on_unavailable=next&authority={host}&ca_cert={vault.ca}", "env"]
        with Resolver(chain) as resolver, pytest.raises((ProviderDenied, ProviderResponseError)):
            resolver.get("TOKEN")

    def test_unused_variables_are_no_flaw(self, tmp_path: Path) -> None:
        """Only what azure-identity would use is looked at."""
        missing = {"AZURE_CLIENT_CERTIFICATE_PATH": str(tmp_path / "none")}
        assert flaw_in(missing, {}) is None
        assert flaw_in({**PRINCIPAL, "AZURE_CLIENT_SECRET": "s", **missing}, {}) is None
        assert flaw_in({**PRINCIPAL, **missing}, {"exclude_environment_credential": True}) is None
        token = {"AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "none")}
        assert flaw_in({**PRINCIPAL, **token}, {"exclude_workload_identity_credential": True}) is None
        assert flaw_in({**PRINCIPAL, **token}, {}) is not None

    def test_given_credential_needs_no_environment(self, vault: KeyVault, set_up: Callable[[str], None]) -> None:
        """What the environment names does not matter to a credential that was given."""
        set_up("certificate missing")
        options = {"authority": vault.authority, "connection_verify": vault.ca, "disable_instance_discovery": True}
        credential = ClientSecretCredential(TENANT, CLIENT, CLIENT_SECRET, **options)
        with credential, asking(provider(vault, credential=credential), "fetch") as ask:
            assert isinstance(ask(), Found)


@pytest.mark.parametrize("way", WAYS)
class TestRotation:
    """Credentials that are replaced under a running process."""

    @pytest.fixture
    def token_file(self, vault: KeyVault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        """The federated token of a workload, which the vault's tenant takes."""
        file = tmp_path / "federated"
        file.write_text("first")
        monkeypatch.delenv("AZURE_CLIENT_SECRET")
        monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(file))
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", vault.authority)  # the only one that a workload identity knows
        monkeypatch.setattr(vault, "assertions", {"first"})
        return file

    def test_federated_token(self, vault: KeyVault, token_file: Path, way: Way) -> None:
        """The look-up whose token is refused reads the new file, which azure-identity keeps for ten minutes."""
        with asking(provider(vault), way) as ask:
            assert isinstance(ask(), Found)
            token_file.write_text("second")
            vault.assertions = {"second"}
            vault.revoke(continuously=False)
            assert isinstance(ask(), Found)

    def test_refused_login(self, vault: KeyVault, token_file: Path, way: Way) -> None:
        """The same where the token service refuses the old credentials from the first call on."""
        vault.assertions = {"second"}
        with asking(provider(vault), way) as ask:
            assert failure(ask()).code is FailureCode.UNAUTHENTICATED
            token_file.write_text("second")
            assert isinstance(ask(), Found)

    def test_unchanged_is_asked_once(self, vault: KeyVault, token_file: Path, way: Way) -> None:
        """Credentials that are still the same are no reason to ask once more."""
        vault.assertions = set()
        with asking(provider(vault), way) as ask:
            failure(ask())
            logins = vault.logins
            failure(ask())
            assert vault.logins == logins + 1

    def test_given_credential(self, vault: KeyVault, monkeypatch: pytest.MonkeyPatch, way: Way) -> None:
        """A credential that was given is asked once, and kept."""
        asked: list[object] = []

        class Refused:
            def get_token(self, *scopes: str, **options: Any) -> Any:
                asked.append(scopes)
                return azure_token("refused")

        with asking(provider(vault, credential=Refused()), way) as ask:
            assert failure(ask()).code is FailureCode.UNAUTHENTICATED
            before = len(asked)
            monkeypatch.setenv("AZURE_CLIENT_SECRET", "other")
            assert failure(ask()).code is FailureCode.UNAUTHENTICATED
            assert len(asked) <= before + 1


def azure_token(text: str) -> Any:
    """An access token."""
    from azure.core.credentials import AccessToken

    return AccessToken(text, 2**32)


def test_renewal_begins_once_in_a_while() -> None:
    """A second renewal begins when the pause is over, and not before."""
    renewal = Renewal()
    assert renewal.begins(100.0)
    assert not renewal.begins(100.0 + azure_client.RENEWAL_PAUSE - 0.001)
    assert renewal.begins(100.0 + azure_client.RENEWAL_PAUSE)


def test_mark(tmp_path: Path) -> None:
    """The mark changes with a variable and with a file that one names, and with nothing else."""
    file = tmp_path / "federated"
    file.write_text("first")
    environ = {**PRINCIPAL, "AZURE_FEDERATED_TOKEN_FILE": str(file), "OTHER": "1"}
    mark = mark_of(environ)
    assert mark_of({**environ, "OTHER": "2"}) == mark
    assert mark_of({**environ, "AZURE_CLIENT_SECRET": "new"}) != mark
    replaced = tmp_path / "new"
    replaced.write_text("second")
    replaced.replace(file)
    assert mark_of(environ) != mark


@pytest.mark.parametrize("way", WAYS)
def test_compressed_answer_is_not_expanded(vault: KeyVault, way: Way) -> None:
    """A short answer that would become a huge one is taken as it is, which is no answer of a vault."""
    with asking(provider(vault), way) as ask:
        assert isinstance(ask(), Found)
        bomb = gzip.compress(b" " * 2**26)
        vault.standing = lambda: Answer(200, bomb, {"Content-Encoding": "gzip", "Content-Type": "application/json"})
        tracemalloc.start()
        try:
            outcome = failure(ask())
            held = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert outcome.code is FailureCode.MALFORMED
    assert held < 2**24


class TestTrust:
    """Credentials of this machine, and addresses that a file names."""

    ELSEWHERE = "https://other-vault.vault.azure.net"

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("variable", ["AZURE_KEY_VAULT_URL", "AZURE_AUTHORITY_HOST"])
    def test_other_address(self, vault: KeyVault, monkeypatch: pytest.MonkeyPatch, way: Way, variable: str) -> None:
        """They are not used where the environment names another address, and nothing is asked."""
        monkeypatch.setenv(variable, self.ELSEWHERE)
        with asking(provider(vault, trust_address=False), way) as ask:
            outcome = failure(ask())
        assert outcome.code is FailureCode.MISCONFIGURED
        assert f"a file names another server than {variable} does" in str(outcome.reason)
        assert "trust_address" in str(outcome.remedy)
        assert vault.calls == []

    @pytest.mark.parametrize("usual", [None, "same"])
    def test_no_other_address(self, vault: KeyVault, monkeypatch: pytest.MonkeyPatch, usual: str | None) -> None:
        """They are used where the environment names none, or the same in another spelling."""
        if usual is not None:
            monkeypatch.setenv("AZURE_KEY_VAULT_URL", f"{vault.url}/".replace("https://", "HTTPS://"))
        with asking(provider(vault, trust_address=False), "fetch") as ask:
            assert isinstance(ask(), Found)

    def test_trusted(self, vault: KeyVault, monkeypatch: pytest.MonkeyPatch) -> None:
        """They are used where the settings say so, as settings in code do."""
        monkeypatch.setenv("AZURE_KEY_VAULT_URL", self.ELSEWHERE)
        with asking(provider(vault), "fetch") as ask:
            assert isinstance(ask(), Found)

    def test_file_does_not_trust_by_itself(
        self, vault: KeyVault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """What a file names is not trusted unless the file says so."""
        monkeypatch.setenv("AZURE_KEY_VAULT_URL", self.ELSEWHERE)
        file = tmp_path / "secretsource.toml"
        file.write_text(
            f'[environments.production]\nproviders = ["azure"]\n[providers.azure]\nvault_url = "{vault.url}"\n'
        )
        with (
            Resolver.from_config(path=file, environment="production") as resolver,
            pytest.raises(ProviderResponseError, match="AZURE_KEY_VAULT_URL"),
        ):
            resolver.get("TOKEN")
        assert vault.calls == []
