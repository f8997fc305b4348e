"""The shape of the tree: folders, modules and functions of a size to keep in mind, and reasons beside exceptions."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import secretsource

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(secretsource.__file__).parent
_SILENCED = re.compile(r"# type: ignore\[[\w, -]+\]$")
FULLEST, LONGEST_MODULE, LONGEST_FUNCTION, MOST_LONG = 16, 400, 35, 5
"""Modules of a folder, lines of a module, lines of a function's body, and functions that are longer."""


def modules() -> list[Path]:
    """Every module of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def lengths(source: str) -> Iterator[tuple[str, int]]:
    """Yield each function of a module, with the lines of its body; its signature and docstring are its description."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[ast.get_docstring(node) is not None :]
            yield node.name, (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def unexplained(source: str) -> list[int]:
    """Return the lines that silence a type checker without a reason, behind it or in the line above."""
    lines = source.splitlines()
    return [
        number
        for number, line in enumerate(lines, 1)
        if _SILENCED.search(line) and not lines[number - 2].lstrip().startswith("# ")
    ]


def test_no_folder_is_crowded() -> None:
    """A folder holds some sixteen modules beside its own; what is more has a room of its own."""
    count = Counter(path.parent.relative_to(PACKAGE) for path in modules() if path.name != "__init__.py")
    assert {str(folder): number for folder, number in count.items() if number > FULLEST} == {}


def test_no_module_is_long() -> None:
    """A module that grows beyond this has a wall to move."""
    sizes = {path.relative_to(PACKAGE).as_posix(): len(path.read_text().splitlines()) for path in modules()}
    assert {module: size for module, size in sizes.items() if size > LONGEST_MODULE} == {}


def test_few_functions_are_long() -> None:
    """Beside those of this list, every function fits on a page."""
    found = {
        f"{path.relative_to(PACKAGE).as_posix()}: {name}"
        for path in modules()
        for name, length in lengths(path.read_text())
        if length > LONGEST_FUNCTION
    }
    assert found == {"stores/migrations/versions/0001_keys.py: upgrade"}
    assert len(found) <= MOST_LONG


def test_the_lines_of_a_body_count() -> None:
    """Of a function within a class, of one that waits, and of one that is nothing but a docstring."""
    source = (
        "class A:\n    def one(\n        self,\n    ):\n"
        "        '''Says\n        more.'''\n        x = 1\n        return x\n"
        "async def two():\n    '''Nothing.'''\n"
    )
    assert dict(lengths(source)) == {"one": 2, "two": 0}


def test_each_silenced_type_has_its_reason() -> None:
    """Behind ``type: ignore``, or in the line above."""
    found = {path.relative_to(PACKAGE).as_posix(): unexplained(path.read_text()) for path in modules()}
    assert {module: lines for module, lines in found.items() if lines} == {}


def test_what_is_a_reason() -> None:
    """A comment of its own; a blank one, or code above, is none."""
    mark = "# type: " + "ignore[misc]"
    assert unexplained(f"x = 1\ny = 2  {mark}") == [2]
    assert unexplained(f"# it is so\ny = 2  {mark}\nz = 3  {mark}  # and so") == []
