"""A configuration becomes one validated object, or one sentence that says what to change."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.config import Config, ProviderConfig, SecretConfig, parse_config
from secretsource.exceptions import ConfigurationError, ProviderNotInstalled
from secretsource.providers._registry import driver_class

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.config._provider import Drivers

    Parse = Callable[..., Config]

FILE = Path("secretsource.toml")
CANARY = "c4n4ry-value"

WHOLE = """\
environment = "development"
deadline = 4

[environments.development]
providers = ["env"]

[environments.production]
providers = ["env", "aws", "aws-us", "vault", "aws://?region=eu-north-1&name=aws-eu"]
ttl = 60
revalidate = 30.5
max_stale = 600
negative_ttl = 0
max_entries = 10
jitter = 0

[providers.aws]
region = "eu-west-1"
on_denied = "next"

[providers.aws-us]
type = "aws"
region = "us-east-1"
on_unavailable = "next"

[providers.vault]
address = "https://vault.internal:8200"
auth = { method = "approle", secret_id = "ref+file:///run/secrets/vault" }

[secrets.STRIPE_SECRET_KEY]
required = false
description = "Charges cards"
aws = "payments/stripe#secret_key"
aws-eu = "stripe?stage=AWSPREVIOUS"

[secrets.OTHER]
"""


@pytest.fixture
def parse(drivers: Drivers) -> Parse:
    """Parses a text of ``secretsource.toml`` with the drivers of these tests."""

    def parsed(text: str, environment: str | None = None, file: Path = FILE) -> Config:
        return parse_config(text, file=file, environment=environment, drivers=drivers)

    return parsed


@pytest.fixture
def mistake(parse: Parse) -> Callable[..., str]:
    """The one sentence that a wrong text gives."""

    def message(text: str, environment: str | None = None, file: Path = FILE) -> str:
        with pytest.raises(ConfigurationError) as caught:
            parse(text, environment, file)
        assert CANARY not in str(caught.value)
        return str(caught.value)

    return message


def environment(*lines: str, providers: str = '["env"]') -> str:
    """A file with one environment, whose own lines start at line 3."""
    return "\n".join(("[environments.x]", f"providers = {providers}", *lines, ""))


class TestWhole:
    def test_chosen_environment(self, parse: Parse) -> None:
        """The numbers of the environment win over those of the top, and those over the defaults."""
        config = parse(WHOLE, "production")
        assert (config.file, config.environment) == (FILE, "production")
        assert (config.ttl, config.revalidate, config.max_stale, config.deadline) == (60.0, 30.5, 600.0, 4.0)
        assert (config.negative_ttl, config.max_entries, config.jitter) == (0.0, 10, 0.0)

    def test_defaults(self, parse: Parse) -> None:
        """What nothing is said about has the values of the reference."""
        assert parse(environment()) == Config(
            FILE,
            "x",
            (ProviderConfig("env", "env"),),
            ttl=300.0,
            revalidate=None,
            max_stale=3600.0,
            deadline=5.0,
            negative_ttl=10.0,
            max_entries=1024,
            jitter=0.1,
        )

    def test_chain_is_in_order_with_typed_settings(self, parse: Parse) -> None:
        """A word is a scheme, a section, a section with another name than its driver's, or a URL."""
        auth = {"method": "approle", "secret_id": "ref+file:///run/secrets/vault"}
        assert parse(WHOLE, "production").providers == (
            ProviderConfig("env", "env"),
            ProviderConfig("aws", "aws", {"region": "eu-west-1"}, on_denied="next"),
            ProviderConfig("aws-us", "aws", {"region": "us-east-1"}, on_unavailable="next"),
            ProviderConfig("vault", "vault", {"address": "https://vault.internal:8200", "auth": auth}),
            ProviderConfig("aws-eu", "aws", {"region": "eu-north-1"}),
        )

    def test_providers_know_where_they_are_written(self, parse: Parse) -> None:
        """A section has its own line; schemes and URLs have that of the list."""
        providers = parse(WHOLE, "production").providers
        assert [provider.line for provider in providers] == [8, 16, 20, 25, 8]
        assert {provider.file for provider in providers} == {FILE}

    def test_secrets(self, parse: Parse) -> None:
        """A secret has a place at some providers, and needs nothing said about it."""
        locations = {"aws": "payments/stripe#secret_key", "aws-eu": "stripe?stage=AWSPREVIOUS"}
        assert parse(WHOLE).secrets == {
            "STRIPE_SECRET_KEY": SecretConfig("STRIPE_SECRET_KEY", False, "Charges cards", locations),
            "OTHER": SecretConfig("OTHER"),
        }

    def test_location_may_be_a_whole_reference(self, parse: Parse) -> None:
        """The provider's own scheme in front of a location says nothing new, and is left out."""
        assert parse(environment("[secrets.A]", "env = 'env://B#c'")).secrets["A"].locations == {"env": "B#c"}

    def test_all_of_it_is_frozen(self, parse: Parse) -> None:
        """No part of a configuration changes after it was checked."""
        config: Any = parse(WHOLE, "production")
        with pytest.raises(FrozenInstanceError):
            config.ttl = 1
        with pytest.raises(TypeError):
            config.secrets["OTHER"] = None
        with pytest.raises(TypeError):
            config.secrets["OTHER"].locations["aws"] = "x"
        with pytest.raises(TypeError):
            config.providers[1].settings["region"] = "x"
        with pytest.raises(TypeError):
            ProviderConfig("a", "b").settings["x"] = 1  # type: ignore[index]

    def test_settings_are_not_in_the_repr(self, parse: Parse) -> None:
        """A configuration can be logged."""
        text = environment("[providers.aws]", f'region = "{CANARY}"', providers='["aws"]')
        assert CANARY not in repr(parse(text))


