"""Links and sessions: random texts whose hashes are stored, found until they end, taken once."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from tests.issuing.conftest import PEPPER

from secretsource.exceptions import ConfigurationError, InvalidRequest
from secretsource.issuing import ApiKeys, AsyncApiKeys
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.testing.clock import FakeClock

    MakeKeys = Callable[..., ApiKeys]


def test_the_store_has_the_hash_of_a_pass_alone(make_keys: MakeKeys, clock: FakeClock) -> None:
    """The text is 43 characters, shown once; its record, and the repr of what was made, do not have it."""
    made = make_keys().passes.issue("link", "acme", expires_in=60, facts={"name": "Åsa"})
    assert len(made.plaintext) == 43
    assert made.record.token == sha256(made.plaintext.encode()).hexdigest()
    assert (made.record.holder, made.record.ends) == ("acme", clock.now().wall + 60)
    assert made.plaintext not in repr(made) + repr(made.record) + str(made.record._asdict())


def test_a_pass_is_good_until_its_end(make_keys: MakeKeys, clock: FakeClock) -> None:
    """At its end it is neither found nor taken, and one of another kind never is."""
    passes = make_keys().passes
    link, late = (passes.issue("link", "acme", expires_in=60) for _ in range(2))
    clock.advance(59)
    assert passes.take("session", link.plaintext) is None
    assert passes.find("session", link.plaintext) is None
    assert passes.find("link", link.plaintext) == link.record
    assert passes.take("link", link.plaintext) is not None
    assert passes.take("link", link.plaintext) is None
    clock.advance(1)
    assert passes.find("link", late.plaintext) is None
    assert passes.take("link", late.plaintext) is None


def test_a_session_ends_when_nobody_uses_it(make_keys: MakeKeys, clock: FakeClock) -> None:
    """Each use puts the idle time off, up to the end; a use is noted once a minute."""
    passes = make_keys().passes
    text = passes.issue("session", "acme", expires_in=1000).plaintext
    for _ in range(3):
        clock.advance(200)
        assert passes.find("session", text, idle=300) is not None
    clock.advance(300)
    assert passes.find("session", text, idle=300) is None


def test_the_sessions_of_a_holder_end_together(make_keys: MakeKeys) -> None:
    """Those of others stay."""
    passes = make_keys().passes
    own, foreign = (passes.issue("session", holder, expires_in=60).plaintext for holder in ("acme", "globex"))
    assert passes.end("session", holder="acme") == 1
    assert passes.find("session", own) is None
    assert passes.find("session", foreign) is not None


@pytest.mark.parametrize(
    ("kind", "life", "facts", "said"),
    [
        ("Link!", 60, {}, "kind must be"),
        ("link", 0, {}, "expires_in must be over 0"),
        ("link", 60, {"name": "x" * 5000}, "at most 4096 bytes"),
    ],
)
def test_a_wrong_field_is_told(make_keys: MakeKeys, kind: str, life: float, facts: dict[str, str], said: str) -> None:
    """The error says what it must be, and nothing is stored."""
    with pytest.raises(InvalidRequest, match=said):
        make_keys().passes.issue(kind, "acme", expires_in=life, facts=facts)


class Bare(MemoryStore):
    """A store without passes."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = None  # type: ignore[assignment]  # as a store of somebody else has it


def test_a_store_without_passes_says_so(make_keys: MakeKeys) -> None:
    """The error names the store and what to use instead."""
    with pytest.raises(ConfigurationError, match="a Bare keeps no sessions: use a store in SQLite or PostgreSQL"):
        make_keys(store=Bare()).passes.find("link", "text")


async def test_the_same_on_an_event_loop(clock: FakeClock) -> None:
    """Each verb does the same."""
    keys = AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER], clock=clock)
    link, session = [await keys.passes.issue(kind, "acme", expires_in=60) for kind in ("link", "session")]
    assert await keys.passes.find("link", link.plaintext) == link.record
    assert await keys.passes.take("link", link.plaintext) == link.record
    assert await keys.passes.take("link", link.plaintext) is None
    assert await keys.passes.end("session", holder="acme") == 1
    assert await keys.passes.find("session", session.plaintext) is None
