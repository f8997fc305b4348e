"""The rules of plain English here, and the sentences that break them (pure)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.words.passages import Passage

LONGEST = 30
"""Greatest number of words in a sentence of a docstring."""

RIDDLES = {
    "say the person or program": r"\b(whoever|whomever|by whom|to whom|for whom)\b",
    "start with a noun": r"^(Who|What|One who|One that|One of|None of|None is|None are|None has)\b(?!.*\?$)",
    "write 'is not a'": r"(?<!there )\b(is|are|was|were|be) no (?!longer\b|more\b|less\b|later\b)\w+",
    "write 'there is no'": r"\b(is|are|was|were|be) (?-i:none)\b",
    "write 'obtain'": r"\b(come|comes|came|coming) by\b(?! (default|itself|their))",
    "write 'return' or 'release'": r"\b(give|gives|gave|given|giving)( it| them)? back\b",
    "write 'is available' or 'obtain'": r"\b(be|is|are) had\b",
    "write 'receive' or 'learn'": r"\b(hear|hears|heard)\b",
    "write 'still'": r"\ball the same\b",
    "write 'is not enough' or 'is refused'": r"\b(will|would) not do\b(?! (it|so|that|this))",
    "write 'must be'": r"\bcannot be:",
    "use a word of today": r"\b(lest|whereof|thereof|hence|thence|whence|hitherto|therein|wherein|nought|aught|ere)\b",
}
"""The advice for each banned way of writing, and its pattern, which is searched in each sentence."""

VERBS = frozenset(Path(__file__).with_name("verbs.txt").read_text().split())
"""The verbs that may open the docstring of a function; add yours to the file if it is the plainest word."""

_NOUNS_TOO = {"answers", "calls", "counts", "limits", "names", "records", "seals", "stores", "traces"}
_PATTERNS = {
    advice: re.compile(pattern, 0 if pattern.startswith("^") else re.IGNORECASE) for advice, pattern in RIDDLES.items()
}


def broken(passage: Passage) -> Iterator[str]:
    """Yield the advice for each rule that a passage breaks, with the sentence."""
    for sentence in passage.sentences():
        for advice, pattern in _PATTERNS.items():
            if pattern.search(sentence) and not (passage.kind == "heading" and sentence.startswith(("What", "Who"))):
                yield f"{advice}: {sentence}"
        if passage.kind == "docstring" and len(sentence.split()) > LONGEST:
            yield f"at most {LONGEST} words: {sentence}"
    first = passage.text.partition(" ")[0].strip(".,;:").lower()
    if passage.opens == "function" and first not in VERBS:
        yield f"start a function with a verb: {passage.text}"
    if passage.opens == "class" and first not in _NOUNS_TOO and first in {f"{verb}s" for verb in VERBS}:
        yield f"start a class with a noun: {passage.text}"
