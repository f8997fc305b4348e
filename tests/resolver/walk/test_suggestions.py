"""An error knows what else there is: declared secrets, and providers that this environment does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from secretsource import Resolver
from secretsource.exceptions import ConfigurationError, ProviderResponseError, SecretNotFound

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Make = Callable[..., Resolver]

FILE = """
[environments.development]
providers = ["env"]
[environments.production]
providers = ["env", "vault-eu"]
[environments.staging]
providers = ["env", "vault-eu"]

[providers.vault-eu]
type = "memory"
[providers.spare]
type = "memory"

[secrets.STRIPE_SECRET_KEY]
[secrets.MAIL_PASSWORD]
"""


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a resolver from the file, for an environment."""

    def resolver(environment: str = "development") -> Resolver:
        (tmp_path / "secretsource.toml").write_text(FILE)
        return Resolver.from_config(tmp_path / "secretsource.toml", environment=environment)

    return resolver


def refusal(resolver: Resolver, name: str) -> str:
    """The sentence of a name that is not found."""
    with pytest.raises(SecretNotFound) as caught:
        resolver.get(name)
    return str(caught.value)


@pytest.mark.parametrize("name", ["STRIPE_SECRET_KEI", "stripe-secret-key", "STRIPE_SECRETKEY#field"])
def test_a_declared_secret_is_suggested(name: str, make: Make) -> None:
    """For a name that is almost its, in whatever case and with whatever dashes."""
    sentence = refusal(make(), name)
    assert "did you mean 'STRIPE_SECRET_KEY'? Otherwise create it there, or pass a default" in sentence


@pytest.mark.parametrize("name", ["STRIPE_SECRET_KEY", "DATABASE_URL", "env://STRIPE_SECRET_KEI"])
def test_nothing_is_made_up(name: str, make: Make) -> None:
    """Not for a declared name, nor for one that is like none, nor where a reference says the place."""
    assert "did you mean" not in refusal(make(), name)


def test_each_of_many_has_its_own_suggestion(make: Make) -> None:
    """Behind its name, so that it is clear which one is meant."""
    with pytest.raises(SecretNotFound) as caught:
        make().get_many(["MAIL_PASWORD", "OTHER"])
    assert "2 secrets were not found: 'MAIL_PASWORD' (did you mean 'MAIL_PASSWORD'?), 'OTHER'; looked at env" in str(
        caught.value
    )


@pytest.mark.parametrize(
    ("provider", "where"),
    [
        ("vault-eu", "in the chain of environments 'production', 'staging' only"),
        ("spare", "configured, but in the chain of no environment"),
    ],
)
def test_a_provider_of_another_environment(provider: str, where: str, make: Make) -> None:
    """It is not unknown: the error says which environments have it, and what to do."""
    says = f"provider '{provider}' is {where}: add it to the providers of this environment"
    resolver = make()
    with pytest.raises(ConfigurationError) as caught:
        resolver.get(f"{provider}://X")
    assert str(caught.value) == says


def test_a_pointer_to_a_provider_of_another_environment(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same sentence, as the reason why the value is not followed."""
    monkeypatch.setenv("POINTER", "ref+vault-eu://X")
    with pytest.raises(ProviderResponseError, match="provider 'vault-eu' is in the chain of environments 'production'"):
        make().get("POINTER")


def test_it_is_asked_where_it_is_in_the_chain(make: Make) -> None:
    """No word of other environments then."""
    sentence = refusal(make("production"), "vault-eu://X")
    assert sentence.startswith("secret 'vault-eu://X' was not found at 'vault-eu'; create it")


def test_a_provider_that_is_not_in_the_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference may name one; that it was asked without settings of the chain's belongs to what it says."""
    monkeypatch.chdir(tmp_path)
    sentence = refusal(Resolver(["env"]), "dotenv://X")
    assert ", which is not in the chain, so none of your settings hold for it; create it" in sentence
    assert "not in the chain" not in refusal(Resolver(["env", "dotenv"]), "dotenv://X")


def test_a_failure_of_a_provider_that_is_not_in_the_chain(tmp_path: Path) -> None:
    """An error that comes of its missing settings says so."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(ProviderResponseError, match="from provider 'file', which is not in the chain, so none of your"):
        Resolver(["env"]).get(f"file://{tmp_path}/folder")
