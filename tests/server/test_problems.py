"""Errors as problem documents."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from secretsource.exceptions import (
    ConfigurationError,
    Conflict,
    InvalidKey,
    InvalidRequest,
    RepeatTooSoon,
    SecretSourceError,
    StoreError,
)
from secretsource.issuing import HttpAnswer
from secretsource.server.problems import DEFECT, Fault, Problem, faults_of, identified, of_error, of_faults, problem


def read(answer: HttpAnswer) -> dict[str, Any]:
    """The document of an answer, whose headers fit it."""
    assert dict(answer.headers)["Content-Length"] == str(len(answer.body))
    document: dict[str, Any] = json.loads(answer.body)
    assert document["status"] == answer.status
    return document


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidRequest("wrong"), 400, "invalid_request"),
        (InvalidKey("no", reason="invalid_key"), 401, "invalid_key"),
        (Conflict("moved on", revision=3), 412, "conflict"),
        (RepeatTooSoon("wait"), 409, "idempotency_key_in_use"),
        (StoreError("down"), 503, "unavailable"),
        (ConfigurationError("inner"), 500, "misconfigured"),
    ],
)
def test_every_error_has_its_status_and_code(error: SecretSourceError, status: int, code: str) -> None:
    """From the table that every edge reads; what only the operator can mend is not told."""
    answer = of_error(error)
    document = read(answer)
    assert (answer.status, document["code"]) == (status, code)
    assert ("inner" in document["detail"]) is False
    assert ("Retry-After" in dict(answer.headers)) is (status == 503)
    assert ("WWW-Authenticate" in dict(answer.headers)) is (status == 401)


def test_a_problem_names_its_fields() -> None:
    """The first also at the top, so that a simple client finds it."""
    faults = [Fault("pointer", "/a", "wrong"), Fault("parameter", "b", "missing")]
    document = read(problem(422, "invalid_request", "two mistakes", faults))
    assert document["pointer"] == "/a"
    assert document["errors"] == [{"pointer": "/a", "detail": "wrong"}, {"parameter": "b", "detail": "missing"}]
    alone = Problem(422, "invalid_request", "one", fault=faults[1], headers=(("Allow", "GET"),))
    assert read(alone.answer())["parameter"] == "b"
    assert ("Allow", "GET") in alone.answer().headers
    assert "errors" not in read(Problem(404, "not_found", "nothing").answer())


def test_a_refusal_of_the_library_names_its_field() -> None:
    """A pointer into the body, or a parameter of the query; the sentence is beside it."""
    refused = InvalidRequest("scopes must be a list", field="scopes")
    assert read(of_error(refused))["errors"] == [{"pointer": "/scopes", "detail": "scopes must be a list"}]
    assert read(of_error(refused, "parameter"))["parameter"] == "scopes"
    assert "pointer" not in read(of_error(InvalidRequest("two contradict each other")))


def test_a_mistake_stands_where_it_was_made() -> None:
    """A pointer into the body, cut and escaped; a name for the query and for headers; and never the value."""
    found = faults_of(
        [
            {"loc": ("body", "a/b", 0, "~" * 200), "msg": "Value error, must be short", "type": "value_error"},
            {"loc": ("query", "limit"), "msg": "too large", "type": "x", "input": "canary"},
            {"loc": ("header", "if-match"), "msg": "malformed", "type": "x"},
            {"loc": ("body",), "msg": "missing", "type": "x"},
            {"loc": ("path",), "msg": "missing", "type": "x"},
        ]
    )
    assert [(fault.place, fault.name[:12]) for fault in found] == [
        ("pointer", "/a~1b/0/~0~0"), ("parameter", "limit"), ("header", "if-match"), ("pointer", ""),
        ("parameter", "path"),
    ]  # fmt: skip
    assert found[0].detail == "must be short"
    assert found[0].name == "/a~1b/0/" + "~0" * 100
    assert "canary" not in str(found)


INSTANT = "this must be an instant with its offset, such as 2027-01-31T12:00:00Z"


class Form(BaseModel):
    """A field for each mistake that a form of the API can find."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=2, max_length=4)] = "name"
    number: Annotated[int, Field(ge=1, le=9)] = 1
    share: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = 0.5
    word: Annotated[str, Field(pattern="^[a-z]+$")] = "word"
    at: Annotated[AwareDatetime | None, Field(strict=False)] = None
    within: Annotated[float, Field(strict=False)] = 1.0
    is_newest: Annotated[bool, Field(strict=False)] = False
    names: Annotated[list[str], Field(min_length=1, max_length=2)] = ["name"]
    by: Literal["hour", "day"] = "day"
    is_new: bool = False
    facts: dict[str, str] = {}
    needed: int


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": 5}, "this must be a text"),
        ({"name": "n"}, "this must have 2 or more characters"),
        ({"name": "names"}, "this must have at most 4 characters"),
        ({"number": "1"}, "this must be a whole number"),
        ({"number": 0}, "this must be at least 1"),
        ({"number": 10}, "this must be at most 9"),
        ({"share": "x"}, "this must be a number"),
        ({"share": 0}, "this must be over 0.0"),
        ({"share": 1}, "this must be below 1.0"),
        ({"share": float("nan")}, "this must be a finite number"),
        ({"within": "canary"}, "this must be a number"),
        ({"word": "CANARY"}, "this must be of the form ^[a-z]+$"),
        ({"word": "\ud800"}, "this must be a text of Unicode"),
        ({"at": ""}, INSTANT),
        ({"at": "2030-01-01"}, INSTANT),
        ({"at": "2030-13-01T00:00:00Z"}, INSTANT),
        ({"at": "2030-12-01T00:00:00Q"}, INSTANT),
        ({"is_newest": "canary"}, "this must be true or false"),
        ({"names": "name"}, "this must be a list"),
        ({"names": []}, "this must have 1 or more entries"),
        ({"names": ["a", "b", "c"]}, "this must have at most 2 entries"),
        ({"by": "canary"}, "this must be 'hour' or 'day'"),
        ({"is_new": "yes"}, "this must be true or false"),
        ({"facts": []}, "this must be an object"),
        ({"canary": 1}, "this is unknown here: leave it out, or look at its spelling"),
        ({"needed": ...}, "this is needed"),
    ],
)
def test_a_mistake_is_told_in_our_words(given: dict[str, Any], words: str) -> None:
    """Whatever version of pydantic found it; its words are for its own users."""
    asked = {name: value for name, value in {"needed": 1, **given}.items() if value is not ...}
    with pytest.raises(ValidationError) as caught:
        Form.model_validate(asked)
    found = faults_of([{**each, "loc": ("body", *each["loc"])} for each in caught.value.errors()])
    assert found == [Fault("pointer", f"/{next(iter(given))}", words)]


