"""`secretsource owners`, `secretsource plans` and `secretsource keys usage`, on SQLite."""

from __future__ import annotations

import csv
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.issuing import NO_SCOPE, ApiKeys
from secretsource.issuing.documents import read_count, read_limit, read_owner_record, read_plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., Any]


@pytest.fixture
def done(keys: Command, command: Command) -> Command:
    """Run a command on a store that is there; what it writes as JSON."""
    assert keys("migrate", "--create").exit_code == 0

    def run(*arguments: str) -> Any:
        ran = command(*arguments, "--json")
        assert (ran.exit_code, ran.stderr) == (0, "")
        return json.loads(ran.stdout)

    return run


def test_an_owner_is_put_on_a_plan_and_suspended(done: Command) -> None:
    """What is left out stays, an empty text clears, and each command shows the owner as it is then."""
    plan = done(
        "plans", "put", "pro", "--max-keys", "3", "--rate-limit", "5/minute", "--max-life", "90d", "--scope", "a:*"
    )
    assert read_plan(plan)[2:7] == ("5/minute", None, 3, 90 * 86400, frozenset({"a:*"}))
    owner = done("owners", "put", "acme", "--plan", "pro", "--name", "Acme", "--quota", "9/day")
    assert read_owner_record(owner)[2:6] == ("Acme", "pro", None, "9/day")
    assert done("owners", "put", "acme", "--quota", "")["quota"] is None
    assert done("owners", "put", "acme", "--metadata", '{"crm": 5}')["metadata"] == {"crm": 5}
    assert done("owners", "put", "acme", "--name", "Acme Ltd")["metadata"] == {"crm": 5}
    assert done("owners", "put", "acme", "--metadata", "{}", "--name", "Acme")["metadata"] == {}
    assert done("owners", "suspend", "acme", "--reason", "unpaid")["status_reason"] == "unpaid"
    assert done("owners", "show", "acme")["status"] == "suspended"
    assert done("owners", "resume", "acme")["status"] == "active"
    assert [row["owner"] for row in done("owners", "list", "--plan", "pro")] == ["acme"]
    assert done("plans", "put", "pro", "--max-keys", "0")["max_keys"] is None
    assert done("plans", "show", "pro") == done("plans", "list")[0]
    put = done("plans", "put", "pro", "--rotate-every", "30d", "--environment", "live")
    assert (put["max_life"], put["rotate_every"], put["scopes"], put["environments"]) == (
        90 * 86400, 30 * 86400, ["a:*"], ["live"],
    )  # fmt: skip
    free = done("plans", "put", "pro", "--max-life", "0d", "--rotate-every", "0d", "--scope", "", "--environment", "")
    assert {free[each] for each in ("max_life", "rotate_every", "scopes", "environments")} == {None}
    assert done("owners", "delete", "acme")["name"] == "Acme"
    assert done("plans", "delete", "pro")["plan"] == "pro"


def test_what_is_deleted_is_said(done: Command, command: Command) -> None:
    """The table shows the record as it was, so a note says that it is gone."""
    done("plans", "put", "pro")
    done("owners", "put", "acme")
    assert command("owners", "delete", "acme").stderr == "note: owner 'acme' is no longer registered; its keys stay\n"
    assert command("plans", "delete", "pro").stderr == "note: plan 'pro' is deleted\n"


def test_a_customer_is_signed_out(done: Command, command: Command) -> None:
    """Its sessions and its links end, and nobody else's; the owner need not be registered."""
    with ApiKeys.open("sqlite:///keys.db", peppers=["a pepper of this test"]) as keys:
        ways = [keys.passes.issue(kind, "acme", expires_in=60).plaintext for kind in ("link", "customer", "customer")]
        foreign = keys.passes.issue("customer", "globex", expires_in=60).plaintext
        assert done("owners", "sign-out", " acme", "--reason", "a lost phone") == {"owner": "acme", "ended": 3}
        (event,) = keys.owners.events("acme")
        assert (event.kind, event.reason) == ("signed_out", "a lost phone")
        assert event.actor is not None
        assert [keys.passes.find(kind, way) for kind in ("link", "customer") for way in ways] == [None] * 6
        assert keys.passes.find("customer", foreign) is not None
    table = command("owners", "sign-out", "acme")
    assert (table.exit_code, table.stdout.split()) == (0, ["field", "value", "owner", "acme", "ended", "0"])


