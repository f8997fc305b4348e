"""The settings of a driver: the keyword parameters of its constructor, read from their annotations.

A parameter is a setting when a configuration file can write it. Its type is str, int, float, bool, a tuple or list of
str, a mapping, a `Literal`, or one of these beside other types. A ready-made client is not a setting.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import ast
import inspect
import operator
import re
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from secretsource._ground.sentinels import UNSET

if TYPE_CHECKING:
    from secretsource.providers.base import Provider

_FAMILIAR = {"Any": Any, "Literal": Literal, "Mapping": Mapping, "Sequence": Sequence}
"""Names that drivers import for type checkers only."""

_WANTED: dict[object, str] = {
    str: "a string",
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a driver.

    Attributes:
        name: The key in the provider's section and in the query of a provider URL.
        type: The annotation without what a configuration file cannot write, such as None or a client's class.
        default: The driver's own value; `UNSET` where it must be given.
    """

    name: str
    type: object
    default: object = UNSET

    @property
    def required(self) -> bool:
        """True when the driver cannot do without."""
        return self.default is UNSET

    @property
    def wanted(self) -> str:
        """The type in words, such as "a string or true or false"."""
        return " or ".join(_in_words(kind) for kind in _alternatives(self.type))

    def accept(self, value: object) -> object:
        """Return the value as the driver wants it, from a TOML value; `UNSET` when it does not fit."""
        return _first_fit(value, _alternatives(self.type))

    def read(self, text: str) -> object:
        """Return the value as the driver wants it, from text such as ``true`` or ``a,b``; `UNSET` if it does not fit.

        Text is kept as it is only where nothing narrower fits.
        """
        kinds = sorted(_alternatives(self.type), key=lambda kind: kind is str)
        return next((value for kind in kinds if (value := _from_text(text, kind)) is not UNSET), UNSET)


def driver_settings(driver: type[Provider]) -> Mapping[str, Setting]:
    """Return the settings of a driver class, by name, in the order of its constructor."""
    names = {**_FAMILIAR, **getattr(inspect.unwrap(driver.__init__), "__globals__", {})}
    settings: dict[str, Setting] = {}
    for parameter in _keywords(driver):
        kinds = _plain_kinds(parameter.annotation, names)
        if kinds:
            default = UNSET if parameter.default is parameter.empty else parameter.default
            settings[parameter.name] = Setting(parameter.name, reduce(operator.or_, kinds), default)
    return settings


def _keywords(driver: type[Provider]) -> list[inspect.Parameter]:
    if sys.version_info >= (3, 14):  # pragma: no cover - there, looking at an annotation evaluates it, if it can be
        from annotationlib import Format

        is_postponed = getattr(inspect.unwrap(driver.__init__), "__annotate__", None) is not None
        form = Format.STRING if is_postponed else Format.VALUE
        signature = inspect.signature(driver.__init__, annotation_format=form)
    else:
        signature = inspect.signature(driver.__init__)
    _, *parameters = signature.parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [parameter for parameter in parameters if parameter.kind in kinds and parameter.name != "name"]


def _plain_kinds(annotation: object, names: dict[str, Any]) -> tuple[Any, ...]:
    """Return the members of an annotation that a configuration file can write."""
    if isinstance(annotation, str):
        found = [_plain_kinds(_resolve(member, names), names) for member in _members(annotation)]
        return tuple(kind for kinds in found for kind in kinds)
    return tuple(kind for kind in _alternatives(annotation) if _is_plain(kind))


def _members(annotation: str) -> list[str]:
    """Split ``A | B``: one part may be a class that only type checkers import, and must not hide the other."""
    try:
        todo = [ast.parse(annotation.strip(), mode="eval").body]
    except SyntaxError:
        return []
    members: list[str] = []
    while todo:
        node = todo.pop(0)
        if isinstance(node, ast.BinOp):
            todo[:0] = [node.left, node.right]
        else:
            members.append(ast.unparse(node))
    return members


def _resolve(annotation: str, names: dict[str, Any]) -> object:
    """Return the meaning of an annotation in the driver's module; None if it has none at run time."""

    def holder() -> None: ...

    holder.__annotations__ = {"setting": annotation}
    try:
        return typing.get_type_hints(holder, names)["setting"]
    except (NameError, AttributeError, TypeError, SyntaxError):
        return None


def _alternatives(annotation: object) -> tuple[Any, ...]:
    if get_origin(annotation) in (typing.Union, types.UnionType):
        return get_args(annotation)
    return (annotation,)


def _is_plain(kind: Any) -> bool:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return all(isinstance(word, str | int) for word in arguments)
    if origin is tuple:
        return arguments == (str, ...)
    if origin in (list, Sequence):
        return arguments == (str,)
    if origin in (dict, Mapping):
        return arguments == () or arguments[0] is str
    return kind in (str, int, float, bool, dict, Mapping)


def _is_mapping(kind: object) -> bool:
    return (get_origin(kind) or kind) in (dict, Mapping)


def _in_words(kind: object) -> str:
    if get_origin(kind) is Literal:
        words = (repr(word) if isinstance(word, str) else _written(word) for word in get_args(kind))
        return f"one of {', '.join(words)}"
    if _is_mapping(kind):
        return "a table of strings" if get_args(kind) == (str, str) else "a table"
    return _WANTED.get(kind, "a list of strings")


def _written(word: object) -> str:
    """Return a word of a `Literal` as a configuration writes it."""
    return str(word).lower() if isinstance(word, bool) else str(word)


def _first_fit(value: object, kinds: tuple[Any, ...]) -> object:
    return next((fitted for kind in kinds if (fitted := _fit(value, kind)) is not UNSET), UNSET)


def _fit(value: object, kind: Any) -> object:
    """Return a TOML value as one plain type, exactly: true is not a number, and a number is not a string."""
    if _is_mapping(kind):
        return _fit_mapping(value, kind)
    if get_origin(kind) is Literal:
        return value if any(value == word and type(value) is type(word) for word in get_args(kind)) else UNSET
    if kind is float:
        return _fit_number(value)
    if kind in (str, int, bool):
        return value if type(value) is kind else UNSET
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return list(value) if get_origin(kind) is list else tuple(value)
    return UNSET


def _fit_number(value: object) -> object:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return UNSET
    return float(value) if abs(value) <= sys.float_info.max else UNSET  # neither infinite, "not a number" nor too long


def _fit_mapping(value: object, kind: Any) -> object:
    if not isinstance(value, dict):
        return UNSET
    inner = get_args(kind)[1:]
    kinds = tuple(part for part in _alternatives(inner[0]) if _is_plain(part)) if inner else ()
    if kinds and any(_first_fit(item, kinds) is UNSET for item in value.values()):
        return UNSET
    return dict(value)


def _from_text(text: str, kind: Any) -> object:
    """Return the text of a provider URL as one plain type; a mapping cannot be written there."""
    if get_origin(kind) is Literal:
        return next((word for word in get_args(kind) if text == _written(word)), UNSET)
    if _is_mapping(kind):
        return UNSET
    if kind is bool:
        return {"true": True, "false": False}.get(text, UNSET)
    if kind is int:
        return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else UNSET
    if kind is float:
        return float(text) if re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", text) else UNSET
    if kind is str:
        return text
    items = [item.strip() for item in text.split(",")] if text else []
    return items if get_origin(kind) is list else tuple(items)
