"""The ages of an answer, as a reader meets them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import ProviderDenied, ProviderUnavailable, SecretNotFound
from secretsource.providers.base import Failed, FailureCode, Found, Lease, NotFound
from secretsource.testing import ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.shells import Shell, ShellKind

    from secretsource.providers.base import Outcome, SecretRef
    from secretsource.testing import FakeClock

    NewShell = Callable[..., Shell]

DOWN = Failed(FailureCode.UNAVAILABLE)


class SlowThenAbsent(ScriptedProvider):
    """Takes a minute of the test's clock, the first time, to say that it has nothing."""

    passes: Callable[[float], None]

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        if not self.calls:
            self.passes(60)
        return super().fetch(ref, timeout=timeout)


class TestFourAges:
    """With a ttl of 100 s, 50 s of revalidation and 1,000 s of max_stale."""

    @pytest.fixture
    def provider(self, kind: ShellKind) -> ScriptedProvider:
        return kind.provider({"NAME": [Found("one", version="1"), Found("two", version="2")]})

    @pytest.fixture
    def shell(self, provider: ScriptedProvider, new_shell: NewShell) -> Shell:
        shell = new_shell(provider, ttl=100, revalidate=50, max_stale=1000)
        assert shell.get("NAME").served == "live"
        return shell

    def test_fresh(self, provider: ScriptedProvider, shell: Shell, clock: FakeClock) -> None:
        """Up to 80 % of the ttl nobody is asked."""
        clock.advance(79.9)
        secret = shell.get("NAME")
        assert (secret, secret.served, provider.calls) == ("one", "fresh", 1)

    def test_refreshed_ahead(self, provider: ScriptedProvider, shell: Shell, clock: FakeClock) -> None:
        """From 80 % of it, a read gets the old value and starts one refresh in the background."""
        clock.advance(80)
        assert shell.get("NAME").served == "fresh"
        shell.until(lambda: provider.calls == 2)
        shell.landed()
        secret = shell.get("NAME")
        assert (secret, secret.version, secret.served, provider.calls) == ("two", "2", "fresh", 2)

    def test_explained_ahead(self, provider: ScriptedProvider, shell: Shell, clock: FakeClock) -> None:
        """`explain` starts the same refresh, because it resolves the name as a read does."""
        clock.advance(80)
        shell.explain("NAME")
        shell.until(lambda: provider.calls == 2)
        shell.landed()
        assert shell.get("NAME") == "two"

    @pytest.mark.parametrize("age", [100, 149.9])
    def test_revalidating(self, age: float, provider: ScriptedProvider, shell: Shell, clock: FakeClock) -> None:
        """Past the ttl, readers get the old value at once, marked, while one refresh runs."""
        clock.advance(age)
        with provider.hold() as gate:
            for _ in range(5):
                secret = shell.get("NAME")
                assert (secret, secret.served) == ("one", "revalidating")
            shell.until(gate.entered.is_set)
            assert gate.arrivals == 1
        shell.landed()
        assert shell.get("NAME") == "two"
        assert provider.calls == 2

    def test_stale_asks_first(self, provider: ScriptedProvider, shell: Shell, clock: FakeClock) -> None:
        """After revalidation, a reader waits for the new value."""
        clock.advance(150)
        secret = shell.get("NAME")
        assert (secret, secret.served) == ("two", "live")

    def test_stale_is_served_when_down(self, provider: ScriptedProvider, shell: Shell, clock: FakeClock) -> None:
        """The old value is for an outage, and says so; its instant of fetching stays what it was."""
        fetched = shell.get("NAME").fetched_at
        provider.answer("NAME", DOWN)
        clock.advance(150)
        secret = shell.get("NAME")
        assert (secret, secret.served, secret.fetched_at) == ("one", "stale", fetched)

    def test_gone(self, provider: ScriptedProvider, shell: Shell, clock: FakeClock) -> None:
        """Past max_stale not even an outage brings it back."""
        provider.answer("NAME", DOWN)
        clock.advance(1000)
        with pytest.raises(ProviderUnavailable):
            shell.get("NAME")

    def test_a_failed_refresh_leaves_the_value(
        self, provider: ScriptedProvider, shell: Shell, clock: FakeClock
    ) -> None:
        """An outage while a value is only due costs nobody anything, and is not asked about again at once."""
        provider.answer("NAME", DOWN)
        clock.advance(90)
        assert shell.get("NAME") == "one"
        shell.until(lambda: provider.calls == 2)
        shell.landed()
        assert [shell.get("NAME").served for _ in range(3)] == ["fresh"] * 3
        assert provider.calls == 2

    def test_a_refresh_that_is_denied_drops_the_value(
        self, provider: ScriptedProvider, shell: Shell, clock: FakeClock
    ) -> None:
        """A denial found out in the background counts from the next read on."""
        provider.answer("NAME", Failed(FailureCode.DENIED))
        clock.advance(90)
        assert shell.get("NAME") == "one"
        shell.until(lambda: provider.calls == 2)
        shell.landed()
        with pytest.raises(ProviderDenied):
            shell.get("NAME")

    def test_fresh_asks(self, provider: ScriptedProvider, shell: Shell) -> None:
        """``fresh=True`` asks, whatever is kept, and keeps what it gets."""
        assert shell.get("NAME", fresh=True) == "two"
        assert shell.get("NAME").served == "fresh"
        assert provider.calls == 2

    def test_fresh_does_not_settle_for_less(self, provider: ScriptedProvider, shell: Shell) -> None:
        """With ``fresh=True`` an outage is an error; without, the value that is kept still serves."""
        provider.answer("NAME", DOWN)
        with pytest.raises(ProviderUnavailable):
            shell.get("NAME", fresh=True)
        assert shell.get("NAME") == "one"

    def test_fresh_asks_in_a_pause(self, provider: ScriptedProvider, shell: Shell) -> None:
        """``fresh=True`` is not held off by a failure a moment ago."""
        provider.answer("NAME", DOWN, "back")
        with pytest.raises(ProviderUnavailable):
            shell.get("NAME", fresh=True)
        assert shell.get("NAME", fresh=True) == "back"


