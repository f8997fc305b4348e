"""The table `[server.chores]` of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.server.test_settings import read

from secretsource.exceptions import ConfigurationError
from secretsource.server.chores.settings import ChoreSettings
from secretsource.server.settings import ServerSettings

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86400.0
CENTURY = 3155760000


def test_without_the_table_keys_that_expire_are_told_and_none_is_ended(tmp_path: Path) -> None:
    """Once an hour, of a key that ends within thirty days; what is 0 is no rule."""
    settings = read(tmp_path, "[server]").chores
    assert settings == read(tmp_path, "[server.chores]").chores == ServerSettings().chores
    assert settings.every == 3600
    assert settings.rules() == {
        "expiring_within": 30 * DAY,
        "unused_for": None,
        "end_unused": None,
        "keep_ended": None,
    }


def test_the_table_is_read(tmp_path: Path) -> None:
    """Each key is a number of seconds, up to its bound, or 0."""
    text = f"every = 60\nexpiring_within = 0\nunused_for = 1\nend_unused = 86400.0\nkeep_ended = {CENTURY}"
    settings = read(tmp_path, f"[server.chores]\n{text}").chores
    assert settings == ChoreSettings(60, 0, 1, DAY, CENTURY)
    assert settings.rules() == {
        "expiring_within": None,
        "unused_for": 1,
        "end_unused": DAY,
        "keep_ended": CENTURY,
    }
    assert read(tmp_path, "[server.chores]\nevery = 0").chores.every == 0
    assert read(tmp_path, "[server.chores]\nevery = 604800").chores.every == 7 * DAY


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[server]\nchores = 3600", "line 2, in [server]: chores must be a table"),
        ("[server.chores]\nevry = 60", "line 2, in [server.chores]: "),
        *[
            (f"[server.chores]\nevery = {value}", "every must be 0, or a number of seconds from 60 to 604800")
            for value in ("59", "604801", "-1", "nan", "inf", '"1h"', "true", "false")
        ],
        *[
            (f"[server.chores]\n{key} = {value}", f"{key} must be 0, or a number of seconds from {least} to {CENTURY}")
            for key, least in (("expiring_within", 1), ("unused_for", 1), ("end_unused", 86400), ("keep_ended", 86400))
            for value in (least - 0.5, CENTURY + 1)
        ],
    ],
)
def test_a_mistake_names_its_line(tmp_path: Path, text: str, message: str) -> None:
    """And what is right instead."""
    with pytest.raises(ConfigurationError) as raised:
        read(tmp_path, text)
    assert message in str(raised.value)
