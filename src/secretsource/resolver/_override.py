"""`override`: the default resolver answers with a test's values, and with its own again afterwards."""

from __future__ import annotations

from collections.abc import Mapping

from secretsource._ground import fork
from secretsource._traceless import traceless
from secretsource.exceptions import ConfigurationError, InvalidReference
from secretsource.providers.base import Found, NotFound, Provider, SecretRef
from secretsource.providers.reference import format_reference, parse_reference
from secretsource.resolver._default import default_resolver
from secretsource.resolver._walk.route import Overlay, Route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import ClassVar, Self

    from secretsource.providers.base import Outcome

__all__ = ["override"]


class OverrideProvider(Provider):
    """The values of the overrides that are in force, the innermost first."""

    scheme: ClassVar[str] = "override"
    max_age = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.layers: tuple[override, ...] = ()

    @property
    def only(self) -> bool:
        """Whether one of them lets nothing else through."""
        return any(layer.only for layer in self.layers)

    def locate(self, name: str) -> SecretRef | NotFound:
        """Return a place for the names of the overrides; the chain answers the others, unless it is shut out."""
        known = self.only or any(name in layer.secrets for layer in self.layers)
        return SecretRef(self.name, name) if known else NotFound()

    def previous(self, ref: SecretRef, current: Found) -> SecretRef:
        """Return the name with ``_PREVIOUS`` behind it."""
        return ref._replace(location=ref.location + "_PREVIOUS")

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Look into the mappings, down to one that lets nothing else through; None is a secret that is not there."""
        for layer in reversed(self.layers):
            if ref.location in layer.secrets:
                value = layer.secrets[ref.location]
                return NotFound("overridden as absent") if value is None else Found(value, version="override")
            if layer.only:
                return NotFound("override(only=True) has no such name")
        return NotFound()


_provider = OverrideProvider()
_changing = fork.lock()
_route = Route(_provider, final=True)


class override:
    """Answer some names of the default resolver with given values, for as long as the ``with`` block runs.

    Holds for the whole process, in every thread and task. Overrides nest; the innermost wins. An override
    may be entered several times, also by several threads: it ends with its last exit.

    Args:
        secrets: Name or reference to value; None for a secret that is not there.
        only: Whether these are all the secrets there are: any other name is not found, and no provider is made or
            asked, nor an override further out.

    Raises:
        ConfigurationError: ``secrets`` is not a mapping, or a value is neither str, bytes nor None.
    """

    @traceless
    def __init__(self, secrets: Mapping[str, str | bytes | None], *, only: bool = False) -> None:
        if not isinstance(secrets, Mapping):
            raise ConfigurationError(
                f"override must have a mapping, such as {{'NAME': 'value'}}, not {type(secrets).__name__}"
            )
        for name, value in secrets.items():
            if not isinstance(name, str):
                raise ConfigurationError(f"the name of an override must be a str, not {type(name).__name__}")
            if value is not None and not isinstance(value, (str, bytes)):
                raise ConfigurationError(
                    f"the override of {name!r} must be str, bytes or None, not {type(value).__name__}"
                )
        self.secrets = {_spelt(name): value for name, value in secrets.items()}
        self.only = only

    def __enter__(self) -> Self:
        with _changing:
            _lay_over((*_provider.layers, self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _changing:
            layers = list(reversed(_provider.layers))
            if self in layers:
                layers.remove(self)
            _lay_over(tuple(reversed(layers)))

    def __repr__(self) -> str:
        return f"override({', '.join(sorted(self.secrets))}{', only=True' if self.only else ''})"


def _lay_over(layers: tuple[override, ...]) -> None:
    _provider.layers = layers
    default_resolver.lay_over(Overlay(_route, _provider.only) if _provider.layers else None)


def _spelt(name: str) -> str:
    """Return the one spelling by which a resolver asks for a name."""
    try:
        return format_reference(parse_reference(name))
    except InvalidReference:
        return name
