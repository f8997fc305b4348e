"""What the outside hears: status, headers and body of each verdict."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest

from secretsource.exceptions import ConfigurationError
from secretsource.issuing import Accepted, HttpAnswer, Reason, Rejected, http_answer
from secretsource.issuing._http.answer import check_realm
from secretsource.issuing.limits import parse
from secretsource.stores.base import KeyRecord, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.issuing import Verdict

NOW = 1_800_000_000.0
RECORD = KeyRecord("k" * 22, b"h" * 32, "01234567", "sk_live_kkkk…", "acme", "sk", "live", 0.0)


def answered(verdict: Verdict, realm: str = "billing") -> tuple[HttpAnswer, Mapping[str, str]]:
    """The answer, and its headers by name."""
    answer = http_answer(verdict, realm=realm, now=NOW)
    headers = dict(answer.headers)
    assert len(headers) == len(answer.headers)
    return answer, headers


CHALLENGES = {
    Reason.MISSING: 'Bearer realm="billing"',
    Reason.AMBIGUOUS: 'Bearer realm="billing", error="invalid_request"',
    Reason.INSUFFICIENT_SCOPE: 'Bearer realm="billing", error="insufficient_scope"',
    Reason.RATE_LIMITED: None,
    Reason.QUOTA_EXCEEDED: None,
    Reason.COST_TOO_HIGH: None,
    Reason.CREDITS_EXHAUSTED: None,
    Reason.TOO_MANY_AT_ONCE: None,
    Reason.LIMITER_UNAVAILABLE: None,
    Reason.STORE_UNAVAILABLE: None,
    Reason.OVERLOADED: None,
    Reason.VERIFIER_BUSY: None,
}


@pytest.mark.parametrize("reason", Reason)
def test_every_rejection_is_a_problem_document(reason: Reason) -> None:
    """Status, challenge, code and type follow from the public answer; nothing may be kept by a cache."""
    rejected = Rejected(reason, RECORD)
    answer, headers = answered(rejected)
    problem = json.loads(answer.body)
    assert (answer.status, problem["status"], problem["code"]) == (
        rejected.answer.status,
        rejected.answer.status,
        rejected.answer.code,
    )
    assert (problem["type"], problem["detail"]) == ("about:blank", rejected.answer.sentence)
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Content-Length"] == str(len(answer.body))
    assert headers["Cache-Control"] == "no-store"
    assert headers.get("WWW-Authenticate") == CHALLENGES.get(reason, 'Bearer realm="billing", error="invalid_token"')


def test_the_reasons_that_must_look_alike_do() -> None:
    """Malformed, unknown, revoked, suspended, another network, another kind and so on: the same bytes."""
    public = [reason for reason in Reason if reason.answer.code == "invalid_key"]
    assert len(public) == 14
    assert len({http_answer(Rejected(reason, RECORD), realm="r", now=NOW) for reason in public}) == 1


def test_a_missing_scope_is_named() -> None:
    """In the challenge and in the body, as RFC 6750 has it: with spaces between scopes."""
    answer, headers = answered(Rejected(Reason.INSUFFICIENT_SCOPE, RECORD, scopes=("invoices:read", "invoices:pay")))
    assert headers["WWW-Authenticate"] == (
        'Bearer realm="billing", error="insufficient_scope", scope="invoices:read invoices:pay"'
    )
    assert json.loads(answer.body)["scope"] == "invoices:read invoices:pay"


def test_a_limited_key_hears_when_to_come_back() -> None:
    """Retry-After in whole seconds, rounded up; what there is and what is left, for each limit."""
    plan = parse("2/minute", "3/day")
    assert plan is not None
    levels = None
    for _ in range(2):
        levels = plan.draw(levels, 1, 100.0, 0.0).levels
    refused = plan.draw(levels, 1, 100.5, 0.5)
    answer, headers = answered(Rejected(Reason.RATE_LIMITED, RECORD, draw=refused))
    assert answer.status == 429
    assert headers["Retry-After"] == "30"
    assert headers["RateLimit-Policy"] == '"minute";q=2;w=60, "day quota";q=3;w=86400'
    assert headers["RateLimit"] == '"minute";r=0;t=60, "day quota";r=1;t=86400'


def test_a_wait_is_at_least_a_second() -> None:
    """A client that is told 0 would come back at once."""
    plan = parse("1000/second burst 1", None)
    assert plan is not None
    refused = plan.draw(plan.draw(None, 1, 0.0, 0.0).levels, 1, 0.0, 0.0)
    assert answered(Rejected(Reason.RATE_LIMITED, RECORD, draw=refused))[1]["Retry-After"] == "1"


def test_what_never_fits_has_no_retry_after() -> None:
    """Waiting does not help a request that costs more than the whole limit."""
    plan = parse("2/minute", None)
    assert plan is not None
    refused = plan.draw(None, 3, 0.0, 0.0)
    assert "Retry-After" not in answered(Rejected(Reason.RATE_LIMITED, RECORD, draw=refused))[1]


@pytest.mark.parametrize(
    "reason",
    [Reason.STORE_UNAVAILABLE, Reason.LIMITER_UNAVAILABLE, Reason.OVERLOADED, Reason.VERIFIER_BUSY],
)
def test_an_outage_says_when_to_ask_again(reason: Reason) -> None:
    """503 and not 401: the client's key may be good, and must not be thrown away."""
    answer, headers = answered(Rejected(reason))
    assert (answer.status, headers["Retry-After"]) == (503, "5")


def test_an_accepted_key_adds_nothing_of_itself() -> None:
    """A key without limits that was not rotated leaves the answer of the application as it is."""
    assert http_answer(Accepted(RECORD), realm="r", now=NOW) == HttpAnswer(200, (), b"")


def test_an_accepted_key_hears_its_limits() -> None:
    """Before it is refused, a client can see how much is left."""
    plan = parse("100/minute", None)
    assert plan is not None
    answer, headers = answered(Accepted(RECORD, plan.draw(None, 1, 0.0, 0.0)))
    assert (answer.status, answer.body) == (200, b"")
    assert headers == {"RateLimit-Policy": '"minute";q=100;w=60', "RateLimit": '"minute";r=99;t=1'}


def test_a_rotated_key_hears_its_end() -> None:
    """Deprecation as a structured date (RFC 9745), Sunset as an HTTP date (RFC 8594), which is later."""
    rotating = RECORD._replace(status=Status.ROTATING, overlap_ends=NOW + 3600.5)
    _, headers = answered(Accepted(rotating))
    assert headers["Deprecation"] == "@1800000000"
    assert parsedate_to_datetime(headers["Sunset"]).timestamp() == NOW + 3600


def test_a_realm_is_quoted() -> None:
    """A quotation mark in it does not end it."""
    _, headers = answered(Rejected(Reason.MISSING), 'the "big" \\ api')
    assert headers["WWW-Authenticate"] == r'Bearer realm="the \"big\" \\ api"'


@pytest.mark.parametrize("realm", ["", "a\r\nSet-Cookie: x", "\x00", "é", "r" * 129])
def test_a_realm_that_no_header_can_hold_is_refused(realm: str) -> None:
    """Nothing of the wiring can split a header."""
    with pytest.raises(ConfigurationError, match="realm"):
        check_realm(realm)
    assert check_realm("billing API") == "billing API"
