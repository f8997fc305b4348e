"""The providers of a resolver, one by one, as tools see them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from secretsource import AsyncResolver, Probe, ProviderHandle, Resolver
from secretsource.exceptions import ConfigurationError, InvalidReference
from secretsource.providers.base import (
    Failed,
    FailureCode,
    Found,
    IdentifiedProvider,
    Identity,
    LeasingProvider,
    NotFound,
    Occupied,
    SecretRef,
    Stored,
)
from secretsource.providers.dotenv import DotenvProvider
from secretsource.providers.env import EnvProvider
from secretsource.providers.memory import MemoryProvider
from secretsource.resolver._default import DefaultResolver
from secretsource.testing import ScriptedProvider

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "canary-5f1d"
DOWN, DENIED = Failed(FailureCode.TIMEOUT), Failed(FailureCode.DENIED)


def handle(provider: Any) -> ProviderHandle:
    return Resolver([provider]).providers()[0]


class Known(MemoryProvider, IdentifiedProvider):
    """A provider that can say as which identity it acts."""

    def identify(self, *, timeout: float) -> Identity | Failed:
        return Identity(f"me, within {timeout:g} s", 2.0)


class TestProviders:
    """`Resolver.providers` and `Resolver.skipped`."""

    def test_the_chain_in_order(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each provider has its name, its scheme and whether it can be written to."""
        monkeypatch.setenv("KEY", "v")
        resolver = Resolver(["env", MemoryProvider({"KEY": "v"}, name="safe")])
        shown = [(each.name, each.scheme, each.writable, repr(each)) for each in resolver.providers()]
        assert shown == [
            ("env", "env", False, "<ProviderHandle 'env'>"),
            ("safe", "memory", True, "<ProviderHandle 'safe'>"),
        ]

    def test_where_a_reference_led(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A provider beyond the chain is listed once a reference was followed to it."""
        (tmp_path / "KEY").write_text("v")
        monkeypatch.setenv("POINTER", f"ref+file://{tmp_path}/KEY")
        resolver = Resolver(["env"])
        assert [each.name for each in resolver.providers()] == ["env"]
        assert resolver.get("file://" + str(tmp_path / "KEY")) == "v"
        assert [each.name for each in resolver.providers()] == ["env", "file"]

    def test_for_tasks(self) -> None:
        """The asynchronous twin lists the same."""
        twin = AsyncResolver.of(Resolver([MemoryProvider()]))
        assert [each.name for each in twin.providers()] == ["memory"]
        assert twin.skipped() == ()
        asyncio.run(twin.close())

    def test_what_was_skipped(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """A provider without evidence is no part of the chain; the reason says what is missing."""
        monkeypatch.chdir(tmp_path)
        for name in ("VAULT_ADDR", "VAULT_AGENT_ADDR"):
            monkeypatch.delenv(name, raising=False)
        reasons = {gap.provider: gap.reason for gap in DefaultResolver().skipped()}
        assert "VAULT_ADDR" in reasons["vault"]

    def test_a_closed_resolver_lists_nothing(self) -> None:
        """As it answers nothing."""
        resolver = Resolver([MemoryProvider()])
        resolver.close()
        with pytest.raises(ConfigurationError, match="this resolver is closed"):
            resolver.providers()


class TestPlaces:
    """`locate` and `where`."""

    def test_names_and_references(self) -> None:
        """A bare name lies where the provider keeps it; a reference says it itself."""
        memory = handle(MemoryProvider())
        assert memory.locate("KEY") == SecretRef("memory", "KEY")
        assert memory.where("KEY") == "memory://KEY"
        assert memory.where("memory://a/b#field?version=2") == "memory://a/b#field?version=2"

    def test_where_the_configuration_puts_it(self, tmp_path: Path) -> None:
        """A place that the configuration has for a name counts."""
        file = tmp_path / "secretsource.toml"
        file.write_text('[environments.x]\nproviders = ["memory"]\n[secrets.KEY]\nmemory = "elsewhere#field"\n')
        (memory,) = Resolver.from_config(file).providers()
        assert memory.where("KEY") == "memory://elsewhere#field"

    def test_a_name_that_it_could_not_keep(self) -> None:
        """Is an absence with the reason, and has no place."""
        provider, absent = MemoryProvider(), NotFound("names are short here")
        provider.locate = lambda name: absent  # type: ignore[method-assign]
        memory = handle(provider)
        assert (memory.locate("KEY"), memory.where("KEY"), memory.read("KEY")) == (absent, "", absent)

    @pytest.mark.parametrize("name", ["aws://KEY", "KEY#field", "KEY?version=1", "KEY?x=1", "", "a b", None])
    def test_what_is_no_place_of_it(self, name: Any) -> None:
        """Another provider's reference, options on a bare name, and what is no name are refused, in each method."""
        memory = handle(MemoryProvider())
        for method in (memory.locate, memory.where, memory.read, lambda name: memory.store(name, CANARY)):
            with pytest.raises(InvalidReference) as caught:
                method(name)
            assert CANARY not in repr(caught.value)


class TestRead:
    """`read`."""

    def test_a_value(self) -> None:
        """Is given with its version, and hidden."""
        found = handle(MemoryProvider({"KEY": CANARY})).read("KEY")
        assert isinstance(found, Found)
        assert (found.value, found.version) == (CANARY, "1")
        assert CANARY not in repr(found)

    def test_a_field(self) -> None:
        """Is selected; one that is not there is an absence."""
        memory = handle(MemoryProvider({"DOC": {"a": "1"}}))
        one = memory.read("memory://DOC#a")
        assert isinstance(one, Found)
        assert one.value == "1"
        assert isinstance(memory.read("memory://DOC#b"), NotFound)

    def test_a_default_field_that_is_missing(self) -> None:
        """Is a mistake for a reader, and an absence for a writer, who is about to put it there."""
        provider = ScriptedProvider({"DOC": Found({"b": "2"}, default_field="a")})
        provider.complete = lambda ref: ref._replace(field="a")  # type: ignore[method-assign]
        scripted = handle(provider)
        failed = scripted.read("DOC")
        assert isinstance(failed, Failed)
        assert failed.code is FailureCode.MISCONFIGURED
        assert isinstance(scripted.read("DOC", to_fill=True), NotFound)

    def test_a_pointer_is_not_followed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A copy of it would lead somewhere else."""
        monkeypatch.setenv("POINTER", "ref+memory://KEY")
        failed = handle(EnvProvider()).read("POINTER")
        assert isinstance(failed, Failed)
        assert failed.reason == "this is not the value, but says where it is"

    @pytest.mark.parametrize(
        "value",
        ["ref+abc", "ref+", "ref+env://KEY", "ref+ref+abc", "secretref+vault://x", "'ref+env://KEY'", "plain", "Ref"],
    )
    def test_a_value_that_looks_like_a_pointer(self, value: str, tmp_path: Path) -> None:
        """It is stored so that it points nowhere, and read back as it was: a store's writer redirects no reads."""
        path = tmp_path / ".env"
        resolver = Resolver([DotenvProvider(str(path))])
        (dotenv,) = resolver.providers()
        assert isinstance(dotenv.store("KEY", value), Stored)
        assert resolver.get("KEY", fresh=True) == value
        read = dotenv.read("KEY")
        assert isinstance(read, Found)
        assert read.value == value
        memory = handle(kept := MemoryProvider())
        assert isinstance(memory.store("KEY", value), Stored)
        assert Resolver([kept]).get("KEY") == value

    @pytest.mark.parametrize("outcome", [NotFound(), DOWN, DENIED])
    def test_what_is_not_a_value(self, outcome: Any) -> None:
        """Is returned as it is; nothing is raised, and nothing remembered."""
        provider = ScriptedProvider({"KEY": [outcome, "v"]})
        scripted = handle(provider)
        assert scripted.read("KEY") == outcome
        assert isinstance(scripted.read("KEY"), Found)
        assert provider.calls == 2


class TestStore:
    """`store`."""

    def test_a_value(self) -> None:
        """Is written once, and replaced only by somebody who wants that."""
        memory = handle(MemoryProvider())
        assert memory.store("KEY", "one") == Stored("1")
        assert memory.store("KEY", "two") == Occupied()
        assert memory.store("KEY", "two", overwrite=True) == Stored("2")
        found = memory.read("KEY")
        assert isinstance(found, Found)
        assert found.value == "two"

    def test_a_driver_that_only_reads(self) -> None:
        """Says so."""
        failed = handle(EnvProvider()).store("KEY", CANARY)
        assert isinstance(failed, Failed)
        assert (failed.code, failed.reason) == (FailureCode.MISCONFIGURED, "the driver only reads")

    def test_a_name_that_it_could_not_keep(self) -> None:
        """Is a mistake."""
        provider = MemoryProvider()
        provider.locate = lambda name: NotFound("names are short here")  # type: ignore[method-assign]
        failed = handle(provider).store("KEY", CANARY)
        assert isinstance(failed, Failed)
        assert failed.reason == "names are short here"

    def test_a_driver_that_raises(self) -> None:
        """Is named by the class of its error, which may hold the value."""
        provider = MemoryProvider()

        def store(*_: Any, **__: Any) -> Any:
            raise RuntimeError(CANARY)

        provider.store = store  # type: ignore[method-assign]
        failed = handle(provider).store("KEY", CANARY)
        assert isinstance(failed, Failed)
        assert (failed.code, failed.sdk_error) == (FailureCode.MALFORMED, "RuntimeError")
        assert CANARY not in repr(failed)


class TestProbe:
    """`probe`."""

    def test_a_provider_that_is_well(self) -> None:
        """Every place is asked for once, after one that makes the connection, and what is there is counted."""
        provider = ScriptedProvider({"A": "1", "B": "2"})
        probe = handle(provider).probe(["A", "B", "A", "NONE"])
        assert (probe.asked, probe.found, probe.failed, probe.identity, probe.readable) == (3, 2, None, None, True)
        assert provider.calls == 4
        assert probe.seconds >= 0

    def test_without_names(self) -> None:
        """A name that is not there is asked for, which is an answer too."""
        probe = handle(MemoryProvider()).probe()
        assert (probe.asked, probe.found, probe.readable) == (1, 0, True)

    @pytest.mark.parametrize(("fails", "asked"), [(DOWN, 1), (DENIED, 3)])
    def test_a_failure(self, fails: Failed, asked: int) -> None:
        """The first place that fails is named; an outage ends the asking."""
        probe = handle(ScriptedProvider(dict.fromkeys("ABC", fails))).probe(["A", "B", "C"])
        assert (probe.asked, probe.found, probe.failed, probe.readable) == (asked, 0, ("A", fails), False)

    def test_an_identity(self) -> None:
        """A provider that knows it says as which identity it acts."""
        assert handle(MemoryProvider()).probe().identity is None
        assert handle(Known()).probe(timeout=3).identity == Identity("me, within 3 s", 2.0)

    def test_an_identity_that_raises(self) -> None:
        """A driver that raises is named by the class of its error."""
        provider = Known()

        def identify(**_: Any) -> Any:
            raise RuntimeError(CANARY)

        provider.identify = identify  # type: ignore[method-assign]
        failed = handle(provider).probe().identity
        assert isinstance(failed, Failed)
        assert failed.sdk_error == "RuntimeError"
        assert CANARY not in repr(failed)

    def test_a_probe_shows_no_value(self) -> None:
        """Not in its repr."""
        probe = handle(MemoryProvider({"KEY": CANARY})).probe(["KEY"])
        assert isinstance(probe, Probe)
        assert CANARY not in repr(probe)


class TestRenew:
    """`renew` and `credentials`."""

    def test_a_provider_without_leases(self) -> None:
        """Holds none."""
        memory = handle(MemoryProvider())
        assert memory.renew() is None
        assert memory.credentials == frozenset()
        assert memory.site == ""

    def test_a_provider_with_leases(self) -> None:
        """Is asked to prolong them."""

        class Leasing(ScriptedProvider, LeasingProvider):
            def renew(self, *, timeout: float) -> float | None:
                return timeout * 6

            def leave(self) -> None: ...

        assert handle(Leasing()).renew(timeout=5) == 30
