"""When the successor of a key ends, and keys that are rotated by showing them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import PEPPER

from secretsource.exceptions import InsufficientScope, InvalidKey, InvalidRequest
from secretsource.issuing import NO_SCOPE, ROTATE_SELF, AsyncApiKeys
from secretsource.stores.memory import AsyncMemoryStore

if TYPE_CHECKING:
    from secretsource.issuing import ApiKeys
    from secretsource.testing.clock import FakeClock

LATER = datetime(2040, 1, 1, tzinfo=UTC)


class TestEndOfASuccessor:
    """ "It lives so long" and "it ends then" are two things."""

    @pytest.mark.parametrize(
        ("given", "seconds"),
        [({}, 100), ({"expires_in": 9}, 9), ({"expires_in": timedelta(minutes=1)}, 60), ({"keep_expiry": True}, 70)],
    )
    def test_it_is_said(self, given: dict[str, Any], seconds: float, keys: ApiKeys, clock: FakeClock) -> None:
        """As long a life as the old key's, where nothing is."""
        record = keys.issue(owner="acme", expires_in=100).record
        clock.advance(30)
        new = keys.rotate(record.key_id, overlap=5, **given).successor
        assert new.expires == clock.now().wall + seconds

    def test_a_contract_survives_rotations(self, keys: ApiKeys, clock: FakeClock) -> None:
        """However often a key is rotated, it ends when it was to end."""
        record = keys.issue(owner="acme", expires_in=100).record
        newest = record
        for _ in range(3):
            clock.advance(10)
            newest = keys.rotate(newest.key_id, overlap=0, keep_expiry=True).successor
        assert newest.expires == record.expires

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            ({"expires_in": 5, "expires_at": LATER}, "give one of expires_in, expires_at and keep_expiry"),
            ({"expires_in": 5, "keep_expiry": True}, "give one of"),
            ({"expires_in": 0}, "expires_in must be over 0"),
            ({"expires_in": "soon"}, "expires_in is neither"),
            ({"expires_at": 5.0}, "would end before it is good"),
        ],
    )
    def test_what_cannot_be(self, given: dict[str, Any], says: str, keys: ApiKeys) -> None:
        """Nothing is rotated then."""
        record = keys.issue(owner="acme", expires_in=100).record
        with pytest.raises(InvalidRequest, match=says):
            keys.rotate(record.key_id, overlap=5, **given)
        assert keys.get(record.key_id) == record

    def test_on_an_event_loop(self, clock: FakeClock) -> None:
        """As for threads."""

        async def scenario() -> None:
            async with AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER], clock=clock) as keys:
                record = (await keys.issue(owner="acme", expires_in=100)).record
                clock.advance(1)
                rotated = await keys.rotate(record.key_id, overlap=5, keep_expiry=True)
                assert rotated.successor.expires == record.expires

        asyncio.run(scenario())


class TestRotateBy:
    """A customer's own program rotates its key."""

    def test_its_successor(self, keys: ApiKeys) -> None:
        """Both work until the overlap ends; the event says that the key did it."""
        old = keys.issue(owner="acme", scopes=[ROTATE_SELF])
        rotated = keys.rotate_by(old.plaintext, overlap=60, origin="203.0.113.7")
        assert rotated.plaintext is not None
        assert keys.check(old.plaintext, scope=NO_SCOPE)
        assert keys.check(rotated.plaintext, scope=ROTATE_SELF)
        event = keys.events(old.record.key_id)[-1]
        assert (event.kind.value, event.actor, event.origin) == ("rotated", "the key itself", "203.0.113.7")

    def test_a_repeat(self, keys: ApiKeys) -> None:
        """The old key makes one successor, ever; its text is not given twice."""
        old = keys.issue(owner="acme", scopes=[ROTATE_SELF])
        first = keys.rotate_by(old.plaintext, overlap=60)
        again = keys.rotate_by(old.plaintext, overlap=60)
        assert (again.plaintext, again.successor.key_id) == (None, first.successor.key_id)

    def test_after_the_overlap(self, keys: ApiKeys, clock: FakeClock) -> None:
        """The old key is no key any more."""
        old = keys.issue(owner="acme", scopes=[ROTATE_SELF])
        keys.rotate_by(old.plaintext, overlap=60)
        clock.advance(61)
        with pytest.raises(InvalidKey):
            keys.rotate_by(old.plaintext, overlap=60)

    def test_a_limit_does_not_stop_it(self, keys: ApiKeys) -> None:
        """A key whose limit is used up has leaked, perhaps."""
        old = keys.issue(owner="acme", scopes=[ROTATE_SELF], rate_limit="1/hour")
        assert keys.check(old.plaintext, scope=NO_SCOPE)
        assert keys.rotate_by(old.plaintext, overlap=60).plaintext is not None

    def test_without_the_scope(self, keys: ApiKeys) -> None:
        """Which key may do it is yours to say."""
        with pytest.raises(InsufficientScope):
            keys.rotate_by(keys.issue(owner="acme", scopes=["a"]).plaintext, overlap=60)

    def test_revoked_elsewhere(self, keys: ApiKeys, make_keys: Any) -> None:
        """The record is read anew, past the cache."""
        there = make_keys(ttl=1000)
        old = keys.issue(owner="acme", scopes=[ROTATE_SELF])
        assert there.check(old.plaintext, scope=NO_SCOPE)
        keys.revoke(old.record.key_id)
        with pytest.raises(InvalidKey):
            there.rotate_by(old.plaintext, overlap=60)

    def test_outside_its_networks(self, keys: ApiKeys) -> None:
        """It is no good there."""
        old = keys.issue(owner="acme", scopes=[ROTATE_SELF], networks=["10.0.0.0/8"])
        with pytest.raises((InvalidKey, InsufficientScope)):
            keys.rotate_by(old.plaintext, overlap=60, ip="203.0.113.7")
        assert keys.rotate_by(old.plaintext, overlap=60, ip="10.1.1.1").plaintext is not None

    def test_what_is_no_key(self, keys: ApiKeys) -> None:
        """As for every check."""
        with pytest.raises(InvalidKey):
            keys.rotate_by("canary-not-a-key", overlap=60)

    def test_on_an_event_loop(self, clock: FakeClock) -> None:
        """As for threads."""

        async def scenario() -> None:
            async with AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER], clock=clock) as keys:
                old = await keys.issue(owner="acme", scopes=[ROTATE_SELF])
                assert (await keys.rotate_by(old.plaintext, overlap=60)).plaintext is not None
                assert (await keys.rotate_by(old.plaintext, overlap=60)).plaintext is None

        asyncio.run(scenario())
