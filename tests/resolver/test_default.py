"""The default resolver: how it is wired, and overridden."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from threading import Event
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.frames import is_ours

import secretsource
from secretsource import (
    Resolver,
    aget_secret,
    aget_secrets,
    configure,
    get_secret,
    get_secret_set,
    get_secrets,
    override,
)
from secretsource.exceptions import ConfigurationError, InvalidReference, ProviderNotInstalled, SecretNotFound
from secretsource.providers import _registry
from secretsource.providers import file as file_module
from secretsource.providers.base import Failed, FailureCode
from secretsource.resolver._default import default_resolver
from secretsource.resolver._engine.engine import Engine
from secretsource.resolver._evidence import EVIDENCE
from secretsource.testing import ScriptedAsyncProvider, ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def unconfigured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test starts in an empty repository, without a wiring, and without a file that the machine mounts."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(EVIDENCE, "file", EVIDENCE["file"]._replace(folder=str(tmp_path / "no-such-folder")))
    for variable in [name for name in os.environ if name.endswith("_FILE") or name == "CREDENTIALS_DIRECTORY"]:
        monkeypatch.delenv(variable)
    configure()
    yield
    configure()


class TestDiscovered:
    """Without a configuration."""

    def test_environment_and_dotenv(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The environment first, then ``.env``."""
        (tmp_path / ".env").write_text("A=file\nB=file\n")
        monkeypatch.setenv("A", "env")
        assert get_secrets(["A", "B"]) == {"A": "env", "B": "file"}
        assert [get_secret(name).provider for name in ("A", "B")] == ["env", "dotenv"]

    def test_the_reasons_for_what_is_left_out(self) -> None:
        """`explain` and the error of an empty chain say why each service is not asked."""
        skipped = dict(default_resolver.explain("A").skipped)
        assert skipped["aws"] == "none of AWS_REGION, AWS_DEFAULT_REGION, AWS_PROFILE is set"
        assert skipped["vault"] == "VAULT_ADDR is not set"
        assert list(skipped) == ["file", "aws", "vault", "gcp", "azure"]
        assert "aws        skipped: none of AWS_REGION" in str(default_resolver.explain("A"))

    def test_no_evidence_for_files(self) -> None:
        """Without a variable or a folder for it, the provider of files is skipped, and the reason names all three."""
        skipped = dict(default_resolver.explain("A").skipped)
        assert skipped["file"] == (
            f"none of CREDENTIALS_DIRECTORY, NAME_FILE is set, and there is no folder {EVIDENCE['file'].folder}"
        )

    @pytest.mark.parametrize("place", ["variable", "systemd", "docker"])
    def test_evidence_for_files(self, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """``NAME_FILE``, ``$CREDENTIALS_DIRECTORY`` or ``/run/secrets`` brings files in, after ``.env``."""
        mounted = tmp_path / "mounted"
        mounted.mkdir()
        (mounted / "A").write_text("from a file\n")
        if place == "variable":
            monkeypatch.setenv("A_FILE", str(mounted / "A"))
        elif place == "systemd":
            monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(mounted))
        else:
            monkeypatch.setitem(EVIDENCE, "file", EVIDENCE["file"]._replace(folder=str(mounted)))
            monkeypatch.setattr(file_module, "DOCKER", str(mounted))
        configure()
        assert get_secret("A") == "from a file"
        assert [route.provider.name for route in default_resolver._engine.chain.routes] == ["env", "dotenv", "file"]
        (tmp_path / ".env").write_text("B=1\n")
        assert get_secret("B").provider == "dotenv"

    def test_a_file_for_another_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A variable such as ``SSL_CERT_FILE`` speaks for its own name; for others, files are skipped."""
        (tmp_path / "cert").write_text("pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert"))
        configure()
        (skipped,) = [step for step in default_resolver.explain("A").steps if step.provider == "file"]
        assert skipped.outcome == "skipped"
        assert str(skipped.reason).startswith("none of CREDENTIALS_DIRECTORY, A_FILE is set, and there is no folder")
        assert "file       skipped" in str(default_resolver.explain("A"))
        with pytest.raises(SecretNotFound) as caught:
            get_secret("A")
        assert caught.value.providers == ("env", "dotenv")
        assert get_secret("SSL_CERT").provider == "file"
        monkeypatch.setenv("SCHLÜSSEL_FILE", str(tmp_path / "cert"))
        assert get_secret("SCHLÜSSEL").provider == "file"
        assert get_secret(f"file://{tmp_path}/cert") == "pem"

    @pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"])
    def test_evidence(self, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A variable that points to a service brings its provider in."""
        monkeypatch.setenv(variable, "eu-west-1")
        assert [route.provider.name for route in default_resolver._engine.chain.routes] == ["env", "dotenv", "aws"]

    def test_evidence_without_the_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A service whose package is missing is skipped with what to install."""
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        monkeypatch.setitem(_registry.DRIVERS, "aws", _registry.Driver("x:Y", "no_such_package", "aws"))
        assert dict(default_resolver.explain("A").skipped)["aws"] == (
            "not installed: run  pip install 'secretsource[aws]'"
        )
        with pytest.raises(SecretNotFound, match="; provider 'aws' is not installed: run  pip install"):
            get_secret("A")

    def test_empty_evidence_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An empty variable is as good as none."""
        monkeypatch.setenv("VAULT_ADDR", "")
        assert dict(default_resolver.explain("A").skipped)["vault"] == "VAULT_ADDR is not set"

    def test_repr_does_not_wire(self) -> None:
        """Looking at it in a debugger does nothing."""
        assert repr(default_resolver) == "<DefaultResolver not wired yet>"
        assert default_resolver._wired is None
        with pytest.raises(AttributeError):
            getattr(default_resolver, "no_such" + "_thing")


