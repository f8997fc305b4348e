"""Write a page: a template and its values, in the language of the reader."""

from __future__ import annotations

from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from jinja2.runtime import Context, Macro
from markupsafe import Markup

from secretsource.server.pages.looks import charts, words
from secretsource.server.pages.looks.catalogues import catalogue
from secretsource.server.pages.looks.formats import machine_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
    found.context_class = _Context
    found.install_gettext_translations(catalogue(language), newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
    found.globals["_"] = found.globals["gettext"] = _translator(catalogue(language).gettext)
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


class _Context(Context):
    """A context that calls a macro or a plain function at once; a page makes some thousand calls."""

    def call(self, called: Any, /, *given: Any, **named: Any) -> Any:
        """Call a value of a template."""
        if type(called) is Macro or (type(called) is FunctionType and not hasattr(called, "jinja_pass_arg")):
            named.pop("_loop_vars", None)
            named.pop("_block_vars", None)
            return called(*given, **named)
        return super().call(called, *given, **named)


def _translator(gettext: Callable[[str], str]) -> Callable[..., Markup]:
    """Return ``_`` of the templates: what a message says in a language, with its values escaped.

    Jinja's own makes three calls for each message, and a page has some hundred.
    """
    said: dict[str, Markup] = {}

    def translated(message: str, /, **values: Any) -> Markup:
        found = said.get(message)
        if found is None:
            found = said[message] = Markup(gettext(message))  # noqa: S704 - messages are ours
        return found % values

    return translated
