"""The README names each extra that there is."""

from __future__ import annotations

import re
import tomllib

from tests.docs.pages import ROOT

NOT_FOR_USERS = {"dev", "gateways"}
"""Extras for contributors, and one that no code uses yet."""


def test_each_extra_is_in_the_table() -> None:
    """The table of extras has each extra for users, and no other."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    table = (ROOT / "README.md").read_text().partition("| extra | for |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == extras.keys() - NOT_FOR_USERS
