"""Every block of the README and of the documentation does what the page says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.docs.pages import all_pages, blocks_of, needs, page_id
from tests.docs.runner import PageRun
from tests.docs.turns import having_its_ports
from tests.docs.worlds import WORLDS

if TYPE_CHECKING:
    from pathlib import Path

MOST_NOT_RUN = 3
"""How many blocks of all pages together may be marked as not run; pictures do not count."""


@pytest.mark.parametrize("page", all_pages(), ids=page_id)
def test_page(page: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page runs from top to bottom, and each of its blocks was run, or is marked as not run."""
    text = page.read_text()
    names: dict[str, Any] = {}
    for world in sorted(needs(text)):
        made = WORLDS[world](request.getfixturevalue(f"{world}_server"))
        for name, value in made.variables.items():
            monkeypatch.setenv(name, value)
        names |= made.names
    folder = tmp_path / "project"
    folder.mkdir()
    run = PageRun(folder, **names)
    with having_its_ports(text):
        run.read(page, text)
    assert [block for block, _ in run.done] == blocks_of(page, text)


def test_next_to_nothing_is_not_run() -> None:
    """Few blocks are marked as not run."""
    marked = [
        str(block)
        for page in all_pages()
        for block in blocks_of(page, page.read_text())
        if block.not_run is not None and block.not_run != "a picture"
    ]
    assert len(marked) <= MOST_NOT_RUN, marked
