"""What else a resolver does: names, fields, explain, numbers, life and repr."""

from __future__ import annotations

import asyncio
import time
from enum import Enum
from typing import TYPE_CHECKING, Any

import pytest

from secretsource import AsyncResolver, Resolver, Secret
from secretsource.exceptions import (
    ConfigurationError,
    InvalidReference,
    ProviderDenied,
    ProviderResponseError,
    SecretNotFound,
)
from secretsource.providers.base import Failed, FailureCode, Found, NotFound
from secretsource.resolver._engine.background import MAX_THREADS
from secretsource.testing import ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.shells import Shell, ShellKind

    from secretsource.testing import FakeClock

    NewShell = Callable[..., Shell]

DOWN = Failed(FailureCode.UNAVAILABLE)


class Tier(str, Enum):  # noqa: UP042 - its `str()` differs from that of a StrEnum
    """Text whose ``str()`` is not the text."""

    GOLD = "gold"


class TestGet:
    """`get`."""

    def test_first_come(self, kind: ShellKind, new_shell: NewShell) -> None:
        """The first provider that has it answers, and the rest is not asked."""
        one, two, three = (
            kind.provider({"KEY": value}, name=name)
            for name, value in (("one", NotFound()), ("two", "v"), ("three", "w"))
        )
        secret = new_shell(one, two, three).get("KEY")
        assert (secret, secret.provider, three.calls) == ("v", "two", 0)

    def test_by_reference(self, kind: ShellKind, new_shell: NewShell) -> None:
        """A reference asks one provider, whatever the chain's order."""
        shell = new_shell(kind.provider({"KEY": "a"}, name="one"), kind.provider({"KEY": "b"}, name="two"))
        secret = shell.get("two://KEY")
        assert (secret, secret.name) == ("b", "two://KEY")
        with pytest.raises(SecretNotFound):
            shell.get("two://NONE")

    def test_an_unknown_provider(self, kind: ShellKind, new_shell: NewShell) -> None:
        """The nearest name is suggested, also when it is one of the chain's own."""
        shell = new_shell(kind.provider({}, name="aws-eu"))
        with pytest.raises(ConfigurationError, match="unknown provider 'aws-ue': did you mean 'aws-eu'"):
            shell.get("aws-ue://KEY")
        with pytest.raises(ConfigurationError, match="'evn': did you mean 'env'"):
            shell.explain("evn://KEY")

    def test_empty_is_a_value(self, kind: ShellKind, new_shell: NewShell) -> None:
        """An empty string is found, and no default replaces it."""
        assert new_shell(kind.provider({"KEY": ""})).get("KEY", default="d") == ""

    @pytest.mark.parametrize("default", [None, 0, "", b"bytes"])
    def test_a_default(self, default: Any, kind: ShellKind, new_shell: NewShell) -> None:
        """Any default is legal, None too; text comes back as a `Secret` that says so."""
        got = new_shell(kind.provider({})).get("KEY", default=default)
        assert got == default
        assert isinstance(got, Secret) == isinstance(default, str)
        if isinstance(got, Secret):
            assert (got.served, got.provider, got.name) == ("default", "default", "KEY")

    def test_a_secret_as_default(self, kind: ShellKind, new_shell: NewShell) -> None:
        """One secret may stand in for another, and stays what it is."""
        shell = new_shell(kind.provider({"OLD": "v"}))
        old = shell.get("OLD")
        assert shell.get("NEW", default=old) is old

    def test_a_field(self, kind: ShellKind, new_shell: NewShell) -> None:
        """By ``field=`` or ``#``, as a key or a pointer; one document serves them all with one call."""
        provider = kind.provider({"DOC": '{"a": "1", "b": {"c": ["x", true]}}'})
        shell = new_shell(provider)
        assert shell.get("DOC", field="a") == shell.get("DOC#a") == shell.get("scripted://DOC#a") == "1"
        assert shell.get("DOC", field="/b/c/0") == "x"
        assert shell.get("DOC#/b/c/1") == "true"
        assert shell.get("DOC#b", field="c") == '["x",true]'
        assert shell.get("DOC") == '{"a": "1", "b": {"c": ["x", true]}}'
        assert provider.calls == 1

    def test_a_missing_field_is_an_absence(self, kind: ShellKind, new_shell: NewShell) -> None:
        """The chain goes on, and the error says what was missing."""
        shell = new_shell(kind.provider({"DOC": "{}"}, name="one"), kind.provider({}, name="two"))
        with pytest.raises(SecretNotFound, match=r"'one' .the document has no field 'a'., 'two'"):
            shell.get("DOC", field="a")

    def test_no_document(self, kind: ShellKind, new_shell: NewShell) -> None:
        """A field of what is not JSON is an answer without the promised form."""
        with pytest.raises(ProviderResponseError, match="the value is not JSON"):
            new_shell(kind.provider({"KEY": "s3cr3t"})).get("KEY", field="a")

    def test_a_mapping(self, kind: ShellKind, new_shell: NewShell) -> None:
        """A service that keeps fields gives them, or all as one JSON document."""
        shell = new_shell(kind.provider({"DOC": Found({"a": "1", "n": 2})}))
        assert (shell.get("DOC", field="a"), shell.get("DOC", field="n")) == ("1", "2")
        assert shell.get("DOC") == '{"a":"1","n":2}'

    @pytest.mark.parametrize("value", [None, 7, ["list"]])
    def test_a_driver_without_a_value(self, value: Any, kind: ShellKind, new_shell: NewShell) -> None:
        """A driver that finds what is no secret is told so."""
        with pytest.raises(ProviderResponseError, match=f"the driver found {type(value).__name__}"):
            new_shell(kind.provider({"KEY": Found(value)})).get("KEY")

    def test_text_of_another_class(self, kind: ShellKind, new_shell: NewShell) -> None:
        """The value of a member of an Enum is its text, and not the name that ``str()`` gives it."""
        secret = new_shell(kind.provider({"KEY": Tier.GOLD})).get("KEY")
        default = new_shell(kind.provider({})).get("KEY", default=Tier.GOLD)
        assert (secret, str(secret), secret.as_bytes()) == ("gold", "gold", b"gold")
        assert (default, default.as_bytes()) == ("gold", b"gold")

    @pytest.mark.parametrize("providers", ["env", None, 5, object])
    def test_a_chain_that_is_no_list(self, providers: Any) -> None:
        """The mistake is told in one sentence."""
        with pytest.raises(ConfigurationError, match="providers must be a list, such as"):
            Resolver(providers)

    def test_a_driver_that_raises(self, kind: ShellKind, new_shell: NewShell) -> None:
        """Its error is named by class, and not shown."""
        with pytest.raises(ProviderResponseError, match=r"the driver raised an error .OSError.") as caught:
            new_shell(kind.provider({"KEY": OSError("s3cr3t")})).get("KEY")
        assert caught.value.__context__ is None
        assert caught.value.sdk_error == "OSError"
        assert "s3cr3t" not in str(caught.value)

    @pytest.mark.parametrize("name", ["", " ", "a b", "a\n", "x" * 513, "://x", "a://", "KEY#", None, 7, ["KEY"], b"K"])
    def test_an_impossible_name(self, name: Any, kind: ShellKind, new_shell: NewShell) -> None:
        """It fails before anybody is asked, as a ValueError too."""
        provider = kind.provider({})
        with pytest.raises(ValueError, match=r".") as caught:
            new_shell(provider).get(name)
        assert isinstance(caught.value, InvalidReference)
        assert provider.calls == 0

    @pytest.mark.parametrize("how", [{"field": ""}, {"field": 1}, {"version": ""}, {"version": 3}])
    def test_an_impossible_field_or_version(self, how: Any, kind: ShellKind, new_shell: NewShell) -> None:
        """Neither is a number, nor empty."""
        with pytest.raises(InvalidReference, match=f"the {next(iter(how))} of a secret "):
            new_shell(kind.provider({})).get("KEY", **how)

    def test_a_name_no_variable_can_have(self, kind: ShellKind, new_shell: NewShell) -> None:
        """A provider that could not hold such a name is passed over, and says so."""
        shell = new_shell("env", kind.provider({"A=B": "v"}))
        assert shell.get("A=B") == "v"
        with pytest.raises(SecretNotFound, match="no variable can have this name"):
            new_shell("env").get("A=B")

    def test_binary(self, kind: ShellKind, new_shell: NewShell) -> None:
        """Bytes come back by `as_bytes` and `as_base64`, live and from memory."""
        shell = new_shell(kind.provider({"KEY": b"\x00\xff"}))
        for _ in range(2):
            secret = shell.get("KEY")
            assert (secret.as_bytes(), secret.as_base64()) == (b"\x00\xff", "AP8=")

    def test_the_error_sentence(self, kind: ShellKind, new_shell: NewShell) -> None:
        """What failed, for which name, at which provider, what to do next."""
        shell = new_shell(kind.provider({"KEY": Failed(FailureCode.DENIED, sdk_error="AccessDenied")}))
        with pytest.raises(ProviderDenied) as caught:
            shell.get("KEY")
        error = caught.value
        assert str(error) == (
            "cannot get secret 'KEY' from provider 'scripted': it denied access (AccessDenied); "
            "grant this identity permission to read the secret"
        )
        assert (error.name, error.provider, error.code, error.retryable, error.sdk_error) == (
            "KEY", "scripted", FailureCode.DENIED, False, "AccessDenied",
        )  # fmt: skip

    def test_a_driver_has_its_own_words(self, kind: ShellKind, new_shell: NewShell) -> None:
        """Reason and remedy of the driver come before ours."""
        failed = Failed(FailureCode.THROTTLED, "the quota is used up", "wait a day")
        with pytest.raises(Exception, match="the quota is used up; wait a day"):
            new_shell(kind.provider({"KEY": failed})).get("KEY")

    def test_without_any_provider(self, new_shell: NewShell) -> None:
        """An empty chain finds nothing and says why."""
        with pytest.raises(SecretNotFound, match="no provider is configured; skipped: none"):
            new_shell().get("KEY")