class TestEnvironment:
    def test_argument_then_file_then_the_only_one(self, parse: Parse) -> None:
        """The first that is given wins."""
        assert parse(WHOLE, "production").environment == "production"
        assert parse(WHOLE).environment == "development"
        assert parse(environment()).environment == "x"

    @pytest.mark.parametrize(
        ("text", "asked", "message"),
        [
            (WHOLE, "prodution", "line 4: unknown environment 'prodution': did you mean 'production'?"),
            (WHOLE, "zzz", "line 4: unknown environment 'zzz': known are development, production"),
            ('environment = "y"\n' + environment(), "x", "line 1: unknown environment 'y': known are x"),
            ("environment = 1\n" + environment(), "x", "line 1: environment must be a string"),
            (
                environment() + "[environments.y]\nproviders=['env']\n",
                None,
                "line 1: choose one of the environments x, y: set SECRETSOURCE_ENV, or environment in the file",
            ),
            (
                "",
                None,
                "toml: the file must declare an environment: add a table [environments.NAME] with its providers",
            ),
        ],
    )
    def test_no_such_environment(self, text: str, asked: str | None, message: str, mistake: Callable[..., str]) -> None:
        """The error names those that there are."""
        assert message in mistake(text, asked)


NUMBERS = ["ttl", "max_stale", "deadline", "revalidate", "negative_ttl"]


