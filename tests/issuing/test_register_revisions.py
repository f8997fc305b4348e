"""Owners and plans that two people change at once: a change that was decided on an old record is refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import PEPPER

from secretsource.exceptions import Conflict, InvalidRequest
from secretsource.issuing import AsyncApiKeys
from secretsource.stores.memory import AsyncMemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.issuing import ApiKeys

REGISTERS = pytest.mark.parametrize("what", ["owners", "plans"])


@REGISTERS
def test_a_stale_revision_is_refused(keys: ApiKeys, what: str) -> None:
    """The sentence names both revisions, the error has the present one, and nothing is stored."""
    register: Any = getattr(keys, what)
    first = register.put("acme", quota="1/day")
    second = register.put("acme", quota="2/day", revision=first.revision)
    with pytest.raises(
        Conflict, match=f"'acme' is at revision {second.revision}, not {first.revision}: read it again"
    ) as caught:
        register.put("acme", quota="3/day", revision=first.revision)
    assert caught.value.revision == second.revision
    assert register.get("acme") == second
    assert len(register.events("acme")) == 2


@REGISTERS
def test_a_stale_revision_is_refused_although_the_record_is_like_it(keys: ApiKeys, what: str) -> None:
    """Somebody else made this very change: the caller that read the older record must learn of it."""
    register: Any = getattr(keys, what)
    first = register.put("acme", quota="1/day")
    register.put("acme", quota="2/day")
    with pytest.raises(Conflict):
        register.put("acme", quota="2/day", revision=first.revision)


@REGISTERS
def test_revision_zero_only_makes_a_new_record(keys: ApiKeys, what: str) -> None:
    """A record that exists is refused with 0, and one that does not exist with any other number."""
    register: Any = getattr(keys, what)
    with pytest.raises(Conflict, match="'acme' does not exist, so not at revision 7") as caught:
        register.put("acme", revision=7)
    assert caught.value.revision == 0
    made = register.put("acme", revision=0)
    with pytest.raises(Conflict, match=f"'acme' is at revision {made.revision}, not 0"):
        register.put("acme", revision=0)


@REGISTERS
@pytest.mark.parametrize("revision", [-1, "1", True, 2**63], ids=repr)
def test_a_revision_that_cannot_be_is_refused(keys: ApiKeys, what: str, revision: Any) -> None:
    """The sentence names the argument, and nothing is stored."""
    register: Any = getattr(keys, what)
    with pytest.raises(InvalidRequest, match="revision must be a whole number from 0"):
        register.put("acme", revision=revision)
    assert list(register.list()) == []


def test_a_rival_between_reading_and_storing_is_seen(keys: ApiKeys, make_keys: Callable[..., ApiKeys]) -> None:
    """The revision is compared again after another writer was quicker."""
    first = keys.owners.put("acme", quota="1/day")
    owners: Any = keys._store.owners
    put = owners.put

    def overtaken(record: Any, event: Any) -> Any:
        owners.put = put
        make_keys().owners.put("acme", quota="5/day")
        return put(record, event)

    owners.put = overtaken
    with pytest.raises(Conflict):
        keys.owners.put("acme", name="Acme", revision=first.revision)
    assert (keys.owners.get("acme").quota, keys.owners.get("acme").name) == ("5/day", "")


def test_an_event_loop_compares_as_well() -> None:
    """The awaited registers take the same argument."""

    async def scenario() -> None:
        async with AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER]) as keys:
            for register in (keys.plans, keys.owners):
                made = await register.put("pro", revision=0)
                await register.put("pro", quota="5/day", revision=made.revision)
                with pytest.raises(Conflict):
                    await register.put("pro", quota="6/day", revision=made.revision)

    asyncio.run(scenario())
