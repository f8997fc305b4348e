"""Many names at once, and the versions of one name."""

from __future__ import annotations

from threading import Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import pytest

from secretsource import Resolver, Secret
from secretsource.exceptions import (
    InvalidReference,
    ProviderDenied,
    ProviderError,
    ProviderResponseError,
    ProviderUnavailable,
    SecretNotFound,
)
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef
from secretsource.testing import ScriptedAsyncProvider, ScriptedBatchProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.shells import Shell, ShellKind

    from secretsource.providers.base import Outcome
    from secretsource.resolver import RotationEvent
    from secretsource.testing import FakeClock

    NewShell = Callable[..., Shell]

DOWN = Failed(FailureCode.UNAVAILABLE)
ENDED = [FailureCode.DISABLED, FailureCode.DELETED]


def locations(refs: Iterable[SecretRef]) -> list[str]:
    return [ref.location for ref in refs]


class TestGetMany:
    """`get_many`."""

    def test_one_batch(self, new_shell: NewShell) -> None:
        """A provider with a batch call is asked once, for what no provider before it had."""
        front = ScriptedBatchProvider({"A": "front a"}, name="front")
        back = ScriptedBatchProvider({"B": "back b", "C": "back c"}, name="back")
        shell = new_shell(front, back)
        assert shell.get_many(["A", "B", "C"]) == {"A": "front a", "B": "back b", "C": "back c"}
        assert list(map(locations, front.batches)) == [["A", "B", "C"]]
        assert list(map(locations, back.batches)) == [["B", "C"]]

    def test_single_calls(self, kind: ShellKind, new_shell: NewShell) -> None:
        """One without is asked for each name."""
        provider = kind.provider({"A": "a", "B": "b"})
        assert new_shell(provider).get_many(["A", "B"]) == {"A": "a", "B": "b"}
        assert sorted(locations(provider.refs)) == ["A", "B"]

    def test_a_network_is_waited_for_at_once(self) -> None:
        """A provider with a native client and no batch call is asked for all names side by side, from threads too."""
        names = [f"N{number}" for number in range(6)]
        provider = ScriptedAsyncProvider({name: name.lower() for name in names})
        resolver = Resolver([provider])
        answers: dict[str, Secret] = {}
        with provider.hold() as gate:
            reader = Thread(target=lambda: answers.update(resolver.get_many(names)))
            reader.start()
            deadline = monotonic() + 30
            while gate.arrivals < len(names) and monotonic() < deadline:
                sleep(0.001)
            assert gate.arrivals == len(names)
            gate.open()
            reader.join(30)
        assert answers == {name: name.lower() for name in names}
        assert sorted(locations(provider.refs)) == names
        resolver.close()

    def test_all_are_refreshed_ahead_of_their_end(self, new_shell: NewShell, kind: ShellKind, clock: FakeClock) -> None:
        """Late in their ttl they are served as they are, and asked for in the background."""
        provider = kind.provider({"A": ["a", "new a"], "B": ["b", "new b"]})
        shell = new_shell(provider, ttl=100, jitter=0)
        assert shell.get_many(["A", "B"]) == {"A": "a", "B": "b"}
        clock.advance(90)
        assert shell.get_many(["A", "B"]) == {"A": "a", "B": "b"}
        shell.until(lambda: provider.calls == 4)
        shell.landed()
        assert shell.get_many(["A", "B"]) == {"A": "new a", "B": "new b"}

    def test_one_name_is_no_batch(self, new_shell: NewShell) -> None:
        """For one name the ordinary call does."""
        provider = ScriptedBatchProvider({"A": "a"})
        new_shell(provider).get_many(["A"])
        assert (provider.batches, provider.calls) == ([], 1)

    def test_what_is_kept_is_not_asked_for(self, new_shell: NewShell) -> None:
        """Only the names that are not in memory go into the batch."""
        provider = ScriptedBatchProvider({"A": "a", "B": "b", "C": "c"})
        shell = new_shell(provider)
        shell.get("A")
        shell.get_many(["A", "B", "C"])
        assert list(map(locations, provider.batches)) == [["B", "C"]]

    def test_fields_of_one_document(self, new_shell: NewShell) -> None:
        """Names that are fields of one document are one call."""
        provider = ScriptedBatchProvider({"DOC": '{"a": "1", "b": "2"}'})
        assert new_shell(provider).get_many(["DOC#a", "scripted://DOC#b"]) == {"DOC#a": "1", "scripted://DOC#b": "2"}
        assert provider.calls == 1

    def test_duplicates_and_generators(self, kind: ShellKind, new_shell: NewShell) -> None:
        """Repeated names count once, and any iterable will do."""
        provider = kind.provider({"A": "a"})
        assert new_shell(provider).get_many(name for name in ["A", "A", "A"]) == {"A": "a"}
        assert provider.calls == 1

    def test_none(self, new_shell: NewShell) -> None:
        """No names, no answers."""
        assert new_shell("env").get_many([]) == {}

    def test_a_string_is_no_list(self, new_shell: NewShell) -> None:
        """One string would be taken for its letters."""
        with pytest.raises(InvalidReference, match="one string"):
            new_shell("env").get_many("NAME")

    def test_all_missing_are_named(self, kind: ShellKind, new_shell: NewShell) -> None:
        """Whoever starts an application learns of all missing secrets at once."""
        shell = new_shell(kind.provider({"A": "a"}, name="one"), kind.provider({}, name="two"))
        with pytest.raises(SecretNotFound, match="2 secrets were not found: 'B', 'C'; looked at one, two") as caught:
            shell.get_many(["A", "B", "C"])
        assert (caught.value.name, caught.value.providers) == ("B", ("one", "two"))
        with pytest.raises(SecretNotFound, match="secret 'B' was not found"):
            shell.get_many(["A", "B"])

    def test_default(self, kind: ShellKind, new_shell: NewShell) -> None:
        """A default stands for what is missing, as a `Secret` when it is text, and never for a failure."""
        shell = new_shell(kind.provider({"A": "a", "BAD": DOWN}))
        found = shell.get_many(["A", "B"], default="d")
        assert (found["A"].served, found["B"].served, found["B"]) == ("live", "default", "d")
        assert shell.get_many(["B"], default=None) == {"B": None}
        with pytest.raises(ProviderUnavailable):
            shell.get_many(["B", "BAD"], default="d")

    @pytest.mark.parametrize("batch", [False, True])
    def test_each_has_its_own_outcome(self, batch: bool, kind: ShellKind, new_shell: NewShell) -> None:
        """One name that fails does not poison the others, whose answers are kept."""
        provider = (ScriptedBatchProvider if batch else kind.provider)(
            {"A": "a", "B": Failed(FailureCode.DENIED), "C": "c"}
        )
        shell = new_shell(provider)
        with pytest.raises(ProviderDenied) as caught:
            shell.get_many(["A", "B", "C"])
        assert caught.value.name == "B"
        assert [shell.get(name).served for name in ("A", "C")] == ["fresh", "fresh"]
        assert provider.calls == 3

    def test_a_batch_that_forgets_one(self, new_shell: NewShell) -> None:
        """A driver that leaves a reference out of its answer is told so."""

        class Forgetful(ScriptedBatchProvider):
            def fetch_many(self, refs: Sequence[SecretRef], *, timeout: float) -> dict[SecretRef, Outcome]:
                return {refs[0]: Found("a")}

        shell = new_shell(Forgetful())
        with pytest.raises(ProviderResponseError, match="NoneType, which is not an outcome"):
            shell.get_many(["A", "B"])
        assert shell.get("A") == "a"

    def test_a_batch_that_raises(self, new_shell: NewShell) -> None:
        """Its error is named by class for each of the names."""

        class Raising(ScriptedBatchProvider):
            def fetch_many(self, refs: Sequence[SecretRef], *, timeout: float) -> dict[SecretRef, Outcome]:
                raise OSError("bug")

        with pytest.raises(ProviderResponseError, match="OSError"):
            new_shell(Raising()).get_many(["A", "B"])

    def test_prefetch(self, kind: ShellKind, new_shell: NewShell) -> None:
        """`prefetch` fetches now, and raises as `get_many`."""
        provider = kind.provider({"A": "a"})
        shell = new_shell(provider)
        shell.prefetch(["A"])
        assert shell.get("A").served == "fresh"
        with pytest.raises(SecretNotFound):
            shell.prefetch(["B"])

    def test_listeners_hear_of_each(self, kind: ShellKind, new_shell: NewShell) -> None:
        """Also of those that are missing, and of those after one that failed."""
        shell = new_shell(kind.provider({"A": "a", "BAD": DOWN, "C": "c"}))
        heard: list[Any] = []
        shell.on_event(lambda event: heard.append((event.name, event.outcome)))
        with pytest.raises(ProviderUnavailable):
            shell.get_many(["A", "NONE", "BAD", "C"])
        assert heard == [("A", "found"), ("NONE", "not found"), ("BAD", "unavailable"), ("C", "found")]


