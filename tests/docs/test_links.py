"""Every link leads somewhere, and nothing is promised that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.pages import ROOT, all_pages, page_id

LINK = re.compile(r"\[[^]]+\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)
OWN = [*all_pages(), ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]


def anchors(page: Path) -> set[str]:
    """What a link to a heading of a page may say, as GitHub makes it."""
    titles = (match["title"].lower() for match in HEADING.finditer(page.read_text()))
    return {re.sub(r"[^\w -]", "", title).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", OWN, ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    """A link to a file or a heading of ours finds it."""
    dead = []
    for link in LINK.finditer(page.read_text()):
        path, _, anchor = link["target"].partition("#")
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link["target"])
    assert not dead


@pytest.mark.parametrize("page", [page for page in all_pages() if page.parent != ROOT], ids=page_id)
def test_every_page_is_in_the_index(page: Path) -> None:
    """The front page of the documentation leads to every other page."""
    index = ROOT / "docs" / "index.md"
    assert page == index or f"({page.relative_to(index.parent).as_posix()})" in index.read_text()


@pytest.mark.parametrize("page", OWN, ids=page_id)
def test_a_page_has_one_title(page: Path) -> None:
    """A page opens with its one title, outside of its blocks."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert len(re.findall(r"^# ", re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL), re.MULTILINE)) == 1


def test_every_test_that_is_named_is_there() -> None:
    """A page that says which test shows something names one that exists, in the shipped suites too."""
    shipped = ROOT / "src" / "secretsource" / "testing"
    files = [*(ROOT / "tests").rglob("test_*.py"), *shipped.rglob("*.py")]
    written = {name for file in files for name in re.findall(r"def (test_\w+)\(", file.read_text())}
    named = {name for page in OWN for name in re.findall(r"`(test_\w+)`", page.read_text())}
    assert named - written == set()
    assert len(named) > 20
