"""Clocks that jump, processes that freeze, and the second for which a read does not look at the chain."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from secretsource import AsyncResolver, Resolver
from secretsource._ground.clock import SYSTEM_CLOCK
from secretsource.exceptions import InvalidReference, ProviderUnavailable
from secretsource.providers.base import Failed, FailureCode, Found, NotFound
from secretsource.resolver import _async_resolver, _resolver
from secretsource.resolver._walk.route import Overlay, Route
from secretsource.testing import ScriptedAsyncProvider, ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.shells import Shell, ShellKind

    from secretsource.resolver._walk.trace import SecretEvent
    from secretsource.testing import FakeClock

    NewShell = Callable[..., Shell]

DOWN = Failed(FailureCode.UNAVAILABLE)


class TestFrozen:
    """A process that stood still while the world went on."""

    def test_entries_are_stale(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """After the thaw every value is asked for anew, with new clients."""
        provider = kind.provider({"KEY": ["one", "two"]})
        shell = new_shell(provider, ttl=1000, max_stale=1000)
        shell.get("KEY")
        clock.freeze(60)
        assert shell.get("KEY") == "two"
        assert provider.resets == 1
        assert shell.get("KEY").served == "fresh"

    def test_frozen_time_counts(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """In an outage the old value helps, but not past max_stale, in which the frozen time counts."""
        shell = new_shell(kind.provider({"KEY": ["one", DOWN]}), ttl=100, max_stale=500)
        shell.get("KEY")
        clock.freeze(300)
        assert shell.get("KEY").served == "stale"
        clock.advance(150)
        assert shell.get("KEY").served == "stale"
        clock.advance(51)
        with pytest.raises(ProviderUnavailable):
            shell.get("KEY")

    def test_frozen_for_long(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """Frozen past max_stale, a value is gone."""
        shell = new_shell(kind.provider({"KEY": ["one", DOWN]}), ttl=100, max_stale=500)
        shell.get("KEY")
        clock.freeze(500)
        with pytest.raises(ProviderUnavailable):
            shell.get("KEY")

    def test_a_failure_before_the_thaw_is_forgotten(
        self, kind: ShellKind, new_shell: NewShell, clock: FakeClock
    ) -> None:
        """A pause that was begun in the other world does not hold."""
        shell = new_shell(kind.provider({"KEY": [DOWN, "back"]}))
        with pytest.raises(ProviderUnavailable):
            shell.get("KEY")
        clock.freeze(6)
        assert shell.get("KEY") == "back"

    @pytest.mark.parametrize("seconds", [-3600, 4])
    def test_a_corrected_clock(self, seconds: float, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """A wall clock that is set back, or forward a little, changes nothing: ages are monotonic."""
        provider = kind.provider({"KEY": "one"})
        shell = new_shell(provider, ttl=100)
        shell.get("KEY")
        clock.step_wall(seconds)
        assert shell.get("KEY").served == "fresh"
        clock.advance(79)
        assert shell.get("KEY").served == "fresh"
        assert (provider.calls, provider.resets) == (1, 0)

    def test_set_back_and_then_frozen(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """A clock that was set back does not hide a freeze after it."""
        provider = kind.provider({"KEY": ["one", "two"]})
        shell = new_shell(provider)
        shell.get("KEY")
        clock.step_wall(-3600)
        shell.get("KEY")
        clock.freeze(60)
        assert shell.get("KEY") == "two"


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock that the hot path reads so many seconds off."""

    def step(seconds: float) -> None:
        for shell in (_resolver, _async_resolver):
            monkeypatch.setattr(shell, "wall_time", lambda: time.time() + seconds)

    return step


