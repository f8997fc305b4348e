"""Secrets in the settings of Django and in the configuration of Flask."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from benchmarks.django_settings import configure
from flask import Flask
from tests.leaks.canary import CANARY, assert_unseen

from secretsource import Resolver, Secret, override
from secretsource.exceptions import ConfigurationError, InvalidReference, ProviderUnavailable, SecretNotFound
from secretsource.integrations.django_settings import secrets_into
from secretsource.integrations.flask_config import SecretConfig
from secretsource.providers.base import Failed, FailureCode
from secretsource.testing import ScriptedBatchProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

configure()  # Django, which signs only if it has settings

SECRETS: dict[Any, Any] = {
    "SECRET_KEY": CANARY,
    "STRIPE_KEY": ["one", "two"],
    "app/db": json.dumps({"password": CANARY}),
    "DOWN": Failed(FailureCode.UNAVAILABLE),
}


@pytest.fixture
def provider() -> ScriptedBatchProvider:
    """A provider with batches."""
    return ScriptedBatchProvider(SECRETS)


@pytest.fixture
def resolver(provider: ScriptedBatchProvider) -> Iterator[Resolver]:
    """A resolver of the test's own."""
    with Resolver([provider]) as made:
        yield made


class Shop(Flask):
    """An application whose configuration reads secrets."""

    config_class = SecretConfig


@pytest.fixture
def config(resolver: Resolver) -> SecretConfig:
    """The configuration of an application."""
    config = Shop("shop").config
    assert isinstance(config, SecretConfig)
    return config


class TestDjango:
    """`secrets_into`."""

    def test_settings_in_one_batch(self, provider: ScriptedBatchProvider, resolver: Resolver) -> None:
        """Settings, also within dictionaries, are secrets that do not show themselves."""
        settings: dict[str, Any] = {"DATABASES": {"default": {"NAME": "shop"}}}
        names = {"SECRET_KEY": "SECRET_KEY", "DATABASES.default.PASSWORD": "app/db#password"}
        secrets_into(settings, names, resolver=resolver)
        assert settings["SECRET_KEY"] == settings["DATABASES"]["default"]["PASSWORD"] == CANARY
        assert isinstance(settings["SECRET_KEY"], Secret)
        assert len(provider.batches) == 1
        assert_unseen(repr(settings))

    def test_a_list_of_names(self) -> None:
        """A setting that is called as its secret needs no other name; the resolver is that of `get_secret`."""
        settings: dict[str, Any] = {}
        with override({"SECRET_KEY": "k"}):
            secrets_into(settings, ["SECRET_KEY"])
            with pytest.raises(InvalidReference, match="not one string"):
                secrets_into(settings, "SECRET_KEY")
        assert settings == {"SECRET_KEY": "k"}

    def test_names_that_can_be_read_once(self) -> None:
        """Names may come from a generator."""
        settings: dict[str, Any] = {}
        with override({"SECRET_KEY": "k"}):
            secrets_into(settings, (name for name in ["SECRET_KEY"]))
        assert settings == {"SECRET_KEY": "k"}

    @pytest.mark.parametrize(
        ("names", "error", "message"),
        [
            (["SECRET_KEY", "NONE", "NOWHERE"], SecretNotFound, "'NONE', 'NOWHERE'"),
            (["SECRET_KEY", "DOWN"], ProviderUnavailable, "DOWN"),
            ({"SECRET_KEY": "SECRET_KEY", "CACHES.main.URL": "STRIPE_KEY"}, ConfigurationError, "'CACHES' is not one"),
            ({"SECRET_KEY": "SECRET_KEY", "NAME.URL": "STRIPE_KEY"}, ConfigurationError, "'NAME' is not one"),
        ],
    )
    def test_all_or_nothing(self, resolver: Resolver, names: Any, error: type[Exception], message: str) -> None:
        """If one secret is missing, fails or has no place, no setting changes."""
        settings: dict[str, Any] = {"NAME": "shop"}
        with pytest.raises(error, match=message):
            secrets_into(settings, names, resolver=resolver)
        assert settings == {"NAME": "shop"}

    def test_django_takes_a_secret_for_its_key(self) -> None:
        """Django signs with the value, and its check before a deployment examines it as a text."""
        from django.core.checks import run_checks
        from django.core.signing import Signer
        from django.test import override_settings

        settings: dict[str, Any] = {}
        for key, findings in ((CANARY * 5, 0), (CANARY, 1)):
            with override({"SECRET_KEY": key}):
                secrets_into(settings, ["SECRET_KEY"])
            with override_settings(**settings):
                assert Signer().sign("x") == Signer(key=key).sign("x")
                found = run_checks(tags=["security"], include_deployment_checks=True)
                assert sum(each.id == "security.W009" for each in found) == findings


class TestFlask:
    """`SecretConfig`."""

    def test_values_follow_rotation(self, config: SecretConfig, resolver: Resolver) -> None:
        """A key is looked for when it is added, and read at each use."""
        config.from_secrets({"PAY": "STRIPE_KEY"}, resolver=resolver)
        assert (config["PAY"], config.get("PAY")) == ("one", "one")
        assert isinstance(config["PAY"], Secret)
        resolver.invalidate("STRIPE_KEY")
        assert config["PAY"] == "two"

    def test_flask_reads_its_own_keys(self) -> None:
        """The key of the sessions is read through the configuration, from the resolver of `get_secret`."""
        app = Shop("shop")
        config: Any = app.config
        with override({"SECRET_KEY": "one"}):
            config.from_secrets(name for name in ["SECRET_KEY"])
            assert app.secret_key == "one"
        with override({"SECRET_KEY": "two"}):
            assert app.secret_key == "two"

    @pytest.mark.parametrize(
        ("names", "error"), [(["SECRET_KEY", "NONE"], SecretNotFound), (["SECRET_KEY", "DOWN"], ProviderUnavailable)]
    )
    def test_all_or_nothing(self, config: SecretConfig, resolver: Resolver, names: Any, error: type[Exception]) -> None:
        """If one secret is missing or fails, no key is added."""
        before = dict(config)
        with pytest.raises(error):
            config.from_secrets(names, resolver=resolver)
        assert dict(config) == before

    def test_other_keys_are_as_they_were(self, config: SecretConfig) -> None:
        """A configuration without secrets is that of Flask."""
        config["NAME"] = "shop"
        assert (config["NAME"], config.get("NONE"), config.get("NONE", 1)) == ("shop", None, 1)
        with pytest.raises(KeyError):
            config["NONE"]

    def test_no_value_is_shown(self, config: SecretConfig, resolver: Resolver) -> None:
        """What lists the configuration has handles."""
        config.from_secrets(["SECRET_KEY"], resolver=resolver)
        assert config["SECRET_KEY"] == CANARY
        assert_unseen(
            repr(config), repr(dict(config)), repr(list(config.values())), repr(config.get_namespace("SECRET_"))
        )