class TestHints:
    """What a provider knows about the end of a value shortens its ages."""

    @pytest.mark.parametrize(
        "hint",
        [
            pytest.param(lambda now: {"rotates_at": now + 10}, id="rotates_at"),
            pytest.param(lambda now: {"expires_at": now + 10}, id="expires_at"),
            pytest.param(lambda now: {"lease": Lease(10)}, id="lease"),
            pytest.param(lambda now: {"max_age": 10}, id="max_age"),
        ],
    )
    def test_shortens(self, hint: Any, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """Nothing is served past the moment it names without asking."""
        provider = kind.provider({"NAME": [Found("one", **hint(clock.now().wall)), "two"]})
        shell = new_shell(provider, ttl=100)
        shell.get("NAME")
        clock.advance(6)
        assert shell.get("NAME").served == "fresh"
        clock.advance(4)
        secret = shell.get("NAME")
        assert (secret, secret.served) == ("two", "live")

    @pytest.mark.parametrize("hint", [{"expires_at": 10}, {"lease": Lease(10)}], ids=["expires_at", "lease"])
    def test_an_end_is_an_end(self, hint: Any, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """A value that has ended is not served in an outage either."""
        if "expires_at" in hint:
            hint = {"expires_at": clock.now().wall + 10}
        shell = new_shell(kind.provider({"NAME": [Found("one", **hint), DOWN]}), ttl=100)
        secret = shell.get("NAME")
        assert secret.expires_at is not None
        assert secret.expires_at.timestamp() == clock.now().wall + 10
        clock.advance(10)
        with pytest.raises(ProviderUnavailable):
            shell.get("NAME")

    def test_the_earlier_end_counts(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """Of an expiry and a lease, the secret shows what comes first."""
        wall = clock.now().wall
        shell = new_shell(kind.provider({"NAME": Found("one", expires_at=wall + 50, lease=Lease(20))}))
        assert shell.get("NAME").expires_at.timestamp() == wall + 20

    def test_a_lease_is_replaced_at_two_thirds(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """A leased value is refreshed before the share at which others are."""
        provider = kind.provider({"NAME": Found("one", lease=Lease(30))})
        shell = new_shell(provider, ttl=100)
        shell.get("NAME")
        clock.advance(19)
        shell.get("NAME")
        assert provider.calls == 1
        clock.advance(1)
        shell.get("NAME")
        shell.until(lambda: provider.calls == 2)

    def test_an_overdue_rotation_says_nothing(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """A service that is late with a planned rotation is not asked at every read."""
        provider = kind.provider({"NAME": Found("one", rotates_at=clock.now().wall - 60)})
        shell = new_shell(provider, ttl=100)
        assert [shell.get("NAME").served for _ in range(3)] == ["live", "fresh", "fresh"]
        assert provider.calls == 1

    def test_a_providers_own_bound(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """``max_age`` of a driver holds for values and absences alike."""
        provider = kind.provider({"NAME": ["one", "two", NotFound(), "three"]}, max_age=1.0)
        shell = new_shell(provider, ttl=100)
        seen = []
        for _ in range(4):
            seen.append(shell.get("NAME", default="absent"))
            clock.advance(1.01)
        assert seen == ["one", "two", "absent", "three"]

    def test_never_kept(self, kind: ShellKind, new_shell: NewShell) -> None:
        """A driver with ``max_age`` 0 is asked every time, and no entry is made."""
        provider = kind.provider({"NAME": ["one", "two"]}, max_age=0)
        shell = new_shell(provider)
        assert [(str(secret), secret.served) for secret in (shell.get("NAME"), shell.get("NAME"))] == [
            ("one", "live"),
            ("two", "live"),
        ]
        assert len(shell.engine.state.cache) == 0

    def test_jitter_only_shortens(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """With a jitter of 0.5, a ttl of 100 s ends between 50 and 100 s, and not always at the same age."""
        names = [f"NAME_{i}" for i in range(60)]
        shell = new_shell(kind.provider(dict.fromkeys(names, "v")), ttl=100, jitter=0.5)
        shell.get_many(names)
        now = clock.now().mono
        entries = shell.engine.state.cache._entries.values()
        ends = {entry.ages.fresh_until - now for entry in entries}
        assert all(50 < end <= 100 for end in ends)
        assert len(ends) > 30


class TestAbsence:
    """How long "not there" is believed."""

    def test_in_front_of_a_value(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """As long as the value behind it, so that a long chain is not asked at every turn; then all are asked."""
        front, back = kind.provider({}, name="front"), kind.provider({"NAME": "there"}, name="back")
        shell = new_shell(front, back, ttl=100, negative_ttl=10)
        shell.get("NAME")
        clock.advance(79)
        assert shell.get("NAME").served == "fresh"
        assert (front.calls, back.calls) == (1, 1)
        front.answer("NAME", "stronger")
        clock.advance(2)
        assert shell.get("NAME") == "there"
        shell.until(lambda: (front.calls, back.calls) == (2, 2))
        shell.landed()
        assert shell.get("NAME") == "stronger"

    def test_not_beyond_the_providers_own_bound(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """A file that is looked at once a second is so although a value stands behind it."""
        front = kind.provider({"NAME": [NotFound(), "written since"]}, name="front", max_age=1.0)
        shell = new_shell(front, kind.provider({"NAME": "there"}, name="back"), ttl=100, negative_ttl=10)
        assert shell.get("NAME") == "there"
        clock.advance(1.01)
        assert shell.get("NAME") == "written since"

    def test_alone(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """Without a value behind it, for the negative ttl only."""
        provider = kind.provider({"NAME": [NotFound(), "there"]})
        shell = new_shell(provider, negative_ttl=10)
        with pytest.raises(SecretNotFound):
            shell.get("NAME")
        clock.advance(10)
        assert shell.get("NAME") == "there"


class TestPauses:
    """A provider in trouble is left alone for a moment."""

    def pauses(self, provider: ScriptedProvider, shell: Shell, clock: FakeClock, rounds: int) -> list[float]:
        """Seconds, in quarters, for which a provider that keeps failing is not asked again."""
        waits = []
        for _ in range(rounds):
            before, waited = provider.calls, 0.0
            while provider.calls == before:
                with pytest.raises((ProviderUnavailable, ProviderDenied)):
                    shell.get("NAME")
                if provider.calls == before:
                    clock.advance(0.25)
                    waited += 0.25
            waits.append(waited)
        return waits

    def test_doubling(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """From about 1 second to about 10, shortened by up to a quarter at random."""
        provider = kind.provider({"NAME": DOWN})
        waits = self.pauses(provider, new_shell(provider), clock, 7)
        assert waits[0] == 0
        for waited, full in zip(waits[1:], (1, 2, 4, 8, 10, 10), strict=True):
            assert 0.75 * full <= waited <= full + 0.25

    def test_permanent_failures_too(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """A denial is not asked for again and again either."""
        provider = kind.provider({"NAME": Failed(FailureCode.DENIED)})
        waits = self.pauses(provider, new_shell(provider), clock, 2)
        assert waits[0] == 0
        assert 0.75 <= waits[1] <= 1.25

    @pytest.mark.parametrize(("asked", "kept"), [(30, 30), (600, 60)])
    def test_retry_after(
        self, asked: float, kept: float, kind: ShellKind, new_shell: NewShell, clock: FakeClock
    ) -> None:
        """What the service asks for is honoured, up to a minute."""
        provider = kind.provider({"NAME": Failed(FailureCode.THROTTLED, retry_after=asked)})
        waits = self.pauses(provider, new_shell(provider), clock, 2)
        assert waits == [0, kept]

    def test_success_ends_it(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """After an answer, the next failure begins at 1 second again."""
        provider = kind.provider({"NAME": [DOWN, DOWN, DOWN, "there", DOWN]})
        shell = new_shell(provider, ttl=100, revalidate=0, max_stale=100)
        self.pauses(provider, shell, clock, 3)
        clock.advance(10)
        assert shell.get("NAME") == "there"
        clock.advance(100)
        waits = self.pauses(provider, shell, clock, 2)
        assert waits[1] <= 1.25

    def test_one_name_is_not_anothers(self, kind: ShellKind, new_shell: NewShell) -> None:
        """The pause is for one reference; others are asked as ever."""
        shell = new_shell(kind.provider({"BAD": DOWN, "GOOD": "there"}))
        with pytest.raises(ProviderUnavailable):
            shell.get("BAD")
        assert shell.get("GOOD") == "there"

    def test_a_provider_that_was_not_asked_is_not_blamed(
        self, kind: ShellKind, new_shell: NewShell, clock: FakeClock
    ) -> None:
        """When the deadline passes before a provider is reached, it is asked at once the next time."""
        slow, quick = SlowThenAbsent(name="slow"), kind.provider({"NAME": "there"}, name="quick")
        shell = new_shell(slow, quick, deadline=50)
        slow.passes = partial(shell.pass_time, clock)
        with pytest.raises(ProviderUnavailable, match="deadline") as caught:
            shell.get("NAME")
        assert (caught.value.provider, quick.calls) == ("quick", 0)
        assert shell.get("NAME") == "there"


class TestBound:
    """At most ``max_entries`` references are remembered."""

    def test_least_recently_used_goes_first(self, kind: ShellKind, new_shell: NewShell) -> None:
        """A name that is read stays; one that is not is asked for again."""
        provider = kind.provider({"A": "a", "B": "b", "C": "c"})
        shell = new_shell(provider, max_entries=2)
        for name in ("A", "B", "A", "C", "A"):
            shell.get(name)
        assert [ref.location for ref in provider.refs] == ["A", "B", "C"]
        shell.get("B")
        assert [ref.location for ref in provider.refs] == ["A", "B", "C", "B"]
        assert len(shell.engine.state.cache) == 2

    def test_setbacks_are_bounded_too(self, kind: ShellKind, new_shell: NewShell) -> None:
        """However many names fail, few are remembered."""
        provider = kind.provider({f"N{i}": DOWN for i in range(10)})
        shell = new_shell(provider, max_entries=3)
        for i in range(10):
            with pytest.raises(ProviderUnavailable):
                shell.get(f"N{i}")
        assert len(shell.engine.state.cache._setbacks) == 3
