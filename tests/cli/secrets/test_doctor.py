"""`secretsource doctor`: who we are at each provider, whether it can be read, and what is missing; never a value."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from google.oauth2.credentials import Credentials
from tests.cli.conftest import CANARY
from tests.conformance.conftest import become_nobody
from tests.providers.gcp.test_gcp_caller import answering
from tests.servers.azure import KeyVault, key_vault, signed_in
from tests.servers.azure import provider as azure_provider
from tests.servers.gcp import secret_manager
from tests.servers.openbao import OpenBao, bao

from secretsource.cli._terminal.exit_codes import MISSING
from secretsource.providers._azure.question import bearer_of, scope_of
from secretsource.providers.aws import AwsProvider
from secretsource.providers.base import Failed, FailureCode, Identity
from secretsource.providers.dotenv import DotenvProvider
from secretsource.providers.gcp import GcpProvider
from secretsource.providers.vault import VaultProvider
from secretsource.resolver import _inspection
from secretsource.testing.servers import AzureServer, aws_server

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    Command = Callable[..., Any]

__all__ = ["bao", "become_nobody"]


@pytest.fixture
def vault(tmp_path: Path) -> Generator[KeyVault]:
    """A running Key Vault."""
    with key_vault() as vault:
        yield vault


def rows(done: Any) -> dict[str, list[str]]:
    return {line.split("\t")[0]: line.split("\t") for line in done.stdout.splitlines()[1:]}


def test_all_is_well(project: Path, command: Command) -> None:
    """Each provider has a line: who we are, that it can be read, and how much is there."""
    done = command("doctor")
    assert (done.exit_code, done.stderr) == (0, f"configuration: {project}/secretsource.toml, environment 'test'\n")
    told = rows(done)
    assert [row[2:4] for row in told.values()] == [["yes", "1 of 4"], ["yes", "1 of 4"], ["yes", "1 of 4"]]
    assert told["dotenv"][1] == f"file {project / '.env'}"
    assert told["env"][1].startswith("process ")
    assert told["file"][1] == "files in mounted"
    assert [row[7] for row in told.values()] == ["", str(project / ".env"), "mounted"]
    assert all(float(row[4]) >= 0 for row in told.values())
    assert CANARY not in done.output


def test_a_provider_that_may_not_be_read(project: Path, command: Command, become_nobody: Callable[[], None]) -> None:
    """A denial is exit code 1, and one sentence says what to do."""
    for path in project.rglob("*"):
        path.chmod(path.stat().st_mode | 0o055)
    (project / ".env").chmod(0)
    assert command("doctor").exit_code in {0, MISSING}  # loads what nobody may not read
    become_nobody()
    done = command("doctor")
    assert (done.exit_code, rows(done)["dotenv"][2]) == (MISSING, "denied")
    assert f"error: provider 'dotenv' cannot be read at 'SESSION_KEY' ({project}/.env): " in done.stderr
    assert "let the user that runs this process read the file" in done.stderr


def test_json(project: Path, command: Command) -> None:
    """--json says the same."""
    (project / ".env").write_text("BROKEN='\n")
    done = command("doctor", "--json")
    document = json.loads(done.stdout)
    assert (done.exit_code, document["ok"], document["skipped"]) == (MISSING, False, [])
    _, dotenv, file = document["providers"]
    assert (dotenv["reads"], dotenv["outcome"], dotenv["found"]) == (False, "malformed", 0)
    assert dotenv["remedy"]
    assert (file["reads"], file["outcome"], file["clock_skew_seconds"], file["remedy"]) == (True, None, None, None)


def test_without_a_configuration(folder: Path, command: Command) -> None:
    """Without declared secrets a probe is asked for; providers that are left out are listed, with the reason."""
    told = rows(command("doctor"))
    assert told["env"][2:4] == ["yes", "0 of 1"]
    assert (told["vault"][2], told["vault"][6]) == ("skipped", "VAULT_ADDR is not set")


def test_a_clock_that_is_wrong(project: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A skew is shown, and from a minute on it is a warning."""
    monkeypatch.setattr(DotenvProvider, "identify", lambda *_, **__: Identity("me", -90.2))
    done = command("doctor")
    assert (done.exit_code, rows(done)["dotenv"][5]) == (0, "-90 s")
    assert (
        done.stderr.splitlines()[1]
        == "warning: the clock of provider 'dotenv' is -90 s from ours: set the clock of this machine"
    )