class TestHotPath:
    """Within a second of a look, a read is one look-up in a dict."""

    @pytest.fixture
    def shell(self, provider: ScriptedProvider, new_shell: NewShell) -> Shell:
        return new_shell("env", provider, clock=SYSTEM_CLOCK)

    @pytest.fixture
    def provider(self, kind: ShellKind) -> ScriptedProvider:
        return kind.provider({"KEY": ["one", "two"], "OTHER": "o"})

    def test_same_object(self, shell: Shell) -> None:
        """The same `Secret` is given again, and says that it is fresh."""
        assert shell.get("KEY").served == "live"
        first = shell.get("KEY")
        assert (first, first.served) == ("one", "fresh")
        assert shell.get("KEY") is first

    def test_one_second(self, shell: Shell, wall: Callable[[float], None]) -> None:
        """Then the chain is looked at again, which costs no call."""
        shell.get("KEY")
        first = shell.get("KEY")
        wall(0.5)
        assert shell.get("KEY") is first
        wall(1.0)
        again = shell.get("KEY")
        assert again is not first
        assert (again, again.served) == ("one", "fresh")

    @pytest.mark.parametrize("seconds", [-5, -3600, 3600])
    def test_a_clock_that_jumps(self, seconds: float, shell: Shell, wall: Callable[[float], None]) -> None:
        """Either way, the slow path decides, which goes by the monotonic clock."""
        shell.get("KEY")
        first = shell.get("KEY")
        wall(seconds)
        assert shell.get("KEY") is not first
        assert shell.get("KEY") == "one"

    def test_a_variable_that_is_set_later(
        self, shell: Shell, wall: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It wins within a second."""
        shell.get("KEY")
        monkeypatch.setenv("KEY", "from the environment")
        wall(1.01)
        assert shell.get("KEY") == "from the environment"

    def test_the_environment_is_never_kept(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        """A changed variable is seen at the next read, one that is gone too."""
        for value in ("a", "b", "c"):
            monkeypatch.setenv("KEY", value)
            secret = shell.get("KEY")
            assert (secret, secret.provider, secret.served) == (value, "env", "live")
        monkeypatch.delenv("KEY")
        assert shell.get("KEY") == "one"
        monkeypatch.setenv("NEW", "n")
        assert shell.get("NEW") == "n"
        monkeypatch.delenv("NEW")
        assert shell.get("NEW", default="d") == "d"

    @pytest.mark.parametrize("how", [{"field": "a"}, {"version": "1"}, {"fresh": True}])
    def test_other_questions_are_not_answered_by_it(self, how: Any, kind: ShellKind, new_shell: NewShell) -> None:
        """A field, a version or ``fresh`` is a question of its own."""
        provider = kind.provider({"DOC": '{"a": "1"}'})
        shell = new_shell(provider, clock=SYSTEM_CLOCK)
        whole = shell.get("DOC")
        assert (shell.get("DOC") is shell.get("DOC"), provider.calls) == (True, 1)
        assert shell.get("DOC", default=None, **how) != whole or provider.calls == 2

    def test_a_default_is_not_kept(self, shell: Shell, provider: ScriptedProvider) -> None:
        """What is not there is not hot."""
        assert shell.get("NONE", default="d") == "d"
        assert "NONE" not in shell.engine.hot

    @pytest.mark.parametrize("bad", [None, ["KEY"], 7])
    def test_what_is_no_name(self, bad: object, shell: Shell) -> None:
        """Something that cannot even be looked up is refused as any other bad name."""
        with pytest.raises(InvalidReference, match="must be a str"):
            shell.get(bad)

    @pytest.mark.parametrize(
        "end",
        [
            lambda shell: shell.invalidate("KEY"),
            lambda shell: shell.reject(shell.get("KEY")),
            lambda shell: shell.get("KEY", fresh=True),
            lambda shell: shell.engine.after_fork(),
        ],
        ids=["invalidate", "reject", "fresh", "fork"],
    )
    def test_a_new_value_ends_it(self, end: Callable[[Shell], object], shell: Shell) -> None:
        """Whatever finds or announces a new value takes the old one off the hot path at once."""
        shell.get("KEY")
        assert shell.get("KEY") == "one"
        end(shell)
        assert shell.get("KEY") == "two"

    def test_not_what_may_not_be_kept(self, kind: ShellKind, new_shell: NewShell) -> None:
        """A value that may not be kept at all is looked at every time."""
        shell = new_shell(kind.provider({"KEY": Found("one", max_age=0)}), clock=SYSTEM_CLOCK)
        shell.get("KEY")
        assert "KEY" not in shell.engine.hot

    def test_not_longer_than_the_value_is_fresh(self, kind: ShellKind, new_shell: NewShell) -> None:
        """A ttl below a second bounds it."""
        shell = new_shell(kind.provider({"KEY": "one"}), ttl=0.1, clock=SYSTEM_CLOCK)
        shell.get("KEY")
        since, until, _ = shell.engine.hot["KEY"]
        assert until - since <= 0.08 + 1e-6

    def test_an_evicted_name_is_cold(self, kind: ShellKind, new_shell: NewShell) -> None:
        """The hot path remembers no more than the cache does."""
        names = [f"N{i}" for i in range(9)]
        shell = new_shell(kind.provider(dict.fromkeys(names, "v")), max_entries=3, clock=SYSTEM_CLOCK)
        for name in names:
            shell.get(name)
        assert sorted(shell.engine.hot) == names[-3:]

    def test_an_absence_that_ended_in_front(self, kind: ShellKind, new_shell: NewShell) -> None:
        """When the provider in front has it now, the one behind is not read from the hot path any more."""
        front = kind.provider({"KEY": [NotFound(), "front"]}, name="front")
        shell = new_shell(front, kind.provider({"KEY": "back"}, name="back"), clock=SYSTEM_CLOCK)
        assert shell.get("KEY") == "back"
        assert shell.get("front://KEY", fresh=True) == "front"
        assert shell.get("KEY") == "front"


class TestHotPathOfMany:
    """Many names are read together as each is read alone: by one look-up within a second."""

    NAMES = ("A", "B", "C")

    @pytest.fixture
    def provider(self, kind: ShellKind) -> ScriptedProvider:
        return kind.provider({name: [f"{name} one", f"{name} two"] for name in self.NAMES})

    @pytest.fixture
    def shell(self, provider: ScriptedProvider, new_shell: NewShell) -> Shell:
        shell = new_shell("env", provider, clock=SYSTEM_CLOCK)
        shell.prefetch(self.NAMES)
        return shell

    def test_same_objects(self, shell: Shell) -> None:
        """The same secrets are given again, in the order of the names, each as `get` gives it."""
        first = shell.get_many(self.NAMES)
        assert {name: secret.served for name, secret in first.items()} == dict.fromkeys(self.NAMES, "fresh")
        again = shell.get_many(iter(reversed(self.NAMES)))
        assert list(again) == ["C", "B", "A"]
        assert all(again[name] is first[name] is shell.get(name) for name in self.NAMES)

    def test_names_beside_hot_ones(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        """Only the names that are not at hand go down the chain; the result keeps the order, and each name once."""
        monkeypatch.setenv("NEAR", "n")
        first = shell.get_many(self.NAMES)
        mixed = shell.get_many(["C", "NONE", "A", "NEAR", "C"], default=None)
        assert list(mixed.items()) == [("C", "C one"), ("NONE", None), ("A", "A one"), ("NEAR", "n")]
        assert mixed["C"] is first["C"]
        assert mixed["A"] is first["A"]

    def test_one_second(self, shell: Shell, wall: Callable[[float], None]) -> None:
        """Then the chain is looked at again, so that a variable set meanwhile wins."""
        first = shell.get_many(self.NAMES)
        wall(0.5)
        assert shell.get_many(self.NAMES)["A"] is first["A"]
        wall(1.01)
        assert shell.get_many(self.NAMES)["A"] is not first["A"]

    @pytest.mark.parametrize(
        "end",
        [
            lambda shell: shell.invalidate("A"),
            lambda shell: shell.reject(shell.get("A")),
            lambda shell: shell.get("A", fresh=True),
            lambda shell: shell.get_many(["A"], fresh=True),
            lambda shell: shell.engine.after_fork(),
        ],
        ids=["invalidate", "reject", "fresh", "fresh many", "fork"],
    )
    def test_a_new_value_ends_it(self, end: Callable[[Shell], object], shell: Shell) -> None:
        """Whatever finds or announces a new value acts on the next read of many at once."""
        assert shell.get_many(["A"]) == {"A": "A one"}
        end(shell)
        assert shell.get_many(["A"]) == {"A": "A two"}

    def test_an_injected_clock(self, provider: ScriptedProvider, new_shell: NewShell, clock: FakeClock) -> None:
        """A resolver with a clock of its own goes by that clock alone."""
        shell = new_shell(provider, ttl=0.5, revalidate=0, clock=clock)
        assert shell.get_many(["A"])["A"] == shell.get_many(["A"])["A"] == "A one"
        assert not shell.engine.hot
        clock.advance(0.5)
        assert shell.get_many(["A"])["A"] == "A two"

    def test_a_listener_that_is_added(self, shell: Shell) -> None:
        """It hears of the next read that is no plain hit, and of none that is."""
        heard: list[SecretEvent] = []
        shell.get_many(self.NAMES)
        shell.on_event(heard.append)
        shell.get_many(self.NAMES)
        shell.get_many([*self.NAMES, "NONE"], default=None)
        shell.get_many(["A"], fresh=True)
        assert [(event.name, event.outcome) for event in heard] == [("NONE", "not found"), ("A", "found")]

    def test_an_overlay(self, shell: Shell) -> None:
        """A test's values are read at once, and the real ones again after it."""
        shell.get_many(self.NAMES)
        overlay = ScriptedProvider({"A": "test"}, name="overlay")
        overlay.max_age = 0.0
        shell.engine.lay_over(Overlay(Route(overlay)))
        assert shell.get_many(self.NAMES) == {"A": "test", "B": "B one", "C": "C one"}
        shell.engine.lay_over(None)
        assert shell.get_many(self.NAMES)["A"] == "A one"

    @pytest.mark.parametrize("one", ["A", "ABC", ""])
    def test_one_string_is_no_list(self, one: str, shell: Shell) -> None:
        """Not even where each of its characters is the name of a secret that is at hand."""
        shell.get_many(self.NAMES)
        with pytest.raises(InvalidReference, match="names must be a list"):
            shell.get_many(one)

    @pytest.mark.parametrize("bad", [None, ["A"], 7])
    def test_what_is_no_name(self, bad: object, shell: Shell) -> None:
        """Something that cannot even be looked up is refused as any other bad name."""
        with pytest.raises(InvalidReference, match="must be a str"):
            shell.get_many(["A", bad])


class TestNear:
    """A name that the first provider answers directly takes a short way."""

    @pytest.fixture(autouse=True)
    def _variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KEY", "v")

    def test_the_same_answer(self) -> None:
        """It is the same in every respect as the one that the whole chain gives."""
        resolver = Resolver(["env"])
        long, short = resolver.get("KEY"), resolver.get("KEY")
        assert "KEY" in resolver._engine.state.shortcuts.near
        assert long is not short
        for attribute in ("name", "provider", "version", "served", "expires_at"):
            assert getattr(long, attribute) == getattr(short, attribute)
        assert long == short == "v"

    def test_a_value_that_points_elsewhere_from_now_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The chain is walked again, and follows."""
        resolver = Resolver(["env"])
        resolver.get("KEY")
        monkeypatch.setenv("KEY", "ref+env://OTHER")
        monkeypatch.setenv("OTHER", "o")
        assert [str(resolver.get("KEY")) for _ in range(2)] == ["o", "o"]

    def test_a_failure(self) -> None:
        """An error of the provider is the chain's to judge."""
        provider = ScriptedProvider({"KEY": ["one", DOWN]}, max_age=0)
        resolver = Resolver([provider])
        assert resolver.get("KEY") == "one"
        with pytest.raises(ProviderUnavailable):
            resolver.get("KEY")

    def test_a_document(self) -> None:
        """A mapping is made text by the chain."""
        provider = ScriptedProvider({"KEY": ["one", Found({"a": "1"})]}, max_age=0)
        resolver = Resolver([provider])
        assert [str(resolver.get("KEY")) for _ in range(3)] == ["one", '{"a":"1"}', '{"a":"1"}']

    @pytest.mark.parametrize("name", ["KEY#a", "scripted://KEY#a"])
    def test_not_for_fields(self, name: str) -> None:
        """A field is selected by the chain."""
        provider = ScriptedProvider({"KEY": '{"a": "1"}'}, max_age=0)
        resolver = Resolver([provider])
        assert [str(resolver.get(name)) for _ in range(2)] == ["1", "1"]

    def test_not_behind_another_provider(self) -> None:
        """A provider in front could have the name the next time."""
        front, back = ScriptedProvider({}, name="front", max_age=0), ScriptedProvider({"KEY": "b"}, name="b", max_age=0)
        resolver = Resolver([front, back])
        assert resolver.get("KEY") == "b"
        front.answer("KEY", "f")
        assert resolver.get("KEY") == "f"

    def test_not_for_native_clients(self) -> None:
        """A driver with an asynchronous client is asked by the shell that fits."""
        import asyncio

        provider = ScriptedAsyncProvider({"KEY": "v"}, max_age=0)
        resolver = AsyncResolver([provider])
        for _ in range(3):
            assert asyncio.run(resolver.get("KEY")) == "v"
        assert len(provider.awaited) == 3

    def test_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No more names are remembered than entries."""
        resolver = Resolver(["env"], max_entries=3)
        for i in range(10):
            monkeypatch.setenv(f"N{i}", "v")
            resolver.get(f"N{i}")
        assert len(resolver._engine.state.shortcuts.near) <= 3

    def test_not_after_close(self) -> None:
        """A closed resolver is closed for these names too."""
        resolver = Resolver(["env"])
        resolver.get("KEY")
        resolver.close()
        with pytest.raises(Exception, match="closed"):
            resolver.get("KEY")


def test_the_system_clock() -> None:
    """It reads both clocks together, and sleeps."""
    before = SYSTEM_CLOCK.now()
    SYSTEM_CLOCK.sleep(0.001)
    now = SYSTEM_CLOCK.now()
    assert now.mono - before.mono >= 0.001
    assert abs(now.utc().timestamp() - time.time()) < 60
    assert abs(now.drift - before.drift) < 60
    assert os.environ
