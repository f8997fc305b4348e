"""The messages of the pages, and the catalogues that translate them.

``python -m tests.server.pages.messages`` brings the catalogues up to date: it adds messages that are new, without a
translation, and removes those that are gone. ``python -m tests.server.pages.messages fr`` begins a new language.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from secretsource.server.pages.looks.catalogues import FOLDER, SOURCE, languages

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["extracted", "path_of", "read"]

_METHODS = [("**.py", "python"), ("**.html", "jinja2")]
_OPTIONS = {"**.html": {"trim_blocks": "true", "silent": "false"}}
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "translate": None, "mark": None, "mark_number": (1, 2)}


def extracted() -> Catalog:
    """Return the messages that the templates and modules of the pages have."""
    found = Catalog(fuzzy=False)
    for _, _, message, _, context in extract_from_dir(FOLDER.parent, _METHODS, _OPTIONS, _KEYWORDS):
        found.add(message, context=context)
    return found


def path_of(language: str) -> Path:
    """Return the path of a catalogue."""
    return FOLDER / language / "LC_MESSAGES" / "pages.po"


def read(language: str) -> Catalog:
    """Return a catalogue, or an empty one for a language that has none."""
    path = path_of(language)
    if not path.exists():
        return Catalog(locale=language, project="secretsource", fuzzy=False)
    with path.open("rb") as opened:
        return read_po(opened, locale=language)


def update(language: str) -> list[str]:
    """Bring a catalogue up to date, and return the messages that are not translated yet."""
    catalogue, path = read(language), path_of(language)
    catalogue.update(extracted(), no_fuzzy_matching=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as opened:
        write_po(
            opened, catalogue, no_location=True, omit_header=True, sort_output=True, ignore_obsolete=True, width=110
        )
    return [str(message.id) for message in catalogue if message.id and not all(_texts(message.string))]


def _texts(string: object) -> list[str]:
    return list(string) if isinstance(string, (tuple, list)) else [str(string or "")]


if __name__ == "__main__":
    for each in {*sys.argv[1:], *languages()} - {SOURCE}:
        print(each, *update(each), sep="\n  ")
