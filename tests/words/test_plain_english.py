"""Docstrings, comments, messages and pages are in plain English."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from tests.words.bans import RIDDLES, broken
from tests.words.passages import Passage, of_page, of_python

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "secretsource"

ROOMS = {
    ".": [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")],
    **{f"docs/{folder.name}": sorted(folder.rglob("*.md")) for folder in (ROOT / "docs").iterdir() if folder.is_dir()},
    "src/secretsource": sorted(PACKAGE.glob("*.py")),
    **{
        f"src/secretsource/{folder.name}": sorted(folder.rglob("*.py"))
        for folder in PACKAGE.iterdir()
        if folder.is_dir()
    },
}
"""Each folder that a reader enters, with its files."""


RIDDLING = [
    ("A sealed key hears of nothing.", "write 'receive' or 'learn'"),
    ("It is no key_id.", "write 'is not a'"),
    ("Return the owner; whoever rotates it may leave the old one.", "say the person or program"),
    ("What the service answers.", "start with a noun"),
    ("Who holds the pepper reads it.", "start with a noun"),
    ("Return the first, or nothing where there is none.", "write 'there is no'"),
    ("Return how the value was come by, or comes by.", "write 'obtain'"),
    ("Give back the connections.", "write 'return' or 'release'"),
    ("Connections are given back.", "write 'return' or 'release'"),
    ("A secret that cannot be had.", "write 'is available' or 'obtain'"),
    ("It is an error all the same.", "write 'still'"),
    ("A text will not do.", "write 'is not enough' or 'is refused'"),
    ("The limit cannot be: it is negative.", "write 'must be'"),
    ("Hold it, lest it end.", "use a word of today"),
    (" ".join(["word"] * 31), "at most 30 words"),
]
"""A sentence for each banned way of writing, with the advice."""


@cache
def findings(room: str) -> list[str]:
    """Return every broken rule in a folder, with file and line."""
    found = []
    for file in ROOMS[room]:
        text = file.read_text()
        for passage in of_python(text) if file.suffix == ".py" else of_page(text):
            found += [f"{file.relative_to(ROOT)}:{passage.line} {advice}" for advice in broken(passage)]
    return found


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_folder_is_in_plain_english(room: str) -> None:
    """No sentence of a folder breaks a rule of plain English."""
    assert findings(room) == []


@pytest.mark.parametrize(("sentence", "advice"), RIDDLING)
def test_a_riddle_is_found(sentence: str, advice: str) -> None:
    """Each banned way of writing is found in a docstring, with advice."""
    found = [rule.partition(":")[0] for rule in broken(Passage(1, "docstring", sentence))]
    assert found == [advice]


@pytest.mark.parametrize(
    "sentence",
    [
        "A malformed key_id is never sent to the store: it may be a whole key.",
        "There is no key with this name, and it is no longer stored.",
        "None if the key has no owner.",
        "What next?",
        "One flight per reference.",
    ],
)
def test_a_plain_sentence_passes(sentence: str) -> None:
    """A plain sentence is left alone."""
    assert not list(broken(Passage(1, "docstring", sentence)))


def test_every_kind_of_prose_is_read() -> None:
    """Docstrings, comments, messages and pages are found, and code is left out."""
    source = '''
def fetch(name):
    """A name.

    Args:
        name: Who it is.

        a block of code
    """
    # What comes
    # of it
    raise ValueError(f"what {name} cannot be: a text")
'''
    kinds = {passage.kind: passage.text for passage in of_python(source)}
    assert kinds == {"docstring": "Who it is.", "comment": "What comes of it", "message": "what X cannot be: a text"}
    page = "# Title\n\nA `name` [is\nhere](there).\n\n```python\ncode\n```\n\n| cell | other |\n\n* entry\n  goes on\n"
    assert [passage.text for passage in of_page(page)] == ["Title", "A X is here.", "cell", "other", "entry goes on"]


def test_a_function_opens_with_a_verb_and_a_class_with_a_noun() -> None:
    """The first word of a public docstring is of the right kind; a property may open with a noun."""
    source = '''
class Reader:
    """Reads files."""

    @property
    def name(self):
        """The name."""

    def path(self):
        """The path."""
'''
    found = [rule for passage in of_python(source) for rule in broken(passage)]
    assert found == ["start a class with a noun: Reads files.", "start a function with a verb: The path."]


def test_every_riddle_has_an_example() -> None:
    """Each pattern is covered by an example above."""
    assert set(RIDDLES) <= {advice for _, advice in RIDDLING}
