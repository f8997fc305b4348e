"""The map, the walks and the house rules name what is there."""

from __future__ import annotations

import re

import pytest
from tests.docs import map as drawing
from tests.docs.pages import ROOT

PACKAGE = ROOT / "src" / "secretsource"
PAGE = ROOT / "docs" / "explanation" / "architecture.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
CODE = re.compile(r"`(?P<code>[^`\n]+)`")
MODULE = re.compile(r"[\w/]+(?:\.py|/)")
PATH = re.compile(r"(?:src|tests|docs|benchmarks)/[\w/.*-]+|[\w-]+\.(?:toml|md)|\.env\.example|Makefile")


def spans(text: str, form: re.Pattern[str]) -> list[str]:
    """Return the code spans of a page that have a form, each once."""
    return sorted({match["code"] for match in CODE.finditer(text) if form.fullmatch(match["code"])})


def test_the_map_is_up_to_date() -> None:
    """The map shows the imports of today; if not, run  python -m tests.docs.map."""
    assert drawing.MAP.read_text() == drawing.drawn(drawing.imports()), "run  PYTHONPATH=src python -m tests.docs.map"


def test_every_room_is_on_the_map() -> None:
    """Each folder of the package has a place on the map."""
    folders = {path.parent.name.removeprefix("_") for path in PACKAGE.glob("*/*.py") if path.read_text()}
    assert folders <= drawing.ROOMS.keys()


def test_a_new_arrow_has_no_way() -> None:
    """An import between rooms that had none is an error until somebody draws it."""
    with pytest.raises(KeyError, match="providers"):
        drawing.drawn({("providers", "stores")})


def test_an_arrow_ends_where_it_points() -> None:
    """The tip of an arrow lies at the end of its way, in the direction of the last step."""
    assert drawing.end_of("M10 20 V5 H40") == (40, 5, 1, 0)
    assert drawing.end_of("M10 20 H40 V5") == (40, 5, 0, -1)


def test_no_arrow_crosses_a_room() -> None:
    """Each way starts and ends outside of rooms, and crosses none."""
    for way in drawing.WAYS.values():
        x = y = 0
        for letter, numbers in re.findall(r"([MHV])([\d ]+)", way):
            before = (x, y)
            if letter == "M":
                x, y = map(int, numbers.split())
                continue
            x, y = (int(numbers), y) if letter == "H" else (x, int(numbers))
            for room in drawing.ROOMS.values():
                left, right = sorted((before[0], x))
                upper, lower = sorted((before[1], y))
                beside = right <= room.x or left >= room.x + room.width
                assert beside or lower <= room.y or upper >= room.y + room.height, way


@pytest.mark.parametrize("name", spans(PAGE.read_text(), MODULE))
def test_a_module_of_a_walk_is_there(name: str) -> None:
    """Each module that the page names is in the package."""
    assert (PACKAGE / name).exists()


@pytest.mark.parametrize("path", spans(CONTRIBUTING.read_text(), PATH))
def test_a_path_of_the_recipes_is_there(path: str) -> None:
    """Each path in the page for contributors exists; NAME stands for one of those that are there."""
    assert list(ROOT.glob(path.replace("NAME", "*"))), path


def test_each_recipe_has_five_lines() -> None:
    """A recipe for adding something is five steps, each with a file."""
    text = CONTRIBUTING.read_text().partition("## Add to it")[2].partition("\n## ")[0]
    recipes = text.split("\n### ")[1:]
    assert [recipe.partition("\n")[0] for recipe in recipes] == [
        "A provider",
        "A store",
        "A limiter",
        "A framework edge",
        "A command",
    ]
    for recipe in recipes:
        steps = re.split(r"\n\d\. ", recipe)[1:]
        assert len(steps) == 5
        assert all(any(PATH.fullmatch(code) for code in CODE.findall(step)) for step in steps)