class TestExplain:
    """`explain`."""

    def test_found(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """Each provider asked, the answer, and those that were not needed."""
        providers = [
            kind.provider({}, name="one"), kind.provider({"K": Found("s3cr3t", version="7")}, name="two"),
            kind.provider({}, name="three"),
        ]  # fmt: skip
        shell = new_shell(*providers)
        trace = shell.explain("K")
        assert (trace.name, trace.outcome, trace.served, trace.error) == ("K", "found", "live", None)
        assert [(step.provider, step.outcome, step.served, step.version) for step in trace.steps] == [
            ("one", "not found", "live", None), ("two", "found", "live", "7"),
        ]  # fmt: skip
        assert trace.unasked == ("three",)
        text = str(shell.explain("K"))
        assert "K: found, served=fresh" in text
        assert "two        found (fresh, 0.0 ms)  two://K, version 7" in text
        assert "three      not asked: an earlier provider answered" in text
        assert "s3cr3t" not in text + repr(trace)

    def test_failed(self, kind: ShellKind, new_shell: NewShell) -> None:
        """The failure is in the trace with the sentence that a caller of `get` gets; nothing is raised."""
        shell = new_shell(kind.provider({"K": Failed(FailureCode.DENIED, "no")}, name="one"), "env")
        trace = shell.explain("K")
        assert (trace.outcome, trace.served, trace.unasked) == ("denied", None, ("env",))
        with pytest.raises(ProviderDenied) as caught:
            shell.get("K")
        assert trace.error == str(caught.value)
        assert "one        denied (live, 0.0 ms)  one://K: no" in str(trace)
        assert "env        not asked: an earlier provider ended the search" in str(trace)

    def test_not_found(self, kind: ShellKind, new_shell: NewShell) -> None:
        """Every provider is shown; one that could not hold such a name with its reason, and without a time."""
        trace = new_shell("env", kind.provider({})).explain("A=B")
        assert (trace.outcome, trace.unasked) == ("not found", ())
        assert trace.error is not None
        assert "env        not found  A=B: no variable can have this name" in str(trace)

    def test_stale(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """Why an old value is served is said."""
        shell = new_shell(kind.provider({"K": ["one", DOWN]}), ttl=100, revalidate=0)
        shell.get("K")
        clock.advance(100)
        trace = shell.explain("K")
        assert (trace.served, trace.steps[0].reason) == ("stale", "unavailable: the last known value is served")

    def test_a_field_and_a_reference(self, kind: ShellKind, new_shell: NewShell) -> None:
        """``field`` is looked into; a reference has nobody else to ask."""
        shell = new_shell(kind.provider({"K": '{"a": 1}'}), "env")
        assert shell.explain("K", field="a").outcome == "found"
        assert shell.explain("K", field="b").outcome == "not found"
        assert shell.explain("scripted://K").unasked == ()

    def test_it_tells_nobody(self, kind: ShellKind, new_shell: NewShell) -> None:
        """Looking into a look-up is no look-up of the application."""
        shell = new_shell(kind.provider({"K": "v"}))
        heard: list[object] = []
        shell.on_event(heard.append)
        shell.explain("K")
        assert heard == []

    def test_an_impossible_name(self, new_shell: NewShell) -> None:
        """Nothing can be said of it."""
        with pytest.raises(InvalidReference):
            new_shell("env").explain("")


class TestNumbers:
    """Wrong wiring is found in the constructor."""

    @pytest.mark.parametrize(
        ("numbers", "message"),
        [
            ({"ttl": -1}, "ttl must be a number of seconds, above 0 and at most a century$"),
            ({"ttl": "300"}, "ttl must be a number of seconds, above 0 and at most a century, not str$"),
            ({"ttl": True}, "ttl must be a number of seconds, .*, not bool"),
            ({"ttl": None}, "ttl must be a number of seconds, .*, not NoneType"),
            ({"ttl": float("nan")}, "ttl must be a number"),
            ({"ttl": 0}, "ttl must be a number of seconds, above 0"),
            ({"deadline": 0}, "deadline must be a number of seconds, above 0"),
            ({"deadline": float("inf")}, "deadline must be a number"),
            ({"deadline": 1e10}, "deadline must be .* at most a century"),
            ({"revalidate": -1}, "revalidate must be a number of seconds, at least 0"),
            ({"negative_ttl": None}, "negative_ttl must be a number"),
            ({"max_stale": 299}, r"max_stale \(299 s\) must be at least ttl \(300 s\): raise it, or lower ttl$"),
            ({"revalidate": 5000}, r"ttl \(300 s\) and revalidate \(5000 s\) together must be at most max_stale"),
            ({"jitter": 1}, "jitter must be a number of at least 0 and below 1"),
            ({"jitter": "some"}, "jitter must be a number"),
            ({"max_entries": 0}, "max_entries must be a whole number of at least 1"),
            ({"max_entries": 1.0}, "max_entries must be a whole number"),
            ({"max_entries": None}, "max_entries must be a whole number"),
        ],
    )
    def test_wrong(self, numbers: dict[str, Any], message: str, new_shell: NewShell) -> None:
        """Each says which number, and what it may be."""
        with pytest.raises(ConfigurationError, match=message):
            new_shell("env", **numbers)

    def test_right(self, new_shell: NewShell) -> None:
        """The extremes are allowed; ``revalidate`` is one more ttl unless given."""
        shell = new_shell("env", ttl=1, max_stale=1, negative_ttl=0, jitter=0.99, max_entries=1)
        assert shell.engine.state.cache.tuning.revalidate is None
        assert new_shell("env", revalidate=0).engine.state.cache.tuning.revalidate == 0


class TestLife:
    """From the constructor to `close`."""

    def test_a_constructor_asks_nobody(self, kind: ShellKind, new_shell: NewShell) -> None:
        """No call, no thread."""
        from threading import enumerate as threads

        before, provider = set(threads()), kind.provider({"K": "v"})
        new_shell(provider, "env", "dotenv")
        assert provider.calls == 0
        assert set(threads()) <= before

    def test_repr(self, kind: ShellKind, new_shell: NewShell) -> None:
        """The providers by name; before they are made, that they are not."""
        shell = new_shell("env", kind.provider({}, name="two"))
        name = type(shell.resolver).__name__
        assert repr(shell.resolver) == f"<{name} not wired yet>"
        shell.get("NONE", default=None)
        assert repr(shell.resolver) == f"<{name} env -> two>"

    def test_closed(self, kind: ShellKind, new_shell: NewShell) -> None:
        """Closing closes the providers and forgets; doing it twice is no error; asking afterwards is one."""
        provider = kind.provider({"K": "v"})
        shell = new_shell("env", provider)
        shell.get("K")
        shell.close()
        shell.close()
        assert provider.closed >= 2
        assert len(shell.engine.state.cache) == 0
        with pytest.raises(ConfigurationError, match="closed"):
            shell.get("K")
        assert provider.calls == 1

    def test_closed_before_use(self, kind: ShellKind, new_shell: NewShell) -> None:
        """Nothing was opened, so nothing is closed."""
        provider = kind.provider({})
        new_shell(provider).close()
        assert provider.closed == 0

    def test_closed_with_a_refresh_to_come(self, clock: FakeClock) -> None:
        """A closed provider is not asked by a refresh that had not begun."""
        names = [f"N{i}" for i in range(3 * MAX_THREADS)]
        provider = ScriptedProvider(dict.fromkeys(names, "v"))
        resolver = Resolver([provider], ttl=100, clock=clock)
        resolver.get_many(names)
        clock.advance(90)
        with provider.hold() as gate:
            for name in names:
                resolver.get(name)
            gate.entered.wait(30)
            resolver.close()
        background = resolver._engine.background
        while background._jobs or len(background._idle) < background.threads:
            time.sleep(0.001)
        assert provider.calls <= len(names) + MAX_THREADS

    def test_a_context_manager(self) -> None:
        """Both kinds close at the end of the block."""
        one, two = ScriptedProvider({"K": "v"}), ScriptedProvider({"K": "v"})
        with Resolver([one]) as resolver:
            resolver.get("K")

        async def block() -> None:
            async with AsyncResolver([two]) as tasks:
                await tasks.get("K")

        asyncio.run(block())
        assert (one.closed, two.closed) == (1, 1)

    async def test_closing_ends_what_is_under_way(self) -> None:
        """`AsyncResolver.close` cancels its flights on this loop."""
        from secretsource.testing import ScriptedAsyncProvider

        provider = ScriptedAsyncProvider({"K": "v"})
        resolver = AsyncResolver([provider])
        with provider.hold():
            task = asyncio.create_task(resolver.get("K"))
            while not provider.calls:
                await asyncio.sleep(0)
            await resolver.close()
            with pytest.raises(ConfigurationError, match="closed"):
                await task

    def test_two_threads_wire_at_once(self) -> None:
        """Both get the same chain."""
        from concurrent.futures import ThreadPoolExecutor

        resolver = Resolver(["env"])
        with ThreadPoolExecutor(8) as pool:
            chains = list(pool.map(lambda _: resolver._engine.chain, range(32)))
        assert len({id(chain) for chain in chains}) == 1

    def test_from_config(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Both kinds read the same file."""
        file = tmp_path / "secretsource.toml"
        file.write_text('[environments.test]\nproviders = ["env"]\nttl = 7\n')
        monkeypatch.setenv("KEY", "v")
        assert Resolver.from_config(file).get("KEY") == "v"
        tasks = AsyncResolver.from_config(file, environment="test")
        assert asyncio.run(tasks.get("KEY")) == "v"
        assert tasks._resolver._engine.state.cache.tuning.ttl == 7


def test_an_absence_may_have_a_reason(kind: ShellKind, new_shell: NewShell) -> None:
    """What a provider says about its absence is in the error."""
    with pytest.raises(SecretNotFound, match=r"'scripted' .no such project."):
        new_shell(kind.provider({"K": NotFound("no such project")})).get("K")
