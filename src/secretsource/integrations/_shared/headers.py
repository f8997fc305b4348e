"""Headers as texts: those of an accepted key beside the application's own, and those of a WSGI environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, MutableMapping

    from secretsource.issuing import Admitted

_SINGLE = frozenset({"deprecation", "sunset"})
"""Headers that may exist once; the others of ours are lists, to which every line adds."""


def combined(name: str, value: str, own: str | None) -> str:
    """Return the value of one of our headers on an answer of the application.

    Args:
        name: The header.
        value: Our value.
        own: The application's value, its lines joined by commas; None or empty without any.
    """
    if not own or name.lower() in _SINGLE:
        return value
    if name == "Vary" and {value.lower(), "*"} & {each.strip().lower() for each in own.split(",")}:
        return own
    return f"{own}, {value}"


def add_headers(admitted: Admitted, headers: Any) -> None:
    """Add the headers for an accepted key to those of an answer.

    Args:
        admitted: The request that was let in.
        headers: The answer's headers: a mapping of names in any case, or a multidict of Werkzeug or aiohttp.
    """
    for name, value in admitted.headers:
        if hasattr(headers, "getlist"):
            own = ", ".join(headers.getlist(name))
        else:
            own = ", ".join(headers.getall(name, ())) if hasattr(headers, "getall") else headers.get(name)
        headers[name] = combined(name, value, own)


def of_environ(environ: MutableMapping[str, Any]) -> list[tuple[str, str]]:
    """Return the headers of a WSGI request, which a server joins to one line each."""
    return list(_headers(environ.items()))


def hide(admitted: Admitted, environ: MutableMapping[str, Any]) -> None:
    """Take the key out of a WSGI environment, where it is to be hidden."""
    if admitted.visible is None:
        return
    for header, _ in of_environ(environ):
        del environ[_variable(header)]
    for name, value in admitted.visible:
        environ[_variable(str(name))] = str(value)


def _headers(variables: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, str]]:
    for variable, value in variables:
        if variable.startswith("HTTP_"):
            yield variable[5:].replace("_", "-"), value


def _variable(header: str) -> str:
    return "HTTP_" + header.upper().replace("-", "_")