STORING = [
    ["keys", "issue", "--owner", "acme", "--out", "new.key"], ["keys", "import", "rows.jsonl"],
    ["plans", "put", "pro"], ["owners", "put", "acme"],
]  # fmt: skip
CHANGING = [
    ["keys", "rotate", "0" * 22, "--overlap", "1d", "--out", "new.key"], ["keys", "update", "0" * 22, "--name", "a"],
    ["keys", "add-credits", "0" * 22, "5"], ["keys", "purge", "--owner", "acme", "--yes"], ["plans", "delete", "pro"],
    ["owners", "add-credits", "acme", "5"], ["owners", "suspend", "acme"], ["owners", "resume", "acme"],
    ["owners", "delete", "acme"], ["owners", "sign-out", "acme"],
]  # fmt: skip


def title(words: list[str]) -> str:
    """The name of a command."""
    return " ".join(words[:2])


@pytest.fixture
def empty(keys: Command, folder: Path) -> Path:
    """A folder without a store, and a file with the hash of a key to import."""
    row = {"owner": "acme", "hash": "sha256$" + hashlib.sha256(b"a key of another system").hexdigest()}
    (folder / "rows.jsonl").write_text(json.dumps(row))
    return folder


@pytest.mark.parametrize("words", STORING, ids=title)
def test_a_command_that_stores_something_new_makes_the_store(empty: Path, command: Command, words: list[str]) -> None:
    """The first command of a new project is any of them, and no other one must come before."""
    done = command(*words)
    assert (done.exit_code, done.stderr) == (0, "")
    assert (empty / "keys.db").exists()


@pytest.mark.parametrize("store", ["memory://", "sqlite://", "sqlite:///:memory:", "sqlite+pysqlite://?timeout=5"])
@pytest.mark.parametrize("words", STORING, ids=title)
def test_nothing_new_is_stored_where_nobody_can_find_it(
    empty: Path, command: Command, words: list[str], store: str
) -> None:
    """A store in memory ends with the command."""
    done = command(*words, "--store", store)
    assert done.exit_code == 2
    assert "give --store a lasting one" in done.stderr
    assert not (empty / "new.key").exists()


@pytest.mark.parametrize("words", CHANGING, ids=title)
def test_a_command_that_changes_what_is_there_makes_no_store(empty: Path, command: Command, words: list[str]) -> None:
    """A mistyped name of a store is an error, and not a new store."""
    done = command(*words)
    assert done.exit_code == 2
    assert "there is no key store at sqlite:///keys.db: name another one with --store" in done.stderr
    assert not (empty / "keys.db").exists()


def test_tables_show_what_there_is(done: Command, command: Command) -> None:
    """A row for each, and a page for one, without empty fields; the next page is named."""
    done("plans", "put", "pro", "--quota", "100/month")
    for owner in ("acme", "other"):
        done("owners", "put", owner, "--plan", "pro", "--rate-limit", "5/minute")
    assert command("owners", "list").stdout.split("\n")[1] == "acme\t\tpro\tactive\t5/minute"
    assert command("plans", "list").stdout.split("\n")[1] == "pro\t100/month\t\t"
    assert "rate limit\t5/minute\n" in command("owners", "show", "acme").stdout
    assert "metadata" not in command("owners", "show", "acme").stdout
    assert "quota\t100/month\n" in command("plans", "show", "pro").stdout
    done("plans", "put", "pro", "--max-life", "90d", "--rotate-every", "1d 12h")
    assert "max life\t90d\n" in command("plans", "show", "pro").stdout
    assert "rotate every\t1d 12h\n" in command("plans", "show", "pro").stdout
    assert "go on with  --after 'acme'" in command("owners", "list", "--limit", "1").output
    assert command("owners").stdout.startswith("Usage:")
    assert command("plans").stdout.startswith("Usage:")


