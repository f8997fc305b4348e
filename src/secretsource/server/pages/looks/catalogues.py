"""The catalogues of messages: ``locale/<language>/LC_MESSAGES/pages.po``, read as they are when first needed.

The messages of the templates are English, so English needs no catalogue.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FOLDER", "SOURCE", "catalogue", "languages"]

FOLDER = Path(__file__).parents[1] / "locale"
SOURCE = "en"
"""The language of the messages in the templates."""


@cache
def languages() -> Sequence[str]:
    """Return the languages that pages can be read in, English first."""
    return (SOURCE, *sorted(path.parents[1].name for path in FOLDER.glob("*/LC_MESSAGES/pages.po")))


@cache
def catalogue(language: str) -> NullTranslations:
    """Return the messages of a language.

    Args:
        language: A language of `languages`.
    """
    if language == SOURCE:
        return NullTranslations()
    with (FOLDER / language / "LC_MESSAGES" / "pages.po").open("rb") as written:
        messages = read_po(written, locale=language)
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return Translations(compiled)
