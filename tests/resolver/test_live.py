"""`LiveSecret`: a handle that reads its secret at each use."""

from __future__ import annotations

import copy
import pickle

import pytest
from tests.leaks.canary import CANARY, assert_clean, assert_unseen

from secretsource import AsyncResolver, LiveSecret, Resolver, override
from secretsource.exceptions import InvalidReference, ProviderUnavailable, SecretNotFound
from secretsource.providers.base import Failed, FailureCode
from secretsource.testing import FakeClock, ScriptedAsyncProvider, ScriptedProvider


def test_it_follows_rotation() -> None:
    """Each use reads through the resolver, which remembers a value for its ttl."""
    provider, clock = ScriptedProvider({"KEY": ["one", "two"]}), FakeClock()
    with Resolver([provider], ttl=10, revalidate=0, jitter=0, clock=clock) as resolver:
        live = LiveSecret("KEY", resolver=resolver)
        assert provider.calls == 0
        assert (live.get(), str(live), f"{live:>5}") == ("one", "one", "  one")
        assert provider.calls == 1
        clock.advance(11)
        assert f"{live}" == "two"


async def test_it_follows_rotation_in_an_event_loop() -> None:
    """`aget` asks the resolver of the event loop, and shares the cache with `get`."""
    async with AsyncResolver([ScriptedAsyncProvider({"KEY": ["one", "two"]})]) as resolver:
        live = LiveSecret("KEY", resolver=resolver)
        assert (await live.aget(), live.get()) == ("one", "one")
        resolver.invalidate("KEY")
        assert await live.aget() == "two"


async def test_the_default_resolver() -> None:
    """Without a resolver, a handle asks that of `get_secret`, whichever that is by then."""
    live, field = LiveSecret("KEY"), LiveSecret("DOCUMENT", field="key")
    for value in ("one", "two"):
        with override({"KEY": value, "DOCUMENT": f'{{"key": "{value}"}}'}):
            assert live.get() == await live.aget() == field.get() == await field.aget() == value


async def test_a_given_secret() -> None:
    """A handle of a secret always answers with it."""
    with override({"KEY": "one"}):
        secret = LiveSecret("KEY").get()
    live = LiveSecret.of(secret)
    assert live.get() is secret
    assert await live.aget() is secret
    assert (live.name, repr(live)) == ("KEY", "LiveSecret('KEY')")


def test_failures_are_those_of_the_resolver() -> None:
    """What cannot be read is an error at its use; a bad name is one at once."""
    with Resolver([ScriptedProvider({"DOWN": Failed(FailureCode.UNAVAILABLE)})]) as resolver:
        with pytest.raises(SecretNotFound):
            LiveSecret("NONE", resolver=resolver).get()
        with pytest.raises(ProviderUnavailable):
            str(LiveSecret("DOWN", resolver=resolver))
    with pytest.raises(InvalidReference) as caught:
        LiveSecret(f"{CANARY} with a blank")
    assert_clean(caught.value)


def test_it_hides_and_stays() -> None:
    """A handle shows its name only, is not pickled, and is its own copy."""
    with override({"KEY": CANARY}):
        live = LiveSecret("KEY")
        assert live.get() == CANARY
        assert_unseen(repr(live), repr([live]), f"{live!r}", repr(vars(type(live))))
        assert copy.copy(live) is copy.deepcopy(live) is live
        with pytest.raises(TypeError, match="handle of secret 'KEY' cannot be pickled"):
            pickle.dumps(live)
