"""The documents of keys: each as its expected file has it, read back whole, and without a hash."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from tests.documents.samples import FILES, FOREIGN, HASH, KEY, LOOKUP, NEW, NOW, OLD, SAMPLES, expected

from secretsource.exceptions import InvalidRequest
from secretsource.issuing import Accepted, Rejected, Status, http_answer
from secretsource.issuing import documents as d
from secretsource.issuing._document.forms import SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

READABLE = [name for name, (_, _, read) in SAMPLES.items() if read is not None]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_document_is_as_its_file_has_it(name: str) -> None:
    """What is written is, after JSON, the expected file, with its fields in the same order."""
    value, write, _ = SAMPLES[name]
    assert json.dumps(write(value)) == json.dumps(expected(name))


def test_every_file_has_a_sample() -> None:
    """No expected file is left over from a document that is gone."""
    assert {file.stem for file in FILES.glob("*.json")} == set(SAMPLES)


@pytest.mark.parametrize("name", READABLE)
def test_a_document_is_read_back_whole(name: str) -> None:
    """What is read from a document writes the same document again."""
    _, write, read = SAMPLES[name]
    assert read is not None
    assert json.dumps(write(read(expected(name)))) == json.dumps(expected(name))


@pytest.mark.parametrize("name", SAMPLES)
def test_no_document_has_a_hash(name: str) -> None:
    """No document has the hash of a key, its look-up value or its foreign hash, in any encoding that is in use."""
    text = json.dumps(expected(name))
    secrets = [FOREIGN.partition("$")[2], *(value.hex() for value in (HASH, HASH[::-1], LOOKUP))]
    assert not any(secret in text for secret in secrets)
    assert not {"hash", "lookup", "seal", "foreign", "plaintext", "root"} & set(_names(expected(name)))
    assert (KEY in text) == (name in {"issued", "rotated"})


@pytest.mark.parametrize("name", SAMPLES)
def test_every_instant_is_utc_to_the_second(name: str) -> None:
    """A field that ends in _at, and not_before, is null or an instant of RFC 3339 that ends in Z."""
    for field, cell in _cells(expected(name)):
        if (field.endswith("_at") or field == "not_before") and cell is not None:
            assert datetime.fromisoformat(cell).tzinfo is not None
            assert cell == datetime.fromisoformat(cell).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_the_status_is_that_of_now() -> None:
    """A record that ends by time is written as active until then, and as expired from that instant."""
    ending = NEW._replace(expires=NOW)
    assert d.record_document(ending, NOW - 1)["status"] == "active"
    assert d.record_document(ending, NOW)["status"] == "expired"


def test_a_record_is_read_without_its_hash() -> None:
    """A record that was read has all that its document has: no hash, frozen metadata, and aware instants."""
    record = d.read_record(expected("record"))
    assert (record.hash, record.lookup, record.foreign) == (b"", None, None)
    assert (record.status, record.scopes, record.networks) == (Status.ROTATING, OLD.scopes, OLD.networks)
    assert (record.created, record.metadata) == (OLD.created, OLD.metadata)
    with pytest.raises(TypeError):
        record.metadata["plan"]["name"] = "free"


def test_an_instant_of_another_zone_is_the_same_instant() -> None:
    """An instant may be read with any offset from UTC."""
    document = expected("record") | {"created_at": "2026-12-16T10:00:00+02:00"}
    assert d.read_record(document).created == OLD.created


def test_an_accepted_verdict_is_read_with_its_limits() -> None:
    """A verdict from another process is true, and knows what is left of the limits of the key."""
    verdict = d.read_verdict(expected("verdict_accepted"))
    assert isinstance(verdict, Accepted)
    assert [(state.name, state.remaining) for state in verdict.limits] == [("minute", 99), ("month quota", 9999)]
    assert (verdict.remaining, verdict.rotated, verdict.owner) == (99, OLD.created + 29 * 86400, OLD.owner)


def test_an_accepted_verdict_that_is_read_answers_with_its_limits() -> None:
    """The headers for the application's answer are those that the other process would have sent."""
    verdict = d.read_verdict(expected("verdict_accepted"))
    headers = dict(http_answer(verdict, realm="api", now=NOW).headers)
    assert headers["RateLimit"] == '"minute";r=99;t=1, "month quota";r=9999;t=1440000'


