"""A pepper is rotated under running processes, and dropped in the end: no key is lost, none is refused meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import OLD_PEPPER, PEPPER, reason

from secretsource import configure, override
from secretsource.exceptions import StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys, AsyncApiKeys, Reason
from secretsource.issuing._check.steps.gate import SEALS_EVERY
from secretsource.issuing._manage.peppers import PEPPER_NAME, REFUSED_EVERY
from secretsource.providers.base import Failed, FailureCode, Found, SecretRef
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore
from secretsource.testing import ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from secretsource.testing.clock import FakeClock

NEWER = "the pepper after it, long enough"


class SealCounting(MemoryStore):
    """A store that counts how often its seals are read."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    def seals(self) -> Mapping[str, bytes]:
        self.read += 1
        return super().seals()


def test_a_dropped_pepper_takes_no_key_with_it(make_keys: Callable[..., ApiKeys]) -> None:
    """A key that has been used under the new pepper goes on when the old one is gone, to be seen and to be ended."""
    text = make_keys(peppers=[OLD_PEPPER]).issue(owner="acme").plaintext
    with make_keys(peppers=[PEPPER, OLD_PEPPER]) as during:
        assert during.check(text, scope=NO_SCOPE)
    after = make_keys(peppers=[PEPPER])
    record = after.verify(text, scope=NO_SCOPE)
    owner = after.whose(text)
    assert owner is not None
    assert owner.name == "acme"
    after.surrender(text)
    assert after.get(record.key_id).status.value == "revoked"


def test_the_first_key_that_is_shown_may_be_of_a_dropped_pepper(make_keys: Callable[..., ApiKeys]) -> None:
    """Surrendering a leaked key, as the first thing that a process does, finds its seal as well."""
    text = make_keys(peppers=[OLD_PEPPER]).issue(owner="acme").plaintext
    with make_keys(peppers=[PEPPER, OLD_PEPPER]) as during:
        during.check(text, scope=NO_SCOPE)
    assert make_keys(peppers=[PEPPER]).surrender(text).status.value == "revoked"


def test_an_unused_key_of_a_dropped_pepper_is_refused(make_keys: Callable[..., ApiKeys]) -> None:
    """Its hash cannot be made any more; the reason says so, where only the issuer reads it."""
    text = make_keys(peppers=[OLD_PEPPER]).issue(owner="acme").plaintext
    assert reason(make_keys(peppers=[PEPPER]).check(text, scope=NO_SCOPE)) is Reason.PEPPER_RETIRED


def test_made_up_keys_have_the_seals_read_once_a_second(make_keys: Callable[..., ApiKeys], clock: FakeClock) -> None:
    """However many of them are shown; what they are looked up by is never asked for."""
    store = SealCounting()
    strange = ApiKeys(MemoryStore(), peppers=[OLD_PEPPER])
    forged = [strange.issue(owner="acme").plaintext for _ in range(20)]
    keys = make_keys(store=store)
    for text in forged:
        assert reason(keys.check(text, scope=NO_SCOPE)) is Reason.NOT_OURS
    assert store.read == 1
    clock.advance(SEALS_EVERY)
    keys.check(forged[0], scope=NO_SCOPE)
    assert store.read == 2


