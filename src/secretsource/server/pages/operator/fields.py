"""The fields of the forms of operators, read by the models of the management API, with their mistakes. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from secretsource.server.pages.looks.mistakes import INVALID, words_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.server.pages.forms import Form
    from secretsource.server.pages.looks.reader import Reader

__all__ = ["DAY", "number", "read", "seconds"]

DAY = 86400.0
Model = TypeVar("Model", bound=BaseModel)


def read(form: Form, model: type[Model], given: Mapping[str, object], reader: Reader) -> Model | None:
    """Return what a form asks for; None, with the mistakes in the form, if a field is wrong.

    Args:
        form: The form.
        model: The form of the request, as the management API has it.
        given: The fields, read from the form.
        reader: The reader, for the words.
    """
    if form.errors:
        return None
    try:
        return model.model_validate(given)
    except ValidationError as error:
        for each in error.errors(include_input=False, include_url=False, include_context=False):
            name = str(each["loc"][0]) if each["loc"] else ""
            words = words_for((each["type"], INVALID), name)
            said = each["msg"].removeprefix("Value error, ")
            form.wrong(form.place_of(name) or name, reader.in_english(said) if words is None else reader.gettext(words))
    return None


def seconds(form: Form, name: str, wrong: str) -> float | None:
    """Return a number of days as seconds, or None for an empty field.

    Args:
        form: The form, which notes a mistake.
        name: The name of the field.
        wrong: The sentence for a text that is not a number of days.
    """
    text = form.text(name)
    if not text:
        return None
    days = _float(text)
    if days is None or not 0 < days <= 36500:
        form.wrong(name, wrong)
        return None
    return days * DAY


def number(form: Form, name: str, wrong: str) -> int | None:
    """Return a whole number, or None for an empty field; arguments as for `seconds`."""
    text = form.text(name)
    if text and not (text.isascii() and text.isdigit() and len(text) < 10):
        form.wrong(name, wrong)
        return None
    return int(text) if text else None


def _float(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None
