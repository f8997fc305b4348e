"""The settings of an edge: how requests are let in, read once."""

from __future__ import annotations

from typing import TypedDict

from secretsource._ground.key_text import quote
from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import ConfigurationError
from secretsource.issuing._check.policy import kind_of
from secretsource.issuing._http.answer import check_realm
from secretsource.issuing._http.credential import DEFAULT, Places
from secretsource.issuing._http.paths import Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    from secretsource.issuing._check.policy import Kind

__all__ = ["AdmissionSettings"]

LONGEST_PACE = 10.0


class AdmissionSettings(TypedDict, total=False):
    """The settings of an `Admission` and of each edge on top of it; all have defaults.

    Attributes:
        realm: The purpose of the keys, as challenges name it: 1 to 128 printable ASCII characters; ``api``.
        credentials: The places of the key: headers (``X-API-Key``), or headers with a scheme (``Authorization:
            Bearer``, ``Authorization: Api-Key``, ``Authorization: Basic password``, ``Sec-WebSocket-Protocol:
            bearer``); ``Authorization: Bearer`` and ``X-API-Key`` when left out.
        exempt: Paths that need no key, as the application routes them: exact ones, and ``/static/*`` for all paths
            below ``/static/``. No key is read there.
        optional: Paths of the same form that go on without a key when no key is sent; a key that is sent must be good.
        preflight: ``pass`` (the default) lets the preflight of a browser through without a key: an ``OPTIONS`` with
            ``Origin`` and ``Access-Control-Request-Method``; ``check`` asks for a key there, too.
        prefix: The only accepted prefix of keys; any when left out.
        environment: The only accepted environment of keys; any when left out.
        hide: Whether to take the key out of the headers that the application sees; False.
        refuse_after: Seconds from the arrival of a request to its refusal, 0 to 10; 0.025. Every reason takes as long,
            so the time does not show which it was. It must be longer than a look-up takes; 0 answers at once.
        lookups: Threads in which keys for threads wait for their store, on an event loop: 1 to 1000; 32. When each has
            16 more requests in line, further requests are answered 503.
    """

    realm: str
    credentials: Iterable[str]
    exempt: Iterable[str]
    optional: Iterable[str]
    preflight: Literal["pass", "check"]
    prefix: str | None
    environment: str | None
    hide: bool
    refuse_after: float
    lookups: int


class Rules(NamedTuple):
    """The settings in force."""

    realm: str
    places: Places
    exempt: Paths
    optional: Paths
    passes_preflight: bool
    kind: Kind | None
    hides: bool
    refuse_after: float
    lookups: int


def read(settings: AdmissionSettings) -> Rules:
    """Check the settings, and fill in what is left out.

    Raises:
        ConfigurationError: A setting cannot work.
        InvalidRequest: No key has this prefix or environment.
    """
    unknown = sorted(settings.keys() - AdmissionSettings.__annotations__.keys())
    if unknown:
        raise TypeError(f"there is no setting {quote(unknown[0], 80)}: see AdmissionSettings for those that there are")
    return Rules(
        realm=check_realm(settings.get("realm", "api")),
        places=Places(settings.get("credentials", DEFAULT)),
        exempt=Paths(settings.get("exempt", ()), "exempt"),
        optional=Paths(settings.get("optional", ()), "optional"),
        passes_preflight=_passes(settings.get("preflight", "pass")),
        kind=kind_of(settings.get("prefix"), settings.get("environment")),
        hides=bool(settings.get("hide", False)),
        refuse_after=_pace(settings.get("refuse_after", 0.025)),
        lookups=settings.get("lookups", 32),
    )


def _passes(preflight: str) -> bool:
    if preflight not in {"pass", "check"}:
        raise ConfigurationError(f"preflight must be pass or check, not {quote(preflight, 80)}")
    return preflight == "pass"


def _pace(refuse_after: object) -> float:
    if not isinstance(refuse_after, (int, float)) or not 0 <= refuse_after <= LONGEST_PACE:
        raise ConfigurationError(
            f"refuse_after must be in seconds from 0 to {LONGEST_PACE}, not {quote(refuse_after, 80)}"
        )
    return refuse_after
