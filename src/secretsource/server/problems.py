"""Errors as HTTP answers: problem documents (RFC 9457) with a stable ``code``. Pure.

Every error of ours has its status and code in one table, `secretsource.issuing.statuses`. The answers that a web
framework would write by itself are written here instead. No answer quotes the request.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from secretsource.exceptions import KeyRejected
from secretsource.issuing import HttpAnswer
from secretsource.issuing.statuses import statuses_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from secretsource.exceptions import SecretSourceError

__all__ = ["DEFECT", "MEDIA_TYPE", "Fault", "Problem", "faults_of", "identified", "of_error", "of_faults", "problem"]

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 5
"""Seconds after which a client may ask again when the store cannot answer."""
_INSTANT = "this must be an instant with its offset, such as 2027-01-31T12:00:00Z"
_WORDS: Mapping[str, str] = {
    "missing": "this is needed",
    "extra_forbidden": "this is unknown here: leave it out, or look at its spelling",
    "string_type": "this must be a text",
    "string_unicode": "this must be a text of Unicode",
    "string_pattern_mismatch": "this must be of the form {pattern}",
    "bool_type": "this must be true or false",
    "bool_parsing": "this must be true or false",
    "int_type": "this must be a whole number",
    "int_parsing": "this must be a whole number",
    "int_from_float": "this must be a whole number",
    "float_type": "this must be a number",
    "float_parsing": "this must be a number",
    "finite_number": "this must be a finite number",
    "datetime_parsing": _INSTANT,
    "datetime_from_date_parsing": _INSTANT,
    "timezone_aware": _INSTANT,
    "list_type": "this must be a list",
    "dict_type": "this must be an object",
    "model_type": "this must be an object",
    "model_attributes_type": "this must be an object",
    "greater_than": "this must be over {gt}",
    "greater_than_equal": "this must be at least {ge}",
    "less_than": "this must be below {lt}",
    "less_than_equal": "this must be at most {le}",
    "string_too_short": "this must have {min_length} or more characters",
    "string_too_long": "this must have at most {max_length} characters",
    "too_short": "this must have {min_length} or more entries",
    "too_long": "this must have at most {max_length} entries",
    "literal_error": "this must be {expected}",
    "enum": "this must be {expected}",
}
"""By pydantic's name of a mistake; the words in braces are facts of the form, never the value that was sent."""


class Fault(NamedTuple):
    """One wrong field of a request.

    Attributes:
        place: Where it stands: ``pointer`` for a JSON pointer into the body, ``parameter`` or ``header`` for a name.
        name: The pointer or the name.
        detail: The mistake, without the value.
    """

    place: str
    name: str
    detail: str


class Problem(Exception):
    """A refusal that a route decides on itself.

    Attributes:
        status: The HTTP status.
        code: A stable word for machines.
        detail: One sentence for a person.
        fault: The field that is wrong, or None.
        headers: Further headers.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        fault: Fault | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.fault = fault
        self.headers = headers

    def answer(self) -> HttpAnswer:
        """Return the answer to send."""
        return problem(
            self.status, self.code, self.detail, () if self.fault is None else (self.fault,), headers=self.headers
        )


def problem(
    status: int, code: str, detail: str, faults: Sequence[Fault] = (), *, headers: Iterable[tuple[str, str]] = ()
) -> HttpAnswer:
    """Write a problem.

    Args:
        status: The HTTP status.
        code: A stable word for machines.
        detail: One sentence for a person.
        faults: The wrong fields; the first is also told at the top.
        headers: Further headers.
    """
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    if faults:
        document[faults[0].place] = faults[0].name
        document["errors"] = [{each.place: each.name, "detail": each.detail} for each in faults]
    return _answer(status, document, headers)


def of_error(error: SecretSourceError, place: str = "pointer") -> HttpAnswer:
    """Write an error of ours.

    Args:
        error: The error.
        place: Where the arguments of the call stood: ``pointer`` for the body, ``parameter`` for the query.
    """
    statuses = statuses_of(error)
    headers: list[tuple[str, str]] = []
    if statuses.http == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append(("Retry-After", str(RETRY_AFTER)))
    if isinstance(error, KeyRejected):
        headers.append(("WWW-Authenticate", f'Bearer error="{statuses.code}"'))
    field = getattr(error, "field", None)
    faults = [Fault(place, f"/{field}" if place == "pointer" else field, str(error))] if field else []
    is_ours = statuses.http == HTTPStatus.INTERNAL_SERVER_ERROR
    detail = "the service is not set up for this: ask its operator" if is_ours else str(error)
    return problem(statuses.http, statuses.code, detail, faults, headers=headers)


def of_faults(errors: Sequence[Mapping[str, Any]]) -> HttpAnswer:
    """Write the mistakes that a validation of a request found.

    Args:
        errors: The mistakes, as pydantic lists them.
    """
    if any(each["type"] == "json_invalid" for each in errors):
        return problem(400, "malformed_body", "the body is not JSON")
    faults = faults_of(errors)
    first = faults[0]
    return problem(422, "invalid_request", f"{first.name or 'the body'} is wrong: {first.detail}", faults)


def faults_of(errors: Sequence[Mapping[str, Any]]) -> list[Fault]:
    """Return the wrong fields of a request, none of them with its value.

    Args:
        errors: The mistakes, as pydantic lists them.
    """
    found: list[Fault] = []
    for each in errors:
        where, *path = each["loc"]
        detail = _words(each)
        if where == "body":
            found.append(Fault("pointer", "".join(f"/{_escaped(part)}" for part in path), detail))
        else:
            name = path[0] if path else where
            found.append(Fault("header" if where == "header" else "parameter", str(name), detail))
    return found


def _words(mistake: Mapping[str, Any]) -> str:
    """Return a mistake in our words; what pydantic alone knows is in its words."""
    words, facts = _WORDS.get(mistake["type"]), mistake.get("ctx", {})
    try:
        return str(mistake["msg"]).removeprefix("Value error, ") if words is None else words.format(**facts)
    except KeyError:  # another version of pydantic has another name for the fact
        return str(mistake["msg"])


def identified(answer: HttpAnswer, request_id: str) -> HttpAnswer:
    """Return an answer with the number of its request, in its body and in a header.

    Args:
        answer: An answer with a problem.
        request_id: The number of the request.
    """
    document = {**json.loads(answer.body), "request_id": request_id}
    always = {"Content-Length", "Content-Type", "Cache-Control"}
    kept = [(name, value) for name, value in answer.headers if name not in always]
    return _answer(answer.status, document, [*kept, ("X-Request-Id", request_id)])


def _answer(status: int, document: Mapping[str, Any], headers: Iterable[tuple[str, str]]) -> HttpAnswer:
    body = json.dumps(document).encode()
    always = (("Cache-Control", "no-store"), ("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body))))
    return HttpAnswer(status, (*headers, *always), body)


def _escaped(part: object) -> str:
    """Return one part of a JSON pointer (RFC 6901, section 3), cut: the name of an unknown field may be anything."""
    return str(part)[:100].replace("~", "~0").replace("/", "~1")


DEFECT = problem(500, "internal_error", "the service has a defect: give its operator the request_id")
"""The answer to an error that nobody expected; it shows nothing of the error."""
