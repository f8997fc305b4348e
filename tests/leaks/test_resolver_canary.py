"""A canary value that goes every way through the resolver shows up in nothing that people or machines read."""

from __future__ import annotations

import logging
import pickle
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.leaks.canary import CANARY, assert_clean, assert_unseen, ours, raises

import secretsource
from secretsource import Resolver, Secret, SecretSet, configure, get_secret, override
from secretsource.exceptions import SecretSourceError
from secretsource.providers.base import Failed, FailureCode, Found, Lease, NotFound, SecretRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.shells import Shell, ShellKind

    from secretsource.testing import FakeClock

    NewShell = Callable[..., Shell]

DOCUMENT = f'{{"key": "{CANARY}", "other": "{CANARY}", "bad": "{CANARY}'
DOWN, DENIED = Failed(FailureCode.UNAVAILABLE), Failed(FailureCode.DENIED)
BEFORE = SecretRef("scripted", "KEY", stage="previous")


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Everything is logged, and nothing of it shows the canary."""
    caplog.set_level(logging.DEBUG)
    yield
    assert_unseen(caplog.text, *(repr(vars(record)) for record in caplog.records))


@pytest.fixture
def watched(new_shell: NewShell) -> Iterator[Callable[..., Shell]]:
    """Makes shells whose events and insides are searched in the end."""
    shells: list[tuple[Shell, list[Any]]] = []

    def new(*providers: Any, **numbers: Any) -> Shell:
        shell = new_shell(*providers, **numbers)
        heard: list[Any] = []
        shell.on_event(heard.append)
        shell.on_rotate(heard.append)
        shells.append((shell, heard))
        return shell

    yield new
    for shell, heard in shells:
        state = shell.engine.state
        assert_unseen(repr(shell.resolver), repr(heard), repr(vars(shell.engine)), repr(vars(state)))
        assert_unseen(repr(vars(state.cache)), repr(list(state.cache._entries.values())))
        for event in heard:
            assert_unseen(pickle.dumps(tuple(event)).decode("latin-1"))


class TestErrors:
    """Every way in which a read can fail, after or while the canary is in the hands of the resolver."""

    @pytest.mark.parametrize("failed", [Failed(code) for code in FailureCode], ids=lambda f: f.code.value)
    def test_a_failure_after_a_value(
        self, failed: Failed, kind: ShellKind, watched: NewShell, clock: FakeClock
    ) -> None:
        """Past max_stale, or at once, whatever the failure is."""
        shell = watched(kind.provider({"KEY": [CANARY, failed]}), ttl=10, revalidate=0, max_stale=20)
        assert shell.get("KEY") == CANARY
        clock.advance(15)
        if failed.retryable:
            assert shell.get("KEY").served == "stale"
        clock.advance(15)
        raises(lambda: shell.get("KEY"))
        raises(lambda: shell.get("KEY", fresh=True))

    @pytest.mark.parametrize(
        "line",
        [ValueError(CANARY), OSError(13, CANARY), Found(cast("str", [CANARY])), Found(cast("str", None), version="7")],
        ids=["raises", "raises another", "a list", "nothing"],
    )
    def test_a_faulty_driver(self, line: Any, kind: ShellKind, watched: NewShell) -> None:
        """A driver that raises the value, or finds what is no value."""
        shell = watched(kind.provider({"KEY": line}))
        raises(lambda: shell.get("KEY"))
        raises(lambda: shell.get_many(["KEY", "OTHER"]))

    def test_a_driver_that_returns_the_value(self, kind: ShellKind, watched: NewShell) -> None:
        """A driver that forgot to wrap it."""

        class Forgetful(kind.provider):  # type: ignore[misc, name-defined]
            def _next(self, ref: SecretRef) -> Any:
                return CANARY

        shell = watched(Forgetful())
        raises(lambda: shell.get("KEY"))

    @pytest.mark.parametrize(
        "value", [CANARY, DOCUMENT, CANARY.encode() + b"\xff", f'"{CANARY}"', f'{{"{CANARY}": 1}}']
    )
    def test_a_field_that_cannot_be_had(self, value: str | bytes, kind: ShellKind, watched: NewShell) -> None:
        """Of what is no document, or has no such field."""
        shell = watched(kind.provider({"KEY": value}))
        raises(lambda: shell.get("KEY", field="missing"))
        raises(lambda: shell.get("KEY#/missing/0"))
        raises(lambda: shell.get_set("KEY", field="missing"))

    def test_a_mapping_that_is_no_json(self, kind: ShellKind, watched: NewShell) -> None:
        """Fields that cannot be shown as one document."""
        shell = watched(kind.provider({"KEY": Found({"a": CANARY, "b": b"\x00"})}))
        raises(lambda: shell.get("KEY"))

    @pytest.mark.parametrize(
        "value", [f"ref+{CANARY}", f"ref+://{CANARY}", f"ref+env://{CANARY} x", f"ref+env://{CANARY}#"]
    )
    def test_a_value_that_cannot_be_followed(
        self, value: str, watched: NewShell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It may be a secret that happens to begin so."""
        monkeypatch.setenv("KEY", value)
        shell = watched("env")
        raises(lambda: shell.get("KEY"))
        assert_unseen(str(shell.explain("KEY")))

    def test_a_version_that_fails(self, kind: ShellKind, watched: NewShell) -> None:
        """The current value is in hand when the previous one cannot be had."""
        shell = watched(kind.provider({"KEY": CANARY, BEFORE: DENIED}))
        raises(lambda: shell.get_set("KEY"))

    def test_one_of_many(self, kind: ShellKind, watched: NewShell) -> None:
        """Other values are in hand when one is missing, or fails."""
        shell = watched(kind.provider({"KEY": CANARY, "BAD": DENIED}))
        raises(lambda: shell.get_many(["KEY", "NONE", "NONE TOO".replace(" ", "_")]))
        raises(lambda: shell.get_many(["KEY", "BAD"]))
        raises(lambda: shell.prefetch(["KEY", "NONE"]))

    def test_a_rejected_value(self, kind: ShellKind, watched: NewShell) -> None:
        """The refused value is in hand when no newer one can be had."""
        shell = watched(kind.provider({"KEY": [CANARY, DOWN]}))
        secret = shell.get("KEY")
        raises(lambda: shell.reject(secret))

    def test_a_default(self, kind: ShellKind, watched: NewShell) -> None:
        """A default that is not used, because the provider failed."""
        shell = watched(kind.provider({"KEY": DENIED}))
        raises(lambda: shell.get("KEY", default=CANARY))
        raises(lambda: shell.get_many(["KEY"], default=CANARY))

    @pytest.mark.parametrize("value", [CANARY, f"{CANARY}\ud800"])
    def test_a_value_in_the_wrong_form(self, value: str, kind: ShellKind, watched: NewShell) -> None:
        """A secret that is asked for its JSON, or its bytes."""
        secret = watched(kind.provider({"KEY": value})).get("KEY")
        raises(secret.as_json)
        if "\ud800" in value:
            raises(secret.as_bytes)

    def test_a_value_where_a_name_belongs(self, kind: ShellKind, watched: NewShell) -> None:
        """A text that can be no name is not quoted."""
        shell = watched(kind.provider({}))
        for bad in (f"{CANARY} x", f"{CANARY}\n", f"://{CANARY}", CANARY * 100, f"a?{CANARY}"):
            with pytest.raises(ValueError, match=r".") as caught:
                shell.get(bad)
            assert_unseen(str(caught.value), repr(caught.value))
            assert (caught.value.__context__, caught.value.__cause__) == (None, None)

    def test_a_listener_that_raises(self, kind: ShellKind, watched: NewShell) -> None:
        """It may have asked for the value, and have it in its error."""
        shell = watched(kind.provider({"KEY": CANARY}))

        def fail(event: object) -> None:
            raise RuntimeError(CANARY)

        shell.on_event(fail)
        assert shell.get("KEY") == CANARY

    def test_a_closed_resolver(self, kind: ShellKind, watched: NewShell) -> None:
        """Its error has nothing of what it held."""
        shell = watched(kind.provider({"KEY": CANARY}))
        shell.get("KEY")
        shell.close()
        raises(lambda: shell.get("KEY"))


