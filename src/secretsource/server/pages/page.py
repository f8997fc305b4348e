"""Write a page: a template, its values, and the headers that every page has."""

from __future__ import annotations

from functools import cache
from gettext import NullTranslations
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LANGUAGES", "environment", "language_of", "static_files", "translations"]

LANGUAGES = ("en",)
"""The languages of the pages, the default first."""


def translations(language: str) -> NullTranslations:
    """Return the catalogue of a language."""
    del language
    return NullTranslations()


@cache
def environment(language: str) -> Environment:
    """Return the templates in a language.

    Args:
        language: One of `LANGUAGES`.
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
    catalogue = translations(language)
    found.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
    return found


def language_of(accepted: str) -> str:
    """Return the language of the pages that suits a reader best.

    Args:
        accepted: The header ``Accept-Language``.
    """
    wanted = [part.partition(";")[0].strip().lower()[:2] for part in accepted.split(",")]
    return next((language for language in wanted if language in LANGUAGES), LANGUAGES[0])


@cache
def static_files() -> Mapping[str, tuple[bytes, str, str]]:
    """Return the files that the pages load, by their plain name: the bytes, the media type, and the name to serve.

    The name to serve holds a hash of the file, so that browsers may keep it.
    """
    found: dict[str, tuple[bytes, str, str]] = {}
    for each in files("secretsource.server.pages").joinpath("static").iterdir():
        stem, _, ending = each.name.rpartition(".")
        if ending in _TYPES:
            body = each.read_bytes()
            found[each.name] = (body, _TYPES[ending], f"{stem}.{sha256(body).hexdigest()[:12]}.{ending}")
    return found


_TYPES: Mapping[str, str] = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "ico": "image/x-icon",
}


def rendered(language: str, template: str, values: Mapping[str, Any]) -> str:
    """Return the text of a page.

    Args:
        language: One of `LANGUAGES`.
        template: The name of the template.
        values: Its values; a template that asks for another one is refused.
    """
    return environment(language).get_template(template).render(values)
