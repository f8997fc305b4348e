"""Which prefixes and environments are accepted is weighed against the record, not against the text of a key."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import PEPPER, reason

from secretsource.exceptions import InvalidKey, InvalidRequest
from secretsource.issuing import NO_SCOPE, AsyncApiKeys, KeyFormat, Reason
from secretsource.stores.base import KeyQuery
from secretsource.stores.memory import AsyncMemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.issuing import ApiKeys
    from secretsource.stores.memory import MemoryStore

LEGACY = "a legacy key of the production service"
ROW = {"owner": "acme", "hash": "sha256$" + hashlib.sha256(LEGACY.encode()).hexdigest(), "prefix": "sk"}


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ({"environments": ["live", "dev"], "prefixes": ["sk", "pk"]}, None),
        ({"environments": ["test"]}, Reason.WRONG_KIND),
        ({"prefixes": ["pk"]}, Reason.WRONG_KIND),
        ({"environments": ["live"], "prefixes": ["pk"]}, Reason.WRONG_KIND),
    ],
)
def test_an_imported_key_is_of_the_kind_of_its_record(
    allowed: dict[str, list[str]], expected: Reason | None, make_keys: Callable[..., ApiKeys]
) -> None:
    """At its first use, from the cache, and after it was hashed anew; a guess is answered as any."""
    make_keys(imported=True).import_rows([{**ROW, "environment": "live"}])
    here = make_keys(imported=True, format=KeyFormat(**allowed))
    assert [reason(here.check(LEGACY, scope=NO_SCOPE)) for _ in range(3)] == [expected] * 3
    elsewhere = make_keys(imported=True)
    assert elsewhere.check(LEGACY, scope=NO_SCOPE)
    elsewhere.flush()
    here = make_keys(imported=True, format=KeyFormat(**allowed))
    assert reason(here.check("a guess", scope=NO_SCOPE)) is Reason.MALFORMED
    assert [reason(here.check(LEGACY, scope=NO_SCOPE)) for _ in range(3)] == [expected] * 3


def test_a_check_demands_a_prefix_and_an_environment(make_keys: Callable[..., ApiKeys]) -> None:
    """Of keys of ours and of imported ones, from the store and from the cache, also where the scopes are listed."""
    keys = make_keys(imported=True)
    keys.import_rows([{**ROW, "environment": "live"}])
    ours = keys.issue(owner="acme", prefix="sk", environment="live", scopes=["a", "b"], rate_limit="6/day").plaintext
    kinds: list[tuple[dict[str, Any], Reason | None]] = [
        ({"environment": "test"}, Reason.WRONG_KIND),
        ({"prefix": "pk", "environment": "live"}, Reason.WRONG_KIND),
        ({"environment": "live"}, None),
        ({"prefix": "sk", "environment": "live"}, None),
    ]
    for _ in range(2):
        for kind, expected in kinds:
            assert reason(keys.check(LEGACY, scope=NO_SCOPE, **kind)) is expected
            assert reason(keys.check(ours, scope="a", **kind)) is expected
            assert reason(keys.check(ours, scope=["a", "b"], cost=0, **kind)) is expected
    assert keys.check(ours, scope=NO_SCOPE, cost=0).remaining == 2  # type: ignore[union-attr]
    assert keys.verify(ours, scope="a", environment="live").owner == "acme"
    with pytest.raises(InvalidKey):
        keys.verify(ours, scope="a", environment="test")


async def test_every_call_weighs_the_kind_of_a_key_in_memory(keys: ApiKeys) -> None:
    """On an event loop and off it, by a check and by a glance, though the key was let in without a kind before."""
    async with AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER]) as on_loop:
        there = (await on_loop.issue(owner="acme", prefix="sk", environment="live")).plaintext
        here = keys.issue(owner="acme", prefix="sk", environment="live").plaintext
        assert keys.check(here, scope=NO_SCOPE)
        assert await on_loop.check(there, scope=NO_SCOPE)
        kinds: list[dict[str, Any]] = [{"prefix": "pk"}, {"prefix": "root"}, {"environment": "test"}]
        for kind in kinds:
            verdicts = [
                keys.check(here, scope=NO_SCOPE, **kind),
                keys.glance(here, scope=NO_SCOPE, **kind),
                await on_loop.check(there, scope=NO_SCOPE, **kind),
                on_loop.glance(there, scope=NO_SCOPE, **kind),
            ]
            assert [None if verdict is None else reason(verdict) for verdict in verdicts] == [Reason.WRONG_KIND] * 4


def test_a_kind_that_no_key_can_have_is_an_error_of_the_program(keys: ApiKeys) -> None:
    """Whatever the key is."""
    for text in (None, keys.issue(owner="acme").plaintext):
        with pytest.raises(InvalidRequest, match="environment of a check"):
            keys.check(text, scope=NO_SCOPE, environment="LIVE")


def test_who_guesses_at_a_key_of_another_kind_puts_it_in_no_cache(
    make_keys: Callable[..., ApiKeys], store: MemoryStore
) -> None:
    """A guess keeps the record of a key at hand, which is not to let that key in."""
    make_keys(imported=True).import_rows([{**ROW, "environment": "live"}])
    elsewhere = make_keys(imported=True)
    elsewhere.check(LEGACY, scope=NO_SCOPE)
    elsewhere.flush()
    (record,) = store.list(KeyQuery(owner="acme")).records
    here = make_keys(imported=True, format=KeyFormat(environments=["test"]))
    guess = KeyFormat().mint("sk", "test", record.key_id)
    assert reason(here.check(guess, scope=NO_SCOPE)) is Reason.WRONG_SECRET
    assert reason(here.check(LEGACY, scope=NO_SCOPE)) is Reason.WRONG_KIND
