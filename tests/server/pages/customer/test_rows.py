"""The rows of a list of keys."""

from __future__ import annotations

from secretsource.issuing import Count, KeyRecord, Status
from secretsource.server.pages.customer.rows import DAYS, Pair, days_of, pairs, partners, rows

NOW = 20_000 * 86400 + 5000.0
DAY = 86400
TODAY = 20_000 * DAY
ONE = KeyRecord("1" * 22, b"", "0" * 8, "sk_live_1111…", "acme", "sk", "live", NOW - 100)
OLD = ONE._replace(key_id="o" * 22, status=Status.ROTATING, successor="n" * 22, overlap_ends=NOW + 60)
NEW = ONE._replace(key_id="n" * 22, predecessor=OLD.key_id)
GONE = ONE._replace(key_id="g" * 22, status=Status.REVOKED, successor="m" * 22, predecessor="p" * 22)


def test_the_other_halves_of_pairs_are_asked_for_once() -> None:
    """The predecessors of keys that work, and the successors of rotating ones; ended keys need nobody."""
    assert partners([NEW, OLD, ONE, GONE, NEW], NOW) == [OLD.key_id, NEW.key_id]


def test_a_rotating_pair_is_one_row() -> None:
    """It stands at the new key, whichever half is on the page; a half whose other half is unknown stands alone."""
    both = {OLD.key_id: OLD, NEW.key_id: NEW}
    assert pairs([NEW, OLD, ONE], {}, NOW) == ([Pair(NEW, OLD), Pair(ONE)], [])
    assert pairs([NEW], both, NOW) == ([Pair(NEW, OLD)], [])
    assert pairs([OLD], both, NOW) == ([], [])
    assert pairs([OLD], {}, NOW) == ([Pair(OLD)], [])
    assert pairs([NEW], {}, NOW) == ([Pair(NEW)], [])


def test_ended_keys_stand_apart() -> None:
    """A new key whose old one has ended is a row of its own; so is an old key whose new one was revoked."""
    ended = OLD._replace(overlap_ends=NOW)
    revoked = NEW._replace(status=Status.REVOKED)
    assert pairs([NEW, ended, GONE], {}, NOW) == ([Pair(NEW)], [Pair(ended), Pair(GONE)])
    assert pairs([revoked, OLD], {}, NOW) == ([Pair(OLD)], [Pair(revoked)])


def test_a_row_adds_up_both_keys() -> None:
    """Accepted requests by day, refused ones in all, and the shares of the last day."""
    days = [
        Count(TODAY - 13 * DAY, OLD.key_id, "accepted", 5),
        Count(TODAY, OLD.key_id, "accepted", 2),
        Count(TODAY, NEW.key_id, "accepted", 3),
        Count(TODAY, NEW.key_id, "rate_limited", 7),
        Count(TODAY - DAY, OLD.key_id, "revoked", 1),
        Count(TODAY, ONE.key_id, "accepted", 100),
    ]
    hours = [
        Count(TODAY, OLD.key_id, "accepted", 1),
        Count(TODAY + 3600, OLD.key_id, "accepted", 1),
        Count(TODAY, NEW.key_id, "accepted", 3),
        Count(TODAY, NEW.key_id, "revoked", 9),
    ]
    pair, alone = rows([Pair(NEW, OLD), Pair(ONE)], days, hours, NOW)
    assert pair.line == (5, *[0] * 12, 5)
    assert (pair.refused, pair.old_requests, pair.new_requests) == (8, 2, 3)
    assert (alone.line[-1], alone.refused, alone.old_requests, alone.new_requests) == (100, 0, 0, 0)


def test_the_line_ends_today() -> None:
    """It has fourteen days, in UTC."""
    assert len(days_of(NOW)) == DAYS == 14
    assert (days_of(NOW)[0], days_of(NOW)[-1]) == (TODAY - 13 * DAY, TODAY)
    assert days_of(TODAY - 0.5)[-1] == TODAY - DAY
