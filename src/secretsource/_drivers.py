"""URL to driver: a built-in table of schemes, then the entry points of other packages."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

from secretsource._ground.imports import in_turn
from secretsource._ground.suggest import unknown
from secretsource._traceless import traceless
from secretsource.exceptions import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Drivers:
    """The drivers of one kind, by the scheme of their URL; a driver is imported when it is opened.

    Args:
        what: Their kind, for messages: ``key store``.
        like: Two URLs, for messages.
        extra: The extra that installs their packages.
        extras: Other extras, by scheme.
        group: The group of entry points in which other packages name theirs.
        targets: ``module:Class`` of each built-in driver, by scheme.
    """

    def __init__(
        self,
        what: str,
        *,
        like: str,
        extra: str,
        group: str,
        targets: Mapping[str, str],
        extras: Mapping[str, str] | None = None,
    ) -> None:
        self._what = what
        self._like = like
        self._extra = extra
        self._extras = extras or {}
        self._group = group
        self._targets = targets

    @traceless
    def open(self, url: object, kind: type) -> Any:
        """Open the driver that a URL names, by its method ``open``.

        Args:
            url: ``scheme://…`` or ``scheme+driver://…``.
            kind: The class that drivers of other packages must be of, or the protocol that they must have.

        Raises:
            ConfigurationError: No driver has this scheme, or its package is not installed; the error quotes nothing
                else of the URL.
        """
        scheme = self._scheme(url)
        target = self._targets.get(scheme)
        driver: Any = self._from_entry_point(scheme, kind) if target is None else self._load(target, scheme)
        return driver.open(url)

    def _scheme(self, url: object) -> str:
        scheme, found, _ = url.partition("://") if isinstance(url, str) and url.isprintable() else ("", "", "")
        if found:
            return scheme.partition("+")[0]
        raise ConfigurationError(f"a {self._what} is named by a URL: write  {self._like}")

    def _from_entry_point(self, scheme: str, kind: type) -> type:
        from importlib.metadata import entry_points

        for point in entry_points(group=self._group, name=scheme):
            loaded = in_turn(point.load)
            if isinstance(loaded, type) and issubclass(loaded, kind):
                return loaded
        known = {*self._targets, *(point.name for point in entry_points(group=self._group))}
        raise ConfigurationError(unknown(self._what, scheme[:40], known))

    def _load(self, target: str, scheme: str) -> type:
        module, _, attribute = target.partition(":")
        try:
            loaded: type = getattr(in_turn(partial(import_module, module)), attribute)
            return loaded
        except ModuleNotFoundError:
            pass
        extra = self._extras.get(scheme, self._extra)
        raise ConfigurationError(
            f"this {self._what} needs a package that is not installed: run  pip install 'secretsource[{extra}]'"
        )
