"""The Key Vault provider: what it asks for a reference, the dates of a secret, its settings, and both resolvers."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import pytest
from tests.providers.azure.asking import ask, asked, found
from tests.servers.azure import KeyVault, now, problem, provider, public_cloud

from secretsource.config import load_config
from secretsource.exceptions import ConfigurationError, ProviderDenied, SecretNotFound
from secretsource.providers._registry import driver_class, is_installed
from secretsource.providers.azure import AzureProvider
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef
from secretsource.resolver._assembly import discovered
from secretsource.resolver._async_resolver import AsyncResolver
from secretsource.resolver._resolver import Resolver
from secretsource.testing import FakeClock

if TYPE_CHECKING:
    from pathlib import Path


CANARY = "canary-4c19e7"
VAULT = "https://my-vault.vault.azure.net"
TOKEN = SecretRef("azure", "token")


class TestLocate:
    """Where a bare name is kept."""

    def test_name_is_rewritten(self) -> None:
        """A variable's name becomes a name that Key Vault allows, behind the prefix."""
        provider = AzureProvider(vault_url=VAULT, prefix="prod-", name="azure-eu")
        assert provider.locate("STRIPE_SECRET_KEY") == SecretRef("azure-eu", "prod-stripe-secret-key")

    def test_name_in_a_document(self) -> None:
        """With a document the name is a field, and is not rewritten."""
        provider = AzureProvider(vault_url=VAULT, document="app-prod")
        assert provider.locate("STRIPE_SECRET_KEY") == SecretRef("azure", "app-prod", field="STRIPE_SECRET_KEY")

    def test_name_that_is_too_long(self) -> None:
        """A name that Key Vault cannot hold is not there."""
        assert isinstance(AzureProvider(vault_url=VAULT).locate("A" * 128), NotFound)


class TestReferences:
    """What is asked for a reference."""

    def test_explicit_name_is_not_rewritten(self, vault: KeyVault, way: str) -> None:
        """What a reference names is asked for as it is; Key Vault does not tell upper case from lower."""
        vault.put("Stripe-Key", "value")
        assert found(ask(way, provider(vault, prefix="prod-"), SecretRef("azure", "Stripe-Key"))).value == "value"
        assert asked(vault) == ["Stripe-Key/"]

    @pytest.mark.parametrize("location", ["STRIPE_KEY", "a/b", "..", "a" * 128, "ä"])
    def test_illegal_name_is_not_asked_for(self, vault: KeyVault, way: str, location: str) -> None:
        """A name that Key Vault would refuse is told apart from one that is absent, without a call."""
        outcome = ask(way, provider(vault), SecretRef("azure", location))
        assert isinstance(outcome, Failed)
        assert outcome.code is FailureCode.MISCONFIGURED
        assert vault.calls == []

    def test_version(self, vault: KeyVault, way: str) -> None:
        """A version is asked for by its identifier, whether or not it is the current one."""
        first = vault.put("token", "first")
        vault.put("token", "second")
        outcome = found(ask(way, provider(vault), TOKEN._replace(version=first)))
        assert (outcome.value, outcome.version) == ("first", first)

    def test_absent_version(self, vault: KeyVault, way: str) -> None:
        """A version that the secret has not got is not there."""
        vault.put("token", "first")
        outcome = ask(way, provider(vault), TOKEN._replace(version="0" * 32))
        assert outcome == NotFound(
            f"there is no azure://token?version={'0' * 32} in {vault.url.removeprefix('https://')}"
        )

    @pytest.mark.parametrize("version", ["versions", "1", "../x", ""])
    def test_what_is_no_version(self, vault: KeyVault, way: str, version: str) -> None:
        """A word that is no identifier never becomes part of a path."""
        assert isinstance(ask(way, provider(vault), TOKEN._replace(version=version)), NotFound)
        assert vault.calls == []

    @pytest.mark.parametrize(
        "ref", [TOKEN._replace(stage="AWSPREVIOUS"), TOKEN._replace(version="0" * 32, stage="current")]
    )
    def test_what_is_no_stage(self, vault: KeyVault, way: str, ref: SecretRef) -> None:
        """Key Vault has no labels; current and previous are all there is."""
        assert isinstance(ask(way, provider(vault), ref), NotFound)
        assert vault.calls == []

    def test_current_stage(self, vault: KeyVault, way: str) -> None:
        """The stage "current" is what is meant without one."""
        vault.put("token", "value")
        assert found(ask(way, provider(vault), TOKEN._replace(stage="current"))).value == "value"


