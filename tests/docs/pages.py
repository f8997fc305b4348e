"""A page of the documentation as a list of blocks (pure).

Fenced blocks begin at the start of a line. What a page needs beyond what a reader sees stands in HTML comments:

    <!-- needs: aws, valkey -->     at the top: run this page with an AWS and a Valkey of its own; see `worlds`
    <!-- not run: a picture -->     above a block: it is not run, for this reason
    <!-- setup                      Python that prepares what the page talks about
    put("prod/stripe", "sk_live_x")
    -->
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

_FILE_NAME = re.compile(r"# (?P<name>(?:[\w.-]+/)*(?:\.env|[\w-]+\.[a-z]+))$")
_NOT_RUN = re.compile(r"<!-- not run: (?P<reason>.+) -->$")
_NEEDS = re.compile(r"^<!-- needs: (?P<worlds>[a-z, ]+) -->$", re.MULTILINE)


class Block(NamedTuple):
    """One fenced block, or one setup comment.

    Attributes:
        page: The page it is on.
        line: The number of the line above its text, from 1.
        language: The word after the fence; ``setup`` for a setup comment.
        text: What is between the fences.
        not_run: Why it is not run; None when it is.
    """

    page: Path
    line: int
    language: str
    text: str
    not_run: str | None = None

    @property
    def file_name(self) -> str | None:
        """The file that the block is, if its first line says so: ``# app.py``."""
        match = _FILE_NAME.match(self.text.partition("\n")[0])
        return match["name"] if match else None

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line} ({self.language or 'no language'})"


def all_pages() -> list[Path]:
    """Every page: the README, and what is below ``docs``."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def page_id(page: Path) -> str:
    """A page by its path in the repository."""
    return str(page.relative_to(ROOT))


def needs(text: str) -> set[str]:
    """The worlds that a page asks for at its top."""
    match = _NEEDS.search(text)
    return set(match["worlds"].split(", ")) if match else set()


def blocks_of(page: Path, text: str) -> list[Block]:
    """The blocks of a page, in order.

    Raises:
        ValueError: A fence or a setup comment is indented, or is not closed.
    """
    blocks: list[Block] = []
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        line = lines[number]
        end = "```" if line.startswith("```") else "-->" if line == "<!-- setup" else None
        if end is None:
            if line.lstrip().startswith("```"):
                raise ValueError(f"{page.name}:{number + 1}: a block begins at the start of a line")
            number += 1
            continue
        begin = number + 1
        if end not in lines[begin:]:
            raise ValueError(f"{page.name}:{begin}: the block is not closed")
        number = lines.index(end, begin)
        language = "setup" if end == "-->" else line[3:].strip()
        mark = _NOT_RUN.match(lines[begin - 2]) if begin > 1 else None
        content = "\n".join(lines[begin:number])
        blocks.append(Block(page, begin, language, content, mark["reason"] if mark else None))
        number += 1
    return blocks
