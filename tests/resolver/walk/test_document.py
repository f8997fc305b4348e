"""From what a provider answered to the one value asked for."""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsource.providers.base import Failed, FailureCode, Found, NotFound
from secretsource.resolver._walk.document import chosen, select

DOCUMENT = '{"a": "text", "n": 1, "t": true, "z": null, "o": {"k": ["x", {"y": "deep"}]}, "/": "slash", "e": ""}'


@pytest.mark.parametrize(
    ("fields", "chosen"),
    [
        ((), DOCUMENT),
        (("a",), "text"),
        (("e",), ""),
        (("n",), "1"),
        (("t",), "true"),
        (("o",), '{"k":["x",{"y":"deep"}]}'),
        (("o", "k"), '["x",{"y":"deep"}]'),
        (("/a",), "text"),
        (("/o/k/0",), "x"),
        (("/o/k/1/y",), "deep"),
        (("o", "/k/1", "y"), "deep"),
        (("/~1",), "slash"),
    ],
)
def test_selected(fields: tuple[str, ...], chosen: str) -> None:
    """By keys, by pointers, and one inside the other; numbers and booleans as their JSON text."""
    assert select(DOCUMENT, fields) == chosen
    assert select(DOCUMENT.encode(), fields) == (chosen if fields else DOCUMENT.encode())


@pytest.mark.parametrize("field", ["b", "/b", "/o/x", "/o/k/2", "/o/k/01", "/o/k/-1", "/o/k/²", "/a/0", "/o/k/1/y/z"])
def test_missing(field: str) -> None:
    """A field that is not there is an absence that names it."""
    assert select(DOCUMENT, (field,)) == NotFound(f"the document has no field {field!r}")
    assert select(DOCUMENT, (field, "more")) == NotFound(f"the document has no field {field!r}")


def test_null() -> None:
    """So is one that is null."""
    assert select(DOCUMENT, ("z",)) == NotFound("field 'z' is null")


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ('{"a": "new", "a": "s3cr3t"}', ("a",)),
        ('{"a": "s3cr3t", "b": 1, "a": "new", "a": "s3cr3t"}', ("/a",)),
        ('{"a": 1, "a": true}', ("a",)),
        ('{"a": "s3cr3t", "a": null}', ("a",)),
        ('{"o": {"a": "s3cr3t"}, "o": {"a": "new"}}', ("/o/a",)),
        ('{"o": {"a": "s3cr3t"}, "o": {"a": "new"}}', ("o", "a")),
        ('{"l": [{"a": "s3cr3t", "a": "new"}]}', ("/l/0/a",)),
        ('{"l": [{"a": "s3cr3t", "a": "new"}]}', ("l",)),
    ],
)
def test_several_values(document: str, fields: tuple[str, ...]) -> None:
    """A field with several values has none: the last one is as likely to be the old one as any other."""
    failed = select(document, fields)
    assert isinstance(failed, Failed)
    assert (failed.code, "s3cr3t" in repr(failed)) == (FailureCode.MALFORMED, False)
    assert "several values" in (failed.reason or "")


def test_the_same_value_twice() -> None:
    """Nothing is unclear where a name has one value twice, nor beside a name with several."""
    assert select('{"a": 1.10, "a": 1.10}', ("a",)) == "1.10"
    assert select('{"a": "x", "b": 1, "b": 2}', ("a",)) == "x"


@pytest.mark.parametrize("value", ["s3cr3t", b"\xff", "", "{", "[" * 100_000, "31337", "true", "null", '"s3cr3t"'])
def test_not_json(value: str | bytes) -> None:
    """A field of what is no JSON document is a malformed answer, which does not show the value."""
    failed = select(value, ("a", "b"))
    assert isinstance(failed, Failed)
    assert (failed.code, "s3cr3t" in repr(failed)) == (FailureCode.MALFORMED, False)


def test_json_without_fields() -> None:
    """A list has no key."""
    assert select("[3]", ("a",)) == NotFound("the document has no field 'a'")
    assert select("[3]", ("/0",)) == "3"


class Tier(str, Enum):  # noqa: UP042 - its `str()` differs from that of a StrEnum
    """Text whose ``str()`` is not the text."""

    GOLD = "gold"


def test_a_field_of_a_subclass_of_text() -> None:
    """The value is the text itself, and not the name that its class shows."""
    assert type(select({"a": Tier.GOLD}, ("a",))) is str
    assert select({"a": Tier.GOLD}, ("a",)) == "gold"


def test_a_mapping() -> None:
    """Fields as a service keeps them; the whole of them as one JSON document."""
    value = MappingProxyType({"a": "1", "b": b"\x00", "m": MappingProxyType({"k": "ü"})})
    assert (select(value, ("a",)), select(value, ("b",)), select(value, ("m", "k"))) == ("1", b"\x00", "ü")
    assert select({"m": value["m"]}, ()) == '{"m":{"k":"ü"}}'


