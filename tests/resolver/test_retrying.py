"""The loop around `reject`: a refused call is made again with a newer value."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from secretsource import AsyncResolver, Resolver, Secret
from secretsource.exceptions import ConfigurationError, ProviderUnavailable, SecretNotFound
from secretsource.providers.base import Failed, FailureCode
from secretsource.providers.memory import MemoryProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from secretsource.resolver._retrying import Refusals

    Retry = Callable[..., Any]


class Refused(Exception):
    """What the other side says of a key that it does not know."""


class Vendor:
    """The other side, which accepts some keys, and notes all that it was asked with."""

    def __init__(self, *accepted: str) -> None:
        self.accepted = accepted
        self.asked: list[str] = []

    def __call__(self, key: Secret) -> str:
        self.asked.append(str(key))
        if key not in self.accepted:
            raise Refused
        return f"answer {len(self.asked)}"


@pytest.fixture
def kept() -> MemoryProvider:
    """A provider with a key."""
    return MemoryProvider({"KEY": "one"})


@pytest.fixture(params=["threads", "event loop"])
def retry(request: pytest.FixtureRequest, kept: MemoryProvider) -> Iterator[Retry]:
    """`retrying` of either kind of resolver, on the provider."""
    with Resolver([kept]) as resolver:
        if request.param == "threads":
            yield resolver.retrying
            return

        def from_loop(name: str, call: Callable[[Secret], object], is_auth_error: Refusals, **words: Any) -> object:
            async def call_later(secret: Secret) -> object:
                await asyncio.sleep(0)
                return call(secret)

            async def ask() -> object:
                return await AsyncResolver.of(resolver).retrying(name, call_later, is_auth_error, **words)

            return asyncio.run(ask())

        yield from_loop


def test_a_good_key_is_used_once(retry: Retry) -> None:
    """Its provider is asked for no other one."""
    vendor = Vendor("one")
    assert retry("KEY", vendor, Refused) == "answer 1"
    assert vendor.asked == ["one"]


@pytest.mark.parametrize("is_auth_error", [Refused, (KeyError, Refused), lambda error: isinstance(error, Refused)])
def test_a_refused_key_is_replaced(retry: Retry, kept: MemoryProvider, is_auth_error: Refusals) -> None:
    """The newer value is fetched, and the call is made again."""
    vendor = Vendor("one", "two")
    retry("KEY", vendor, is_auth_error)
    kept.put("KEY", "two")
    vendor.accepted = ("two",)
    assert retry("KEY", vendor, is_auth_error) == "answer 3"
    assert vendor.asked == ["one", "one", "two"]


def test_a_refusal_of_the_newest_is_raised(retry: Retry, kept: MemoryProvider) -> None:
    """The call is made once with each value; the error is that of the vendor, with nothing behind it."""
    vendor = Vendor()
    with pytest.raises(Refused) as raised:
        retry("KEY", vendor, Refused)
    assert vendor.asked == ["one"]
    assert raised.value.__context__ is None
    with pytest.raises(Refused):
        retry("KEY", vendor, Refused)
    assert vendor.asked == ["one", "one"]


def test_values_that_are_refused_without_end(retry: Retry, kept: MemoryProvider) -> None:
    """A provider that makes a new value for each call is asked for no more than three."""
    asked: list[str] = []

    def refuse(secret: Secret) -> None:
        asked.append(str(secret))
        kept.put("KEY", f"value {len(asked)}")
        raise Refused

    with pytest.raises(Refused):
        retry("KEY", refuse, Refused)
    assert asked == ["one", "value 1", "value 2"]


def test_another_error_passes(retry: Retry, kept: MemoryProvider) -> None:
    """It says nothing of the key, so no other one is fetched."""
    kept.put("KEY", "two")

    def break_down(secret: Secret) -> None:
        raise KeyError(secret.name)

    with pytest.raises(KeyError):
        retry("KEY", break_down, Refused)


def test_a_field(retry: Retry, kept: MemoryProvider) -> None:
    """One field of a document is given to the call."""
    kept.put("KEY", '{"token": "in a field"}')
    assert retry("KEY", Vendor("in a field"), Refused, field="token") == "answer 1"


def test_an_outage_at_a_refusal(retry: Retry, kept: MemoryProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that cannot be asked is the error, without the refusal behind it."""
    vendor = Vendor("one")
    retry("KEY", vendor, Refused)
    vendor.accepted = ()
    monkeypatch.setattr(kept, "fetch", lambda *_, **__: Failed(FailureCode.UNAVAILABLE, "down", "wait"))
    with pytest.raises(ProviderUnavailable) as raised:
        retry("KEY", vendor, Refused)
    assert raised.value.__context__ is None


def test_no_secret(retry: Retry) -> None:
    """Nothing is called without one."""
    vendor = Vendor()
    with pytest.raises(SecretNotFound):
        retry("OTHER", vendor, Refused)
    assert vendor.asked == []


@pytest.mark.parametrize("wrong", [None, "Refused", 401, object, (), (Refused, 401), BaseException])
def test_what_tells_no_refusal(retry: Retry, wrong: Any) -> None:
    """A class of anything else would be true of every error, so it is refused before the call."""
    vendor = Vendor("one")
    with pytest.raises(ConfigurationError, match="is_auth_error must be a function of an error, or a class of errors"):
        retry("KEY", vendor, wrong)
    assert vendor.asked == []