def test_an_identity_that_is_not_told(project: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that can be read is well, also when it does not say who we are."""
    refusal = Failed(FailureCode.DENIED, "no policy allows it")
    monkeypatch.setattr(DotenvProvider, "identify", lambda *_, **__: refusal)
    done = command("doctor")
    assert (done.exit_code, rows(done)["dotenv"][6]) == (0, "identity unknown: no policy allows it")


@pytest.mark.parametrize(("fails", "asked"), [(FailureCode.TIMEOUT, 1), (FailureCode.DENIED, 4)])
def test_an_outage_ends_the_asking(
    fails: FailureCode, asked: int, project: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider that is down is asked for one secret, and not waited for as often as there are secrets."""
    monkeypatch.setattr(DotenvProvider, "fetch", lambda *_, **__: Failed(fails))
    done = command("doctor")
    assert (done.exit_code, rows(done)["dotenv"][2:4]) == (MISSING, [fails.value, f"0 of {asked}"])


def test_names_that_a_provider_cannot_have(
    vault: KeyVault, folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it can have none of them, it is asked for the probe, by a name as it allows them."""
    signed_in(monkeypatch)
    (folder / "secretsource.toml").write_text(
        f'[environments.production]\nproviders = ["azure"]\n{AzureServer(vault).toml()}\n[secrets.{"A" * 128}]\n'
    )
    assert rows(command("doctor"))["azure"][2:4] == ["yes", "0 of 1"]
    assert ("GET", "/secrets/secretsource-doctor/", 404) in vault.calls


def test_a_driver_that_raises(project: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, what it raised is not shown, and the other providers are examined all the same."""

    def raises(*_: object, **__: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(DotenvProvider, "fetch", raises)
    monkeypatch.setattr(DotenvProvider, "identify", raises)
    done = command("doctor")
    assert (done.exit_code, [row[2] for row in rows(done).values()]) == (MISSING, ["yes", "malformed", "yes"])
    assert "the driver raised an error; report it to the driver's author" in done.stderr
    assert CANARY not in done.output


def test_at_aws(folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS names the caller's ARN and its own time."""
    with aws_server() as server:
        for name, value in {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}.items():
            monkeypatch.setenv(name, value)
        (folder / "secretsource.toml").write_text(
            '[environments.production]\nproviders = ["aws"]\n'
            f'[providers.aws]\nregion = "{server.region}"\nendpoint_url = "{server.endpoint_url}"\n'
        )
        done = command("doctor")
        assert done.exit_code == 0, done.output
        assert rows(done)["aws"][1].startswith("arn:aws:")
        assert rows(done)["aws"][2] == "yes"
        assert abs(int(rows(done)["aws"][5].removesuffix(" s"))) <= 2


def test_at_vault(bao: OpenBao) -> None:
    """Vault names the token and its policies; a bad token is unauthenticated, and an outage no identity."""
    rules = bao.policy("doctor", "secret/data/doctor/*")
    provider = VaultProvider(address=bao.address, auth={"method": "token", "token": bao.token(rules)})
    identity = provider.identify(timeout=5)
    assert isinstance(identity, Identity)
    assert "doctor" in identity.text
    assert identity.clock_skew is not None
    assert abs(identity.clock_skew) <= 2
    for settings, code in (
        ({"address": bao.address}, FailureCode.UNAUTHENTICATED),
        ({"address": "http://127.0.0.1:1"}, FailureCode.UNAVAILABLE),
    ):
        other = VaultProvider(**settings, auth={"method": "token", "token": "no-such-token"})  # type: ignore[arg-type]
        refused = other.identify(timeout=5)
        assert isinstance(refused, Failed)
        assert refused.code is code
        other.close()
    provider.close()


def test_at_aws_without_credentials_or_with_a_client() -> None:
    """What is missing is told; a client that was given can ask its own service only."""
    told = [AwsProvider(region="eu-west-1").identify(timeout=2), AwsProvider(client=given_client()).identify(timeout=2)]
    assert [outcome.code for outcome in told if isinstance(outcome, Failed)] == [
        FailureCode.UNAUTHENTICATED,
        FailureCode.MISCONFIGURED,
    ]


def given_client() -> Any:
    from boto3.session import Session

    return Session("testing", "testing", region_name="eu-west-1").client("secretsmanager")


@pytest.mark.parametrize("status", [200, 400])
def test_the_time_at_google_cloud(status: int, caplog: pytest.LogCaptureFixture) -> None:
    """Where tokens come from also tells the time; where none is to be had, the account is named all the same."""
    caplog.set_level(logging.DEBUG)
    with answering({"/token": (status, {"access_token": CANARY, "expires_in": 3600})}) as host:
        login = Credentials(None, "r", token_uri=f"http://{host}/token", client_id="c", client_secret="s")  # type: ignore[no-untyped-call]
        told = GcpProvider(project="p1", credentials=login).identify(timeout=5)
    assert isinstance(told, Identity)
    assert told.text == "Credentials in project of each reference"
    assert told.clock_skew is not None
    assert abs(told.clock_skew) <= 2
    login = Credentials(None, "r", token_uri="http://127.0.0.1:1/token", client_id="c", client_secret="s")  # type: ignore[no-untyped-call]
    assert GcpProvider(credentials=login).identify(timeout=5) == Identity(told.text)
    assert CANARY not in repr([vars(record) for record in caplog.records])


def test_at_google_cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Google Cloud names the account and the project of the credentials; without any, what to do."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p1")
    with secret_manager() as gcp:
        provider = GcpProvider(endpoint=gcp.endpoint)
        assert provider.identify(timeout=5) == Identity("AnonymousCredentials in project p1")
        provider.close()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nothing.json"))
    assert isinstance(GcpProvider().identify(timeout=5), Failed)


class GivenCredential:
    """A credential with a token of ours."""

    def get_token(self, *scopes: str, **options: Any) -> Any:
        from azure.core.credentials import AccessToken

        return AccessToken("e30.eyJ1cG4iOiJtZUBleGFtcGxlLm9yZyIsInRpZCI6InQxIn0.x", 0)


def test_at_azure(vault: KeyVault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Azure names the claims of the token, never the token, and its time; a refused sign-in says what to do."""
    given = azure_provider(vault, credential=GivenCredential())
    assert given.identify(timeout=5) == Identity("user me@example.org, tenant t1")
    signed_in(monkeypatch)
    made = azure_provider(vault)
    told = made.identify(timeout=5)
    assert isinstance(told, Identity)
    assert told.text == "a token that does not say whom it is for"
    assert told.clock_skew is not None
    assert abs(told.clock_skew) <= 2
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    refused = azure_provider(vault)
    outcome = refused.identify(timeout=5)
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.UNAUTHENTICATED
    for provider in (given, made, refused):
        provider.close()


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "a.W10.c", "a.e30.c", "a.%.c"])
def test_a_token_that_says_nothing(token: str) -> None:
    """A token that is no JWT, or has none of the claims, is not shown."""
    assert bearer_of(token) == "a token that does not say whom it is for"


def test_scope_of_a_cloud() -> None:
    """A token is asked for the vault's own cloud."""
    assert scope_of("https://my-vault.vault.usgovcloudapi.net") == "https://vault.usgovcloudapi.net/.default"
    assert scope_of("https://localhost:8443") == "https://localhost/.default"


def test_the_probe_is_a_legal_name() -> None:
    """Every provider of the design can be asked for it."""
    assert _inspection.ABSENT.replace("_", "").isalpha()
