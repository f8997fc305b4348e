"""Every view has its pictures, and a page of the documentation shows them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from starlette.routing import compile_path
from tests.server.pages.chromium.gallery import CUSTOMER, GALLERY, IMAGES, KEPT, OPERATOR

from secretsource.server.api import convertors
from secretsource.server.pages.app import VIEWS
from secretsource.server.pages.looks.catalogues import FOLDER

if TYPE_CHECKING:
    from secretsource.server.pages.view import View

TEMPLATES = FOLDER.parent / "templates"
SIGN_IN = ("/portal/sign-in", "/operator/sign-in")
"""Pages that a journey begins at."""
NO_PAGE = {"showHome", "showOperatorHome", "saveUsage", "leaveForProvider", "returnFromProvider"}
"""Views that lead to another page, or answer with a file."""


def test_each_template_of_a_page_has_a_picture() -> None:
    """The journeys assert that a picture shows the template that it stands for."""
    pages = {
        str(path.relative_to(TEMPLATES))
        for path in TEMPLATES.rglob("*.html")
        if '{% extends "base.html" %}' in path.read_text(encoding="utf-8")
    }
    assert pages == set(GALLERY.values())


@pytest.mark.parametrize("view", [view for view in VIEWS if view.method == "GET"], ids=lambda view: view.name)
def test_each_view_has_a_picture(view: View) -> None:
    """A route that is added needs one."""
    convertors.register()
    paths = (*SIGN_IN, *(path for _, path in (*CUSTOMER.values(), *OPERATOR.values())))
    shown = [re.sub(r"\{\w+\}", "0" * 22, path.partition("?")[0]) for path in paths]
    pattern, _, _ = compile_path(view.path)
    assert any(pattern.match(path) for path in shown) is (view.name not in NO_PAGE)


def test_each_picture_is_there_in_each_window() -> None:
    """And no other one: a view that is gone takes its pictures along."""
    wanted = {f"{name}-{shape}.png" for name in GALLERY for shape in KEPT}
    assert {path.name for path in IMAGES.iterdir()} == wanted


def test_each_picture_is_shown() -> None:
    """On the page of the documentation that has them all."""
    page = (IMAGES.parent / "reference" / "pages.md").read_text(encoding="utf-8")
    assert [name for name in GALLERY for shape in KEPT if f"(../images/{name}-{shape}.png)" not in page] == []
