"""The tables `[[server.webhooks]]` of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.server.test_settings import read

from secretsource.exceptions import ConfigurationError
from secretsource.server.webhooks.events import TYPES
from secretsource.server.webhooks.settings import MOST_ENDPOINTS, WebhookSettings

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://shop.example/hooks?token=canary-7c0e"
GOOD = f'[[server.webhooks]]\nname = "shop"\nurl = "{URL}"\nsecret = "HOOK"\n'


def test_an_endpoint_is_told_of_all_unless_it_says(tmp_path: Path) -> None:
    """The types, the secret and the leave for private networks are its own; its address is in no repr."""
    more = GOOD.replace("shop", "crm").replace("https", "http") + 'private = true\nevents = ["key.exposed"]\n'
    found = read(tmp_path, GOOD + more).webhooks
    assert found == (
        WebhookSettings("shop", URL, "HOOK", TYPES, private=False),
        WebhookSettings(
            "crm", URL.replace("https", "http").replace("shop", "crm"), "HOOK", ("key.exposed",), private=True
        ),
    )
    assert "canary" not in repr(found)
    assert read(tmp_path, "[server]").webhooks == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[server.webhooks]\n", "webhooks must be tables: write  [[server.webhooks]]"),
        (
            f'{GOOD}events = ["key.lost"]',
            "line 5, in [server.webhooks.0]: events must be some of key.expiring, key.exposed, ",
        ),
        (f"{GOOD}events = []", "events must be some of "),
        (f'{GOOD}evnts = ["key.issued"]', "unknown key 'evnts': did you mean 'events'?"),
        (f"{GOOD}private = 1", "private must be true or false"),
        (GOOD.replace("HOOK", ""), "line 4, in [server.webhooks.0]: secret must be the name of the signing secret"),
        (
            GOOD.replace('"shop"', '"Shop"'),
            "line 2, in [server.webhooks.0]: name must be 1 to 40 characters of a-z0-9-",
        ),
        (GOOD.replace('"shop"', f'"{"s" * 41}"'), "name must be"),
        (
            GOOD.replace("https", "http"),
            "line 3, in [server.webhooks.0]: url must be an address that begins with https",
        ),
        (
            GOOD.replace("https", "ftp") + "private = true",
            "url must be an address that begins with https:// or http://",
        ),
        (GOOD.replace("https://", "https://u:p@"), "url must be an address that begins with https://"),
        (GOOD + GOOD, "line 6, in [server.webhooks.1]: another endpoint has the name shop: give each its own"),
        (
            "".join(GOOD.replace('"shop"', f'"shop{number}"') for number in range(MOST_ENDPOINTS + 1)),
            "there may be 16 endpoints at most",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    """The file, the line and the right word, and no value."""
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert "canary" not in str(caught.value)
