"""Following a rotation: reject, invalidate, and who is told."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from tests.leaks.canary import CANARY, assert_clean

from secretsource import Resolver, Secret
from secretsource.exceptions import InvalidReference, ProviderDenied, ProviderUnavailable, SecretNotFound
from secretsource.providers.base import Failed, FailureCode, Found, NotFound
from secretsource.testing import ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.shells import Shell, ShellKind

    from secretsource.testing import FakeClock

    NewShell = Callable[..., Shell]

DOWN = Failed(FailureCode.UNAVAILABLE)


class TestReject:
    """ "The other side refused this value.\""""

    def test_the_newer_value(self, kind: ShellKind, new_shell: NewShell) -> None:
        """The provider is asked, though the entry is fresh."""
        provider = kind.provider({"KEY": [Found("one", version="1"), Found("two", version="2")]})
        shell = new_shell(provider)
        newer = shell.reject(shell.get("KEY"))
        assert (newer, newer.version, newer.served, provider.calls) == ("two", "2", "live", 2)
        assert shell.get("KEY") == "two"

    def test_a_newer_one_is_kept_already(self, kind: ShellKind, new_shell: NewShell) -> None:
        """Whoever rejects an old version late gets the one that is kept, without a call."""
        provider = kind.provider({"KEY": [Found("one", version="1"), Found("two", version="2")]})
        shell = new_shell(provider)
        old = shell.get("KEY")
        shell.get("KEY", fresh=True)
        assert shell.reject(old) == "two"
        assert provider.calls == 2

    @pytest.mark.parametrize("version", ["1", None])
    def test_once_a_version(self, version: str | None, kind: ShellKind, new_shell: NewShell) -> None:
        """A provider that still has the refused value is asked once, however often it is rejected."""
        provider = kind.provider({"KEY": Found("one", version=version)})
        shell = new_shell(provider)
        secret = shell.get("KEY")
        for _ in range(5):
            assert shell.reject(secret) == "one"
        assert provider.calls == 2

    def test_once_each_of_two_fields(self, kind: ShellKind, new_shell: NewShell) -> None:
        """Two values of one document that are rejected in turn do not make it be fetched again and again."""
        provider = kind.provider({"DOC": '{"a": "1", "b": "2"}'})
        shell = new_shell(provider)
        first, second = shell.get("DOC", field="a"), shell.get("DOC#b")
        for _ in range(4):
            assert (shell.reject(first), shell.reject(second)) == ("1", "2")
        assert provider.calls == 3

    @pytest.mark.parametrize("given", [CANARY, CANARY.encode(), None], ids=["str", "bytes", "None"])
    def test_what_is_no_secret(self, given: Any, new_shell: NewShell) -> None:
        """A text that was made from a secret is refused with a sentence that does not show it, nor do its frames."""
        with pytest.raises(InvalidReference, match=rf"must be the Secret .* not {type(given).__name__}") as caught:
            new_shell("env").reject(given)
        assert_clean(caught.value)

    def test_a_secret_that_is_made_again(self, kind: ShellKind, new_shell: NewShell) -> None:
        """A new value is asked for once more after each refusal, also if each begins with version 1."""
        provider = kind.provider({"KEY": [Found(value, version="1") for value in ("one", "two", "three", "three")]})
        shell = new_shell(provider)
        one = shell.get("KEY")
        two = shell.reject(one)
        assert (two, shell.reject(one), provider.calls) == ("two", "two", 2)
        three = shell.reject(two)
        assert (three, shell.reject(one), shell.reject(two), provider.calls) == ("three", "three", "three", 3)
        assert (shell.reject(three), shell.reject(three), provider.calls) == ("three", "three", 4)

    @pytest.mark.parametrize("newer", ["one", "two"])
    def test_many_threads(self, newer: str, clock: FakeClock) -> None:
        """64 threads that reject one version at once cause one call, and all get what it brings."""
        provider = ScriptedProvider({"KEY": [Found("one", version="1"), Found(newer, version=newer)]})
        resolver = Resolver([provider], clock=clock)
        secret, barrier = resolver.get("KEY"), Barrier(64)

        def reject(_: int) -> Secret:
            barrier.wait()
            return resolver.reject(secret)

        with ThreadPoolExecutor(64) as pool:
            assert set(pool.map(reject, range(64))) == {newer}
        assert provider.calls == 2

    def test_while_another_thread_refetches(self, clock: FakeClock) -> None:
        """Whoever rejects while the refetch is under way waits for it, and does not get the refused value."""
        provider = ScriptedProvider({"KEY": ["one", "two"]})
        resolver = Resolver([provider], clock=clock)
        secret = resolver.get("KEY")
        with provider.hold() as gate, ThreadPoolExecutor(2) as pool:
            first = pool.submit(resolver.reject, secret)
            gate.entered.wait(30)
            second = pool.submit(resolver.reject, secret)
            while not second.running():
                pass
            gate.open()
            assert (first.result(30), second.result(30)) == ("two", "two")
        assert provider.calls == 2

    def test_an_outage(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """A value that was refused is not served again as stale; once the provider is back, it is asked again."""
        provider = kind.provider({"KEY": [Found("one", version="1"), DOWN, Found("two", version="2")]})
        shell = new_shell(provider)
        secret = shell.get("KEY")
        for _ in range(2):
            with pytest.raises(ProviderUnavailable) as caught:
                shell.reject(secret)
            assert caught.value.provider == "scripted"
        assert provider.calls == 2
        clock.advance(1)
        assert shell.reject(secret) == "two"

    def test_denied(self, kind: ShellKind, new_shell: NewShell) -> None:
        """A denial is raised as from any other read."""
        shell = new_shell(kind.provider({"KEY": ["one", Failed(FailureCode.DENIED)]}))
        secret = shell.get("KEY")
        with pytest.raises(ProviderDenied):
            shell.reject(secret)

    def test_moved_to_another_provider(self, kind: ShellKind, new_shell: NewShell) -> None:
        """When it is gone from where it was, the chain is walked on."""
        shell = new_shell(
            kind.provider({"KEY": ["one", NotFound()]}, name="front"), kind.provider({"KEY": "two"}, name="back")
        )
        newer = shell.reject(shell.get("KEY"))
        assert (newer, newer.provider) == ("two", "back")

    def test_gone(self, kind: ShellKind, new_shell: NewShell) -> None:
        """When nobody has it any more, that is said."""
        shell = new_shell(kind.provider({"KEY": ["one", NotFound()]}))
        secret = shell.get("KEY")
        with pytest.raises(SecretNotFound):
            shell.reject(secret)

    def test_gone_in_the_meantime(self, kind: ShellKind, new_shell: NewShell) -> None:
        """What is known to be gone is not asked for again."""
        provider = kind.provider({"KEY": ["one", NotFound()]})
        shell = new_shell(provider)
        secret = shell.get("KEY")
        shell.get("KEY", default=None, fresh=True)
        with pytest.raises(SecretNotFound):
            shell.reject(secret)
        assert provider.calls == 2

    def test_the_environment(self, new_shell: NewShell, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is never kept is simply asked again."""
        monkeypatch.setenv("KEY", "one")
        shell = new_shell("env")
        secret = shell.get("KEY")
        assert shell.reject(secret) == "one"
        monkeypatch.setenv("KEY", "two")
        assert shell.reject(secret) == "two"

    def test_a_default(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """A default that was refused is replaced by the secret as soon as there is one."""
        provider = kind.provider({"KEY": [NotFound(), "one"]})
        shell = new_shell(provider, negative_ttl=10)
        default = shell.get("KEY", default="d")
        assert shell.reject(default).served == "default"
        clock.advance(10)
        assert shell.reject(default) == "one"

    def test_an_explicit_version(self, kind: ShellKind, new_shell: NewShell) -> None:
        """Rejecting an old version that was asked for by its number gives the current one."""
        from secretsource.providers.base import SecretRef

        provider = kind.provider({"KEY": "two", SecretRef("scripted", "KEY", version="1"): Found("one", version="1")})
        shell = new_shell(provider)
        assert shell.reject(shell.get("KEY", version="1")) == "two"

    def test_binary(self, kind: ShellKind, new_shell: NewShell) -> None:
        """A binary value without a version is told apart by its bytes."""
        provider = kind.provider({"KEY": [b"\x00", b"\x00", b"\x01"]})
        shell = new_shell(provider)
        secret = shell.get("KEY")
        assert shell.reject(secret).as_bytes() == b"\x00"
        shell.get("KEY", fresh=True)
        assert shell.reject(secret).as_bytes() == b"\x01"
        assert provider.calls == 3

    def test_what_was_refused_is_bounded(self, kind: ShellKind, new_shell: NewShell) -> None:
        """The memory of refused versions does not grow beyond the entries."""
        shell = new_shell(kind.provider({f"N{i}": "v" for i in range(9)}), max_entries=3)
        for i in range(9):
            shell.reject(shell.get(f"N{i}"))
        assert len(shell.engine.state._refused) == 3


class TestInvalidate:
    """``invalidate``: somebody knows that a value has changed."""

    def test_the_next_read_asks(self, kind: ShellKind, new_shell: NewShell) -> None:
        """The entry is stale at once."""
        provider = kind.provider({"KEY": ["one", "two"]})
        shell = new_shell(provider)
        shell.get("KEY")
        shell.invalidate("KEY")
        assert shell.get("KEY") == "two"

    def test_it_still_helps_in_an_outage(self, kind: ShellKind, new_shell: NewShell) -> None:
        """The old value is kept for the case that the provider is down."""
        shell = new_shell(kind.provider({"KEY": ["one", DOWN]}))
        shell.get("KEY")
        shell.invalidate("KEY")
        assert shell.get("KEY").served == "stale"

    def test_with_the_version_that_is_kept(self, kind: ShellKind, new_shell: NewShell) -> None:
        """News of a version that is already here costs no call; news of another does."""
        provider = kind.provider({"KEY": [Found("one", version="1"), Found("two", version="2")]})
        shell = new_shell(provider)
        shell.get("KEY")
        shell.invalidate("KEY", "1")
        assert shell.get("KEY").served == "fresh"
        shell.invalidate("KEY", "2")
        assert shell.get("KEY") == "two"

    def test_an_absence(self, kind: ShellKind, new_shell: NewShell) -> None:
        """A name that was not there, here and in front of where it was found, is asked for again."""
        front, back = kind.provider({}, name="front"), kind.provider({"KEY": "back"}, name="back")
        shell = new_shell(front, back)
        assert shell.get("KEY") == "back"
        front.answer("KEY", "front")
        shell.invalidate("KEY", "whatever")
        assert shell.get("KEY") == "front"

    def test_by_reference(self, kind: ShellKind, new_shell: NewShell) -> None:
        """A reference invalidates its document, for whatever name it was read."""
        provider = kind.provider({"DOC": ['{"a": "1"}', '{"a": "2"}']})
        shell = new_shell(provider)
        shell.get("DOC#a")
        shell.invalidate("scripted://DOC")
        assert shell.get("DOC#a") == "2"

    def test_behind_a_pointer(self, kind: ShellKind, new_shell: NewShell, monkeypatch: pytest.MonkeyPatch) -> None:
        """A name that leads elsewhere invalidates where it led."""
        monkeypatch.setenv("KEY", "ref+scripted://there")
        provider = kind.provider({"there": ["one", "two"]})
        shell = new_shell("env", provider)
        shell.get("KEY")
        shell.invalidate("KEY")
        assert shell.get("KEY") == "two"

    def test_what_nobody_has_read(self, kind: ShellKind, new_shell: NewShell) -> None:
        """Invalidating an unknown name does nothing; an impossible one is an error."""
        shell = new_shell(kind.provider({}), "env")
        shell.invalidate("KEY")
        shell.invalidate("A=B")
        with pytest.raises(InvalidReference):
            shell.invalidate("")

    def test_a_call_under_way(self, clock: FakeClock) -> None:
        """What a call brings that began before the news is not kept."""
        provider = ScriptedProvider({"KEY": ["old", "new"]})
        resolver = Resolver([provider], clock=clock)
        with provider.hold() as gate, ThreadPoolExecutor(1) as pool:
            early = pool.submit(resolver.get, "KEY")
            gate.entered.wait(30)
            resolver.invalidate("KEY")
            gate.open()
            assert early.result(30) == "old"
        assert resolver.get("KEY") == "new"


class TestOnRotate:
    """Who is told of a new value."""

    def test_of_a_new_value(self, kind: ShellKind, new_shell: NewShell) -> None:
        """Name, provider and versions; never the values."""
        shell = new_shell(kind.provider({"KEY": [Found("one", version="1"), Found("two", version="2")]}))
        heard: list[Any] = []
        shell.on_rotate(heard.append)
        shell.get("KEY")
        shell.get("KEY", fresh=True)
        shell.get("KEY", fresh=True)
        shell.until(lambda: heard)
        assert heard == [("KEY", "scripted", "1", "2")]
        assert (heard[0].name, heard[0].old_version, heard[0].new_version) == ("KEY", "1", "2")
        assert "two" not in repr(heard)

    def test_for_each_name(self, kind: ShellKind, new_shell: NewShell) -> None:
        """Of a document, the names whose field has changed, as the application calls them."""
        provider = kind.provider({"DOC": ['{"a": 1, "b": 1, "c": 1}', '{"a": 2, "b": 1}']})
        shell = new_shell(provider)
        for name, field in (("DOC", "a"), ("DOC#b", None), ("scripted://DOC#c", None)):
            shell.get(name, field=field)
        heard: list[Any] = []
        shell.on_rotate(lambda event: heard.append(event.name))
        shell.get("DOC#b", fresh=True)
        shell.until(lambda: len(heard) == 2)
        assert heard == ["DOC", "scripted://DOC#c"]

    def test_met_by_a_refresh(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """A refresh in the background tells as well as a read."""
        shell = new_shell(kind.provider({"KEY": ["one", "two"]}), ttl=100)
        heard: list[Any] = []
        shell.on_rotate(heard.append)
        shell.get("KEY")
        clock.advance(90)
        shell.get("KEY")
        shell.until(lambda: heard)
        assert heard == [("KEY", "scripted", None, None)]

    def test_not_of_a_failure(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """An outage, a denial or an absence is no rotation, nor is a value after one of them."""
        shell = new_shell(kind.provider({"KEY": ["one", DOWN, NotFound(), "two"]}), ttl=100, revalidate=0)
        heard: list[Any] = []
        shell.on_rotate(heard.append)
        for _ in range(5):
            shell.get("KEY", default=None)
            clock.advance(101)
        assert heard == []

    def test_stopped(self, kind: ShellKind, new_shell: NewShell) -> None:
        """What `on_rotate` returns takes the callback away, once or twice."""
        shell = new_shell(kind.provider({"KEY": ["one", "two"]}))
        heard: list[Any] = []
        stop = shell.on_rotate(heard.append)
        shell.get("KEY")
        stop()
        stop()
        shell.get("KEY", fresh=True)
        assert heard == []

    def test_a_callback_that_raises(
        self, kind: ShellKind, new_shell: NewShell, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It is named in the log, harms nobody, and the next callback is called."""
        shell = new_shell(kind.provider({"KEY": ["one", "two"]}))
        heard: list[Any] = []

        def fail(event: object) -> None:
            raise RuntimeError("two")

        shell.on_rotate(fail)
        shell.on_rotate(heard.append)
        shell.on_event(fail)
        shell.get("KEY")
        assert shell.get("KEY", fresh=True) == "two"
        shell.until(lambda: heard)
        assert len(heard) == 1
        assert {record.getMessage() for record in caplog.records} == {
            "a listener for SecretEvent raised RuntimeError",
            "a listener for RotationEvent raised RuntimeError",
        }
        assert "two" not in caplog.text

    def test_a_callback_that_asks(self, kind: ShellKind, new_shell: NewShell) -> None:
        """A callback may use the resolver: no lock is held."""
        provider = kind.provider({"KEY": ["one", "two"], "OTHER": "o"})
        shell = new_shell(provider)
        resolver = shell.resolver
        threads = resolver if isinstance(resolver, Resolver) else resolver._resolver
        heard: list[Any] = []
        shell.on_rotate(lambda event: heard.append(threads.get("OTHER")))
        shell.get("KEY")
        shell.get("KEY", fresh=True)
        shell.until(lambda: heard)
        assert heard == ["o"]


class TestOnEvent:
    """Who is told of look-ups that are no plain hits."""

    def test_each_kind(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """Live, then nothing for a hit, then stale, then a failure, then an absence."""
        provider = kind.provider({"KEY": ["one", DOWN, Failed(FailureCode.DENIED)]})
        shell = new_shell(provider, ttl=100, revalidate=0, max_stale=500)
        heard: list[Any] = []
        shell.on_event(heard.append)
        shell.get("KEY")
        clock.advance(10)
        shell.get("KEY")
        clock.advance(90)
        shell.get("KEY")
        clock.advance(50)
        with pytest.raises(ProviderDenied):
            shell.get("KEY")
        shell.get("NONE", default=None)
        assert [(e.name, e.provider, e.outcome, e.served, e.age, e.duration) for e in heard] == [
            ("KEY", "scripted", "found", "live", 0, 0),
            ("KEY", "scripted", "found", "stale", 100, 0),
            ("KEY", "scripted", "denied", None, None, 0),
            ("NONE", "", "not found", None, None, 0),
        ]

    def test_of_the_environment(self, new_shell: NewShell, monkeypatch: pytest.MonkeyPatch) -> None:
        """A listener hears of names that are asked for directly, every time."""
        monkeypatch.setenv("KEY", "one")
        shell = new_shell("env")
        shell.get("KEY")
        heard: list[Any] = []
        stop = shell.on_event(heard.append)
        for _ in range(3):
            assert shell.get("KEY") == "one"
        stop()
        shell.get("KEY")
        assert [(event.served, event.age) for event in heard] == [("live", 0.0)] * 3


def test_a_native_refresh_is_a_task() -> None:
    """With a native client, no thread is used to refresh."""
    from secretsource import AsyncResolver
    from secretsource.testing import FakeClock, ScriptedAsyncProvider

    async def read() -> tuple[list[str], set[threading.Thread]]:
        clock, before = FakeClock(), set(threading.enumerate())
        provider = ScriptedAsyncProvider({"KEY": ["one", "two"]})
        async with AsyncResolver([provider], ttl=100, clock=clock) as resolver:
            seen = [str(await resolver.get("KEY"))]
            clock.advance(90)
            seen.append(str(await resolver.get("KEY")))
            while resolver._tasks:
                await asyncio.sleep(0)
            seen.append(str(await resolver.get("KEY")))
            return seen, set(threading.enumerate()) - before

    assert asyncio.run(read()) == (["one", "one", "two"], set())