def test_a_rejected_verdict_is_read_with_what_refused_it() -> None:
    """A verdict from another process is false, and says which limit refused, and when to try again."""
    verdict = d.read_verdict(expected("verdict_limited"))
    assert isinstance(verdict, Rejected)
    assert verdict.draw is not None
    assert verdict.draw.refused_by is not None
    assert verdict.draw.refused_by.name == "month quota"
    assert verdict.retry_after == expected("verdict_limited")["retry_after"]
    assert str(verdict.error()) == str(Rejected(verdict.reason).error())


def test_fields_of_a_later_version_are_passed_over() -> None:
    """A document with a field that is not known here is read without it."""
    assert d.read_record(expected("record") | {"colour": "red"}) == d.read_record(expected("record"))


@pytest.mark.parametrize("name", READABLE)
def test_a_wrong_field_is_named_and_not_quoted(name: str) -> None:
    """Each field that is of another form is an InvalidRequest that names it and quotes no value."""
    _, _, read = SAMPLES[name]
    assert read is not None
    document = expected(name)
    for field in set(document) - {"code", "hears", "warnings"}:
        with pytest.raises(InvalidRequest) as wrong:
            read(document | {field: {"a canary": object()}.keys()})
        assert str(wrong.value).startswith(f"{field} in the document of a")
        assert "canary" not in str(wrong.value)


@pytest.mark.parametrize(
    ("field", "cell", "sentence"),
    [
        ("created_at", "2027-01-31T00:00:00", "an instant such as 2027-01-31T00:00:00Z, not str"),
        ("created_at", "yesterday", "an instant such as 2027-01-31T00:00:00Z, not str"),
        ("created_at", 7, "an instant such as 2027-01-31T00:00:00Z, not int"),
        ("status", "lost", "one of active, rotating, revoked, expired, disabled, not str"),
        ("revision", True, "a whole number, not bool"),
        ("revision", 1.5, "a whole number, not float"),
        ("scopes", "invoices:read", "a list of texts, not str"),
        ("scopes", ["a", 1], "a list of texts, not list"),
        ("owner", 42, "a text, not int"),
        ("metadata", [], "an object, not list"),
        ("rate_limit", 5, "a text, or null, not int"),
    ],
)
def test_a_field_of_another_form_is_refused(field: str, cell: Any, sentence: str) -> None:
    """The sentence says the form, and what was there instead, without its value."""
    with pytest.raises(InvalidRequest) as wrong:
        d.read_record(expected("record") | {field: cell})
    assert str(wrong.value) == f"{field} in the document of a record must be {sentence}"


def test_seconds_are_written_to_the_millisecond() -> None:
    """More digits say nothing."""
    assert [SECONDS.write(value) for value in (0.0004, 0.0126, 59.9996)] == [0.0, 0.013, 60.0]


def test_a_missing_field_is_named() -> None:
    """A field that must be there, and is not, is named."""
    document = expected("record")
    del document["owner"]
    with pytest.raises(InvalidRequest, match="owner in the document of a record must be a text, not missing"):
        d.read_record(document)


@pytest.mark.parametrize("document", [None, [], "text", 7])
def test_what_is_no_object_is_refused(document: Any) -> None:
    """A document that is not a JSON object is refused in one sentence."""
    with pytest.raises(InvalidRequest, match="the document of a record must be a JSON object, not"):
        d.read_record(document)


@pytest.mark.parametrize(
    "change", [{"record": None}, {"reason": "unknown"}, {"accepted": False}, {"accepted": False, "record": None}]
)
def test_a_verdict_that_contradicts_itself_is_refused(change: dict[str, Any]) -> None:
    """Accepted without a record or with a reason, and rejected without a reason, fail closed."""
    with pytest.raises(InvalidRequest, match="a verdict must be accepted with a record, or rejected with a reason"):
        d.read_verdict(expected("verdict_accepted") | change)


def _names(document: Any) -> Iterator[str]:
    return (name for name, _ in _cells(document))


def _cells(document: Any) -> Iterator[tuple[str, Any]]:
    """Every field of a document, however deep."""
    if isinstance(document, dict):
        for name, cell in document.items():
            yield name, cell
            yield from _cells(cell)
    elif isinstance(document, list):
        for each in document:
            yield from _cells(each)