def test_a_mapping_that_json_cannot_say() -> None:
    """Bytes among the fields: each can be asked for, all together cannot."""
    failed = select({"b": b"\x00"}, ())
    assert isinstance(failed, Failed)
    assert failed.code is FailureCode.MALFORMED


leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
documents = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
)


@given(documents, st.lists(st.text(max_size=4), max_size=3))
def test_any_document(document: Any, fields: list[str]) -> None:
    """Whatever the document and the fields, the outcome is one of the four."""
    import json

    assert isinstance(select(json.dumps(document), fields), (str, bytes, NotFound, Failed))


class TestDefaultField:
    """An answer that says which field is meant where nobody names one."""

    def found(self, **fields: object) -> Found:
        return Found(fields, default_field="value")

    def test_it_is_meant(self) -> None:
        """It is the value, and without it the wiring is at fault, also where it is null."""
        assert chosen(self.found(value="x", a="y"), ("value",)) == "x"
        for lacking in (self.found(a="y"), self.found(value=None)):
            failed = chosen(lacking, ("value",))
            assert isinstance(failed, Failed)
            assert failed.code is FailureCode.MISCONFIGURED

    def test_a_field_is_beside_it_or_inside(self) -> None:
        """A field of the answer comes before a member of the document in the default field; absent is neither."""
        inside = '{"a": "inside", "b": {"c": 1}}'
        assert chosen(self.found(value=inside, a="beside"), ("value", "a")) == "beside"
        assert chosen(self.found(value=inside), ("value", "a")) == "inside"
        assert chosen(self.found(value=inside), ("value", "b", "c")) == "1"
        assert chosen(self.found(value=inside, b={"c": "beside"}), ("value", "/b/c")) == "beside"
        assert isinstance(chosen(self.found(value=inside), ("value", "z")), NotFound)
        assert isinstance(chosen(self.found(), ("value", "z")), NotFound)

    def test_other_questions(self) -> None:
        """A place that names another field, a whole answer and an answer that says nothing are as ever."""
        assert chosen(self.found(value='{"z": 1}'), ("z",)) == NotFound("the document has no field 'z'")
        assert chosen(self.found(a="b"), ()) == '{"a":"b"}'
        assert chosen(Found({"a": "b"}), ("value",)) == NotFound("the document has no field 'value'")
        assert chosen(Found('{"value": "x"}', default_field="value"), ("value",)) == "x"


NUMBERS = ["1.10", "1e3", "1E5", "-0", "0.1000", "1e400", "0.1e-7", "12345678901234567890.123", "9" * 5000]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:24])
def test_a_number_as_it_is_written(number: str) -> None:
    """By itself, inside what is selected around it, and from bytes; of any length."""
    document = f'{{"n": {number}, "o": {{"n": [{number}]}}}}'
    for value in (document, document.encode()):
        assert select(value, ("n",)) == number
        assert select(value, ("o",)) == f'{{"n":[{number}]}}'
        assert select(value, ("/o/n/0",)) == number


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number(number: str) -> None:
    """A document with it is malformed, whichever field is asked for."""
    assert_malformed(select(f'{{"n": {number}, "a": "text"}}', ("a",)))
    assert_malformed(select({"o": {"n": float(number)}}, ("o",)))


def assert_malformed(chosen: object) -> None:
    assert isinstance(chosen, Failed)
    assert chosen.code is FailureCode.MALFORMED


def test_a_text_that_looks_like_a_number() -> None:
    """It is a text, and stays in quotes inside a document."""
    assert select('{"a": "1.10", "o": {"a": "1.10"}}', ("a",)) == "1.10"
    assert select('{"a": "1.10", "o": {"a": "1.10"}}', ("o",)) == '{"a":"1.10"}'


def test_one_byte_order_mark() -> None:
    """One before the document is taken off; a second one is no JSON."""
    assert select("\ufeff" + DOCUMENT, ("a",)) == "text"
    assert select(("\ufeff" + DOCUMENT).encode(), ("a",)) == "text"
    assert_malformed(select("\ufeff\ufeff" + DOCUMENT, ("a",)))


@pytest.mark.parametrize("index", ["1" * 4301, "9" * 50, "0" * 4301, "18446744073709551616"])
def test_an_index_of_many_digits(index: str) -> None:
    """It is beyond every list, and no error."""
    assert isinstance(select('{"l": [1, 2]}', (f"/l/{index}",)), NotFound)


@given(st.text(max_size=40))
def test_any_field(field: str) -> None:
    """Whatever is asked for, the answer is an outcome."""
    assert isinstance(select('{"l": [1, {"a": 2}], "": 0}', (field,)), (str, NotFound, Failed))
