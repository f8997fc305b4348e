"""The hosts in the URL of a PostgreSQL: one, or several of which libpq takes the first that fits.

    postgresql://user@a:5432,b:5433/keys?target_session_attrs=read-write
    postgresql://user@/keys?host=a:5432&host=b:5433

https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import re
from typing import Any

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import URL

OPTIONS = frozenset({"host", "hostaddr", "port", "target_session_attrs", "load_balance_hosts"})
"""The options of libpq that choose the server."""

_SEVERAL = re.compile(r"(postgresql(?:\+\w+)?://(?:[^@/?#]*@)?)([^@/?#]*,[^@/?#]*)(.*)", re.DOTALL)


def spread(text: str, parse: Callable[[str], URL]) -> URL:
    """Return a URL with its hosts where libpq expects them.

    Args:
        text: The URL.
        parse: Reads a URL with one host, or with none.

    Raises:
        ValueError: The ports are not numbers.
    """
    found = _SEVERAL.fullmatch(text)
    if found is None:
        url = parse(text)
        among = url.query.get("host")
        listed = None if among is None else [among] if isinstance(among, str) else list(among)
    else:
        url = parse(found[1] + found[3])
        listed = found[2].split(",")
    if listed is None:
        return url
    return url.difference_update_query(["host"]).update_query_dict(_options(listed))


def shown(url: URL) -> str:
    """Return the hosts of a URL, for messages."""
    hosts, ports = url.query.get("host"), url.query.get("port")
    if not isinstance(hosts, str):
        return f"{url.host or 'local'}{f':{url.port}' if url.port else ''}"
    listed, beside = hosts.split(","), ports.split(",") if isinstance(ports, str) else []
    if len(beside) != len(listed):
        beside = (beside or [""])[:1] * len(listed)
    return ",".join(f"{host}:{port}" if port else host for host, port in zip(listed, beside, strict=True))


def _options(listed: Iterable[str]) -> dict[str, Any]:
    """Return libpq's options for ``host`` and ``host:port``; a socket folder and a bare IPv6 address have no port."""
    pairs = [_split(entry) for part in listed for entry in part.split(",")]
    options = {"host": ",".join(host for host, _ in pairs)}
    if any(port for _, port in pairs):
        options["port"] = ",".join(port for _, port in pairs)
    return options


def _split(entry: str) -> tuple[str, str]:
    bare = entry.startswith("/") or (entry.count(":") > 1 and not entry.startswith("["))
    host, colon, port = (entry, "", "") if bare or entry.endswith("]") else entry.rpartition(":")
    if not colon:
        return entry.strip("[]"), ""
    if not (port.isascii() and port.isdecimal()):
        raise ValueError
    return host.strip("[]"), port
