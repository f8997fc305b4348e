"""``${NAME}`` inside of the values of a ``.env`` file.

A name is looked up in the environment, then in the lines above. If it is nowhere, python-dotenv inserts an empty text;
here the value is unusable, because a connection string with an empty password is a mistake.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dotenv.variables import Variable, parse_variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeAlias

    Held: TypeAlias = "str | Unusable | None"

__all__ = ["POINTER", "Unusable", "interpolated"]

POINTER = "ref+"
"""The start of a value that is not the secret, but a reference to it."""


class Unusable(NamedTuple):
    """The reason why a line gives no value; it shows nothing of the value.

    Attributes:
        problem: The problem, as the words after "the value of 'NAME'".
        remedy: The next step for the reader.
    """

    problem: str
    remedy: str


def interpolated(pairs: Iterable[tuple[str, str | None]], environ: Mapping[str, str]) -> dict[str, Held]:
    """Return the value of each name, with each ``${NAME}`` replaced; the later of two lines counts."""
    values: dict[str, Held] = {}

    def look_up(name: str) -> Held:
        held = environ.get(name)  # at once, since another thread may take it away
        return values.get(name) if held is None else held

    for name, value in pairs:
        values[name] = None if value is None else _expanded(value, look_up)
    return values


def _is_reference(value: str) -> bool:
    """Return whether a value is a reference, maybe with the quotes that another tool left around it."""
    return value.startswith(POINTER) or (value.lstrip(" \t'\"").startswith(POINTER) and "://" in value)


def _expanded(value: str, look_up: Callable[[str], Held]) -> str | Unusable:
    parts: list[str] = []
    atoms = list(parse_variables(value))
    for atom in atoms:
        if not isinstance(atom, Variable):
            parts.append(atom.resolve({}))
            continue
        if atom.default is not None and "${" in atom.default:
            return Unusable("has a ${…} inside of another ${…}", "give a text after ':-', without another ${…}")
        shown = f"${{{atom.name}}}" if atom.name.isidentifier() else "a ${…} without a variable's name"
        operand = look_up(atom.name)
        if operand is None:
            operand = atom.default
        if operand is None:
            return Unusable(f"uses {shown}, which is set nowhere", "set it, or write ${NAME:-} for an empty text")
        if isinstance(operand, Unusable):
            return operand
        if len(atoms) > 1 and _is_reference(operand):
            problem = f"uses {shown}, which is a reference ({POINTER}…) and is not followed inside of other text"
            return Unusable(problem, "keep the whole value where the reference leads")
        parts.append(operand)
    return "".join(parts)