class TestNumbers:
    @pytest.mark.parametrize("key", NUMBERS)
    @pytest.mark.parametrize("value", ["-1", "true", f'"{CANARY}"', "nan", "inf", "1e400", "9" * 400, "[5]"])
    def test_duration_is_a_finite_number_of_seconds(self, key: str, value: str, mistake: Callable[..., str]) -> None:
        """Not a bool, not text with a unit, not negative, not endless."""
        message = mistake(environment(f"{key} = {value}"))
        assert f"secretsource.toml, line 3, in [environments.x]: {key} must be a number of seconds" in message

    def test_zero(self, parse: Parse, mistake: Callable[..., str]) -> None:
        """Nothing can be fresh for 0 seconds or answer in 0 seconds; an absence may be forgotten at once."""
        for key in ("ttl", "deadline", "max_stale"):
            assert f"{key} must be a number of seconds, above 0" in mistake(f"{key} = 0\n" + environment())
        config = parse(environment("revalidate = 0", "negative_ttl = 0.0"))
        assert (config.revalidate, config.negative_ttl) == (0.0, 0.0)

    def test_the_bounds_themselves(self, parse: Parse, mistake: Callable[..., str]) -> None:
        """A century is allowed, and so is a part of a second, and one entry; a second more than a century is not."""
        century = 100 * 365 * 24 * 60 * 60
        for key in ("deadline", "negative_ttl"):
            assert getattr(parse(environment(f"{key} = {century}")), key) == century
            assert f"{key} must be a number of seconds" in mistake(environment(f"{key} = {century + 1}"))
        config = parse(environment("deadline = 0.001", "max_entries = 1"))
        assert (config.deadline, config.max_entries) == (0.001, 1)
        assert (type(parse(environment("deadline = 5")).deadline), type(config.max_entries)) == (float, int)

    @pytest.mark.parametrize("value", ["0", "-1", "1.5", "true", '"1"'])
    def test_max_entries_is_a_whole_number(self, value: str, mistake: Callable[..., str]) -> None:
        """A cache holds at least one entry."""
        assert "line 3, in [environments.x]: max_entries must be a whole number of at least 1" in mistake(
            environment(f"max_entries = {value}")
        )

    @pytest.mark.parametrize("value", ["1", "-0.1", "true", '"1"', "nan"])
    def test_jitter_is_a_share(self, value: str, mistake: Callable[..., str]) -> None:
        """With all of the ttl as jitter nothing would be kept."""
        assert "jitter must be a number of at least 0 and below 1" in mistake(environment(f"jitter = {value}"))

    @pytest.mark.parametrize(
        ("top", "own", "message"),
        [
            ("max_stale = 60", "ttl = 61", "line 1: for environment 'x', max_stale (60 s) must be at least ttl (61 s)"),
            ("ttl = 7200", "", "line 1: for environment 'x', max_stale (3600 s) must be at least ttl (7200 s)"),
            (
                "",
                "max_stale = 5",
                "line 4, in [environments.x]: for environment 'x', max_stale (5 s) must be at least ttl (300 s)",
            ),
            (
                "",
                "ttl = 7200",
                "line 4, in [environments.x]: for environment 'x', max_stale (3600 s) must be at least ttl (7200 s)",
            ),
            (
                "revalidate = 3301",
                "",
                "line 1: for environment 'x', ttl (300 s) and revalidate (3301 s) together must be",
            ),
            (
                "ttl = 2000",
                "revalidate = 1601",
                "line 1: for environment 'x', ttl (2000 s) and revalidate (1601 s) together must be",
            ),
        ],
    )
    def test_contradiction(self, top: str, own: str, message: str, mistake: Callable[..., str]) -> None:
        """Numbers that cannot hold together are refused at a line that has one of them."""
        text = mistake(f"{top}\n{environment(own)}")
        assert message in text
        assert "raise it, or lower" in text

    def test_numbers_that_just_hold_together(self, parse: Parse) -> None:
        """The bounds themselves are allowed, and a default of revalidate never contradicts."""
        assert parse(environment("ttl = 60", "max_stale = 60")).revalidate is None
        assert parse(environment("ttl = 60", "revalidate = 60", "max_stale = 120")).max_stale == 120
        assert parse("ttl = 7200\n" + environment("max_stale = 7200")).ttl == 7200

    def test_every_environment_is_checked(self, mistake: Callable[..., str]) -> None:
        """A mistake in another environment is found before that one is started."""
        text = environment() + '[environments.y]\nproviders = ["env"]\nttl = 0\n'
        assert "line 5, in [environments.y]: ttl must be" in mistake(text, "x")


