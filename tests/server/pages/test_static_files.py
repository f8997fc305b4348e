"""The files that the pages load: small, kept by browsers, and in the colours of the host."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from secretsource.exceptions import ConfigurationError
from secretsource.server.pages.looks.colours import ACCENT
from secretsource.server.pages.static_files import LARGEST_LOGO, static_files

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.conftest import World
    from tests.server.pages.browser import Browser


async def test_a_page_names_the_files_that_it_loads(world: World, browser: Browser) -> None:
    """Each of them is there, may be kept for a year, and is never guessed to be of another type."""
    page = await browser.get("/portal/sign-in")
    loaded = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.body.decode())
    assert [name.partition(".")[0] for name in loaded] == [
        "/static/icon",
        "/static/pages",
        "/static/theme",
        "/static/pages",
    ]
    for each in loaded:
        answer = await browser.get(each)
        assert answer.status == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_file_has_one_name(browser: Browser) -> None:
    """A name without its hash, or with an old one, is not there."""
    for each in ("pages.css", "pages.000000000000.css", "..%2fapp.py"):
        assert (await browser.get(f"/static/{each}")).status == 404


def test_the_accent_of_the_host_is_in_a_file() -> None:
    """Another accent has another name, so that no browser shows the old one."""
    ours, other = static_files(ACCENT, "")["theme.css"], static_files("#116644", "")["theme.css"]
    assert b"--accent:#116644" in other.body
    assert ours.name != other.name


@pytest.mark.parametrize(("ending", "kind"), [("svg", "image/svg+xml"), ("PNG", "image/png")])
def test_a_logo_is_served_as_what_it_is(tmp_path: Path, ending: str, kind: str) -> None:
    """The ending of the file says its type."""
    path = tmp_path / f"ours.{ending}"
    path.write_bytes(b"a logo")
    served = static_files(ACCENT, str(path))["logo"]
    assert (served.body, served.media_type) == (b"a logo", kind)


def test_a_logo_that_cannot_be_served_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    """The error names the file: it is missing, of another kind, or too large."""
    large = tmp_path / "large.svg"
    large.write_bytes(b"x" * (LARGEST_LOGO + 1))
    for path, said in (
        (tmp_path / "no.svg", "cannot be read"),
        (tmp_path / "x.html", "SVG or PNG"),
        (large, "at most"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            static_files(ACCENT, str(path))