def test_a_mistake_that_has_no_words_of_ours_keeps_its_own() -> None:
    """So does one whose facts have other names in another version of pydantic."""
    mistakes: list[dict[str, Any]] = [{"type": "x"}, {"type": "too_long"}, {"type": "too_long", "ctx": {"most": 2}}]
    found = faults_of([{"loc": ("body",), "msg": "told so", **each} for each in mistakes])
    assert [fault.detail for fault in found] == ["told so"] * 3


def test_a_body_that_is_no_json_is_its_own_problem() -> None:
    """400 and not 422: no field of it can be named."""
    assert read(of_faults([{"loc": ("body", 1), "msg": "x", "type": "json_invalid"}]))["code"] == "malformed_body"
    answer = of_faults([{"loc": ("body",), "msg": "Field required", "type": "missing"}])
    assert (answer.status, read(answer)["detail"]) == (422, "the body is wrong: this is needed")


def test_a_problem_is_numbered() -> None:
    """In its body and in a header, with the headers that it had."""
    answer = identified(problem(405, "method_not_allowed", "use GET", headers=[("Allow", "GET")]), "0" * 16)
    assert read(answer)["request_id"] == dict(answer.headers)["X-Request-Id"] == "0" * 16
    assert dict(answer.headers)["Allow"] == "GET"
    assert len(answer.headers) == len(dict(answer.headers))


def test_a_fault_in_one_field_names_it() -> None:
    """An error of ours knows its field; another one has none."""
    error = InvalidRequest("wrong")
    assert "errors" not in read(of_error(error))
    error.field = "name"  # type: ignore[attr-defined]  # as the errors that know their field have it
    assert read(of_error(error))["errors"] == [{"pointer": "/name", "detail": "wrong"}]


def test_a_body_that_is_no_json_has_the_status_of_a_bad_request() -> None:
    """Also beside other mistakes."""
    answer = of_faults(
        [{"type": "missing", "loc": ("body", "a"), "msg": "m"}, {"type": "json_invalid", "loc": (), "msg": "m"}]
    )
    assert (answer.status, read(answer)["code"]) == (400, "malformed_body")


def test_a_client_may_ask_again_after_five_seconds() -> None:
    """Where a part of the service does not answer."""
    assert dict(of_error(StoreError("down")).headers)["Retry-After"] == "5"


def test_a_problem_that_is_raised_says_its_detail() -> None:
    """So that a log line of it means something."""
    assert str(Problem(422, "invalid_request", "the detail")) == "the detail"


def test_an_answer_of_a_defect_is_an_internal_error() -> None:
    """Which shows nothing of it."""
    assert (DEFECT.status, read(DEFECT)["code"]) == (500, "internal_error")