class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("tll = 5\n" + environment(), "secretsource.toml, line 1: unknown key 'tll': did you mean 'ttl'?"),
            (
                environment("dedline = 5"),
                "line 3, in [environments.x]: unknown key 'dedline': did you mean 'deadline'?",
            ),
            (
                environment("[secrets.A]", "requird = true"),
                "line 4, in [secrets.A]: unknown key 'requird': did you mean",
            ),
            (
                environment("[secrets.A]", f"asw = '{CANARY}'"),
                "line 4, in [secrets.A]: unknown key 'asw': known are description, env, required",
            ),
            (
                environment("[secrets.A]", f"vault = '{CANARY}'"),
                "line 4, in [secrets.A]: no environment has the provider 'vault': add it to the providers of one",
            ),
            (environment("[secrets]", "A.requird = 1"), "line 4, in [secrets.A]: unknown key 'requird'"),
            (environment("[secrets]", "", "A = { requird = 1 }"), "line 5, in [secrets.A]: unknown key 'requird'"),
            ("environments = 5", "line 1: environments must be a table"),
            ("[environments]\nx = ['env']", "line 2, in [environments]: x must be a table"),
            (environment("[secrets]", f"A = '{CANARY}'"), "line 4, in [secrets]: A must be a table"),
            (environment("[secrets.A]", "required = 'yes'"), "line 4, in [secrets.A]: required must be true or false"),
            (environment("[secrets.A]", "description = 5"), "line 4, in [secrets.A]: description must be a string"),
            (environment("[secrets.A]", "env = 5"), "line 4, in [secrets.A]: env must be a string"),
            (environment("[secrets.A]", "env = ''"), "line 4, in [secrets.A]: env must say where that provider keeps"),
            (environment("[secrets.A]", f"env = '{CANARY} x'"), "line 4, in [secrets.A]: env must say where"),
            (environment("[secrets.A]", "env = 'aws://x'"), "env must say where that provider keeps the secret, not"),
            (environment("[secrets.'A B']"), "line 3, in [secrets.A B]: character 2 of the secret name"),
            (environment("[secrets.'aws://x']"), "a secret must be declared by its bare name, without '://'"),
            (environment(providers=f"'{CANARY}'"), "line 2, in [environments.x]: providers must be a list of strings"),
            (environment(providers="['env', 1]"), "line 2, in [environments.x]: providers must be a list of strings"),
            (environment(providers="[]"), "line 2, in [environments.x]: there are no providers: add them in order"),
            ("[environments.x]", "line 1, in [environments.x]: there are no providers"),
        ],
    )
    def test_message(self, text: str, message: str, mistake: Callable[..., str]) -> None:
        """It has the file, the line, the table and the nearest right word, and no value."""
        assert message in mistake(text)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (f"a = 1\nb = {CANARY}", "secretsource.toml, line 2, column 5: this is not valid TOML"),
            (f"a = '{CANARY}", "secretsource.toml, line 1, at its end: this is not valid TOML"),
            (f"\n\na = '''{CANARY}\n", "secretsource.toml, line 4, at its end: this is not valid TOML"),
            ("a = " + "9" * 5000, "secretsource.toml: this is not valid TOML"),
            ("a = " + "[" * 5000, "secretsource.toml: this is not valid TOML"),
        ],
    )
    def test_not_toml(self, text: str, message: str, mistake: Callable[..., str]) -> None:
        """The place is given and nothing of what stands there."""
        assert mistake(text).startswith(message)


