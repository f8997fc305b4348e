"""Write a page: a template and its values, in the language of the reader."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from secretsource.server.pages.looks import charts, words
from secretsource.server.pages.looks.catalogues import catalogue
from secretsource.server.pages.looks.formats import machine_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.server.pages.looks.reader import Reader

__all__ = ["environment", "rendered"]


@cache
def environment(language: str) -> Environment:
    """Return the templates in a language; each is compiled once.

    Args:
        language: A language of `secretsource.server.pages.looks.catalogues.languages`.
    """
    found = Environment(
        loader=PackageLoader("secretsource.server.pages"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    found.install_gettext_translations(catalogue(language), newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
    tools: dict[str, Any] = {"charts": charts, "words": words, "machine_time": machine_time}
    found.globals.update(tools)
    return found


def rendered(reader: Reader, template: str, values: Mapping[str, Any]) -> str:
    """Return the text of a page.

    Args:
        reader: The reader; the template knows it as ``reader``.
        template: The name of the template.
        values: Its values; a template that asks for another one is refused.
    """
    return environment(reader.language).get_template(template).render(values, reader=reader)
