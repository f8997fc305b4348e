"""What keys say of themselves: whether news arrives, and whether the store takes flushes; no secret is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from secretsource.issuing import NO_SCOPE, ApiKeys, AsyncApiKeys, FeedHealth, Health
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.stores.base import KeyChange

PEPPERS = ["a pepper of the tests, long enough"]


class PlainFeed:
    """A feed of somebody else, whose subscription can only be ended."""

    __hash__ = None  # type: ignore[assignment]

    def subscribe(self, listener: Callable[[KeyChange], None]) -> Callable[[], None]:
        return lambda: None


class TellingFeed(PlainFeed):
    """A feed whose subscription says how it is."""

    said = FeedHealth("there", True, 1.0, 2.0)

    def subscribe(self, listener: Callable[[KeyChange], None]) -> Callable[[], None]:
        feed = self

        class Subscription:
            def __call__(self) -> None:
                """End nothing."""

            def health(self) -> FeedHealth:
                return feed.said

        return Subscription()


def test_without_a_feed_there_is_nothing_to_miss() -> None:
    """The ttl is the bound, and nothing is amiss; one feed that hears nothing is enough to say so."""
    assert Health((), 0).hears
    assert not Health((TellingFeed.said, TellingFeed.said._replace(listening=False)), 0).hears


@pytest.mark.parametrize(("feed", "listening"), [(PlainFeed(), None), (TellingFeed(), True)])
def test_each_feed_says_whether_it_hears(feed: PlainFeed, listening: bool | None) -> None:
    """Before the first check none listens yet; a feed that cannot say is believed from then on."""
    with ApiKeys(MemoryStore(), peppers=PEPPERS, feed=feed) as keys:
        _, before = keys.health().feeds
        assert not keys.health().hears
        assert (before.listening, "first key" in before.trouble) == (False, True)
        keys.check(keys.issue(owner="acme").plaintext, scope=NO_SCOPE)
        _, health = keys.health().feeds
        assert health.listening is listening
        assert keys.health().hears
        assert (health.since_at is None) is (health.heard_at is None) is (listening is None)


async def test_keys_of_a_loop_say_the_same() -> None:
    """At once, without waiting."""
    async with AsyncApiKeys(AsyncMemoryStore(), peppers=PEPPERS, feed=TellingFeed()) as keys:
        await keys.check((await keys.issue(owner="acme")).plaintext, scope=NO_SCOPE)
        assert keys.health() == Health((FeedHealth("AsyncMemoryStore", None), TellingFeed.said), 0)


def test_flushes_that_failed_are_counted() -> None:
    """As the chores count them."""
    with ApiKeys(MemoryStore(), peppers=PEPPERS) as keys:
        keys._chores.failures = 3
        assert keys.health().failed_flushes == 3
