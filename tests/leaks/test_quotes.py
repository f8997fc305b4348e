"""Values that errors quote: of any type in any argument, they make one sentence, and no part of a key is in it."""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from secretsource._ground.key_text import LONGEST_WORD, holds_key, quote, written
from secretsource.exceptions import InvalidRequest, OwnerNotFound, PlanNotFound, SecretSourceError
from secretsource.issuing import NO_SCOPE, ApiKeys, Issued, KeyFormat, KeyRequest
from secretsource.issuing._manage.registers.owners import OwnerFields
from secretsource.issuing._manage.registers.plans import PlanFields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Call = Callable[[ApiKeys, Issued, Any], object]

ENDLESS = 10**5000
"""A number that Python does not write: it has more than 4,300 digits."""
SECRET = slice(len("sk_live_") + 22, None)
"""Where the secret of a key is: behind its front and its locator."""
VERBS = (
    "add_credits", "disable", "events", "expiring", "extend_rotation", "finish_rotation", "get", "get_many", "history",
    "list", "purge", "recent_use", "remaining", "report_leak", "revoke", "rotate", "rotation_status", "run_chores",
    "surrender", "unused", "update", "usage", "whose",
)  # fmt: skip
USUAL = {"overlap": 60, "within": 60, "for_": 60, "credits": 1, "source": "a scanner"}


def _calls() -> Iterator[tuple[str, Call]]:
    """One call for each argument."""
    for name in ("scope", "ip", "cost", "agent", "prefix", "environment"):
        yield f"check {name}", lambda k, i, v, n=name: k.check(i.plaintext, **{"scope": NO_SCOPE, n: v})  # type: ignore[misc]
    for name in KeyRequest.__annotations__:
        yield f"issue {name}", lambda k, _, v, n=name: k.issue(**{"owner": "acme", n: v})  # type: ignore[misc]
    for verb in VERBS:
        parameters = inspect.signature(getattr(ApiKeys, verb)).parameters
        needed = [name for name, each in parameters.items() if each.default is each.empty and name in USUAL]
        for name in [*parameters][1:]:
            yield f"{verb} {name}", partial(_verb, verb, name, needed, "key_id" in parameters)
    for name in (*OwnerFields.__annotations__, "revision", "actor", "origin"):
        yield f"owners.put {name}", lambda k, _, v, n=name: k.owners.put("acme", **{n: v})  # type: ignore[misc]
    for name in (*PlanFields.__annotations__, "revision", "actor", "origin"):
        yield f"plans.put {name}", lambda k, _, v, n=name: k.plans.put("pro", **{n: v})  # type: ignore[misc]
    for name in ("put", "get", "remaining", "events", "suspend", "resume", "delete"):
        yield f"owners.{name}", lambda k, _, v, n=name: getattr(k.owners, n)(v)  # type: ignore[misc]
    yield "owners.list", lambda k, _, v: k.owners.list(plan=v, after=v, limit=v)
    yield "owners.add_credits", lambda k, _, v: k.owners.add_credits("acme", v)
    for name in ("put", "get", "events", "delete"):
        yield f"plans.{name}", lambda k, _, v, n=name: getattr(k.plans, n)(v)  # type: ignore[misc]
    yield "passes.issue kind", lambda k, _, v: k.passes.issue(v, "acme", expires_in=60)
    yield "passes.issue expires_in", lambda k, _, v: k.passes.issue("link", "acme", expires_in=v)
    yield "passes.issue facts", lambda k, _, v: k.passes.issue("link", "acme", expires_in=60, facts={"name": v})
    yield "import_rows format", lambda k, _, v: k.import_rows([], format=v)
    yield "KeyFormat", lambda _, __, v: KeyFormat(prefixes=[v])


def _verb(
    verb: str, name: str, needed: list[str], is_of_a_key: bool, keys: ApiKeys, issued: Issued, value: Any
) -> None:
    given = {each: USUAL[each] for each in needed}
    of_a_key = {"key_id": issued.record.key_id} if is_of_a_key and verb not in {"usage", "history"} else {}
    getattr(keys, verb)(**{**given, **of_a_key, name: value})


CALLS = dict(_calls())


@pytest.fixture
def keys() -> Iterator[ApiKeys]:
    """Keys in memory."""
    with ApiKeys.open("memory://", peppers=["an example pepper of a test, long enough"]) as opened:
        yield opened


def _error(name: str, keys: ApiKeys, value: Any) -> Exception | None:
    issued = keys.issue(owner="acme", credits=5)
    try:
        CALLS[name](keys, issued, value)
    except Exception as error:
        return error
    return None


@pytest.mark.parametrize("name", CALLS)
def test_a_number_that_cannot_be_written_is_refused_in_a_sentence(name: str, keys: ApiKeys) -> None:
    """Alone or in a list; Python's own error is none of ours, and says nothing of the argument."""
    for value in (ENDLESS, [ENDLESS]):
        error = _error(name, keys, value)
        assert isinstance(error, SecretSourceError) or not isinstance(error, ValueError), error


@pytest.mark.parametrize("name", CALLS)
def test_no_error_shows_the_secret_of_a_key(name: str, keys: ApiKeys) -> None:
    """Nor a part of it, wherever the key stands."""
    _look(name, keys, keys.issue(owner="globex").plaintext)


@pytest.mark.parametrize("name", [name for name in CALLS if name.endswith(("prefix", "environment", "environments"))])
def test_no_error_shows_the_secret_of_a_key_without_its_end(name: str, keys: ApiKeys) -> None:
    """It looks like no key, but a prefix of its length is none."""
    _look(name, keys, keys.issue(owner="globex").plaintext[:-1])


def _look(name: str, keys: ApiKeys, text: str) -> None:
    for value in (text, [text]):
        error = _error(name, keys, value)
        assert error is None or text[SECRET][:4] not in f"{error} {vars(error)}"


@pytest.mark.parametrize("error", [OwnerNotFound, PlanNotFound])
def test_a_key_is_no_id(error: type[OwnerNotFound | PlanNotFound], keys: ApiKeys) -> None:
    """Neither in the message nor in the attribute of the error."""
    text = keys.issue(owner="acme").plaintext
    assert error(text).id == "<masked>"
    assert text not in str(error(text))


def test_a_wrong_prefix_is_quoted_as_far_as_a_record_displays_it(keys: ApiKeys) -> None:
    """A foreign key in its place, which no expression of ours knows, is cut there."""
    with pytest.raises(InvalidRequest, match="'sk_live_51Qz and"):
        keys.issue(owner="acme", prefix="sk_live_51QzHfVBvYqGkW9xTnRm")
    assert 1 + len("sk_live_7Qm2") == LONGEST_WORD


class Broken:
    """A value that cannot be written."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def test_what_cannot_be_written_is_described() -> None:
    """By its type, in a quote and in a text."""
    assert quote(ENDLESS) == "a value of type int that cannot be written"
    assert quote([ENDLESS]) == "a value of type list that cannot be written"
    assert quote(Broken()) == written(Broken()) == "a value of type Broken that cannot be written"
    assert quote("a" * 50) == "'" + "a" * 39
    assert quote("a" * 50, 3) == "'aa"
    assert (written(5), quote("5"), quote(5)) == ("5", "'5'", "5")


def test_a_key_is_found_in_a_text(keys: ApiKeys) -> None:
    """A whole one."""
    text = keys.issue(owner="acme").plaintext
    assert holds_key(f"it is {text}.")
    assert not holds_key(text[:-1])
    assert quote(f"it is {text}.") == "'it is <masked>.'"