def test_credits_are_granted_topped_up_and_shown(done: Command, command: Command) -> None:
    """Of an owner and a key: what was granted in all, and what is left; as lines and as JSON."""
    assert done("owners", "put", "acme", "--credits", "5")["credits"] == 5
    with ApiKeys.open("sqlite:///keys.db", peppers=["a pepper of this test"]) as keys:
        issued = keys.issue(owner="acme", credits=0, environment="test")
        key_id = issued.record.key_id
        more = done("keys", "add-credits", key_id, "7", "--reason", "invoice 9")
        assert (more["credits"], more["revision"]) == (7, 2)
        assert keys.events(key_id)[-1].reason == "invoice 9"
        assert keys.check(issued.plaintext, scope=NO_SCOPE, cost=2, fresh=True)
    owner = done("owners", "add-credits", "acme", "4")
    assert (owner["credits"], [read_limit(limit).remaining for limit in owner["limits"]]) == (9, [7])
    for _ in range(2):
        assert done("keys", "add-credits", key_id, "1", "--once", "invoice 10")["credits"] == 8
        assert done("owners", "add-credits", "acme", "1", "--once", "invoice 11")["credits"] == 10
    told = [read_limit(limit) for limit in done("keys", "show", key_id)["limits"]]
    assert [(state.name, state.limit, state.remaining) for state in told] == [
        ("credits", 8, 6),
        ("owner credits", 10, 8),
    ]
    shown = command("keys", "show", key_id).stdout
    assert "credits\t8\n" in shown
    assert "credits left\t6\nowner credits left\t8\n" in shown
    assert "owner credits left\t8\n" in command("owners", "show", "acme").stdout
    assert command("owners", "list").stdout.split("\n")[1] == "acme\t\t\tactive\t10 credits"
    assert done("keys", "update", key_id, "--credits", "3")["credits"] == 3
    assert done("keys", "update", key_id, "--clear", "credits")["credits"] is None
    assert done("owners", "put", "acme", "--no-credits")["credits"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("owners", "put", "acme", "--plan", "gold"), "there is no plan 'gold'"),
        (("owners", "suspend", "nobody"), "no owner 'nobody' is registered"),
        (("plans", "put", "pro", "--rate-limit", "often"), "rate limit 'often' is not of the form"),
        (("plans", "delete", "gold"), "there is no plan 'gold'"),
        (("owners", "add-credits", "nobody", "5"), "no owner 'nobody' is registered"),
        (("owners", "add-credits", "nobody", "0"), "credits must be a whole number from 1 to"),
        (("owners", "put", "acme", "--credits", "-1"), "credits must be a whole number from 0 to"),
        (("keys", "add-credits", "0" * 22, "5"), "no API key has the key_id"),
    ],
)
def test_a_mistake_is_one_sentence(
    done: Command, command: Command, is_one_sentence: Callable[[str], bool], arguments: tuple[str, ...], said: str
) -> None:
    """It says what is wrong, and the exit code is not 0."""
    failed = command(*arguments)
    assert failed.exit_code in {1, 2}
    assert said in failed.stderr
    assert is_one_sentence(failed.stderr)


def test_usage_is_shown_as_a_table_json_and_csv(done: Command, command: Command) -> None:
    """By key and time; in CSV, no owner's name is a formula."""
    with ApiKeys.open("sqlite:///keys.db") as keys:
        issued = keys.issue(owner="=cmd()", scopes=["a:b"])
        for _ in range(3):
            keys.check(issued.plaintext, scope="a:b")
        keys.check("no key", scope="a:b")
    rows = [read_count(row) for row in done("keys", "usage", "--by", "day")]
    assert [(row.owner, row.outcome, row.requests) for row in rows] == [("", "malformed", 1), ("=cmd()", "accepted", 3)]
    assert done("keys", "usage", "--key", issued.record.key_id)[0]["requests"] == 3
    assert done("keys", "usage", "--owner", "nobody") == []
    table = list(csv.DictReader(command("keys", "usage", "--csv", "--owner", "=cmd()").stdout.splitlines()))
    assert [(row["owner"], row["key_id"], row["requests"]) for row in table] == [("'=cmd()", issued.record.key_id, "3")]
    shown = command("keys", "usage", "--since", "2001-01-01T00:00:00Z").stdout
    assert shown.startswith("start\towner\tkey id\toutcome\trequests\n")
    assert "\taccepted\t3\n" in shown


@pytest.mark.parametrize("group", ["owners", "plans"])
def test_a_stale_revision_is_refused(done: Command, command: Command, group: str) -> None:
    """Nothing is stored then, and the sentence says what to do."""
    first = done(group, "put", "acme", "--quota", "1/day", "--revision", "0")["revision"]
    done(group, "put", "acme", "--quota", "2/day", "--revision", str(first))
    ran = command(group, "put", "acme", "--quota", "3/day", "--revision", str(first))
    assert ran.exit_code == 2
    assert "read it again and decide anew" in ran.stderr
    assert done(group, "show", "acme")["quota"] == "2/day"
