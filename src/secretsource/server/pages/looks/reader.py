"""The reader of a page: the language, the time zone, and the present."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from markupsafe import Markup

from secretsource.exceptions import ConfigurationError
from secretsource.server.pages.looks import formats
from secretsource.server.pages.looks.catalogues import SOURCE, catalogue, languages
from secretsource.server.pages.looks.charts import Bar
from secretsource.server.pages.looks.mistakes import kinds_of, words_for
from secretsource.server.pages.looks.words import LIMITS, PERIODS, SERIES, SHARED, limit_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import tzinfo

__all__ = ["Reader", "check_reading", "reader_for"]

_HOME = {"en": "en_GB"}
"""The locale of a language without a region."""
_LONGEST_HEADER = 200


@dataclass(frozen=True, slots=True)
class Reader:
    """The reader of one page.

    Attributes:
        language: The language of the messages, such as ``de``.
        locale: The locale of numbers and times, such as ``de_AT``.
        zone: The time zone.
        now: The present, in seconds since 1970 UTC.
    """

    language: str
    locale: Locale
    zone: tzinfo
    now: float

    @property
    def direction(self) -> str:
        """The direction of the language: ``ltr`` or ``rtl``."""
        return self.locale.text_direction

    @property
    def tag(self) -> str:
        """The locale as browsers write it, such as ``de-AT``."""
        return str(self.locale).replace("_", "-")

    def gettext(self, message: str) -> str:
        """Return a message in the language."""
        return catalogue(self.language).ugettext(message)

    def ngettext(self, one: str, many: str, number: int) -> str:
        """Return the message for a number in the language."""
        return catalogue(self.language).ungettext(one, many, number)

    def refusal(self, error: Exception) -> str:
        """Return why something was refused, in the language; without words for it, the sentence of the library.

        Args:
            error: An error of the library, or a problem of the service.
        """
        words = words_for(kinds_of(error), getattr(error, "field", None) or "")
        return self.in_english(str(error)) if words is None else self.gettext(words)

    def in_english(self, text: str) -> str:
        """Return the text of an error as a sentence, marked as English where the page is in another language."""
        said = f"{text[:1].upper()}{text[1:].rstrip('.')}."
        return said if self.language == SOURCE else Markup('<span lang="en" dir="ltr">{}</span>').format(said)

    def number(self, value: float) -> str:
        """Return a number with the separators of the locale."""
        return formats.number(value, self.locale)

    def share(self, part: float, whole: float) -> str:
        """Return a share in percent."""
        return formats.share(part, whole, self.locale)

    def limit(self, name: str) -> str:
        """Return the name of a limit in the language, such as ``day quota (plan)`` for ``plan day quota``.

        Args:
            name: The name, as `secretsource.limiters.base.LimitState` has it.
        """
        shared, number, rest = limit_parts(name)
        if rest in PERIODS:
            said = self.ngettext(*PERIODS[rest], number) % {"num": self.number(number)}
        else:
            said = self.gettext(LIMITS.get(rest, rest))
        return f"{said} ({self.gettext(SHARED[shared])})" if shared else said

    def ago(self, then: float) -> str:
        """Return the distance of an instant, such as ``2 minutes ago`` or ``in 61 days``."""
        distance = formats.relative(then, self.now, self.locale)
        if distance:
            return distance
        return self.gettext("just now") if then <= self.now else self.gettext("in less than a minute")

    def moment(self, then: float) -> str:
        """Return an instant in the zone of the reader."""
        return formats.moment(then, self.zone, self.locale)

    def date(self, then: float) -> str:
        """Return the day of an instant in the zone of the reader."""
        return formats.date(then, self.zone, self.locale)

    def bar(self, start: float, parts: Mapping[str, int], *, exact: bool = True) -> Bar:
        """Return a bar of a chart, with its words, such as ``29 Nov 2026: 12 accepted, 1 refused``.

        Args:
            start: The start of its hour or day, in seconds since 1970 UTC.
            parts: The requests of each series of `secretsource.server.pages.looks.words.SERIES`.
            exact: Whether the hour is named beside the day.
        """
        said = [f"{self.number(parts[kind])} {self.gettext(word)}" for kind, word in SERIES.items() if parts.get(kind)]
        return Bar(f"{self.moment(start) if exact else self.date(start)}: {', '.join(said) or 0}", parts)

    def utc(self, then: float) -> str:
        """Return an instant in UTC."""
        return formats.moment(then, UTC, self.locale)


def reader_for(
    accept_language: str = "",
    zone: str = "",
    *,
    now: float,
    settings_language: str = "",
    settings_zone: str = "",
) -> Reader:
    """Return the reader of a request.

    Args:
        accept_language: The header ``Accept-Language``.
        zone: The time zone that the reader's browser named, such as ``Europe/Berlin``; empty if it did not.
        now: The present, in seconds since 1970 UTC.
        settings_language: The language that the settings fix; empty for that of the reader.
        settings_zone: The time zone of readers whose browser named none; empty for UTC.
    """
    wishes = [settings_language] if settings_language else list(_wishes(accept_language[:_LONGEST_HEADER]))
    known = languages()
    for wish in wishes:
        language = wish.replace("_", "-").partition("-")[0].lower()
        if language in known:
            return Reader(language, _locale(wish, language), _zone(zone, settings_zone), now)
    return Reader(SOURCE, _locale(SOURCE, SOURCE), _zone(zone, settings_zone), now)


def check_reading(language: str, zone: str) -> None:
    """Check the settings that decide how pages are read.

    Args:
        language: The language that they fix; empty for that of the reader.
        zone: The time zone of readers whose browser named none; empty for UTC.

    Raises:
        ConfigurationError: The pages have no such language, or there is no such time zone.
    """
    if language and language.replace("_", "-").partition("-")[0].lower() not in languages():
        raise ConfigurationError(
            f"[server.pages] language must be one of {', '.join(languages())}, not {language!r:.40}"
        )
    if zone and zone != "UTC" and _zone(zone) is UTC:
        raise ConfigurationError(f"[server.pages] zone must be a time zone such as  Europe/Berlin, not {zone!r:.40}")


def _wishes(header: str) -> Iterator[str]:
    """Yield the languages of ``Accept-Language``, the most wanted first; those of weight 0 are not wanted."""
    weighed: list[tuple[float, str]] = []
    for part in header.split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            weighed.append((float(weight or 1), tag.strip()))
        except ValueError:
            continue
    yield from (tag for weight, tag in sorted(weighed, key=lambda each: -each[0]) if weight > 0)


def _locale(wish: str, language: str) -> Locale:
    """Return the locale of a wish; that of its language if there is no such region."""
    wish = wish.replace("-", "_")
    try:
        return Locale.parse(_HOME.get(wish.lower(), wish))
    except (UnknownLocaleError, ValueError):
        return Locale.parse(_HOME.get(language, language))


def _zone(*names: str) -> tzinfo:
    """Return the first of the time zones that exists, or UTC."""
    for name in names:
        if name and name != "UTC":
            # A name comes from a browser, and may be anything.
            with suppress(KeyError, ValueError, OSError):
                return ZoneInfo(name)
    return UTC