class TestPrevious:
    """The version before the current one."""

    def test_newest_by_date(self, vault: KeyVault, way: str) -> None:
        """Of many versions, over several pages and in the order of random identifiers, it is the last but one."""
        for number in range(8):
            vault.put("token", f"value {number}")
        assert found(ask(way, provider(vault), TOKEN._replace(stage="previous"))).value == "value 6"

    def test_disabled_ones_are_passed_over(self, vault: KeyVault, way: str) -> None:
        """A version that was disabled is not valid any more."""
        vault.put("token", "first")
        vault.put("token", "leaked", enabled=False)
        vault.put("token", "third")
        assert found(ask(way, provider(vault), TOKEN._replace(stage="previous"))).value == "first"

    def test_none(self, vault: KeyVault, way: str) -> None:
        """Before the first rotation there is none, and of an absent secret there is none."""
        vault.put("token", "first")
        assert isinstance(ask(way, provider(vault), TOKEN._replace(stage="previous")), NotFound)
        outcome = ask(way, provider(vault), SecretRef("azure", "absent", stage="previous"))
        assert isinstance(outcome, NotFound)

    def test_of_the_version_that_is_in_use(self, vault: KeyVault, way: str) -> None:
        """When the secret was rotated meanwhile, it is the one before the version that the caller has."""
        vault.put("token", "first")
        second = vault.put("token", "second")
        azure = provider(vault)
        before = azure.previous(TOKEN, Found("second", version=second))
        vault.put("token", "third")
        assert before is not None
        assert found(ask(way, azure, before)).value == "first"
        assert asked(vault)[0] == "token/versions"

    def test_stored_in_the_same_second(self, vault: KeyVault, way: str) -> None:
        """Dates have whole seconds; the current version is known by its identifier, so it is not its own previous."""
        vault.put("token", "first")
        vault.put("token", "second")
        for version in vault.secrets["token"]:
            version.created = 1_700_000_000
        assert found(ask(way, provider(vault), TOKEN._replace(stage="previous"))).value == "first"

    def test_listing_refused(self, vault: KeyVault, way: str) -> None:
        """Without the permission to list, the remedy names that permission."""
        version = vault.put("token", "first")
        azure = provider(vault)
        ref = azure.previous(TOKEN, Found("first", version=version))
        assert ref is not None
        vault.refused["token"] = "ForbiddenByPolicy"
        outcome = ask(way, azure, ref)
        assert isinstance(outcome, Failed)
        assert outcome.code is FailureCode.DENIED
        assert "secrets/list" in (outcome.remedy or "")

    @pytest.mark.parametrize(
        ("ref", "version"),
        [
            (TOKEN._replace(version="0" * 32), "0" * 32),
            (TOKEN._replace(stage="previous"), "0" * 32),
            (TOKEN, None),
        ],
    )
    def test_of_what_is_not_current(self, ref: SecretRef, version: str | None) -> None:
        """A reference to one version has no version before it."""
        assert AzureProvider(vault_url=VAULT).previous(ref, Found("x", version=version)) is None