class TestProviders:
    @pytest.mark.parametrize(
        ("providers", "sections", "message"),
        [
            ("['asw']", "", "line 2, in [environments.x]: unknown provider 'asw': did you mean 'aws'?"),
            (
                "['aws-ue']",
                "[providers.aws-eu]\ntype = 'aws'",
                "unknown provider 'aws-ue': did you mean 'aws'? (the nearest section is [providers.aws-eu])",
            ),
            ("['env', 'env']", "", "line 2, in [environments.x]: two providers are named 'env'"),
            ("['aws', 'aws://']", "", "line 2, in [environments.x]: two providers are named 'aws'"),
            (f"['vault:/{CANARY}']", "", "line 2, in [environments.x]: a provider's name must have only a-z"),
            ("['required']", "", "a provider must not be called 'required'"),
            ("['aws://?name=description']", "", "a provider must not be called 'description'"),
            (f"['aws://{CANARY}?']\n[environments.y]\nproviders=['a://#']", "", "line 4, in [environments.y]: a '#'"),
            (f"['aws://?x={CANARY}']", "", "line 2, in [environments.x]: in the URL 'aws://…', unknown setting 'x'"),
            ("['vault']", "", "line 2, in [environments.x]: provider 'vault' needs the setting 'address'"),
            (
                "['aws']",
                "[providers.aws]\nregoin = 'x'",
                "line 4, in [providers.aws]: unknown setting 'regoin': did you",
            ),
            (
                "['aws']",
                f"[providers.aws]\nattempts = '{CANARY}'",
                "line 4, in [providers.aws]: setting 'attempts' must",
            ),
            ("['aws']", f"[providers.aws]\nmode = '{CANARY}'", "setting 'mode' must be one of 'json', 'text'"),
            (
                "['aws']",
                "[providers.aws]\n\non_denied = 'stpo'",
                "line 5, in [providers.aws]: on_denied must be 'stop'",
            ),
            ("['aws']", "[providers.aws]\non_unavailable = 1", "on_unavailable must be 'stop' or 'next'"),
            ("['aws']", "[providers.aws]\nclient = 1", "line 4, in [providers.aws]: unknown setting 'client'"),
            ("['aws']", "[providers.aws]\nname = 'x'", "line 4, in [providers.aws]: unknown setting 'name'"),
            ("['vault']", "[providers.vault]\nauth = {}", "line 3, in [providers.vault]: provider 'vault' needs the"),
            ("['x']", "[providers.x]\ntype = 'awz'", "line 4, in [providers.x]: unknown provider 'awz': did you mean"),
            ("['x']", "[providers.x]\ntype = 5", "line 4, in [providers.x]: type must be a string"),
            ("['my-aws']", "[providers.my-aws]", '(a section with a name of its own needs type = "…")'),
            ("['env']", "[providers.'a b']", "line 3, in [providers.a b]: a provider's name must have only"),
            (
                "['env']",
                "[providers.required]",
                "line 3, in [providers.required]: a provider must not be called 'required'",
            ),
            ("['env']", "[providers]\naws = 'x'", "line 4, in [providers]: aws must be a table"),
        ],
    )
    def test_message(self, providers: str, sections: str, message: str, mistake: Callable[..., str]) -> None:
        """It points at the list or at the section, and quotes names only."""
        assert message in mistake(environment(sections, providers=providers), "x")

    def test_package_is_needed_only_where_it_is_used(self, parse: Parse) -> None:
        """A developer need not install what production uses, whether by section, by scheme or by URL."""
        text = (
            environment()
            + "[environments.a]\nproviders = ['gcp']\n[environments.b]\nproviders = ['gcp://?p=1']\n"
            + "[environments.c]\nproviders = ['my-gcp']\n[providers.my-gcp]\ntype = 'gcp'\nanything = 1\n"
        )
        assert parse(text, "x").environment == "x"
        for used in "abc":
            with pytest.raises(ProviderNotInstalled, match=r"secretsource\[gcp\]"):
                parse(text, used)

    def test_unused_section_is_checked_when_its_driver_is_there(self, mistake: Callable[..., str]) -> None:
        """A wrong word in it is found before production starts."""
        text = environment("[providers.aws]", "regoin = 'x'")
        assert "line 4, in [providers.aws]: unknown setting 'regoin': did you mean 'region'?" in mistake(text)
        behind = environment("[providers.gcp]", "any = 1", "[providers.aws]", "regoin = 'x'")
        assert "line 6, in [providers.aws]: unknown setting 'regoin'" in mistake(behind)

    def test_section_with_a_mistyped_name(self, mistake: Callable[..., str], parse: Parse) -> None:
        """Its settings would count for nothing; but the plug-in of another environment may be absent here."""
        text = environment("[providers.awss]", "region = 'x'")
        assert "line 3, in [providers.awss]: unknown provider 'awss': did you mean 'aws'? (a section" in mistake(text)
        other = "[environments.y]\nproviders = ['acme']\n[providers.acme]\nkey = 'x'\n"
        assert parse(environment() + other, "x").environment == "x"

    def test_location_at_a_provider_of_another_environment(self, parse: Parse) -> None:
        """The secrets are declared once for all environments."""
        text = environment() + "[environments.y]\nproviders=['gcp', 'aws://?name=far']\n[secrets.A]\ngcp='a'\nfar='b'\n"
        assert parse(text, "x").secrets["A"].locations == {"gcp": "a", "far": "b"}

    def test_providers_elsewhere(self, parse: Parse) -> None:
        """Those that are not in the chain, each with the environments that have it, if any has."""
        text = environment() + "[environments.y]\nproviders=['env', 'aws']\n[providers.vault]\naddress='a'\n"
        assert parse(text, "x").elsewhere == {"aws": ("y",), "vault": ()}
        assert parse(text, "y").elsewhere == {"vault": ()}

    def test_an_address_of_a_file_gets_no_credentials_of_the_environment(self, drivers: Drivers) -> None:
        """Unless the file says so; a driver that has none of its own is asked nothing."""

        class Trusting(driver_class("env")):  # type: ignore[misc]
            def __init__(self, *, trust_address: bool = True, name: str | None = None) -> None:
                super().__init__(name=name)

        def found(scheme: str) -> Any:
            return Trusting if scheme == "vault" else drivers(scheme)

        def settings(*lines: str) -> Any:
            text = environment(*lines, providers='["vault", "aws"]')
            return [one.settings for one in parse_config(text, file=FILE, drivers=found).providers]

        assert settings() == [{"trust_address": False}, {}]
        assert settings("[providers.vault]", "trust_address = true") == [{"trust_address": True}, {}]


