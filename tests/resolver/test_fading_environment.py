"""An environment that another thread changes in the middle of a look: a variable that goes away is simply not there."""

from __future__ import annotations

import os
from collections import UserDict
from typing import TYPE_CHECKING

from secretsource.providers._dotenv.interpolation import interpolated
from secretsource.resolver._evidence import EVIDENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest


class Fading(UserDict[str, str]):
    """Variables, one of which goes away as soon as it was seen."""

    def __iter__(self) -> Iterator[str]:
        yield from ("GONE_FILE", *super().__iter__())

    def __contains__(self, name: object) -> bool:
        return name == "GONE_FILE" or super().__contains__(name)


def test_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for ``NAME_FILE`` among all variables does not fail."""
    file = EVIDENCE["file"]._replace(folder=None)
    monkeypatch.setattr(os, "environ", Fading(OTHER="x"))
    assert file.lacking() is not None
    monkeypatch.setattr(os, "environ", Fading(KEY_FILE="x"))
    assert file.lacking() is None
    assert file.lacking("KÉY") is not None


def test_interpolation() -> None:
    """A variable that is gone gives way to the line of the file."""
    pairs = [("GONE_FILE", "of the file"), ("KEY", "${GONE_FILE}")]
    assert interpolated(pairs, Fading())["KEY"] == "of the file"
