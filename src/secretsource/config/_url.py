"""A provider URL and its parts: ``aws://?region=eu-west-1&name=aws-eu``, ``file:///run/secrets``.

Percent-encoding is that of RFC 3986 §2.1, so a ``+`` is a plus, as in references. Errors quote the scheme and the
keys only: what else is in the URL may be a secret.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from secretsource.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


class ProviderUrl(NamedTuple):
    """The decoded parts.

    Attributes:
        name: The instance's name: ``name`` in the query, else the scheme.
        scheme: The driver.
        path: The text between ``://`` and ``?``.
        query: The other settings, as text.
    """

    name: str
    scheme: str
    path: str
    query: Mapping[str, str]


def is_provider_name(word: str) -> bool:
    """Return whether a reference can name a provider by this word."""
    return bool(word) and _NAME.issuperset(word)


def split_provider_url(url: str) -> ProviderUrl:
    """Take a provider URL apart.

    Raises:
        ConfigurationError: It is not of the form ``scheme://path?key=value&key=value``.
    """
    scheme, mark, rest = url.partition("://")
    if not mark or not is_provider_name(scheme):
        raise ConfigurationError("a provider URL must start with a scheme of a-z, 0-9, '-' and '_' before '://'")
    if "#" in rest:
        raise ConfigurationError(f"a '#' in the URL '{scheme}://…' must be written %23")
    path, _, query = rest.partition("?")
    settings = _settings(scheme, query)
    name = settings.pop("name", scheme)
    if not is_provider_name(name):
        raise ConfigurationError(f"the name in the URL '{scheme}://…' must be of a-z, 0-9, '-' and '_'")
    return ProviderUrl(name, scheme, unquote(path), settings)


def _settings(scheme: str, query: str) -> dict[str, str]:
    settings: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        key, mark, value = pair.partition("=")
        if not mark:
            raise ConfigurationError(f"a setting in the URL '{scheme}://…' must have the form key=value")
        if key in settings:
            raise ConfigurationError(f"setting {key!r} is given twice in the URL '{scheme}://…'")
        settings[key] = unquote(value)
    return settings