class TestGetSet:
    """`get_set`."""

    def test_environment(self, new_shell: NewShell, monkeypatch: pytest.MonkeyPatch) -> None:
        """NAME and NAME_PREVIOUS, newest first."""
        monkeypatch.setenv("SIGNING_KEY", "new")
        monkeypatch.setenv("SIGNING_KEY_PREVIOUS", "old")
        secrets = new_shell("env").get_set("SIGNING_KEY")
        assert list(secrets) == ["new", "old"]
        assert (secrets.current, secrets.previous) == ("new", "old")

    def test_environment_without_a_previous_one(self, new_shell: NewShell, monkeypatch: pytest.MonkeyPatch) -> None:
        """An absence of the previous version is none."""
        monkeypatch.setenv("SIGNING_KEY", "new")
        secrets = new_shell("env").get_set("SIGNING_KEY")
        assert (list(secrets), secrets.previous) == (["new"], None)

    def test_memory_versions(self, new_shell: NewShell) -> None:
        """The version before, by its number."""
        from secretsource.providers.memory import MemoryProvider

        memory = MemoryProvider({"KEY": "one"})
        shell = new_shell(memory)
        assert [(str(s), s.version) for s in shell.get_set("KEY")] == [("one", "1")]
        memory.put("KEY", "two")
        shell.invalidate("KEY")
        assert [(str(s), s.version) for s in shell.get_set("KEY")] == [("two", "2"), ("one", "1")]

    def test_binary_versions(self, new_shell: NewShell) -> None:
        """Two versions that are not text are told apart by their bytes, so both sides of a rotation are in the set."""
        from secretsource.providers.memory import MemoryProvider

        memory = MemoryProvider({"KEY": b"\xff1"})
        memory.put("KEY", b"\xff2")
        shell = new_shell(memory)
        assert [secret.as_bytes() for secret in shell.get_set("KEY")] == [b"\xff2", b"\xff1"]
        memory.put("KEY", b"\xff2")
        shell.invalidate("KEY")
        assert [secret.as_bytes() for secret in shell.get_set("KEY")] == [b"\xff2"]

    def test_stage(self, kind: ShellKind, new_shell: NewShell) -> None:
        """A service with stages is asked for the one before, at the same field."""
        before = SecretRef("scripted", "KEY", stage="previous")
        provider = kind.provider({"KEY": '{"k": "new"}', before: '{"k": "old"}'})
        assert list(new_shell(provider).get_set("KEY", field="k")) == ["new", "old"]

    def test_a_rotation_that_the_one_before_shows(self, kind: ShellKind, new_shell: NewShell) -> None:
        """When the version before is what is remembered as the current one, the current one is asked for, once."""
        one, two = Found("one", version="1"), Found("two", version="2")
        provider = kind.provider({"KEY": [one, two], SecretRef("scripted", "KEY", stage="previous"): one})
        shell = new_shell(provider)
        assert shell.get("KEY") == "one"
        assert list(shell.get_set("KEY")) == list(shell.get_set("KEY")) == ["two", "one"]
        assert provider.calls == 4

    def test_a_version_before_that_is_never_another(self, kind: ShellKind, new_shell: NewShell) -> None:
        """A provider whose version before is the current one is not asked again and again."""
        one = Found("one", version="1")
        provider = kind.provider({"KEY": one, SecretRef("scripted", "KEY", stage="previous"): one})
        shell = new_shell(provider)
        for _ in range(5):
            assert list(shell.get_set("KEY")) == ["one"]
        assert provider.calls == 3

    def test_kept_too(self, kind: ShellKind, new_shell: NewShell) -> None:
        """Both versions are asked for once."""
        provider = kind.provider({"KEY": "new", SecretRef("scripted", "KEY", stage="previous"): "old"})
        shell = new_shell(provider)
        assert list(shell.get_set("KEY")) == list(shell.get_set("KEY")) == ["new", "old"]
        assert provider.calls == 2

    def test_both_are_refreshed_ahead(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """In the last fifth of their ttl both versions are asked for again, behind the back of whoever reads them."""
        before = SecretRef("scripted", "KEY", stage="previous")
        provider = kind.provider({"KEY": "new", before: ["old", "older"]})
        shell = new_shell(provider, ttl=100)
        shell.get_set("KEY")
        clock.advance(90)
        assert list(shell.get_set("KEY")) == ["new", "old"]
        shell.landed()
        assert provider.refs.count(before) == 2
        assert list(shell.get_set("KEY")) == ["new", "older"]
        assert provider.calls == 4

    def test_two_that_are_one(self, kind: ShellKind, new_shell: NewShell) -> None:
        """A previous version of the same value is not shown twice."""
        before = SecretRef("scripted", "KEY", stage="previous")
        assert len(new_shell(kind.provider({"KEY": "same", before: "same"})).get_set("KEY")) == 1

    @pytest.mark.parametrize("code", [code for code in FailureCode if code not in ENDED])
    def test_a_failure_is_an_error(self, code: FailureCode, kind: ShellKind, new_shell: NewShell) -> None:
        """That the previous version could not be asked for, or was denied, is not its absence."""
        shell = new_shell(kind.provider({"KEY": "new", SecretRef("scripted", "KEY", stage="previous"): Failed(code)}))
        with pytest.raises(ProviderError) as caught:
            shell.get_set("KEY")
        assert caught.value.code is code

    @pytest.mark.parametrize("code", ENDED)
    def test_a_previous_one_that_was_ended(
        self, code: FailureCode, kind: ShellKind, new_shell: NewShell, clock: FakeClock
    ) -> None:
        """One that somebody disabled or deleted leaves the set when it is next asked for, and not the current one."""
        before = SecretRef("scripted", "KEY", stage="previous")
        shell = new_shell(kind.provider({"KEY": "new", before: ["old", Failed(code), "old"]}), ttl=100, revalidate=0)
        assert list(shell.get_set("KEY")) == ["new", "old"]
        clock.advance(101)
        assert [list(shell.get_set("KEY")) for _ in range(2)] == [["new"], ["new"]]
        clock.advance(10)
        assert list(shell.get_set("KEY")) == ["new", "old"]

    @pytest.mark.parametrize("code", ENDED)
    def test_a_current_one_that_was_ended(self, code: FailureCode, kind: ShellKind, new_shell: NewShell) -> None:
        """The version before never stands in for a current one that was disabled or deleted."""
        before = SecretRef("scripted", "KEY", stage="previous")
        shell = new_shell(kind.provider({"KEY": Failed(code), before: "old"}))
        with pytest.raises(ProviderDenied):
            shell.get_set("KEY")

    def test_an_outage_after_an_absence(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """Nor is it when the previous version was absent the last time."""
        before = SecretRef("scripted", "KEY", stage="previous")
        shell = new_shell(kind.provider({"KEY": "new", before: [NotFound(), DOWN]}), negative_ttl=10)
        assert len(shell.get_set("KEY")) == 1
        clock.advance(11)
        with pytest.raises(ProviderUnavailable):
            shell.get_set("KEY")

    def test_the_version_before_is_no_answer_to_the_name(
        self, new_shell: NewShell, kind: ShellKind, clock: FakeClock
    ) -> None:
        """A rotation replaces the current value alone; the old version as another answer is no rotation."""
        before = SecretRef("scripted", "KEY", stage="previous")
        shell = new_shell(
            kind.provider(
                {
                    "KEY": [Found("one", version="1"), Found("two", version="2")],
                    before: [Found("none", version="0"), Found("one", version="1")],
                }
            ),
            ttl=100,
            jitter=0,
        )
        rotations: list[RotationEvent] = []
        shell.on_rotate(rotations.append)
        shell.get_set("KEY")
        clock.advance(250)
        assert list(shell.get_set("KEY")) == ["two", "one"]
        shell.landed()
        assert [(event.old_version, event.new_version) for event in rotations] == [("1", "2")]

    def test_the_current_one_must_be_there(self, kind: ShellKind, new_shell: NewShell) -> None:
        """Without a current version there is no set."""
        with pytest.raises(SecretNotFound):
            new_shell(kind.provider({SecretRef("scripted", "KEY", stage="previous"): "old"})).get_set("KEY")

    def test_behind_a_reference(self, new_shell: NewShell, kind: ShellKind, monkeypatch: pytest.MonkeyPatch) -> None:
        """A variable that points to a manager has the manager's versions."""
        monkeypatch.setenv("KEY", "ref+scripted://kept/key")
        provider = kind.provider({"kept/key": "new", SecretRef("scripted", "kept/key", stage="previous"): "old"})
        assert list(new_shell("env", provider).get_set("KEY")) == ["new", "old"]

    def test_a_previous_one_behind_a_reference(
        self, new_shell: NewShell, kind: ShellKind, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The variable of the version before may point to a manager as well."""
        monkeypatch.setenv("KEY", "new")
        monkeypatch.setenv("KEY_PREVIOUS", "ref+scripted://kept/old")
        assert list(new_shell("env", kind.provider({"kept/old": "old"})).get_set("KEY")) == ["new", "old"]

    def test_both_are_refreshed_ahead_of_their_end(
        self, new_shell: NewShell, kind: ShellKind, clock: FakeClock
    ) -> None:
        """Late in their ttl both are served as they are, and asked for in the background."""
        before = SecretRef("scripted", "KEY", stage="previous")
        provider = kind.provider({"KEY": ["one", "two"], before: ["none", "one"]})
        shell = new_shell(provider, ttl=100, jitter=0)
        assert list(shell.get_set("KEY")) == ["one", "none"]
        clock.advance(90)
        assert list(shell.get_set("KEY")) == ["one", "none"]
        shell.until(lambda: provider.calls == 4)
        shell.landed()
        assert list(shell.get_set("KEY")) == ["two", "one"]
        # Both calls begin at once. If that for the version before began first, it may have read before the rotation,
        # so it is asked for once more.
        assert provider.refs.count(SecretRef("scripted", "KEY")) == 2
        assert provider.refs.count(before) in {2, 3}


def test_the_origin_of_a_version(new_shell: NewShell, kind: ShellKind) -> None:
    """``version=`` asks for that version, past what is kept of the current one."""
    provider = kind.provider({"KEY": "new", SecretRef("scripted", "KEY", version="7"): Found("old", version="7")})
    shell = new_shell(provider)
    assert shell.get("KEY") == "new"
    old = shell.get("KEY", version="7")
    assert isinstance(old, Secret)
    assert (old, old.version) == ("old", "7")
    assert shell.get("KEY") == "new"
    assert shell.get("KEY?version=7").served == "fresh"


def test_both_shells_share_what_is_kept(clock: FakeClock) -> None:
    """A `Resolver` and the `AsyncResolver` made from it have one memory."""
    import asyncio

    from secretsource import AsyncResolver

    provider = ScriptedBatchProvider({"A": "a"})
    resolver = Resolver([provider], clock=clock)
    resolver.get("A")
    assert asyncio.run(AsyncResolver.of(resolver).get("A")).served == "fresh"
    assert provider.calls == 1