class TestProjectFile:
    PROJECT = Path("pyproject.toml")

    def test_only_our_table_counts(self, parse: Parse, mistake: Callable[..., str]) -> None:
        """The other tables are not looked at, and lines are those of the file."""
        text = "[project]\nname = 'x'\n[[tool.other]]\n[tool.secretsource]\nttl = 60\n"
        text += "[tool.secretsource.environments.x]\nproviders = ['env']\n"
        assert parse(text, file=self.PROJECT).ttl == 60
        assert mistake(text + "tll = 1\n", file=self.PROJECT) == (
            "pyproject.toml, line 8, in [tool.secretsource.environments.x]: unknown key 'tll': did you mean 'ttl'?"
        )

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[project]\n", "in [tool.secretsource]: the table is missing: add it, or give the path of another file"),
            ("[tool.other]\n", "in [tool.secretsource]: the table is missing"),
            ("tool = 5\n", "line 1: tool must be a table"),
            ("[tool]\nsecretsource = 5\n", "line 2, in [tool]: secretsource must be a table"),
            (
                "[tool.secretsource]\n",
                "the file must declare an environment: add a table [tool.secretsource.environments.NAME]",
            ),
        ],
    )
    def test_message(self, text: str, message: str, mistake: Callable[..., str]) -> None:
        """A project file that was named must have the table, and it must be one."""
        assert message in mistake(text, file=self.PROJECT)


def test_real_drivers_are_the_default() -> None:
    """Without drivers of its own a configuration uses those that are installed."""
    config = parse_config(environment(providers='["env", "memory"]'), file=FILE)
    assert [provider.type for provider in config.providers] == ["env", "memory"]
