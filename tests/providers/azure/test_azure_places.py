"""The places of a bare name in a vault: as the driver writes it, and as people do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.providers.azure.asking import ask, asked, found
from tests.servers.azure import problem, provider

from secretsource import AsyncResolver, Resolver
from secretsource.exceptions import ConfigurationError, ProviderDenied, SecretNotFound
from secretsource.providers.azure import AzureProvider
from secretsource.providers.base import Failed, FailureCode, NotFound, Occupied, SecretRef, Stored
from secretsource.providers.memory import MemoryProvider

if TYPE_CHECKING:
    from tests.servers.azure import KeyVault

ESCAPED, PLAIN = "--ldb--hpassword", "db-password"
BOTH = SecretRef("azure", ESCAPED, options=(("or", PLAIN),))


@pytest.mark.parametrize("name", ["db-password", "db_password", "DB-PASSWORD", "DB_PASSWORD", "dB_passWord"])
@pytest.mark.parametrize("names", ["either", "plain"])
def test_what_people_named_is_found(vault: KeyVault, way: str, name: str, names: Any) -> None:
    """By every usual spelling of its name."""
    vault.put(PLAIN, "pw")
    azure = provider(vault, names=names)
    ref = azure.locate(name)
    assert isinstance(ref, SecretRef)
    assert found(ask(way, azure, ref)).value == "pw"


@pytest.mark.parametrize("name", ["db-password", "db_password", "DB-PASSWORD"])
def test_no_weaker_source_wins(vault: KeyVault, name: str) -> None:
    """A secret that people named in the vault is found there, before a source behind the vault is asked."""
    vault.put(PLAIN, "pw")
    with Resolver([provider(vault), MemoryProvider({name: "weaker"})]) as resolver:
        secret = resolver.get(name)
    assert (secret, secret.provider) == ("pw", "azure")


def test_an_escaped_name_wins(vault: KeyVault, way: str) -> None:
    """The other place is asked only if the first one has no such secret."""
    vault.put(ESCAPED, "ours")
    vault.put(PLAIN, "theirs")
    outcome = found(ask(way, provider(vault), BOTH))
    assert (outcome.value, outcome.place) == ("ours", SecretRef("azure", ESCAPED))
    assert asked(vault) == [f"{ESCAPED}/"]


def test_a_name_that_both_ways_write_alike_has_one_place(vault: KeyVault, way: str) -> None:
    """A variable's name costs one question."""
    azure = provider(vault)
    ref = azure.locate("STRIPE_KEY")
    assert isinstance(ref, SecretRef)
    assert ref == SecretRef("azure", "stripe-key")
    assert isinstance(ask(way, azure, ref), NotFound)
    assert asked(vault) == ["stripe-key/"]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("a.b", SecretRef("azure", "--la--x2e-b")),  # people cannot have named it so
        ("a" * 126, SecretRef("azure", "a" * 126)),  # too long with an escape
    ],
)
def test_a_name_that_one_way_cannot_write_has_one_place(name: str, place: SecretRef) -> None:
    """The other place is left out where Key Vault allows no such name."""
    assert AzureProvider(vault_url="v.vault.azure.net").locate(name) == place


@pytest.mark.parametrize(
    ("names", "places"),
    [
        ("either", f"azure://{ESCAPED} and no azure://{PLAIN}"),
        ("escaped", f"azure://{ESCAPED}"),
        ("plain", f"azure://{PLAIN}"),
    ],
)
def test_an_absence_names_every_place(vault: KeyVault, way: str, names: Any, places: str) -> None:
    """As they were asked for, with the vault."""
    azure = provider(vault, names=names)
    ref = azure.locate("db-password")
    assert isinstance(ref, SecretRef)
    host = vault.url.removeprefix("https://")
    assert ask(way, azure, ref) == NotFound(f"there is no {places} in {host}")
    with Resolver([azure]) as resolver, pytest.raises(SecretNotFound, match=f"no {places} in"):
        resolver.get("db-password")


@pytest.mark.parametrize("name", [ESCAPED, PLAIN])
def test_a_failure_names_its_place(vault: KeyVault, way: str, name: str) -> None:
    """It ends the search, and says under which of the names it happened."""
    vault.put(name, "value")
    vault.disable(name)
    outcome = ask(way, provider(vault), BOTH)
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.DISABLED
    assert f"(in azure://{name} in {vault.url.removeprefix('https://')})" in str(outcome.reason)


def test_a_trace_shows_the_place_that_has_the_secret(vault: KeyVault) -> None:
    """Also for a value from memory; of an absence, both places."""
    vault.put(PLAIN, '{"user": "me"}')
    with Resolver([provider(vault)]) as resolver:
        for _ in range(2):
            assert resolver.explain("db-password").steps[0].reference == f"azure://{PLAIN}"
            assert resolver.get("db-password", field="user") == "me"
        assert resolver.explain("db-pass").steps[0].reference == "azure://--ldb--hpass?or=db-pass"
        (handle,) = resolver.providers()
        assert handle.where("db-password") == f"azure://{ESCAPED}?or={PLAIN}"
        assert found(handle.read("db-password")).place == SecretRef("azure", PLAIN)


