"""Take texts as they are and read whole numbers, without typer's reading of them.

typer checks every value by pydantic, even a text that stays a text, and an option that was not given. Loading pydantic
takes longer than all of `secretsource get`, and its errors are words of a library, so only other values go through it.
"""

from __future__ import annotations

import re
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin, get_type_hints

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["take_plain_values"]


def take_plain_values(parameters: list[Any], function: Callable[..., Any] | None) -> list[Any]:
    """Let parameters take plain values as they are.

    Args:
        parameters: The parameters of a command, as typer made them.
        function: The function that the command calls, whose annotations declare the types.

    Returns:
        The parameters.
    """
    declared = cache(lambda: {} if function is None else get_type_hints(function, include_extras=True))
    for parameter in parameters:
        if "process_value" not in vars(parameter):
            parameter.process_value = _processing(parameter, parameter.process_value, declared)
    return parameters


def _processing(
    parameter: Any, convert: Callable[[Any, Any], Any], declared: Callable[[], Mapping[str, Any]]
) -> Callable[[Any, Any], Any]:
    """Make the ``process_value`` of a parameter (a method of click): plain values first, ``convert`` for others."""
    is_list = parameter.nargs == -1 or getattr(parameter, "multiple", False)

    def process(context: Any, value: Any) -> Any:
        if value is None or value == ():
            is_plain = context.resilient_parsing or not parameter.required
            value = () if is_list else None
        elif isinstance(value, str) and _types(declared().get(parameter.name)) - {type(None)} == frozenset({int}):
            value, is_plain = _whole_number(value, context, parameter), True
        else:
            is_plain = value is False or _is_of(declared().get(parameter.name), value if is_list else (value,))
        if not is_plain:
            return convert(context, value)
        return value if parameter.callback is None else parameter.callback(context, parameter, value)

    return process


def _whole_number(text: str, context: Any, parameter: Any) -> int:
    """Read a whole number that a parameter allows; a wrong text is not quoted, because it may be a key."""
    bounds = parameter if hasattr(parameter, "min") else parameter.type  # where other versions of typer have them
    least, most = getattr(bounds, "min", None), getattr(bounds, "max", None)
    number = int(text) if re.fullmatch(r"[+-]?[0-9]{1,20}", text) else None
    if number is not None and (least is None or number >= least) and (most is None or number <= most):
        return number
    limits = "" if most is None else f" from {least} to {most}"
    raise typer.BadParameter(f"it must be a whole number{limits}", ctx=context, param=parameter)


def _is_of(hint: Any, values: Iterable[Any]) -> bool:
    """Return whether values are of the type that an annotation declares."""
    types = _types(hint)
    return all(type(value) in types for value in values)


def _types(hint: Any) -> frozenset[type]:
    """Return the types that an annotation declares; an empty set if a function reads the text."""
    if get_origin(hint) is Annotated:
        hint, *notes = get_args(hint)
        if any(getattr(note, "parser", None) is not None for note in notes):
            return frozenset()
    members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    items = [get_args(member)[0] if get_origin(member) is list else member for member in members]
    return frozenset(item for item in items if isinstance(item, type))