class TestConfigured:
    """A file, or `configure`."""

    def test_a_file_is_found(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """From a folder below, too."""
        (tmp_path / "secretsource.toml").write_text('[environments.x]\nproviders = ["env"]\nttl = 9\n')
        (tmp_path / "below").mkdir()
        monkeypatch.chdir(tmp_path / "below")
        get_secret("A", default=None)
        assert repr(default_resolver) == "<DefaultResolver env>"
        assert default_resolver._engine.state.cache.tuning.ttl == 9

    def test_a_file_that_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """By SECRETSOURCE_CONFIG."""
        (tmp_path / "other.toml").write_text('[environments.x]\nproviders = ["env"]\n')
        monkeypatch.setenv("SECRETSOURCE_CONFIG", str(tmp_path / "other.toml"))
        get_secret("A", default=None)
        assert repr(default_resolver) == "<DefaultResolver env>"

    def test_a_table_of_the_project_file(self, tmp_path: Path) -> None:
        """[tool.secretsource] counts; a pyproject.toml without it does not."""
        project = tmp_path / "pyproject.toml"
        project.write_text("[project]\nname = 'x'\n")
        get_secret("A", default=None)
        assert repr(default_resolver) == "<DefaultResolver env -> dotenv>"
        project.write_text("[tool.secretsource.environments.x]\nproviders = ['env']\n")
        configure()
        get_secret("A", default=None)
        assert repr(default_resolver) == "<DefaultResolver env>"

    def test_the_word_alone_is_no_table(self, tmp_path: Path) -> None:
        """A project file that only mentions it configures nothing."""
        (tmp_path / "pyproject.toml").write_text("# tool.secretsource\n[project]\nname = 'x'\n")
        get_secret("A", default=None)
        assert repr(default_resolver) == "<DefaultResolver env -> dotenv>"

    def test_not_beyond_the_repository(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file above the root of the repository belongs to somebody else."""
        (tmp_path / "secretsource.toml").write_text("broken")
        inner = tmp_path / "inner"
        (inner / ".git").mkdir(parents=True)
        monkeypatch.chdir(inner)
        assert get_secret("A", default=None) is None

    def test_first_error_keeps_no_frame_of_the_wiring(self, tmp_path: Path) -> None:
        """`get_secret` wires at first use; an error of it has the same few frames as any other of `get_secret`."""
        auth = 'auth = { method = "tokn", token = "x" }'
        (tmp_path / "secretsource.toml").write_text(
            f'[environments.x]\nproviders = ["vault"]\n[providers.vault]\n{auth}\n'
        )
        with pytest.raises(ConfigurationError, match="tokn") as caught:
            get_secret("A")
        codes = [step.f_code for step, _ in traceback.walk_tb(caught.value.__traceback__)]
        assert [code.co_name for code in codes if is_ours(code.co_filename)] == [
            "get",
            "_sought",
            "__get__",
            "boundary",
        ]

    def test_a_folder_that_is_gone(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a working directory there is no file, and the environment still answers."""
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        monkeypatch.setenv("A", "a")
        gone.rmdir()
        assert get_secret("A") == "a"

    def test_a_broken_file(self, tmp_path: Path) -> None:
        """Is an error at the first use, and again at the next."""
        (tmp_path / "secretsource.toml").write_text("[environments.x]\nproviders = ['evn']\n")
        for _ in range(2):
            with pytest.raises(ConfigurationError, match="'evn'"):
                get_secret("A")

    def test_a_list(self) -> None:
        """Providers in order, with numbers."""
        configure(["env", ScriptedProvider({"A": "a"})], ttl=7)
        assert get_secret("A") == "a"
        assert default_resolver._engine.state.cache.tuning.ttl == 7

    def test_what_was_remembered_is_forgotten(self) -> None:
        """A new wiring has a new memory, also on the hot path."""
        configure([ScriptedProvider({"A": "one"})])
        assert [str(get_secret("A")) for _ in range(2)] == ["one", "one"]
        configure([ScriptedProvider({"A": "two"})])
        assert get_secret("A") == "two"

    def test_a_path(self, tmp_path: Path) -> None:
        """As text or as a path, with an environment."""
        file = tmp_path / "other.toml"
        file.write_text('[environments.x]\nproviders = ["env"]\n[environments.y]\nproviders = ["dotenv"]\n')
        for path in (file, str(file)):
            configure(path, environment="y")
            get_secret("A", default=None)
            assert repr(default_resolver) == "<DefaultResolver dotenv>"

    def test_a_resolver(self) -> None:
        """Its chain and its memory are shared."""
        provider = ScriptedProvider({"A": "a"})
        resolver = Resolver([provider])
        resolver.get("A")
        configure(resolver)
        assert get_secret("A").served == "fresh"
        assert provider.calls == 1

    @pytest.mark.parametrize(
        ("source", "more", "message"),
        [
            (None, {"environment": "x"}, "environment belongs to the path"),
            (["env"], {"environment": "x"}, "environment belongs to the path"),
            (None, {"ttl": 1}, "ttl belong to a list"),
            ("x.toml", {"ttl": 1, "jitter": 0}, "ttl, jitter belong to a list"),
            (Resolver(["env"]), {"ttl": 1}, "ttl belong to a list"),
            (["env"], {"ttl": -1}, "ttl must be a number"),
            (["env", "env"], {}, "provider 'env' is in the chain twice: give one of them another name"),
            (["evn"], {}, "unknown provider 'evn': did you mean 'env'"),
            ([7], {}, "a provider must be a name, a URL or a Provider object, not int"),
            (["no/such.toml://x"], {}, "scheme"),
        ],
    )
    def test_wrong(self, source: Any, more: dict[str, Any], message: str) -> None:
        """Nothing is changed by a wrong wiring."""
        configure([ScriptedProvider({"A": "a"})])
        with pytest.raises(ConfigurationError, match=message):
            configure(source, **more)
        assert get_secret("A") == "a"

    def test_one_string_is_no_list(self) -> None:
        """A resolver wants a list of providers."""
        with pytest.raises(ConfigurationError, match="must be a list, such as"):
            Resolver("env")

    def test_no_file_at_all(self) -> None:
        """`from_config` says where it has looked, and what to do."""
        with pytest.raises(
            ConfigurationError, match=r"there is no secretsource.toml, .* in .*: run  secretsource init"
        ):
            Resolver.from_config()

    def test_not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Says which extra to install, and is an ImportError too."""
        monkeypatch.setitem(_registry.DRIVERS, "aws", _registry.Driver("x:Y", "no_such_package", "aws"))
        with pytest.raises(ImportError, match=r"pip install 'secretsource\[aws\]'") as caught:
            configure(["aws"])
        assert isinstance(caught.value, ProviderNotInstalled)

    def test_urls(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A provider URL has the settings, the name, and what its failures mean."""
        (tmp_path / "A").write_text("from the file")
        monkeypatch.setenv("APP_B", "b")
        configure(
            [f"file://{tmp_path}?name=mounted&on_denied=next&on_unavailable=next", "env://?prefix=APP_"],
        )
        assert (get_secret("A"), get_secret("A").provider, get_secret("B")) == ("from the file", "mounted", "b")
        assert default_resolver._engine.chain.routes[0][1:3] == ("next", "next")

    def test_a_url_with_a_reference(self) -> None:
        """A setting that is to be looked up belongs into the file."""
        with pytest.raises(ConfigurationError, match=r"is itself a reference: write it in secretsource.toml"):
            configure(["env://?prefix=ref%2Benv://PREFIX"])

    def test_closed(self) -> None:
        """Once closed it asks nobody, until it is wired anew."""
        configure([ScriptedProvider({"A": "a"})])
        default_resolver.close()
        with pytest.raises(ConfigurationError, match="closed"):
            get_secret("A")
        configure([ScriptedProvider({"A": "a"})])
        assert get_secret("A") == "a"


class TestFile:
    """What a configuration file can say beyond a list."""

    def wire(self, tmp_path: Path, text: str) -> Resolver:
        file = tmp_path / "secretsource.toml"
        file.write_text(text)
        return Resolver.from_config(file)

    def test_places(self, tmp_path: Path) -> None:
        """Each provider may keep a secret elsewhere; the others use its name."""
        resolver = self.wire(
            tmp_path,
            f"""
            [environments.x]
            providers = ["dotenv", "one"]
            [providers.dotenv]
            path = "{tmp_path}/.env"
            [providers.one]
            type = "memory"
            secrets = {{ "payments/stripe" = '{{"key": "sk"}}', "PLAIN" = "p" }}
            [secrets.STRIPE]
            one = "payments/stripe#key"
            [secrets.PLAIN]
            """,
        )
        secret = resolver.get("STRIPE")
        assert (secret, secret.name, secret.provider) == ("sk", "STRIPE", "one")
        assert resolver.get("PLAIN") == "p"
        (tmp_path / ".env").write_text("STRIPE=local\n")
        resolver.invalidate("STRIPE")
        assert resolver.get("STRIPE") == "local"

    def test_a_place_with_a_misspelt_option(self, tmp_path: Path) -> None:
        """Is found at start: ignored, it would have the current version served in place of the one that was meant."""
        place = 'providers = ["env"]\n[secrets.STRIPE]\nenv = "STRIPE_KEY?versoin=2"'
        with pytest.raises(ConfigurationError, match=r"toml, line 3, in \[secrets.STRIPE\]: env has an unknown"):
            self.wire(tmp_path, f"[environments.x]\n{place}")

    @pytest.mark.parametrize(
        ("settings", "mistake"),
        [
            ("attempts = 0", "attempts must be 1 or more"),
            ('type = "vault"\naddress = "ftp://v"', "address must start with https://"),
            ('type = "vault"\naddress = "https://v"\nauth = { method = "aprole" }', "unknown auth method 'aprole'"),
            ('profile = "ref+env://NO_SUCH"', "a setting of provider 'aws' refers to provider 'env'"),
        ],
    )
    def test_a_setting_that_only_the_driver_can_refuse(self, settings: str, mistake: str, tmp_path: Path) -> None:
        """Is told with file and line too, at start or, where a setting must be looked up, at first use."""
        text = f'[environments.x]\nproviders = ["env", "aws"]\n\n[providers.aws]\n{settings}'
        with pytest.raises(ConfigurationError, match=rf"secretsource\.toml, line 4: .*{re.escape(mistake)}"):
            self.wire(tmp_path, text).get("A")

    def test_a_setting_that_is_a_reference(self, tmp_path: Path) -> None:
        """It is looked up at first use: at a provider before it in the chain, or at a local one."""
        (tmp_path / "prefix").write_text("APP_")
        resolver = self.wire(
            tmp_path,
            f"""
            [environments.x]
            providers = ["kept", "memory", "env"]
            [providers.kept]
            type = "memory"
            secrets = {{ doc = '{{"prefix": "APP_"}}' }}
            [providers.memory]
            secrets = {{ A = "ref+file://{tmp_path}/prefix" }}
            [providers.env]
            prefix = "ref+kept://doc#prefix"
            """,
        )
        assert repr(resolver) == "<Resolver not wired yet>"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("APP_B", "b")
            assert (resolver.get("A"), resolver.get("B")) == ("APP_", "b")

    @pytest.mark.parametrize("options", [(), ("-O",), ("-OO",)])
    def test_a_mistake_is_found_at_the_start(self, options: tuple[str, ...], tmp_path: Path) -> None:
        """Settings that cannot work are an error when the file is read, also where Python leaves assertions out."""
        (tmp_path / "secretsource.toml").write_text('[environments.x]\nproviders = ["azure"]\n')
        statement = (
            "from secretsource import Resolver\n"
            "from secretsource.exceptions import ConfigurationError\n"
            "try:\n    Resolver.from_config()\n"
            "except ConfigurationError as error:\n    print(error)\n"
        )
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AZURE_")}
        done = subprocess.run(
            [sys.executable, *options, "-c", statement],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "set vault_url, or AZURE_KEY_VAULT_URL" in done.stdout

    @pytest.mark.parametrize(
        ("value", "prefix"),
        [("ref+file://{}/prefix", "APP_"), ("ref+env://NEXT", "APP_"), ("ref+ref+APP_", "ref+APP_")],
    )
    def test_a_setting_that_is_a_pointer(
        self, value: str, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A value of the environment that points elsewhere is followed for a setting too; it is never the setting."""
        (tmp_path / "prefix").write_text("APP_")
        monkeypatch.setenv("NEXT", f"ref+file://{tmp_path}/prefix")
        monkeypatch.setenv("PREFIX", value.format(tmp_path))
        monkeypatch.setenv(f"{prefix}A", "a")
        text = '[environments.x]\nproviders = ["env"]\n[providers.env]\nprefix = "ref+env://PREFIX"\n'
        assert self.wire(tmp_path, text).get("A") == "a"

    @pytest.mark.parametrize("value", ["ref+env://PREFIX", "secretref+vault://x"])
    def test_a_setting_whose_pointer_leads_nowhere(
        self, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A circle, or the form of another tool, is an error at first use."""
        monkeypatch.setenv("PREFIX", value)
        text = '[environments.x]\nproviders = ["env"]\n[providers.env]\nprefix = "ref+env://PREFIX"\n'
        with pytest.raises(ConfigurationError, match=r"lead in a circle|form of another tool"):
            self.wire(tmp_path, text).get("A")

    @pytest.mark.parametrize(
        ("reference", "message"),
        [
            ("ref+env://NO_SUCH", "refers to provider 'env', where the secret was not found: it is not there"),
            ("ref+evn://X", "refers to an unknown provider 'evn': did you mean 'env'"),
            ("ref+later://X", "unknown provider 'later'"),
            ("ref+env:X", "cannot be followed: it names no provider; mend the reference"),
            ("ref+env://A B", "provider 'env' starts with 'ref.' but cannot be followed: character 12 of"),
            ("ref+env://HOME?versoin=2", "unknown option of a reference 'versoin': did you mean 'version'"),
            (
                "ref+env://HOME#field",
                "where the secret was not found: a field was asked for, but the value is not JSON",
            ),
        ],
    )
    def test_a_setting_that_leads_nowhere(self, reference: str, message: str, tmp_path: Path) -> None:
        """Is an error at first use that names both providers."""
        resolver = self.wire(
            tmp_path,
            f"""
            [environments.x]
            providers = ["env", "later"]
            [providers.env]
            prefix = "{reference}"
            [providers.later]
            type = "memory"
            """,
        )
        with pytest.raises(ConfigurationError, match=message):
            resolver.get("A")


class TestOverride:
    """`override`."""

    def test_in_force_and_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Inside of the block the test's value, outside the real one, also on the hot path."""
        configure([ScriptedProvider({"A": "real"})])
        assert [str(get_secret("A")) for _ in range(2)] == ["real", "real"]
        with override({"A": "test"}) as entered:
            assert repr(entered) == "override(A)"
            secret = get_secret("A")
            assert (secret, secret.provider, secret.served) == ("test", "override", "live")
        assert get_secret("A") == "real"

    def test_before_it_is_wired(self) -> None:
        """A test may override before anything has been asked."""
        with override({"A": "test"}):
            assert get_secret("A") == "test"

    def test_others_are_not_touched(self) -> None:
        """A name that is not overridden is looked up as ever."""
        provider = ScriptedProvider({"B": "real"})
        configure([provider])
        with override({"A": "test"}):
            assert [str(get_secret("B")) for _ in range(3)] == ["real"] * 3
            assert provider.calls == 1

    def test_absent(self) -> None:
        """None is a secret that is not there, whatever the chain has; a default then counts."""
        configure([ScriptedProvider({"A": "real"})])
        with override({"A": None}):
            with pytest.raises(SecretNotFound, match="overridden as absent"):
                get_secret("A")
            assert get_secret("A", default="d") == "d"
            assert default_resolver.explain("A").unasked == ("scripted",)

    def test_nested(self) -> None:
        """The innermost wins; blocks may end in any order."""
        one, two = override({"A": "1", "B": "1"}), override({"A": "2"})
        with one:
            with two:
                assert (get_secret("A"), get_secret("B")) == ("2", "1")
            assert get_secret("A") == "1"
        one.__enter__()
        two.__enter__()
        one.__exit__(None, None, None)
        assert get_secret("A") == "2"
        two.__exit__(None, None, None)
        assert get_secret("A", default=None) is None

    def test_entered_several_times(self) -> None:
        """One that a test shares with its helpers ends with the last of them."""
        one = override({"A": "1"})
        with one:
            with one:
                assert get_secret("A") == "1"
            assert get_secret("A") == "1"
        assert get_secret("A", default=None) is None

    def test_threads(self) -> None:
        """Threads that begin and end overrides at the same moment leave each other theirs, and none behind."""
        shared, before = override({"SHARED": "s"}), sys.getswitchinterval()

        def work(name: str) -> bool:
            right = True
            for _ in range(1000):
                with shared, override({name: name}):
                    right = right and (get_secret(name, default=None), get_secret("SHARED", default=None)) == (
                        name,
                        "s",
                    )
            return right

        sys.setswitchinterval(1e-6)
        try:
            with ThreadPoolExecutor(4) as threads:
                assert all(threads.map(work, ["A", "B", "C", "D"]))
        finally:
            sys.setswitchinterval(before)
        assert [get_secret(name, default=None) for name in ("A", "B", "C", "D", "SHARED")] == [None] * 5

    @pytest.mark.parametrize("name", ["payments/stripe#key", "aws://payments/stripe#key?stage=x"])
    def test_by_the_whole_text(self, name: str) -> None:
        """A reference is overridden by its text, without regard to what it is made of."""
        with override({name: "test"}):
            assert get_secret(name) == "test"

    def test_a_document(self) -> None:
        """A field of an overridden document is selected from it."""
        with override({"DOC": '{"a": "1"}', "aws-eu": "x"}):
            assert (get_secret("DOC#a"), get_secret("DOC", field="a")) == ("1", "1")

    def test_bytes_and_sets(self) -> None:
        """Binary values, and the version before."""
        with override({"A": b"\x00", "K": "new", "K_PREVIOUS": "old"}):
            assert get_secret("A").as_bytes() == b"\x00"
            assert list(get_secret_set("K")) == ["new", "old"]
            assert len(get_secret_set("K_PREVIOUS")) == 1

    def test_a_wrong_value(self) -> None:
        """A number is no secret."""
        with pytest.raises(ConfigurationError, match="the override of 'A' must be str, bytes or None, not int"):
            override(cast("dict[str, str]", {"A": 1}))

    def test_all_threads_and_tasks(self) -> None:
        """It holds for the whole process."""
        with override({"A": "test"}), ThreadPoolExecutor(1) as pool:
            assert pool.submit(get_secret, "A").result() == "test"
            assert asyncio.run(aget_secret("A")) == "test"
            assert asyncio.run(aget_secrets(["A"])) == {"A": "test"}

    def test_a_rewiring_inside(self) -> None:
        """It outlives a `configure` in the block, and leaves nothing behind in the old wiring."""
        old = Resolver([ScriptedProvider({"A": "old"})])
        configure(old)
        with override({"A": "test"}):
            configure([ScriptedProvider({"A": "new"})])
            assert get_secret("A") == "test"
            assert old.get("A") == "old"
        assert get_secret("A") == "new"

    def test_a_read_that_was_under_way(self) -> None:
        """A thread that looked before the block does not bring the real value into it."""
        provider = ScriptedProvider({"A": "real"})
        configure([provider])
        with provider.hold() as gate, ThreadPoolExecutor(1) as pool:
            early = pool.submit(get_secret, "A")
            gate.entered.wait(30)
            with override({"A": "test"}):
                gate.open()
                assert early.result(30) == "real"
                assert get_secret("A") == "test"

    def test_rejected(self) -> None:
        """A value of an override may be rejected, in the block and after it."""
        configure([ScriptedProvider({"A": "real"})])
        with override({"A": "test"}):
            secret = get_secret("A")
            assert default_resolver.reject(secret) == "test"
        assert default_resolver.reject(secret) == "real"

    def test_a_failure_behind_it(self) -> None:
        """The real provider's trouble does not matter."""
        configure([ScriptedProvider({"A": Failed(FailureCode.DENIED)})])
        with override({"A": "test"}):
            assert get_secret("A") == "test"


class TestPublic:
    """The names on the front page."""

    def test_sync_and_async(self) -> None:
        """They are one resolver, with one memory."""
        provider = ScriptedProvider({"A": "a", "B": "b"})
        configure([provider])
        assert get_secret("A") == "a"
        assert asyncio.run(aget_secret("A")).served == "fresh"
        assert asyncio.run(aget_secrets(["A", "B"])) == get_secrets(["A", "B"]) == {"A": "a", "B": "b"}
        assert list(get_secret_set("A")) == ["a"]
        assert provider.calls == 2

    def test_many_first_uses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Threads that come first together wire it once."""
        monkeypatch.setenv("A", "a")
        go = Event()

        def first(_: int) -> Any:
            go.wait(30)
            return get_secret("A"), id(default_resolver._engine)

        with ThreadPoolExecutor(8) as pool:
            answers = [pool.submit(first, i) for i in range(8)]
            go.set()
            assert len({answer.result() for answer in answers}) == 1

    def test_a_bad_name(self) -> None:
        """Is refused as by any resolver, also by the asynchronous one."""
        bad: Any
        for bad in ("", None, ["A"]):
            with pytest.raises(InvalidReference):
                get_secret(bad)
            with pytest.raises(InvalidReference):
                asyncio.run(aget_secret(bad))

    def test_late_names(self) -> None:
        """The asynchronous names are loaded when they are first used, and shown by `dir`."""
        assert set(secretsource.__all__) <= set(dir(secretsource))
        with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
            getattr(secretsource, "no_such" + "_name")


class TestFunctions:
    """What stands beside `get_secret` does what the methods of a `Resolver` do."""

    @pytest.fixture
    def provider(self) -> ScriptedAsyncProvider:
        provider = ScriptedAsyncProvider({"KEY": ["one", "two", "three"]})
        configure([provider])
        return provider

    def test_for_threads(self, provider: ScriptedAsyncProvider) -> None:
        """Reject, explain, invalidate, and hear of it."""
        heard: list[str] = []
        stop = [secretsource.on_rotate(lambda event: heard.append("rotated"))]
        stop.append(secretsource.on_event(lambda event: heard.append(event.outcome)))
        secret = get_secret("KEY")
        assert secretsource.explain("KEY").served == "fresh"
        assert secretsource.reject(secret) == "two"
        secretsource.invalidate("KEY")
        assert get_secret("KEY") == "three"
        assert heard == ["found", "rotated", "found", "rotated", "found"]
        for one in stop:
            one()
            one()
        get_secrets(["KEY"], fresh=True)
        assert len(heard) == 5

    async def test_for_tasks(self, provider: ScriptedAsyncProvider) -> None:
        """Those that wait have a twin."""
        secret = await secretsource.aget_secret("KEY")
        assert await secretsource.areject(secret) == "two"
        assert (await secretsource.aexplain("KEY")).outcome == "found"
        assert await secretsource.aget_secrets(["KEY"], fresh=True) == {"KEY": "three"}

    def test_listeners_stay_when_it_is_wired_anew(self) -> None:
        """A listener from before it was configured hears of what comes after; a resolver left is left alone."""
        heard: list[str] = []
        stop = secretsource.on_event(lambda event: heard.append(event.name))
        first = Resolver([ScriptedProvider({"A": "a", "B": "b"})])
        configure(first)
        get_secret("A")
        configure([ScriptedProvider({"B": "b"})])
        get_secret("B")
        first.get("B")
        assert heard == ["A", "B"]
        stop()
        assert not first._engine.event_listeners
        assert not default_resolver._engine.event_listeners


class TestWhileAnotherThreadWires:
    """What one thread sets while another one looks for the wiring counts."""

    @pytest.fixture
    def wiring(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], object]], None]]:
        """Do something while another thread is in the middle of its first look-up, and wait for both."""
        begun, go_on = Event(), Event()

        class SlowEngine(Engine):
            def lay_over(self, overlay: Any) -> None:
                super().lay_over(overlay)
                begun.set()
                assert go_on.wait(30)

        def find() -> Engine:
            engine = Resolver([ScriptedProvider({"A": "found"})])._engine
            return SlowEngine(engine._make_chain, engine.state.cache.tuning)

        monkeypatch.setattr("secretsource.resolver._default.first_engine", find)

        def meanwhile(act: Callable[[], object]) -> None:
            configure(None)
            with ThreadPoolExecutor(2) as threads:
                first = threads.submit(get_secret, "A")
                assert begun.wait(30)
                acting = threads.submit(act)
                wait([acting], timeout=0.1)
                go_on.set()
                assert first.result(30)
                acting.result(30)

        yield meanwhile
        configure(None)

    def test_configure(self, wiring: Callable[[Callable[[], object]], None]) -> None:
        """The wiring that was found does not replace the one that was configured."""
        wiring(lambda: configure([ScriptedProvider({"A": "configured"})]))
        assert get_secret("A") == "configured"

    def test_override(self, wiring: Callable[[Callable[[], object]], None]) -> None:
        """An override that begins meanwhile holds for the wiring that is found."""
        test = override({"A": "test"})

        def begin() -> None:
            test.__enter__()

        wiring(begin)
        with ExitStack() as stack:
            stack.push(test)
            assert get_secret("A") == "test"
        assert get_secret("A") == "found"


class TestOnly:
    """``override(…, only=True)``."""

    def test_nothing_else_gets_through(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A name that it has not is an error that says why; no provider is asked, nor made, by name or by reference."""
        monkeypatch.setenv("B", "process")
        provider = ScriptedProvider({"B": "b"})
        configure([provider])
        with override({"A": "test", "env://A": "reference"}, only=True):
            assert (get_secret("A"), get_secret("env://A"), get_secret("B", default="d")) == ("test", "reference", "d")
            for name in ("B", "env://B", "vault://B#f", "nobody://B"):
                with pytest.raises(SecretNotFound, match=r"override\(only=True\) has no such name"):
                    get_secret(name)
            assert secretsource.explain("B").outcome == "not found"
            secretsource.invalidate("B")
            secretsource.invalidate("vault://B")
            with pytest.raises(ConfigurationError, match="'vault' is not asked inside override"):
                default_resolver._engine.chain.find("vault")
        assert (provider.calls, default_resolver._engine.chain.opened.keys()) == (0, {"scripted"})
        assert get_secret("B") == "b"

    def test_nested(self) -> None:
        """Inside it another override adds names; what is further out is not there."""
        with override({"A": "outer"}), override({"B": "only"}, only=True), override({"C": "inner"}):
            assert get_secrets(["B", "C"]) == {"B": "only", "C": "inner"}
            assert get_secret("A", default=None) is None
        with override({"A": "outer"}) as outer, outer:
            assert repr(override({"A": "1"}, only=True)) == "override(A, only=True)"

    def test_another_spelling(self) -> None:
        """A name is overridden however it is spelt."""
        with override({"DOC#%66": "test"}):
            assert get_secret("DOC#f") == "test"
