"""The safety of the pages: which requests may change something, which cookie is set, and which headers are sent. Pure.

A form is accepted from our own pages only: the browser says so by ``Sec-Fetch-Site`` or ``Origin``, and the form has
a token that follows from the cookie. A page loads nothing but our own files, and is framed only where you allow it.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest
from hmac import digest as keyed
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from secretsource.server.outgoing.targets import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["SAFE_METHODS", "CookieForm", "cookie_form", "form_token", "is_from_here", "matches", "page_headers"]

SAFE_METHODS = frozenset({"GET", "HEAD"})
_CONTENT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors "
)


class CookieForm(NamedTuple):
    """The form of a cookie.

    Attributes:
        name: Its name; ``__Host-`` binds it to this host, and to TLS.
        secure: Whether the browser sends it by TLS only.
    """

    name: str
    secure: bool

    def header(self, value: str, *, life: float | None = None) -> str:
        """Return the value of ``Set-Cookie``.

        Args:
            value: The value, of letters, digits, ``-`` and ``_``.
            life: Seconds for which the browser keeps it; 0 ends it, and None keeps it until the browser ends.
        """
        kept = "" if life is None else f"; Max-Age={int(life)}"
        return f"{self.name}={value}; Path=/; HttpOnly; SameSite=Lax{'; Secure' if self.secure else ''}{kept}"


def cookie_form(name: str, scheme: str, host: str) -> CookieForm:
    """Return the form of a cookie: without TLS only on this machine itself.

    Args:
        name: The bare name of the cookie.
        scheme: The scheme of the request.
        host: The header ``Host``.
    """
    is_here = scheme == "http" and _hostname(host) in LOOPBACK
    return CookieForm(name if is_here else f"__Host-{name}", not is_here)


def is_from_here(headers: Mapping[str, str]) -> bool:
    """Return whether a request that changes something comes from a page of ours.

    Args:
        headers: The headers of the request, by their names in lower case.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    host = headers.get("host", "")
    return bool(host) and headers.get("origin", "").partition("://")[2] == host


def form_token(cookie: str, holder: str) -> str:
    """Return the token of the forms of a browser: it follows from the cookie, which no other page can read.

    Args:
        cookie: The value of the cookie.
        holder: The customer or operator that is signed in; empty before.
    """
    return keyed(cookie.encode(), b"form\0" + holder.encode(), sha256).hex()


def matches(sent: str, expected: str) -> bool:
    """Return whether a token is the expected one."""
    return compare_digest(sent.encode(), expected.encode())


def page_headers(frame_ancestors: Sequence[str]) -> dict[str, str]:
    """Return the headers of each page.

    Args:
        frame_ancestors: The origins whose pages may frame ours.
    """
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": _CONTENT + (" ".join(frame_ancestors) or "'none'"),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "clipboard-write=(self)",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    if not frame_ancestors:
        headers["X-Frame-Options"] = "DENY"
    return headers


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