class TestSights:
    """What can be looked at while all is well."""

    def test_a_secret(self, kind: ShellKind, watched: NewShell, clock: FakeClock) -> None:
        """In every way of being served; alone, in a set, in its trace."""
        found = Found(CANARY, version="1", lease=Lease(1000), expires_at=clock.now().wall + 2000)
        shell = watched(kind.provider({"KEY": [found, found, DOWN], BEFORE: CANARY + "-old"}), ttl=100, revalidate=0)
        for seconds in (0, 10, 80, 100):
            clock.advance(seconds)
            secret = shell.get("KEY")
            assert secret == CANARY
            assert_unseen(repr(SecretSet(cast("list[Secret]", [secret]))))
            assert_unseen(repr(secret), repr([secret]), str(shell.explain("KEY")), repr(shell.explain("KEY")))
            with pytest.raises(TypeError) as caught:
                pickle.dumps(secret)
            assert_clean(caught.value)
            shell.landed()
        assert_unseen(repr(shell.get_set("KEY")), repr(found))

    def test_a_rotation(self, kind: ShellKind, watched: NewShell) -> None:
        """Who hears of a new value does not see it."""
        shell = watched(kind.provider({"KEY": [f"{CANARY}-1", f"{CANARY}-2", f"{CANARY}-3"]}))
        shell.get("KEY")
        shell.get("KEY", fresh=True)
        shell.reject(shell.get("KEY"))
        shell.invalidate("KEY")

    def test_what_is_kept(self, kind: ShellKind, watched: NewShell) -> None:
        """Bytes, documents, fields, absences."""
        shell = watched(kind.provider({"B": CANARY.encode(), "D": f'{{"k": "{CANARY}"}}', "M": Found({"k": CANARY})}))
        assert shell.get("B").as_bytes() == CANARY.encode()
        assert shell.get("D#k") == shell.get("M", field="k") == CANARY
        assert shell.get("N", default=CANARY) == CANARY
        assert_unseen(repr(shell.get("B")), repr(shell.get("N", default=CANARY)))

    def test_flights_and_claims(self, kind: ShellKind, watched: NewShell) -> None:
        """What is under way, and what it brought."""
        provider = kind.provider({"KEY": CANARY})
        shell = watched(provider)
        shell.get("KEY")
        reply = shell.engine.chain.routes[0]
        assert_unseen(repr(reply), repr(provider), repr(NotFound()))


