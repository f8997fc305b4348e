"""What an administrator asks beside the checks: how many keys live, which warnings there are, which peppers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.issuing.conftest import OLD_PEPPER, PEPPER

from secretsource import Resolver
from secretsource.exceptions import ConfigurationError, KeyNotFound
from secretsource.issuing import ApiKeys, AsyncApiKeys, KeyRequest, PepperSet, find_peppers, header_judge
from secretsource.providers.memory import MemoryProvider
from secretsource.stores.memory import AsyncMemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.testing import FakeClock

DAY = 86_400.0


def test_the_living_keys_of_an_owner_are_counted(make_keys: Callable[..., ApiKeys], clock: FakeClock) -> None:
    """Disabled and rotating keys count; revoked and expired ones, and those of others, do not."""
    keys = make_keys()
    active, disabled, revoked, rotating = (keys.issue(owner="acme").record.key_id for _ in range(4))
    keys.issue(owner="acme", expires_in=DAY)
    keys.issue(owner="other")
    keys.disable(disabled)
    keys.revoke(revoked)
    keys.rotate(rotating, overlap=7 * DAY)
    assert keys.count_living(owner="acme") == 5
    clock.advance(DAY)
    assert keys.count_living(owner="acme") == 4
    assert len(keys.revoke_all(owner="acme")) == 4
    assert keys.count_living(owner="acme") == 0
    assert active


def test_more_keys_than_a_page_are_counted(make_keys: Callable[..., ApiKeys]) -> None:
    """The count goes on behind the first thousand."""
    keys = make_keys()
    keys.issue_many([KeyRequest(owner="acme")] * 1001)
    assert keys.count_living(owner="acme") == 1001


async def test_a_task_counts_too(clock: FakeClock) -> None:
    """`AsyncApiKeys` counts as `ApiKeys` does."""
    async with AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER], clock=clock) as keys:
        await keys.issue(owner="acme")
        assert await keys.count_living(owner="acme") == 1


def test_a_new_key_without_a_pepper_has_a_warning(make_keys: Callable[..., ApiKeys]) -> None:
    """A test key may be made without a pepper, and the caller is told to set one."""
    bare, peppered = make_keys(peppers=()), make_keys()
    (warning,) = bare.issue(owner="acme", environment="test").warnings
    assert "set SECRETSOURCE_PEPPER" in warning
    assert peppered.issue(owner="acme", environment="test").warnings == ()


def test_a_second_rotation_has_a_warning(make_keys: Callable[..., ApiKeys]) -> None:
    """The call that makes the successor has none; the next one cannot show it, and says so."""
    keys = make_keys()
    key_id = keys.issue(owner="acme").record.key_id
    assert keys.rotate(key_id, overlap=DAY).warnings == ()
    (warning,) = keys.rotate(key_id, overlap=DAY).warnings
    assert "was rotated before" in warning


def test_the_history_of_a_key_may_be_read_to_its_end(make_keys: Callable[..., ApiKeys]) -> None:
    """Behind the last event there is nothing; a key that never was is named."""
    keys = make_keys()
    key_id = keys.issue(owner="acme").record.key_id
    assert list(keys.events(key_id, after=1)) == []
    with pytest.raises(KeyNotFound):
        keys.events("0" * 22)


def test_the_peppers_come_from_a_resolver() -> None:
    """The secret SECRETSOURCE_PEPPER of a resolver is a set of peppers; without it, the set is empty."""
    provider = MemoryProvider({"SECRETSOURCE_PEPPER": PEPPER})
    with Resolver([provider]) as resolver:
        assert list(find_peppers(resolver).versions()) == list(PepperSet([PEPPER]).versions())
    with Resolver([MemoryProvider({"ANOTHER": OLD_PEPPER})]) as resolver:
        assert find_peppers(resolver).is_empty


def test_a_header_is_judged_before_a_row_is_read() -> None:
    """A header without a column that is needed is a complaint; one with it is none; a wrong format is an error."""
    judge = header_judge("generic", {"owner": "customer"})
    assert judge(["customer", "hash"]) is None
    assert judge(["customer"]) == "none of them is hash or plaintext"
    with pytest.raises(ConfigurationError, match="there is no import format 'nobody'"):
        header_judge("nobody")
