"""The table ``[server]`` of the configuration as one frozen object. Pure: `read_settings` gets the table.

Every setting has a default, so a service without a file works: keys in ``keys.db``, on the loopback interface.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from dataclasses import dataclass, field, fields
from ipaddress import ip_network
from re import fullmatch
from typing import TYPE_CHECKING, NamedTuple

from secretsource.exceptions import InvalidRequest
from secretsource.issuing import NO_SCOPE, check_demand
from secretsource.server.chores.settings import ChoreSettings, read_chores
from secretsource.server.oidc.settings import OidcSettings, read_oidc
from secretsource.server.outgoing.targets import is_safe
from secretsource.server.rights import ROOT_PREFIX
from secretsource.server.webhooks.settings import WebhookSettings, read_webhooks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ipaddress import IPv4Network, IPv6Network
    from typing import TypeAlias

    from secretsource.config import Section
    from secretsource.issuing import Demand, LeakPolicy

    Network: TypeAlias = IPv4Network | IPv6Network

__all__ = ["LeakSettings", "PagesSettings", "Route", "ServerSettings", "read_settings"]

ANY_KEY = "NO_SCOPE"
"""The word in the file for a route that every good key may use."""


class Route(NamedTuple):
    """One line of ``[[server.routes]]``: the demand of the requests that a gateway asks about.

    Attributes:
        method: The method in upper case, or ``*`` for any.
        path: The pattern of the path, such as ``/orders/*``.
        scope: The scopes that are all needed, or `NO_SCOPE`.
        cost: Units to take from the limits of the key, 0 to 10**9.
    """

    method: str
    path: str
    scope: Demand
    cost: int = 1


@dataclass(frozen=True, slots=True)
class LeakSettings:
    """The table ``[server.leaks]``: the endpoint for reports of GitHub's secret scanning, which is off without it.

    Attributes:
        github_keys: The address of the public keys that reports are signed with.
        policy: The answer to a leaked key: ``revoke``, ``rotate`` or ``tell``. Or a table of environments and these;
            the keys of other environments are revoked.
        overlap: Seconds for which a rotated key still works, 0 to 604800.
    """

    github_keys: str = "https://api.github.com/meta/public_keys/secret_scanning"
    policy: LeakPolicy | Mapping[str, LeakPolicy] = "revoke"
    overlap: float = 3600.0


@dataclass(frozen=True, slots=True)
class PagesSettings:
    """The table ``[server.pages]``: the pages for customers and operators, which are off without it.

    Attributes:
        name: The name of your API, as the pages show it.
        address: The public address of the service, such as ``https://keys.acme.example``; portal links begin with it.
        api: The address of a request in the example that a new key is shown with.
        logo: The file of a logo, in SVG or PNG, up to 32 KB; the name alone when left out.
        accent: The colour of buttons and links, such as ``#2f5bd7``; it is made darker or lighter where text in it
            could not be read.
        language: The language of the pages, such as ``de``; that of the reader when left out.
        zone: The time zone of readers whose browser names none, such as ``Europe/Berlin``; UTC when left out.
        frame_ancestors: The origins whose pages may frame those of customers, such as ``https://app.acme.example``.
        scopes: The scopes that a customer may choose from, unless the plan of the customer has some.
        prefix: The prefix of keys that customers make; by default the first of ``prefixes``, or ``sk``.
        idle: Seconds without a request after which a session ends, 60 to 86400.
        life: Seconds after which a session ends, 60 to 604800.
        oidc: The OpenID Connect provider that operators may sign in at, a table; off when left out.
    """

    name: str = "API keys"
    address: str = ""
    api: str = "https://api.example.com/v1/"
    logo: str = ""
    accent: str = "#2f5bd7"
    language: str = ""
    zone: str = ""
    frame_ancestors: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    prefix: str = ""
    idle: float = 1800.0
    life: float = 43200.0
    oidc: OidcSettings | None = None


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The settings of the service; a key of ``[server]`` has the name of its attribute.

    Attributes:
        host: The address to listen at.
        port: The port to listen at, 0 to 65535; 0 takes a free one.
        workers: The number of processes, 1 to 64.
        store: The URL of the store, or a reference to it, such as ``ref+vault://kv/app#store``.
        limiter: The URL of a shared limiter, or a reference to it; limits are counted in each process when left out.
        prefixes: The prefixes of customers' keys; any when left out.
        environments: The environments of customers' keys; any when left out.
        ttl: Seconds for which a record is used without reading it again, 0 to 3600.
        note_clients: Whether the store keeps the addresses and user agents that used each key, for a day.
        imported: Whether keys that other systems issued are accepted.
        realm: The purpose of customers' keys, as challenges name it.
        trusted_proxies: Networks of the gateways whose ``X-Forwarded-*`` headers are believed.
        routes: The demands of requests that gateways ask about; the first match counts.
        default_scope: The demand of a request that no route matches; such requests are refused when left out.
        forward_auth_cache: Seconds for which a gateway may keep a good answer, 0 to 300; 0 for not at all.
        preflight: Whether the preflights of browsers pass without a key.
        docs: Whether ``/docs`` and ``/openapi.json`` are served.
        log: The form of log lines: ``json`` or ``text``.
        stop_within: Seconds that requests have to end when the service stops, 1 to 3600.
        leaks: The endpoint for reports of leaked keys, a table; off when left out.
        pages: The pages for customers and operators, a table; off when left out.
        traces: Whether each request is a span of OpenTelemetry; needs the extra ``otel``.
        webhooks: The endpoints of webhooks, each a table ``[[server.webhooks]]``.
        chores: How often the service looks after all keys, and what it tells and ends then: a table with defaults.
    """

    host: str = "127.0.0.1"
    port: int = 8811
    workers: int = 1
    store: str = field(default="sqlite:///keys.db", repr=False)
    limiter: str | None = field(default=None, repr=False)
    prefixes: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    ttl: float = 5.0
    note_clients: bool = True
    imported: bool = False
    realm: str = "api"
    trusted_proxies: tuple[Network, ...] = ()
    routes: tuple[Route, ...] = ()
    default_scope: Demand | None = None
    forward_auth_cache: float = 0.0
    preflight: bool = True
    docs: bool = True
    log: str = "text"
    stop_within: float = 30.0
    leaks: LeakSettings | None = None
    pages: PagesSettings | None = None
    traces: bool = False
    webhooks: tuple[WebhookSettings, ...] = ()
    chores: ChoreSettings = field(default_factory=ChoreSettings)


_RANGES: Mapping[str, tuple[float, float]] = {
    "port": (0, 65535),
    "workers": (1, 64),
    "ttl": (0, 3600),
    "forward_auth_cache": (0, 300),
    "stop_within": (1, 3600),
    "overlap": (0, 604800),
    "idle": (60, 86400),
    "life": (60, 604800),
}
_WORDS: Mapping[str, tuple[str, ...]] = {"log": ("json", "text")}
_MOST_COST = 10**9
_POLICIES = ("revoke", "rotate", "tell")


def read_settings(table: Section | None) -> ServerSettings:
    """Read the table ``[server]``.

    Args:
        table: The table; None without a file, which leaves every default.

    Raises:
        ConfigurationError: A key is unknown or has a wrong value; the message names the file and the line.
    """
    if table is None:
        return ServerSettings()
    table.only([each.name for each in fields(ServerSettings)])
    given: dict[str, object] = {}
    for key in table.table:
        if key == "routes":
            given[key] = tuple(_route(each) for each in table.items(key))
        elif key == "trusted_proxies":
            given[key] = tuple(_network(table, written) for written in table.texts(key))
        elif key == "default_scope":
            given[key] = _demand(table, key)
        elif key in _TABLES:
            given[key] = _TABLES[key](table.section(key))
        elif key == "webhooks":
            given[key] = read_webhooks(table.items(key))
        else:
            given[key] = _plain(table, key, getattr(ServerSettings(), key))
    if "prefixes" in given and ROOT_PREFIX in table.texts("prefixes"):
        raise table.wrong(f"prefixes must be those of customers' keys, and not  {ROOT_PREFIX}", "prefixes")
    pages = given.get("pages")
    if (
        isinstance(pages, PagesSettings)
        and given.get("prefixes")
        and pages.prefix not in {"", *table.texts("prefixes")}
    ):
        raise table.wrong("prefixes must have the prefix of [server.pages], too", "prefixes")
    return ServerSettings(**given)  # type: ignore[arg-type]  # each is of its field's type by now


def _leaks(section: Section) -> LeakSettings:
    section.only([each.name for each in fields(LeakSettings)])
    given: dict[str, object] = {}
    if "github_keys" in section.table:
        given["github_keys"] = _safe_address(section, "github_keys")
    if "overlap" in section.table:
        given["overlap"] = _number(section, "overlap", False, *_RANGES["overlap"])
    if "policy" in section.table:
        given["policy"] = _policy(section)
    return LeakSettings(**given)  # type: ignore[arg-type]  # each is of its field's type by now


def _pages(section: Section) -> PagesSettings:
    section.only([each.name for each in fields(PagesSettings)])
    given = {key: _plain(section, key, getattr(PagesSettings(), key)) for key in section.table if key != "oidc"}
    if "oidc" in section.table:
        given["oidc"] = read_oidc(section.section("oidc"))
    for key in given.keys() & {"address", "api"}:
        _safe_address(section, key)
    if "frame_ancestors" in given:
        given["frame_ancestors"] = tuple(_origin(section, each) for each in section.texts("frame_ancestors"))
    if "prefix" in given and not (fullmatch("[a-z][a-z0-9]{0,15}", str(given["prefix"])) and given["prefix"] != "root"):
        raise section.wrong("prefix must be 1 to 16 characters of a-z and 0-9, a letter first, and not  root", "prefix")
    if "scopes" in given and not all(map(_is_scope, section.texts("scopes"))):
        raise section.wrong("scopes must be scopes such as  invoices:read  or  invoices:*", "scopes")
    if "accent" in given and not fullmatch("#[0-9a-fA-F]{6}", str(given["accent"])):
        raise section.wrong("accent must be a colour such as  #2f5bd7", "accent")
    return PagesSettings(**given)  # type: ignore[arg-type]  # each is of its field's type by now


_TABLES: Mapping[str, Callable[[Section], object]] = {"leaks": _leaks, "pages": _pages, "chores": read_chores}


def _origin(section: Section, written: str) -> str:
    """Return an origin that may frame the pages; it stands in a header, so nothing else may be in it."""
    if not fullmatch(r"https?://(\*\.)?[A-Za-z0-9.-]+(:[0-9]{1,5})?", written):
        raise section.wrong("frame_ancestors must be origins such as  https://app.acme.example", "frame_ancestors")
    return written


def _is_scope(text: str) -> bool:
    """Return whether a key may have a scope, exact or with a wildcard."""
    try:
        return bool(check_demand(text.removesuffix(":*")))
    except InvalidRequest:
        return False


def _policy(section: Section) -> object:
    """Return a policy, or the policies by environment."""
    if isinstance(section.table["policy"], str):
        return _word(section, "policy")
    by_environment = section.section("policy")
    unknown = next((each for each in by_environment.table if not fullmatch("[a-z]{2,8}", each)), None)
    if unknown is not None:
        raise by_environment.wrong("an environment must be 2 to 8 of a-z, such as  live", unknown)
    return {environment: _word(by_environment, environment) for environment in by_environment.table}


def _word(section: Section, key: str) -> str:
    word = section.text(key)
    if word not in _POLICIES:
        raise section.wrong(f"{key} must be one of {', '.join(_POLICIES)}", key)
    return word


def _safe_address(section: Section, key: str) -> str:
    """Return an address that nobody on the way can answer for: https, or this machine."""
    address = section.text(key) or ""
    if not is_safe(address):
        raise section.wrong(f"{key} must be an address that begins with https://", key)
    return address


def _plain(table: Section, key: str, default: object) -> object:
    """Return a text, a number, a flag or a list of texts, as the default of the setting is."""
    if isinstance(default, bool):
        return table.flag(key, default)
    if isinstance(default, tuple):
        return table.texts(key)
    if key in _RANGES:
        return _number(table, key, isinstance(default, int), *_RANGES[key])
    text = table.text(key)
    if not text:
        raise table.wrong(f"{key} must be a text that is not empty", key)
    if text not in _WORDS.get(key, (text,)):
        raise table.wrong(f"{key} must be one of {', '.join(_WORDS[key])}", key)
    return text


def _number(table: Section, key: str, whole: bool, least: float, most: float) -> float:
    value = table.table[key]
    is_number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:  # type: ignore[operator]  # it is a number
        kind = "a whole number" if whole else "a number"
        raise table.wrong(f"{key} must be {kind} from {least:g} to {most:g}", key)
    return value  # type: ignore[return-value]  # it is a number


def _route(section: Section) -> Route:
    section.only(("method", "path", "scope", "cost"))
    method, path = section.text("method") or "*", section.text("path")
    if not path or not path.startswith("/"):
        raise section.wrong("a route needs a path that begins with '/', such as  /orders/*", "path")
    cost = int(_number(section, "cost", True, 0, _MOST_COST)) if "cost" in section.table else 1
    return Route(method.upper(), path, _demand(section, "scope"), cost)


def _demand(section: Section, key: str) -> Demand:
    """Return a demand: one scope, a list of scopes, or the word for any good key."""
    written = section.table.get(key)
    if written == ANY_KEY:
        return NO_SCOPE
    if isinstance(written, str) and written:
        return written
    scopes = section.texts(key)
    if not scopes:
        raise section.wrong(f"{key} must be a scope, a list of scopes, or {ANY_KEY} for every good key", key)
    return scopes


def _network(table: Section, written: str) -> Network:
    try:
        return ip_network(written)
    except ValueError:
        pass
    raise table.wrong("trusted_proxies must be networks such as  10.0.0.0/8  or addresses", "trusted_proxies")
