"""The table of outcomes of the design, cell by cell: what a provider says x what is kept of it x its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import (
    ProviderDenied,
    ProviderError,
    ProviderResponseError,
    ProviderUnavailable,
    SecretNotFound,
)
from secretsource.providers.base import Failed, FailureCode, Found, NotFound
from secretsource.resolver._walk.route import Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.shells import Shell, ShellKind

    from secretsource.providers.base import Outcome
    from secretsource.testing import FakeClock

TTL, MAX_STALE = 100.0, 1000.0

RETRYABLE = [FailureCode.TIMEOUT, FailureCode.THROTTLED, FailureCode.UNAVAILABLE]
DENIALS = [FailureCode.UNAUTHENTICATED, FailureCode.DENIED, FailureCode.DISABLED, FailureCode.DELETED]
BROKEN = [FailureCode.MALFORMED, FailureCode.MISCONFIGURED]

ERRORS: dict[FailureCode, type[ProviderError]] = {
    **dict.fromkeys(RETRYABLE, ProviderUnavailable),
    **dict.fromkeys(DENIALS, ProviderDenied),
    **dict.fromkeys(BROKEN, ProviderResponseError),
}

SAYS: dict[str, Outcome] = {
    "Found": Found("new"),
    "NotFound": NotFound(),
    **{code.value: Failed(code) for code in FailureCode},
}

KEPT = {"nothing kept": None, "past ttl": TTL * 3, "past max_stale": MAX_STALE + 1}

PLACES = ["alone", "first", "last"]


def expected(says: str, kept: str, place: str) -> str:
    """What the design says, as one word or two."""
    if says == "Found":
        return "the new value"
    if says == "NotFound":
        return "the next value" if place == "first" else "SecretNotFound"
    code = FailureCode(says)
    if code.retryable and kept == "past ttl":
        return "the old value, stale"
    return ERRORS[code].__name__


def told(read: Callable[[], Any]) -> str:
    """What a read came to, in the same words."""
    try:
        secret = read()
    except (ProviderError, SecretNotFound) as error:
        return type(error).__name__
    words = {"old": "the old value", "new": "the new value", "next": "the next value"}[str(secret)]
    return words if secret.served != "stale" else f"{words}, stale"


def chain_of(kind: ShellKind, place: str, provider: Any) -> list[Any]:
    if place == "alone":
        return [provider]
    absent, there = kind.provider({}, name="absent"), kind.provider({"NAME": "next"}, name="next")
    return [provider, there] if place == "first" else [absent, provider]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kept", KEPT)
@pytest.mark.parametrize("says", SAYS)
def test_cell(
    says: str, kept: str, place: str, kind: ShellKind, new_shell: Callable[..., Shell], clock: FakeClock
) -> None:
    """Each cell of the table, with the provider alone, first or last in the chain."""
    provider = kind.provider({"NAME": [Found("old"), SAYS[says]] if KEPT[kept] else [SAYS[says]]}, name="subject")
    shell = new_shell(*chain_of(kind, place, provider), ttl=TTL, max_stale=MAX_STALE)
    age = KEPT[kept]
    if age is not None:
        assert shell.get("NAME") == "old"
        clock.advance(age)
    asked = provider.calls
    assert told(lambda: shell.get("NAME")) == expected(says, kept, place)
    assert provider.calls == asked + 1


@pytest.mark.parametrize("code", DENIALS + BROKEN)
def test_a_permanent_failure_drops_the_entry(
    code: FailureCode, kind: ShellKind, new_shell: Callable[..., Shell], clock: FakeClock
) -> None:
    """After a denial the old value is gone: a later outage does not bring it back."""
    provider = kind.provider({"NAME": ["old", Failed(code), Failed(FailureCode.UNAVAILABLE)]})
    shell = new_shell(provider, ttl=TTL, max_stale=MAX_STALE)
    shell.get("NAME")
    clock.advance(TTL * 3)
    with pytest.raises(ERRORS[code]):
        shell.get("NAME")
    clock.advance(20)
    with pytest.raises(ProviderUnavailable):
        shell.get("NAME")
    assert provider.calls == 3


def test_not_found_drops_the_entry(kind: ShellKind, new_shell: Callable[..., Shell], clock: FakeClock) -> None:
    """After an absence the old value is gone too, and an outage behind it is unavailable, not absent."""
    provider = kind.provider({"NAME": ["old", NotFound(), Failed(FailureCode.TIMEOUT)]})
    shell = new_shell(provider, ttl=TTL, max_stale=MAX_STALE, negative_ttl=10)
    shell.get("NAME")
    clock.advance(TTL * 3)
    with pytest.raises(SecretNotFound):
        shell.get("NAME")
    clock.advance(11)
    with pytest.raises(ProviderUnavailable) as caught:
        shell.get("NAME")
    assert caught.value.code is FailureCode.TIMEOUT


def test_an_absence_is_believed_for_negative_ttl(
    kind: ShellKind, new_shell: Callable[..., Shell], clock: FakeClock
) -> None:
    """Inside of it nobody is asked, and a default is given without asking; after it, the provider is asked again."""
    provider = kind.provider({"NAME": [NotFound(), "now there"]})
    shell = new_shell(provider, negative_ttl=10)
    with pytest.raises(SecretNotFound):
        shell.get("NAME")
    clock.advance(9.9)
    assert shell.get("NAME", default="default") == "default"
    assert provider.calls == 1
    clock.advance(0.2)
    assert shell.get("NAME") == "now there"


def test_absence_behind_an_outage_is_unknown(
    kind: ShellKind, new_shell: Callable[..., Shell], clock: FakeClock
) -> None:
    """A provider that said "not there" and is now down lets the chain go on, but not end in an absence."""
    front = kind.provider({"NAME": [NotFound(), Failed(FailureCode.UNAVAILABLE)]}, name="front")
    back = kind.provider({"NAME": ["there", NotFound()]}, name="back")
    shell = new_shell(front, back, ttl=TTL, revalidate=0, max_stale=MAX_STALE)
    assert shell.get("NAME") == "there"
    clock.advance(TTL + 1)
    with pytest.raises(ProviderUnavailable) as caught:
        shell.get("NAME")
    assert caught.value.provider == "front"


def test_a_value_behind_a_stale_absence_is_stale(
    kind: ShellKind, new_shell: Callable[..., Shell], clock: FakeClock
) -> None:
    """The value of the next provider is served, and says that it rests on an old answer."""
    front = kind.provider({"NAME": [NotFound(), Failed(FailureCode.UNAVAILABLE)]}, name="front")
    shell = new_shell(front, kind.provider({"NAME": "there"}, name="back"), ttl=TTL, revalidate=0, max_stale=MAX_STALE)
    assert shell.get("NAME").served == "live"
    clock.advance(TTL + 1)
    assert shell.get("NAME").served == "stale"
    clock.advance(MAX_STALE)
    with pytest.raises(ProviderUnavailable):
        shell.get("NAME")


def test_a_stale_absence_does_not_become_fresh(
    kind: ShellKind, new_shell: Callable[..., Shell], clock: FakeClock
) -> None:
    """While the front provider is down, a value behind it never prolongs its old "not there" past max_stale."""
    front = kind.provider({"NAME": [NotFound(), Failed(FailureCode.UNAVAILABLE)]}, name="front")
    back = kind.provider({"NAME": "next"}, name="back")
    shell = new_shell(front, back, ttl=TTL, revalidate=0, max_stale=MAX_STALE)
    served = [told(lambda: shell.get("NAME"))]
    for _ in range(10):
        clock.advance(TTL + 20)
        served.append(told(lambda: shell.get("NAME")))
    assert served == ["the next value", *["the next value, stale"] * 8, *["ProviderUnavailable"] * 2]


def test_a_field_missing_from_a_stale_document_is_unknown(
    kind: ShellKind, new_shell: Callable[..., Shell], clock: FakeClock
) -> None:
    """An old document cannot say that a new field is not there."""
    provider = kind.provider({"DOC": ['{"old": "1"}', Failed(FailureCode.TIMEOUT)]})
    shell = new_shell(provider, ttl=TTL, revalidate=0, max_stale=MAX_STALE)
    assert shell.get("DOC", field="old") == "1"
    clock.advance(TTL + 1)
    assert shell.get("DOC", field="old").served == "stale"
    with pytest.raises(ProviderUnavailable):
        shell.get("DOC", field="new")


def with_route(shell: Shell, **reactions: Any) -> None:
    """Have the first provider of a chain react otherwise, as a configuration file can say."""
    chain = shell.engine.chain
    first = chain.routes[0]._replace(**reactions)
    shell.engine._chain = chain._replace(
        routes=(first, *chain.routes[1:]), opened={**chain.opened, first.provider.name: first}
    )


@pytest.mark.parametrize("code", list(FailureCode))
@pytest.mark.parametrize("reaction", ["on_denied", "on_unavailable"])
def test_next_is_opted_in_by_kind(
    reaction: str, code: FailureCode, kind: ShellKind, new_shell: Callable[..., Shell]
) -> None:
    """`on_denied` passes denials, `on_unavailable` outages; neither passes a broken answer."""
    shell = new_shell(kind.provider({"NAME": Failed(code)}, name="front"), kind.provider({"NAME": "next"}, name="back"))
    with_route(shell, **{reaction: "next"})
    passed = code in (DENIALS if reaction == "on_denied" else RETRYABLE)
    assert told(lambda: shell.get("NAME")) == ("the next value" if passed else ERRORS[code].__name__)


@pytest.mark.parametrize("code", RETRYABLE)
def test_absence_behind_a_passed_outage_is_an_outage(
    code: FailureCode, kind: ShellKind, new_shell: Callable[..., Shell]
) -> None:
    """With `on_unavailable`, a name that nobody else has may well be at the provider that is down."""
    shell = new_shell(kind.provider({"NAME": Failed(code)}, name="front"), kind.provider({}, name="back"))
    with_route(shell, on_unavailable="next")
    with pytest.raises(ProviderUnavailable) as caught:
        shell.get("NAME", default="not used")
    assert (caught.value.provider, caught.value.code) == ("front", code)


@pytest.mark.parametrize("code", DENIALS)
def test_absence_behind_a_passed_denial_is_an_absence(
    code: FailureCode, kind: ShellKind, new_shell: Callable[..., Shell]
) -> None:
    """With `on_denied`, a denial is how the service says "not there"; the error shows what it said."""
    shell = new_shell(kind.provider({"NAME": Failed(code)}, name="front"), kind.provider({}, name="back"))
    with_route(shell, on_denied="next")
    with pytest.raises(SecretNotFound, match=f"'front' .{code.value}.") as caught:
        shell.get("NAME")
    assert caught.value.providers == ("front", "back")


def test_every_provider_is_named(kind: ShellKind, new_shell: Callable[..., Shell]) -> None:
    """`SecretNotFound` lists the providers asked, in order, and is a LookupError."""
    shell = new_shell(*(kind.provider({}, name=name) for name in ("one", "two", "three")))
    with pytest.raises(LookupError, match=r"'NAME'.*'one', 'two', 'three'") as caught:
        shell.get("NAME")
    assert isinstance(caught.value, SecretNotFound)
    assert caught.value.providers == ("one", "two", "three")


def test_a_weaker_source_does_not_win_silently(kind: ShellKind, new_shell: Callable[..., Shell]) -> None:
    """A failure of the first provider stops the chain: the second is not even asked."""
    weak = kind.provider({"NAME": "weak"}, name="weak")
    shell = new_shell(kind.provider({"NAME": Failed(FailureCode.DENIED)}, name="strong"), weak)
    with pytest.raises(ProviderDenied):
        shell.get("NAME")
    assert weak.calls == 0


def test_the_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """The table as it is tested, for whoever runs this test with ``-rP``."""
    for place in PLACES:
        print(f"\n{place:15}" + "".join(f"{kept:24}" for kept in KEPT))
        for says in SAYS:
            print(f"{says:15}" + "".join(f"{expected(says, kept, place):24}" for kept in KEPT))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(PLACES) * (len(SAYS) + 2)
    print("\n".join(lines))


def test_reactions_are_a_routes_own() -> None:
    """The default is to stop, for either kind."""
    route = Route(provider=None)  # type: ignore[arg-type]
    assert not any(route.passes(Failed(code)) for code in FailureCode)
