"""The tables ``[[server.webhooks]]``: the endpoints that learn what happens, and the secrets that sign. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from secretsource.server.outgoing.targets import read_target
from secretsource.server.webhooks.events import TYPES

if TYPE_CHECKING:
    from secretsource.config import Section

__all__ = ["MOST_ENDPOINTS", "WebhookSettings", "read_webhooks"]

MOST_ENDPOINTS = 16
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """One table ``[[server.webhooks]]``.

    Attributes:
        name: The name of the endpoint, in logs, figures and commands: 1 to 40 characters of ``a-z0-9-``. The service
            remembers under it what the endpoint was told; keep it when the address changes.
        url: The address, which begins with ``https://``, or ``http://`` with ``private``. It may hold a token, so no
            message shows it.
        secret: The name of the signing secret, or a reference to it, such as ``ref+vault://kv/hooks#shop``.
        events: The types that the endpoint is told of; all when left out.
        private: Whether the endpoint may be in a network that is not public.
    """

    name: str
    url: str = field(repr=False)
    secret: str
    events: tuple[str, ...] = TYPES
    private: bool = False


def read_webhooks(sections: tuple[Section, ...]) -> tuple[WebhookSettings, ...]:
    """Read the tables.

    Args:
        sections: The tables, as they stand in the file.

    Raises:
        ConfigurationError: A key is unknown or has a wrong value; the message names the file and the line.
    """
    found: dict[str, WebhookSettings] = {}
    for section in sections:
        endpoint = _endpoint(section)
        if endpoint.name in found:
            raise section.wrong(f"another endpoint has the name {endpoint.name}: give each its own", "name")
        found[endpoint.name] = endpoint
        if len(found) > MOST_ENDPOINTS:
            raise section.wrong(f"there may be {MOST_ENDPOINTS} endpoints at most", "name")
    return tuple(found.values())


def _endpoint(section: Section) -> WebhookSettings:
    section.only([each.name for each in fields(WebhookSettings)])
    name = section.text("name") or ""
    if not _NAME.fullmatch(name):
        raise section.wrong("name must be 1 to 40 characters of a-z0-9-, such as  shop", "name")
    secret = section.text("secret")
    if not secret:
        raise section.wrong("secret must be the name of the signing secret, or a reference to it", "secret")
    private = section.flag("private", False)
    return WebhookSettings(name, _url(section, private), secret, _events(section), private)


def _url(section: Section, private: bool) -> str:
    url = section.text("url") or ""
    target = read_target(url)
    if target is None or not (target.is_secured or private):
        how = "https:// or http://" if private else "https://, or set  private = true  for a network that you trust"
        raise section.wrong(f"url must be an address that begins with {how}", "url")
    return url


def _events(section: Section) -> tuple[str, ...]:
    if "events" not in section.table:
        return TYPES
    events = section.texts("events")
    if not events or not set(events) <= set(TYPES):
        raise section.wrong(f"events must be some of {', '.join(TYPES)}", "events")
    return events