class TestDates:
    """A secret past its ``exp`` or before its ``nbf``, which Key Vault gives out all the same."""

    @pytest.mark.parametrize("dates", [{"expires": 1_600_000_000}, {"not_before": 4_000_000_000}])
    def test_warn(self, vault: KeyVault, way: str, dates: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
        """By default it is served, with a warning that names it and does not show it."""
        version = vault.put("token", CANARY, **dates)
        outcome = found(ask(way, provider(vault), TOKEN))
        assert (outcome.value, outcome.expires_at, outcome.rotates_at) == (CANARY, None, None)
        (record,) = [record for record in caplog.records if record.name == "secretsource.providers.azure"]
        assert record.levelno == logging.WARNING
        assert "'token'" in record.getMessage()
        assert version in record.getMessage()
        assert CANARY not in repr(vars(record))

    @pytest.mark.parametrize("dates", [{"expires": 1_600_000_000}, {"not_before": 4_000_000_000}])
    def test_refuse(self, vault: KeyVault, way: str, dates: dict[str, Any]) -> None:
        """Where it is refused, the chain stops, as for a disabled secret."""
        vault.put("token", CANARY, **dates)
        outcome = ask(way, provider(vault, on_expired="refuse"), TOKEN)
        assert isinstance(outcome, Failed)
        assert outcome.code is FailureCode.DISABLED
        assert "on_expired" in (outcome.reason or "")

    def test_refused_previous_is_none(self, vault: KeyVault, way: str) -> None:
        """A previous version that is not valid any more is not among the valid ones, and fails nothing."""
        vault.put("token", "first", expires=1_600_000_000)
        vault.put("token", "second")
        assert isinstance(ask(way, provider(vault, on_expired="refuse"), TOKEN._replace(stage="previous")), NotFound)

    @pytest.mark.parametrize("dates", [{"expires": 1_600_000_000}, {"not_before": 4_000_000_000}])
    def test_ignore(self, vault: KeyVault, way: str, dates: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
        """Where the dates are ignored, nothing is said."""
        vault.put("token", CANARY, **dates)
        assert found(ask(way, provider(vault, on_expired="ignore"), TOKEN)).value == CANARY
        assert not [record for record in caplog.records if record.name.startswith("secretsource")]

    def test_hints(self, vault: KeyVault, way: str) -> None:
        """An expiry to come is the end of a value that will be refused, and a time to ask again otherwise."""
        end = now() + 3600
        vault.put("token", "value", expires=end)
        refusing = found(ask(way, provider(vault, on_expired="refuse"), TOKEN))
        warning = found(ask(way, provider(vault), TOKEN))
        assert (refusing.expires_at, refusing.rotates_at) == (end, None)
        assert (warning.expires_at, warning.rotates_at) == (None, end)


class TestSettings:
    """What the constructor takes, and what it refuses."""

    @pytest.mark.parametrize(
        "given", ["my-vault.vault.azure.net", VAULT, VAULT + "/", "https://my-vault.vault.azure.net:443"]
    )
    def test_vault_url(self, given: str) -> None:
        """The vault is named by its URL, or by its host."""
        assert isinstance(AzureProvider(vault_url=given), AzureProvider)

    @pytest.mark.parametrize(
        "given",
        [
            "http://my-vault",
            VAULT + "/secrets",
            "https://u:p@vault",
            "https://a\\b",
            "a b",
            "https://my..vault",
            VAULT + ":99999",
        ],
    )
    def test_wrong_vault_url(self, given: str) -> None:
        """A token is sent over TLS only, and to a host only; the error does not quote what may hold a password."""
        with pytest.raises(ConfigurationError, match="vault_url must be of the form") as caught:
            AzureProvider(vault_url=given)
        assert given not in str(caught.value)

    def test_vault_of_the_environment(self, vault: KeyVault, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
        """Without a setting the vault is that of ``AZURE_KEY_VAULT_URL``."""
        monkeypatch.setenv("AZURE_KEY_VAULT_URL", vault.url)
        vault.put("token", "value")
        assert found(ask(way, provider(vault, vault_url=None), TOKEN)).value == "value"

    def test_no_vault(self) -> None:
        """Without either there is nothing to ask."""
        with pytest.raises(ConfigurationError, match="AZURE_KEY_VAULT_URL"):
            AzureProvider()

    @pytest.mark.parametrize(
        ("settings", "word"),
        [
            ({"attempts": 0}, "attempts"),
            ({"connection_timeout": 0.0}, "connection_timeout"),
            ({"read_timeout": -1.0}, "read_timeout"),
            ({"read_timeout": float("nan")}, "read_timeout"),
            ({"authority": "http://login"}, "authority"),
            ({"authority": "lo gin"}, "authority"),
            ({"credential": "a client secret"}, "credential must have get_token"),
            ({"on_expired": "explode"}, "on_expired"),
            ({"prefix": "prod/"}, "prefix"),
            ({"document": "app/prod"}, "document"),
            ({"client_options": {"logging_enable": True}}, "logging_enable"),
            ({"credential_options": {"logging_enable": True}}, "logging_enable"),
            ({"client_options": {"transport": "x"}}, "transport"),
            ({"credential_options": {"authority": "x"}}, "authority"),
        ],
    )
    def test_refused(self, settings: dict[str, Any], word: str) -> None:
        """A setting that cannot work, or that would undo a promise, is named."""
        with pytest.raises(ConfigurationError, match=word):
            AzureProvider(vault_url=VAULT, **settings)

    def test_options_reach_the_client(self, vault: KeyVault, way: str) -> None:
        """What the driver has no setting for is passed on."""
        vault.put("token", "value")
        seen: list[str] = []
        answer = vault.answer

        def note(method: str, path: str, query: dict[str, str], form: dict[str, str], bearer: str) -> Any:
            seen.append(query.get("api-version", ""))
            return answer(method, path, query, form, bearer)

        vault.answer = note  # type: ignore[method-assign]
        options = {"headers_policy": None, "user_agent": "ours"}
        assert found(ask(way, provider(vault, api_version="7.4", client_options=options), TOKEN)).value == "value"
        del vault.answer
        assert "7.4" in seen

    def test_from_a_file(self, tmp_path: Path) -> None:
        """Every setting can be written in ``secretsource.toml``."""
        (tmp_path / "secretsource.toml").write_text(
            f"""
            [environments.default]
            providers = ["azure-eu"]

            [providers.azure-eu]
            type = "azure"
            vault_url = "{VAULT}"
            prefix = "prod-"
            on_expired = "refuse"
            connection_timeout = 0.5
            verify_challenge_resource = true
            client_options = {{ retry_backoff_factor = 0.2 }}
            credential_options = {{ exclude_cli_credential = true }}
            """,
            encoding="utf-8",
        )
        config = load_config(tmp_path / "secretsource.toml", environment="default")
        assert config is not None
        (section,) = config.providers
        made = driver_class(section.type)(name=section.name, **section.settings)
        assert made.locate("API_KEY") == SecretRef("azure-eu", "prod-api-key")

    def test_registered(self) -> None:
        """The scheme is known, and its package can be looked for without being imported."""
        assert driver_class("azure") is AzureProvider
        assert is_installed("azure")


class TestPublicCloud:
    """As a user has it: a vault's name, credentials in the environment, and nothing else."""

    def test_no_settings(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """By its variable the vault joins the chain; the token's resource is checked, and the login page is Azure's."""
        with public_cloud() as vault:
            vault.put("stripe-secret-key", "value")
            monkeypatch.setenv("AZURE_KEY_VAULT_URL", vault.url)
            with Resolver([*(route.provider for route in discovered().routes)]) as resolver:
                assert resolver.get("STRIPE_SECRET_KEY").provider == "azure"

    def test_provider_url(self, tmp_path: Path) -> None:
        """A provider URL names the vault by its host."""
        with public_cloud() as vault:
            vault.put("prod-api-key", "value")
            with Resolver(["azure://my-vault.vault.azure.net?prefix=prod-"]) as resolver:
                assert resolver.get("API_KEY") == "value"

    def test_on_the_loop(self, tmp_path: Path) -> None:
        """The asynchronous client takes the certificates from ``ca_cert``."""
        with public_cloud() as vault:
            vault.put("token", "value")
            azure = AzureProvider(vault_url=vault.url, ca_cert=vault.ca)
            assert found(ask("afetch", azure, TOKEN)).value == "value"


class TestResolvers:
    """Key Vault behind the two resolvers."""

    def test_blocking(self, vault: KeyVault) -> None:
        """A name, a version, a set and an absence."""
        first = vault.put("stripe-secret-key", "first")
        vault.put("stripe-secret-key", "second")
        with Resolver([provider(vault)]) as resolver:
            assert resolver.get("STRIPE_SECRET_KEY") == "second"
            assert resolver.get("azure://stripe-secret-key", version=first) == "first"
            assert resolver.get_set("STRIPE_SECRET_KEY") == ("second", "first")
            with pytest.raises(SecretNotFound):
                resolver.get("ABSENT")

    async def test_asynchronous(self, vault: KeyVault) -> None:
        """The same on the event loop, with many at once over one login."""
        for number in range(12):
            vault.put(f"key-{number}", f"value {number}")
        vault.put("key-0", "rotated")
        logins = vault.logins
        async with AsyncResolver([provider(vault)]) as resolver:
            values = await resolver.get_many([f"KEY_{number}" for number in range(12)])
            assert values["KEY_11"] == "value 11"
            assert await resolver.get_set("KEY_0") == ("rotated", "value 0")
            with pytest.raises(SecretNotFound):
                await resolver.get("ABSENT")
        assert vault.logins == logins + 1

    def test_document(self, vault: KeyVault) -> None:
        """Many names in one secret cost one call, and a field that is not in it is not there."""
        vault.put("app-prod", '{"ONE": "1", "TWO": "2"}')
        with Resolver([provider(vault, document="app-prod")]) as resolver:
            assert dict(resolver.get_many(["ONE", "TWO"])) == {"ONE": "1", "TWO": "2"}
            with pytest.raises(SecretNotFound):
                resolver.get("THREE")
        assert asked(vault) == ["app-prod/"]

    def test_batch_keeps_each_outcome(self, vault: KeyVault) -> None:
        """One name that is refused does not hide the others, and nothing is listed."""
        vault.put("one", "1")
        vault.put("two", "2")
        vault.refused["two"] = "ForbiddenByRbac"
        with Resolver([provider(vault)]) as resolver:
            with pytest.raises(ProviderDenied, match="Key Vault Secrets User") as caught:
                resolver.get_many(["ONE", "TWO"])
            assert resolver.get("ONE") == "1"
        assert caught.value.name == "TWO"
        assert not [path for path in asked(vault) if "versions" in path]

    async def test_expired_is_dropped(self, vault: KeyVault) -> None:
        """A refused secret is an error of the chain, and not its next provider's turn."""
        vault.put("token", CANARY, expires=1_600_000_000)
        async with AsyncResolver([provider(vault, on_expired="refuse"), "env"]) as resolver:
            os.environ["TOKEN"] = "weaker"
            try:
                with pytest.raises(ProviderDenied, match="expired at 2020") as caught:
                    await resolver.get("TOKEN")
            finally:
                del os.environ["TOKEN"]
        assert CANARY not in repr(caught.value.__dict__)

    def test_throttled_then_stale(self, vault: KeyVault) -> None:
        """A value is served stale while the vault throttles."""
        vault.put("token", "value")
        clock = FakeClock()
        with Resolver([provider(vault)], clock=clock, ttl=300, revalidate=0) as resolver:
            assert resolver.get("TOKEN").served == "live"
            vault.standing = lambda: problem(429, "Throttled", **{"Retry-After": "9"})
            clock.advance(600)
            assert resolver.get("TOKEN").served == "stale"
