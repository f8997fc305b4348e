"""The bodies of ``keys:verify`` and ``keys:verifyBatch``: the questions of other services about keys. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import re
from functools import lru_cache
from json import JSONDecoder
from operator import itemgetter
from typing import NamedTuple, cast

from secretsource.exceptions import InvalidRequest
from secretsource.issuing import NO_SCOPE, check_demand
from secretsource.server.connections.ambiguity import read_body
from secretsource.server.problems import Fault, Problem
from secretsource.server.rights import ROOT_PREFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from secretsource.issuing import Demand, KeyQuestion

__all__ = ["MOST_KEYS", "Asked", "read_batch", "read_plain_question", "read_question"]

MOST_KEYS = 100
MOST_COST = 10**9
_NEEDED = ("key", "scope")
_NO_ADDRESS = ("", None)
"""A field without a name, which stands behind those of a body."""
_PLAIN = frozenset({"key", "scope", "ip", ""})
_scan: Callable[[str, int], tuple[Any, int]] = JSONDecoder(object_pairs_hook=list).raw_decode
"""Returns the document at the beginning of a text, with objects as lists of pairs, and where it ends."""
_IS_PREFIX = re.compile(r"[a-z][a-z0-9]{0,15}")
_IS_ENVIRONMENT = re.compile(r"[a-z]{2,8}")


class Asked(NamedTuple):
    """A question about one key.

    Attributes:
        question: The question, as the library takes it.
        fresh: Whether to read the record from the store, past the cache.
    """

    question: KeyQuestion
    fresh: bool

    def __repr__(self) -> str:
        return "Asked(<masked>)"


class _Misfit(Exception):
    """A value does not have the form of its field."""


def read_plain_question(body: bytes) -> tuple[bytes, Any, Any] | None:
    """Read the body of ``keys:verify`` in its usual form, which has a key, a demand, and perhaps an address.

    Args:
        body: The body.

    Returns:
        The key, the demand, which was not looked at, and the address of the client; None for a body that
        `read_question` has to read.
    """
    try:
        text = body.decode("ascii")
        pairs, end = _scan(text, 0)
        if text[0] != "{" or end != len(text):
            return None
        names, values = zip(*pairs, _NO_ADDRESS)  # noqa: B905 - pairs all
        key, scope, ip = _pick_of(names)(values)
        return (key.encode(), scope, ip) if ip is None or type(ip) is str else None
    except (ValueError, RecursionError, TypeError, AttributeError):
        return None


@lru_cache(maxsize=64)
def _pick_of(names: tuple[str, ...]) -> Callable[[Sequence[Any]], tuple[Any, Any, Any]]:
    """Return what picks the key, the scope and the address from the values of fields.

    Raises:
        ValueError: The body has another form.
    """
    if len({*names}) < len(names) or not {*names} <= _PLAIN:
        raise ValueError
    return itemgetter(names.index("key"), names.index("scope"), names.index("ip" if "ip" in names else ""))


def read_question(body: bytes) -> Asked:
    """Read the body of ``keys:verify``.

    Args:
        body: The body, in JSON.

    Raises:
        Problem: It is malformed; no part of it is in the answer.
    """
    return _read(_parsed(body), "", _FORMS_OF_ONE)


def read_batch(body: bytes) -> list[KeyQuestion]:
    """Read the body of ``keys:verifyBatch``.

    Args:
        body: The body, in JSON.

    Raises:
        Problem: It is malformed; no key is checked then.
    """
    document = _parsed(body)
    if set(document) != {"keys"}:
        raise _wrong("", "the body must have keys, a list of questions, and nothing else")
    listed = document["keys"]
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_KEYS:
        raise _wrong("/keys", f"this must be a list of 1 to {MOST_KEYS} questions")
    return [_read(each, f"/keys/{number}", _FORMS).question for number, each in enumerate(listed)]


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        document = read_body(body)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        return cast("Mapping[str, Any]", document)
    raise Problem(400, "malformed_body", "the body is not a JSON object in UTF-8")


def _read(document: object, where: str, forms: Mapping[str, Callable[[Any], Any]]) -> Asked:
    if not isinstance(document, dict):
        raise _wrong(where, "this must be an object")
    fields = cast("dict[str, Any]", document)
    if not fields.keys() <= forms.keys():
        raise _wrong(where, f"the only fields are {', '.join(forms)}")
    for needed in _NEEDED:
        if needed not in fields:
            raise _wrong(f"{where}/{needed}", "this is needed; a scope of null lets every good key pass")
    question: dict[str, Any] = {}
    name = ""
    try:
        for name, value in fields.items():
            question[name] = forms[name](value)
    except _Misfit as misfit:
        detail = str(misfit)
    else:
        question["text"] = question.pop("key")
        fresh = question.pop("fresh", False)
        return Asked(cast("KeyQuestion", question), fresh)
    raise _wrong(f"{where}/{name}", detail)


def _key(value: object) -> str:
    if isinstance(value, str):
        return value
    raise _Misfit("this must be the text of a key")


def _scope(value: Any) -> Demand:
    if value is None:
        return NO_SCOPE
    try:
        scopes = check_demand(value) if isinstance(value, (str, list)) else ()
    except InvalidRequest:
        scopes = ()
    if scopes:
        return scopes[0] if len(scopes) == 1 else scopes
    raise _Misfit("this must be a scope such as invoices:read, a list of them, or null for every good key")


def _cost(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_COST:
        return value
    raise _Misfit(f"this must be a whole number from 0 to {MOST_COST}")


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise _Misfit("this must be a text, or null")


def _prefix(value: object) -> str | None:
    if value is None or (isinstance(value, str) and value != ROOT_PREFIX and _IS_PREFIX.fullmatch(value)):
        return value
    raise _Misfit("this must be a prefix of customers' keys, such as acme, or null")


def _environment(value: object) -> str | None:
    if value is None or (isinstance(value, str) and _IS_ENVIRONMENT.fullmatch(value)):
        return value
    raise _Misfit("this must be an environment, such as live, or null")


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise _Misfit("this must be true or false")


def _wrong(where: str, detail: str) -> Problem:
    return Problem(
        422, "invalid_request", f"{where or 'the body'} is wrong: {detail}", fault=Fault("pointer", where, detail)
    )


_FORMS: Mapping[str, Callable[[Any], Any]] = {
    "key": _key,
    "scope": _scope,
    "ip": _text,
    "cost": _cost,
    "agent": _text,
    "prefix": _prefix,
    "environment": _environment,
}
_FORMS_OF_ONE = {**_FORMS, "fresh": _flag}
