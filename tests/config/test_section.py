"""The tables of an array, as a section of the configuration gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from secretsource.config._section import Section
from secretsource.exceptions import ConfigurationError


def section(**table: Any) -> Section:
    """The table ``[server]``, whose arrays begin on lines 3 and 7."""
    lines: dict[tuple[str | int, ...], int] = {
        ("server",): 1,
        ("server", "routes"): 3,
        ("server", "routes", 0): 3,
        ("server", "routes", 1): 7,
    }
    return Section(Path("app.toml"), lines, ("server",), table)


def test_each_table_of_an_array_is_a_section() -> None:
    """With its own table and its own line; a missing array has none."""
    first, second = section(routes=[{"path": "/a"}, {"path": "/b"}]).items("routes")
    assert (first.table, second.table) == ({"path": "/a"}, {"path": "/b"})
    assert (first.line(), second.line()) == (3, 7)
    assert second.path == ("server", "routes", 1)
    assert section().items("routes") == ()
    assert section(routes=[]).items("routes") == ()


@pytest.mark.parametrize("value", [{"path": "/a"}, "text", 5, ["text"], [{"path": "/a"}, "text"], [[]]])
def test_an_array_of_anything_else_is_refused(value: Any) -> None:
    """With its line and the form to write."""
    with pytest.raises(ConfigurationError) as caught:
        section(routes=value).items("routes")
    assert str(caught.value) == ("app.toml, line 3, in [server]: routes must be tables: write  [[server.routes]]")