@pytest.mark.parametrize("name", [ESCAPED, PLAIN])
def test_the_version_before_is_of_the_same_place(vault: KeyVault, name: str) -> None:
    """Wherever the current version is; the other place is not asked for it."""
    vault.put(name, "old")
    vault.put(name, "new")

    async def asynchronous() -> tuple[str | None, str | None]:
        async with AsyncResolver([provider(vault)]) as resolver:
            both = await resolver.get_set("db-password")
            return both.current, both.previous

    with Resolver([provider(vault)]) as resolver:
        both = resolver.get_set("db-password")
        assert (both.current, both.previous) == ("new", "old")
        assert asked(vault)[-2] == f"{name}/versions"
        pinned = resolver.get("db-password", version=both.previous.version if both.previous else None)
        assert pinned == "old"
    assert asyncio.run(asynchronous()) == ("new", "old")


def test_a_place_without_an_older_version_ends_the_search(vault: KeyVault, way: str) -> None:
    """The older version of another secret is not taken for it."""
    vault.put(ESCAPED, "ours")
    vault.put(PLAIN, "old")
    vault.put(PLAIN, "new")
    outcome = ask(way, provider(vault), BOTH._replace(stage="previous"))
    assert isinstance(outcome, NotFound)
    assert "no enabled version before" in str(outcome.reason)


class TestStore:
    """A write goes to where a read would find the secret."""

    @pytest.mark.parametrize(("there", "goes_to"), [((), ESCAPED), ((PLAIN,), PLAIN), ((PLAIN, ESCAPED), ESCAPED)])
    def test_the_place(self, vault: KeyVault, there: tuple[str, ...], goes_to: str) -> None:
        """The place that has the secret, or else the first one; and the result says which."""
        for name in there:
            vault.put(name, "old")
        azure = provider(vault)
        outcome = azure.store(BOTH, "new", overwrite=bool(there), timeout=5)
        assert isinstance(outcome, Stored)
        assert outcome.place == SecretRef("azure", goes_to)
        assert found(azure.fetch(BOTH, timeout=5)).value == "new"
        for name in {PLAIN, ESCAPED} - {goes_to}:
            other = azure.fetch(SecretRef("azure", name), timeout=5)
            assert isinstance(other, NotFound) or found(other).value == "old"

    @pytest.mark.parametrize("name", [PLAIN, ESCAPED])
    def test_it_makes_no_second_copy(self, vault: KeyVault, name: str) -> None:
        """Without ``overwrite``, a secret in either place is left alone."""
        vault.put(name, "old")
        assert provider(vault).store(BOTH, "new", timeout=5) == Occupied()

    def test_a_disabled_secret_is_there(self, vault: KeyVault) -> None:
        """Its place is written to, since a new version is enabled."""
        vault.put(PLAIN, "old")
        vault.disable(PLAIN)
        outcome = provider(vault).store(BOTH, "new", overwrite=True, timeout=5)
        assert isinstance(outcome, Stored)
        assert outcome.place == SecretRef("azure", PLAIN)

    def test_a_vault_that_cannot_be_asked_is_not_written_to(self, vault: KeyVault) -> None:
        """The place is not known then, and a guess could make a second copy."""
        vault.standing = lambda: problem(503, "ServiceUnavailable")
        outcome = provider(vault, attempts=1).store(BOTH, "new", overwrite=True, timeout=5)
        assert isinstance(outcome, Failed)
        assert vault.url.removeprefix("https://") in str(outcome.reason)
        vault.heal()
        assert isinstance(provider(vault).fetch(BOTH, timeout=5), NotFound)

    def test_one_place_is_not_looked_up_first(self, vault: KeyVault) -> None:
        """A program that may only write can write."""
        outcome = provider(vault).store(SecretRef("azure", "token"), "new", overwrite=True, timeout=5)
        assert isinstance(outcome, Stored)
        assert outcome.place is None
        assert len(asked(vault)) == 1


def test_an_illegal_second_place_is_refused(vault: KeyVault, way: str) -> None:
    """As an illegal first one is, before anything is asked."""
    outcome = ask(way, provider(vault), SecretRef("azure", "token", options=(("or", "a_b"),)))
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.MISCONFIGURED
    assert asked(vault) == []


def test_a_refused_date_names_its_place(vault: KeyVault) -> None:
    """A secret past its date ends the search too."""
    vault.put(PLAIN, "value", expires=1_600_000_000)
    with Resolver([provider(vault, on_expired="refuse")]) as resolver, pytest.raises(ProviderDenied, match=PLAIN):
        resolver.get("db-password")


def test_an_unknown_setting_is_refused() -> None:
    """A way to write names that is not known is refused at once."""
    wrong: Any = "pretty"
    with pytest.raises(ConfigurationError, match="names must be 'either', 'escaped' or 'plain'"):
        AzureProvider(vault_url="v.vault.azure.net", names=wrong)
