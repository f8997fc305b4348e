"""The language and the time zone of a reader."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsource.server.pages.looks.catalogues import languages
from secretsource.server.pages.looks.reader import reader_for

NOW = 1_796_000_000.0


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("", "en-GB"),
        ("en", "en-GB"),
        ("en-US,en;q=0.9", "en-US"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de-AT"),
        ("de-ZZ", "de-DE"),
        ("de-a b", "de"),
        ("tlh, de;q=0.3, en;q=0.2", "de"),
        ("en;q=0.2, de;q=0.3", "de"),
        ("de;q=0, en", "en-GB"),
        ("de;q=x", "en-GB"),
        ("*", "en-GB"),
        ("xx-YY", "en-GB"),
    ],
)
def test_the_browser_names_the_language(header: str, tag: str) -> None:
    """The most wanted language that there is counts, and its region decides on numbers and dates."""
    assert reader_for(header, now=NOW).tag == tag


def test_the_settings_may_fix_the_language() -> None:
    """Then the browser is not asked; a language that there is not leaves English."""
    assert reader_for("en-US", now=NOW, settings_language="de").language == "de"
    assert reader_for("de", now=NOW, settings_language="tlh").language == "en"


@given(st.text(max_size=300))
def test_any_header_has_an_answer(header: str) -> None:
    """A header that is not one leaves English, and never an error."""
    assert reader_for(header, header, now=NOW).language in languages()


@pytest.mark.parametrize("zone", ["", "UTC", "Mars/Phobos", "../../etc/passwd", "\0", "Europe"])
def test_without_a_zone_times_are_in_utc(zone: str) -> None:
    """A browser may send anything as the name of its zone."""
    assert reader_for(zone=zone, now=NOW).zone is UTC


def test_the_zone_of_the_browser_counts_before_that_of_the_settings() -> None:
    """The settings serve readers without scripts."""
    assert reader_for(zone="Europe/Berlin", now=NOW, settings_zone="Asia/Tokyo").moment(NOW) == "30 Nov 2026, 01:53"
    assert reader_for(now=NOW, settings_zone="Asia/Tokyo").moment(NOW) == "30 Nov 2026, 09:53"
    assert reader_for(now=NOW, settings_zone="Asia/Tokyo").utc(NOW) == "30 Nov 2026, 00:53 UTC"


def test_what_is_about_now_is_told_in_words() -> None:
    """Seconds would be old before the page is read."""
    english, german = reader_for(now=NOW), reader_for("de", now=NOW)
    assert [english.ago(NOW - 3), english.ago(NOW + 3)] == ["just now", "in less than a minute"]
    assert [german.ago(NOW - 3), german.ago(NOW + 3)] == ["gerade eben", "in weniger als einer Minute"]
    assert english.ago(NOW - 130) == "2 minutes ago"


def test_a_language_has_a_direction() -> None:
    """Pages of English and of German are read from left to right."""
    assert {reader_for(each, now=NOW).direction for each in languages()} == {"ltr"}


def test_numbers_and_shares_follow_the_locale() -> None:
    """German writes a full stop between thousands, and a blank before the sign of percent."""
    reader = reader_for("de", now=NOW)
    assert reader.number(48213) == "48.213"
    assert reader.share(1, 4) == "25\N{NO-BREAK SPACE}%"
    assert reader.date(NOW) == "30. Nov. 2026"


def test_a_message_may_depend_on_a_number() -> None:
    """A message without a translation is English, in the form of its number."""
    reader = reader_for("de", now=NOW)
    assert [reader.ngettext("%d dog", "%d dogs", number) for number in (1, 2)] == ["%d dog", "%d dogs"]


def test_a_bar_has_its_words() -> None:
    """The numbers of its parts, without those that are zero."""
    reader = reader_for("de", now=NOW)
    bar = reader.bar(NOW, {"accepted": 1200, "limited": 0, "refused": 3})
    assert (bar.label, bar.whole) == ("30. Nov. 2026, 00:53 UTC: 1.200 angenommen, 3 abgelehnt", 1203)
    assert reader.bar(NOW, {}, exact=False).label == "30. Nov. 2026: 0"


def test_limits_are_named_in_the_language() -> None:
    """By their parts, so that each rule has its words; a name from a later release stays as it is."""
    german, english = reader_for("de", now=NOW), reader_for("en", now=NOW)
    for name, in_english, in_german in (
        ("minute", "minute", "Minute"),
        ("10 minutes", "10 minutes", "10 Minuten"),
        ("plan day quota", "day quota (plan)", "Tageskontingent (Tarif)"),
        ("owner 2000 seconds", "2,000 seconds (all keys)", "2.000 Sekunden (alle Schlüssel)"),
        ("fortnight", "fortnight", "fortnight"),
    ):
        assert (english.limit(name), german.limit(name)) == (in_english, in_german)