def test_without_the_seals_it_is_not_said_that_a_key_is_not_ours(
    make_keys: Callable[..., ApiKeys], clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store cannot be asked: that is 503 and not 401, until it answers again."""
    store = SealCounting()
    text = make_keys(store=store, peppers=[OLD_PEPPER]).issue(owner="acme").plaintext
    with make_keys(store=store, peppers=[PEPPER, OLD_PEPPER]) as during:
        during.check(text, scope=NO_SCOPE)
    keys = make_keys(store=store, peppers=[PEPPER])

    def fail() -> Any:
        raise StoreError("down")

    with monkeypatch.context() as down:
        down.setattr(store, "seals", fail)
        for _ in range(2):
            assert reason(keys.check(text, scope=NO_SCOPE)) is Reason.STORE_UNAVAILABLE
    clock.advance(SEALS_EVERY)
    assert keys.check(text, scope=NO_SCOPE)


def test_the_seal_of_a_missing_pepper_is_not_kept(make_keys: Callable[..., ApiKeys], store: MemoryStore) -> None:
    """Anybody can make it, and with it locators that would reach the store."""
    with make_keys(peppers=[]) as unpeppered:
        unpeppered.issue(owner="acme", environment="test")
    assert store.seals() == {}
    store.keep_seal("01234567", b"too short")
    keys = make_keys()
    text = keys.issue(owner="acme").plaintext
    strange = ApiKeys(MemoryStore(), peppers=[OLD_PEPPER]).issue(owner="acme").plaintext
    assert reason(keys.check(strange, scope=NO_SCOPE)) is Reason.NOT_OURS
    assert keys.check(text, scope=NO_SCOPE)


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    """Where the pepper is kept, with one version before the current one."""
    provider = ScriptedProvider({SecretRef("scripted", PEPPER_NAME): Found(OLD_PEPPER, version="first")})
    configure([provider], ttl=3600)
    yield provider
    configure(None)


def rotate(provider: ScriptedProvider, pepper: str, before: str) -> None:
    """Give the pepper a new version, and keep the one before it."""
    place = SecretRef("scripted", PEPPER_NAME)
    provider.answer(place, Found(pepper, version=pepper[-20:]))
    provider.answer(place._replace(stage="previous"), Found(before, version=before[-20:]))


class TestFollowing:
    """A process that opened its keys without naming peppers takes up a new one by itself."""

    def test_a_key_of_a_new_pepper_has_it_asked_for(self, provider: ScriptedProvider, store: MemoryStore) -> None:
        """Another process was restarted after a rotation, and mints with the new pepper: its keys are good here too."""
        here = opened(store)
        old = here.issue(owner="acme").plaintext
        rotate(provider, NEWER, OLD_PEPPER)
        new = ApiKeys(store, peppers=[NEWER, OLD_PEPPER]).issue(owner="acme").plaintext
        assert here.check(new, scope=NO_SCOPE)
        assert here.check(old, scope=NO_SCOPE)
        assert here.issue(owner="acme").record.pepper_version == here._parts.peppers.newest.version
        here.close()

    def test_what_another_process_rehashed_is_accepted(self, provider: ScriptedProvider, store: MemoryStore) -> None:
        """A key of ours was used there under the new pepper; its hash is new to us, and the key is not."""
        here = opened(store)
        text = here.issue(owner="acme").plaintext
        rotate(provider, NEWER, OLD_PEPPER)
        with ApiKeys(store, peppers=[NEWER, OLD_PEPPER]) as there:
            assert there.check(text, scope=NO_SCOPE)
        assert here.check(text, scope=NO_SCOPE, fresh=True)
        here.close()

    def test_the_provider_is_not_asked_for_each_key(self, provider: ScriptedProvider, store: MemoryStore) -> None:
        """A key whose pepper nobody has is met again and again: one version of the secret is asked for once."""
        here = opened(store)
        text = ApiKeys(store, peppers=["a pepper that is in no secret"]).issue(owner="acme").plaintext
        for _ in range(10):
            assert reason(here.check(text, scope=NO_SCOPE)) is Reason.PEPPER_RETIRED
        assert provider.calls <= 4
        here.close()

    def test_a_provider_that_is_down_is_asked_once_a_second(
        self, provider: ScriptedProvider, store: MemoryStore, clock: FakeClock
    ) -> None:
        """Each check of such a key would wait for it otherwise; when it is there again, the key is accepted."""
        here = opened(store, clock=clock)
        text = ApiKeys(store, peppers=[NEWER]).issue(owner="acme").plaintext
        provider.answer(SecretRef("scripted", PEPPER_NAME), Failed(FailureCode.UNAVAILABLE))
        before = provider.calls
        for _ in range(10):
            assert reason(here.check(text, scope=NO_SCOPE)) is Reason.PEPPER_RETIRED
        assert provider.calls - before <= 1
        rotate(provider, NEWER, OLD_PEPPER)
        clock.advance(REFUSED_EVERY)
        configure([provider])  # forgets that the provider was down
        assert here.check(text, scope=NO_SCOPE)
        here.close()

    def test_a_pepper_once_known_stays_known(
        self, provider: ScriptedProvider, store: MemoryStore, clock: FakeClock
    ) -> None:
        """Two rotations on, a running process still checks what it made before the first."""
        here = opened(store, clock=clock)
        text = here.issue(owner="acme").plaintext
        for pepper, before in ((NEWER, OLD_PEPPER), (PEPPER, NEWER)):
            rotate(provider, pepper, before)
            clock.advance(REFUSED_EVERY)
            other = ApiKeys(store, peppers=[pepper]).issue(owner="acme").plaintext
            assert here.check(other, scope=NO_SCOPE)
        assert here.check(text, scope=NO_SCOPE, fresh=True)
        here.close()

    def test_a_pepper_that_is_gone_changes_nothing(self, provider: ScriptedProvider, store: MemoryStore) -> None:
        """A running process does not go on without a pepper because somebody deleted the secret."""
        here = opened(store)
        with override({PEPPER_NAME: None}):
            assert not here._follow(refused=True)
        assert here.check(here.issue(owner="acme").plaintext, scope=NO_SCOPE)
        assert OLD_PEPPER not in repr(here._peppers)
        here.close()

    def test_an_event_loop_follows_alike(self, provider: ScriptedProvider, store: MemoryStore) -> None:
        """The asynchronous shell asks in a thread, and takes the new pepper up."""

        async def scenario() -> None:
            async with await AsyncApiKeys.open("memory://") as keys:
                keys._adopt(keys._parts._replace(store=AsyncMemoryStore(store)))
                old = (await keys.issue(owner="acme")).plaintext
                rotate(provider, NEWER, OLD_PEPPER)
                new = ApiKeys(store, peppers=[NEWER]).issue(owner="acme").plaintext
                assert await keys.check(new, scope=NO_SCOPE)
                assert await keys.check(old, scope=NO_SCOPE)
                assert await keys._follow() is False

        asyncio.run(scenario())


def opened(store: MemoryStore, **settings: Any) -> ApiKeys:
    """Keys over a store, with the peppers of the default resolver."""
    keys = ApiKeys.open("memory://", **settings)
    keys._adopt(keys._parts._replace(store=store))
    return keys
