"""The scopes and networks of a key: its permissions, and its allowed addresses. Pure.

A key holds **scopes**: exact ones (``invoices:read``) and wildcards (``invoices:*``, which covers everything below
``invoices:``). A check demands scopes, or says `NO_SCOPE`: an empty demand by accident is an error, not a pass.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import islice
from typing import Final, TypeAlias

from secretsource._ground.key_text import ENVIRONMENT, LONGEST_WORD, PREFIX, quote
from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import InvalidRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Address
    from typing import Any, Literal

    from secretsource.stores.base import KeyRecord

    Network: TypeAlias = "IPv4Network | IPv6Network"

RESERVED_PREFIX = "root"
"""The prefix of keys that manage other keys; a check accepts them only if it names this prefix."""
LONGEST_SCOPE = 128
MOST_LISTED = 1000
"""Most scopes, and most networks, of a key."""
_PART = r"[A-Za-z0-9._/-]+"
_IS_SCOPE = re.compile(rf"{_PART}(?::{_PART})*")
_IS_BLOCK = re.compile(r"[0-9A-Fa-f:.]{2,45}(?:/[0-9]{1,3})?")
_MAPPED = IPv6Network("::ffff:0:0/96")
_IS_PREFIX = re.compile(PREFIX)
_IS_ENVIRONMENT = re.compile(ENVIRONMENT)
_IS_WILDCARD = re.compile(rf"(?:{_PART}:)+\*")


class _Demand(enum.Enum):
    NO_SCOPE = "NO_SCOPE"

    def __repr__(self) -> str:
        return self.value


NO_SCOPE: Final = _Demand.NO_SCOPE
"""Any good key is accepted; say so in place of a scope."""
Demand: TypeAlias = "str | Sequence[str] | Literal[_Demand.NO_SCOPE]"
"""The demand of a request: one scope, several that are all needed, or `NO_SCOPE`."""


def check_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """Read the scopes of a key.

    Args:
        scopes: Up to 1000, each of up to 128 characters: parts of ``A-Za-z0-9._/-`` with ``:`` between them, the last
            may be ``*``.

    Raises:
        InvalidRequest: A scope has another form; a lone ``*`` is refused too.
    """
    if isinstance(scopes, str):
        raise InvalidRequest("scopes must be a list of texts, not one text: write  scopes=[...]", field="scopes")
    held = _listed(scopes, "scopes must be a list of texts: write  scopes=[...]", "scopes")
    for scope in held:
        if not _matches(_IS_SCOPE, scope) and not _matches(_IS_WILDCARD, scope):
            raise InvalidRequest(
                f"a scope must be like invoices:read or invoices:*, not {quote(scope, 140)}", field="scopes"
            )
    return frozenset(held)


def check_demand(scope: Demand) -> tuple[str, ...]:
    """Read the demand of a check.

    Args:
        scope: One scope, or several that are all needed, or `NO_SCOPE`; wildcards cannot be demanded.

    Returns:
        The scopes; empty for `NO_SCOPE` only.

    Raises:
        InvalidRequest: A scope has another form, or the demand is empty.
    """
    if scope is NO_SCOPE:
        return ()
    if isinstance(scope, str):
        return _demanded(scope)
    demanded = _listed(scope, "the scope of a check must be one text, several texts, or NO_SCOPE", "scope")
    if not demanded:
        raise InvalidRequest(
            "an empty demand would let any key pass: if you want that, write  scope=NO_SCOPE", field="scope"
        )
    for one in demanded:
        if not _matches(_IS_SCOPE, one):
            raise _undemandable(one)
    return demanded


@lru_cache(maxsize=4096)
def _demanded(scope: str) -> tuple[str]:
    if _matches(_IS_SCOPE, scope):
        return (scope,)
    raise _undemandable(scope)


def _undemandable(scope: object) -> InvalidRequest:
    return InvalidRequest(
        f"scope {quote(scope, 140)} cannot be demanded: write one exact scope, such as  invoices:read", field="scope"
    )


class Kind(NamedTuple):
    """The keys that a check takes, by their records.

    Attributes:
        prefix: The only prefix, or None for any but the reserved one.
        environment: The only environment, or None for any.
    """

    prefix: str | None
    environment: str | None

    def has(self, record: KeyRecord) -> bool:
        """Return whether a key is of this kind."""
        is_asked = record.prefix != RESERVED_PREFIX if self.prefix is None else record.prefix == self.prefix
        return is_asked and self.environment in {None, record.environment}

    def demands(self, demanded: tuple[str, ...]) -> tuple[tuple[Kind, Demand], ...]:
        """Return demands on keys of this kind alone, as an `Entry` notes them; `NO_SCOPE` stands for no scopes."""
        return tuple([(self, scope) for scope in demanded or (NO_SCOPE,)])


ANY_KIND = Kind(None, None)
"""The keys of customers, of every kind."""


def kind_of(prefix: str | None, environment: str | None) -> Kind | None:
    """Return the kind of keys that a check demands, or None for any.

    Raises:
        InvalidRequest: No key can be of this kind, so that every key would be refused.
    """
    if prefix is None and environment is None:
        return None
    asked: tuple[tuple[object, re.Pattern[str], str, str], ...] = (
        (prefix, _IS_PREFIX, "prefix", "sk"),
        (environment, _IS_ENVIRONMENT, "environment", "live"),
    )
    for given, form, what, like in asked:
        if given is not None and not (isinstance(given, str) and form.fullmatch(given)):
            raise InvalidRequest(
                f"the {what} of a check must be one that a key can have, such as {like}, "
                f"not {quote(given, LONGEST_WORD)}",
                field=what,
            )
    return Kind(prefix, environment)


def wildcards(scopes: Iterable[str]) -> tuple[str, ...]:
    """Return the beginnings that the wildcards among scopes cover: ``invoices:*`` covers ``invoices:``."""
    return tuple([scope[:-1] for scope in scopes if scope[-1] == "*"])


def grants(held: frozenset[str], covered: tuple[str, ...], demanded: Iterable[str]) -> bool:
    """Return whether scopes, with the beginnings their `wildcards` cover, include every demanded one."""
    return all(one in held or one.startswith(covered) for one in demanded)


def check_networks(networks: Iterable[str]) -> tuple[str, ...]:
    """Read the networks of a key.

    Args:
        networks: Up to 1000 CIDR blocks or single addresses, IPv4 or IPv6; no host bits.

    Returns:
        The blocks in their usual form.

    Raises:
        InvalidRequest: A network has another form.
    """
    if isinstance(networks, str):
        raise InvalidRequest("networks must be a list of texts, not one text: write  networks=[...]", field="networks")
    listed = _listed(networks, "networks must be a list of texts: write  networks=[...]", "networks")
    return tuple(str(_network(network)) for network in listed)


@lru_cache(maxsize=1024)
def read_networks(networks: tuple[str, ...]) -> tuple[Network, ...]:
    """Return stored networks as objects that can be compared with an address; one of a newer form has no address."""
    found: list[Network] = []
    for each in networks:
        with suppress(ValueError):
            found.append(ip_network(each))
    return tuple(found)


def is_within(networks: Sequence[Network], ip: str | None) -> bool:
    """Return whether an address lies in one of the networks; an unknown or unreadable address does not.

    An IPv4 address written as IPv6 (``::ffff:203.0.113.7``) counts as the IPv4 address.
    """
    try:
        address: IPv4Address | IPv6Address = ip_address(ip or "")
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


def _matches(form: re.Pattern[str], scope: object) -> bool:
    return isinstance(scope, str) and len(scope) <= LONGEST_SCOPE and form.fullmatch(scope) is not None


def _listed(given: object, otherwise: str, field: str) -> tuple[Any, ...]:
    """Return the members of a list, a tuple, a set or an iterator.

    Raises:
        InvalidRequest: The value is of another type, or has more members than a record should.
    """
    if not isinstance(given, Iterable):
        raise InvalidRequest(otherwise, field=field)
    listed = tuple(islice(given, MOST_LISTED + 1))
    if len(listed) > MOST_LISTED:
        raise InvalidRequest(f"a key may have at most {MOST_LISTED} scopes and as many networks", field=field)
    return listed


def _network(text: object) -> Network:
    """Return a block; refuse other values that Python reads, such as a number, or a mask in place of a length.

    An IPv4 block written as IPv6 is refused too: it would never match, because addresses are compared as IPv4.
    """
    try:
        network = ip_network(text) if isinstance(text, str) and _IS_BLOCK.fullmatch(text) else None
    except ValueError:
        network = None
    if network is not None and not (network.version == 6 and network.subnet_of(_MAPPED)):
        return network
    raise InvalidRequest(
        f"a network must be a CIDR block without host bits, such as 203.0.113.0/24, not {quote(text, 80)}",
        field="networks",
    )