class TestWiring:
    """Settings may be secrets too."""

    @pytest.mark.parametrize(
        "url",
        [f"env://?prefix={CANARY}&perfix=x", f"memory://?secrets={CANARY}", f"env://?prefix=ref%2Benv://{CANARY}",
         f"evn://?prefix={CANARY}", f"env://?{CANARY}", f"env://{CANARY}"],
    )  # fmt: skip
    def test_a_wrong_url(self, url: str) -> None:
        """Neither the constructors nor `configure` show it."""
        urls = [url]
        raises(lambda: Resolver(urls))
        raises(lambda: secretsource.AsyncResolver(urls))
        raises(lambda: configure(urls))

    def test_a_wrong_override(self) -> None:
        """One wrong value does not show the others."""
        values: dict[str, Any] = {"KEY": CANARY, "OTHER": 7}
        raises(lambda: override(values))

    def test_an_override(self) -> None:
        """Nor does the override itself."""
        with override({"KEY": CANARY}) as entered:
            assert get_secret("KEY") == CANARY
            assert_unseen(repr(entered), repr(get_secret("KEY")))

    def test_a_setting_that_was_looked_up(self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """A driver that refuses a setting does not show it, nor the text of the file."""
        (tmp_path / "value").write_text(CANARY)
        file = tmp_path / "secretsource.toml"
        file.write_text(
            '[environments.x]\nproviders = ["dotenv"]\n'
            f'[providers.dotenv]\npath = "{CANARY}"\nencoding = "ref+file://{tmp_path}/value"\n'
        )
        resolver = Resolver.from_config(file)
        with pytest.raises(SecretSourceError) as caught:
            resolver.get("KEY")
        for frames in ours(caught.value.__traceback__):
            assert_unseen(repr({k: v for k, v in frames.tb_frame.f_locals.items() if k not in ("failure", "error")}))
        assert caught.value.__context__ is None
