"""What a check comes to, and what the outside may hear of it."""

from __future__ import annotations

import pytest

from secretsource import exceptions
from secretsource.issuing import Accepted, Reason, Rejected
from secretsource.issuing.limits import parse
from secretsource.stores.base import KeyRecord, Status

RECORD = KeyRecord("k" * 22, b"h" * 32, "01234567", "sk_live_kkkk…", "acme", "sk", "live", 0.0)


def test_a_verdict_is_true_or_false_by_its_type() -> None:
    """There is no flag that could be forgotten."""
    assert Accepted(RECORD)
    assert not Rejected(Reason.MALFORMED)


PUBLIC = {
    Reason.MISSING: (401, "missing_key", None, exceptions.InvalidKey),
    Reason.AMBIGUOUS: (400, "ambiguous_key", "invalid_request", exceptions.KeyRejected),
    Reason.INSUFFICIENT_SCOPE: (403, "insufficient_scope", "insufficient_scope", exceptions.InsufficientScope),
    Reason.RATE_LIMITED: (429, "rate_limited", None, exceptions.RateLimited),
    Reason.QUOTA_EXCEEDED: (429, "quota_exceeded", None, exceptions.RateLimited),
    Reason.CREDITS_EXHAUSTED: (429, "credits_exhausted", None, exceptions.RateLimited),
    Reason.TOO_MANY_AT_ONCE: (429, "too_many_at_once", None, exceptions.RateLimited),
    Reason.COST_TOO_HIGH: (429, "cost_too_high", None, exceptions.RateLimited),
    Reason.LIMITER_UNAVAILABLE: (503, "unavailable", None, exceptions.StoreError),
    Reason.STORE_UNAVAILABLE: (503, "unavailable", None, exceptions.StoreError),
    Reason.OVERLOADED: (503, "unavailable", None, exceptions.StoreError),
    Reason.VERIFIER_BUSY: (503, "unavailable", None, exceptions.StoreError),
}


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_has_its_public_answer(reason: Reason) -> None:
    """All that is not named here looks like any other key that is not accepted: 401 invalid_token."""
    status, code, challenge, kind = PUBLIC.get(reason, (401, "invalid_key", "invalid_token", exceptions.InvalidKey))
    answer = Rejected(reason, RECORD).answer
    assert answer[:4] == (status, code, challenge, kind)
    error = Rejected(reason, RECORD).error()
    assert type(error) is kind
    assert str(error) == answer.sentence
    assert RECORD.key_id not in str(error)
    if isinstance(error, exceptions.KeyRejected):
        assert error.reason == code


def test_the_inner_reason_is_not_heard_outside() -> None:
    """Malformed, unknown, wrong secret, revoked, …: one sentence and one code for all of them."""
    alike = {Rejected(reason).answer for reason in Reason if reason not in PUBLIC}
    assert len(alike) == 1


def test_verdicts_can_be_matched_and_read() -> None:
    """By position, and by a short text that shows neither key nor hash."""
    match Rejected(Reason.REVOKED):
        case Rejected(Reason.REVOKED):
            pass
        case _:
            pytest.fail("a rejection matches its reason")
    match Accepted(RECORD):
        case Accepted(record):
            assert record is RECORD
    assert repr(Accepted(RECORD)) == "Accepted('sk_live_kkkk…', owner='acme')"
    assert repr(Rejected(Reason.REVOKED)) == "Rejected('revoked')"
    assert (Accepted(RECORD).key_id, Accepted(RECORD).owner) == (RECORD.key_id, "acme")


def test_limits_can_be_read_from_either_verdict() -> None:
    """What is left, and when to come again."""
    plan = parse("2/minute", "1/day")
    assert plan is not None
    granted = plan.draw(None, 1, 0.0, 0.0)
    assert Accepted(RECORD, granted).remaining == 0
    assert [state.remaining for state in Accepted(RECORD, granted).limits] == [1, 0]
    refused = plan.draw(granted.levels, 1, 0.0, 0.0)
    assert Rejected(Reason.QUOTA_EXCEEDED, RECORD, draw=refused).retry_after == 86400
    assert len(Rejected(Reason.QUOTA_EXCEEDED, RECORD, draw=refused).limits) == 2
    assert (Accepted(RECORD).remaining, Accepted(RECORD).limits) == (None, ())
    assert (Rejected(Reason.REVOKED).retry_after, Rejected(Reason.REVOKED).limits) == (None, ())


def test_only_a_rotating_key_has_a_sunset() -> None:
    """It is when the overlap ends, for the headers of RFC 8594 and RFC 9745."""
    assert Accepted(RECORD).sunset is None
    assert Accepted(RECORD._replace(status=Status.ROTATING, overlap_ends=9.0)).sunset == 9.0


def test_a_verdict_says_when_the_rotation_began_where_that_is_known() -> None:
    """A check that did not ask for it knows none."""
    assert Accepted(RECORD).rotated is None
    assert Accepted(RECORD, None, 5.0).rotated == 5.0
