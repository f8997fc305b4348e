"""`secretsource keys outbox`: what has not arrived, and sending it again, from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.issuing.documents import read_message
from secretsource.stores.base import Message
from secretsource.stores.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Callable

    Keys = Callable[..., Any]

WAITING = Message("webhook:shop", "msg_1", "key.issued", '{"a": "b"}', 1000.0, "acme", 2000.0, 3, "answered 500")
GIVEN_UP = WAITING._replace(id="msg_2", made=1001.0, due=None, trouble="answered 410")


@pytest.fixture
def filled(keys: Keys) -> Keys:
    """The command, beside a store with messages."""
    assert keys("migrate", "--create").exit_code == 0
    store = SqlStore.open("sqlite:///keys.db")
    assert store.outbox is not None
    store.outbox.put([WAITING, GIVEN_UP, GIVEN_UP._replace(queue="leaks")])
    store.close()
    return keys


def test_messages_are_shown(filled: Keys) -> None:
    """As a table and as JSON, without their bodies; narrowed by queue, and to what was given up."""
    shown = filled("outbox").stdout
    assert "webhook:shop\tmsg_1\tkey.issued\t1970-01-01 00:16Z\t1970-01-01 00:33Z\t3\tanswered 500" in shown
    assert "msg_2\tkey.issued\t1970-01-01 00:16Z\tgiven up\t3\tanswered 410" in shown
    told = json.loads(filled("outbox", "--queue", "webhook:shop", "--json").stdout)["messages"]
    assert [read_message(each) for each in told] == [WAITING._replace(body=""), GIVEN_UP._replace(body="")]
    told = json.loads(filled("outbox", "--given-up", "--limit", "1", "--json").stdout)["messages"]
    assert [each["id"] for each in told] == ["msg_2"]


def test_what_was_given_up_is_sent_again(filled: Keys) -> None:
    """One message, or all of a queue; those of another queue, and those that wait, stay as they are."""
    assert (
        "0 messages of the queue webhook:shop"
        in filled("outbox", "--resend", "--queue", "webhook:shop", "--id", "msg_1").stderr
    )
    assert "due: 1 message of the queue webhook:shop" in filled("outbox", "--resend", "--queue", "webhook:shop").stderr
    left = json.loads(filled("outbox", "--given-up", "--json").stdout)["messages"]
    assert [each["queue"] for each in left] == ["leaks"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--resend"], "--resend needs --queue"), (["--id", "msg_1"], "--id belongs to --resend")],
)
def test_a_command_that_says_too_little_is_refused(filled: Keys, arguments: list[str], message: str) -> None:
    """The sentence says what is missing."""
    ran = filled("outbox", *arguments)
    assert ran.exit_code == 2
    assert message in ran.stderr


def test_a_store_without_an_outbox_is_refused(filled: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says which store has one."""
    monkeypatch.setattr("secretsource.stores._sql.store.SqlOutbox", lambda *_: None)
    ran = filled("outbox")
    assert ran.exit_code != 0
    assert "this store keeps no outbox: use a store in SQLite or PostgreSQL" in ran.stderr
