"""Each language has every message of the pages."""

from __future__ import annotations

import re

import pytest
from tests.server.pages.messages import extracted, read

from secretsource.server.pages.looks.catalogues import SOURCE, catalogue, languages

TRANSLATED = [language for language in languages() if language != SOURCE]
_NAMED = re.compile(r"%\(\w+\)[sd]")


def texts(said: object) -> list[str]:
    """The forms of a message: one, or one for each number."""
    return list(said) if isinstance(said, (tuple, list)) else [str(said or "")]


def test_pages_are_in_english_and_german() -> None:
    """Others can be added beside them."""
    assert languages() == ("en", "de")


def test_messages_are_found() -> None:
    """In templates and in modules, or the tests below would compare nothing."""
    found = {texts(message.id)[0] for message in extracted()}
    assert {"Sign out", "Rotating", "just now", "%(left)s left"} <= found


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_is_translated(language: str) -> None:
    """A catalogue has the messages of the pages, and no others; see `tests.server.pages.messages`."""
    catalogue = read(language)
    assert sorted(texts(each.id) for each in catalogue) == sorted(texts(each.id) for each in extracted())
    assert [message.id for message in catalogue if message.id and not all(texts(message.string))] == []
    assert [message.id for message in catalogue if message.fuzzy and message.id] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_names_the_same_values(language: str) -> None:
    """A name that is misspelled would end in an error on the page."""
    for message in read(language):
        named = set(_NAMED.findall(texts(message.id)[-1]))
        assert all(set(_NAMED.findall(said)) == named for said in texts(message.string) if said and message.id), (
            message.id
        )


def test_messages_are_read_from_the_catalogue() -> None:
    """English is what the templates say; a message that is not there stays as it is."""
    assert catalogue("en").ugettext("Sign out") == "Sign out"
    assert catalogue("de").ugettext("Sign out") == "Abmelden"
    assert catalogue("de").ugettext("never heard of") == "never heard of"
