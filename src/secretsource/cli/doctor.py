"""``secretsource doctor``: whether each provider can be reached and read, as whom, and what is missing; no value."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from secretsource.cli._choice import Choice
from secretsource.cli._exit_codes import MISSING
from secretsource.cli._in_force import InForce
from secretsource.cli._options import Json
from secretsource.cli._output import say, show_table, warn, write_json
from secretsource.cli._sentence import with_site
from secretsource.providers.base import Failed, Identity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource import Probe, ProviderHandle

__all__ = ["doctor"]

COLUMNS = ("provider", "identity", "reads", "found", "ms", "clock", "reason", "site")

SKEW = 60.0
"""Seconds between our clock and a service's from which signatures and tokens begin to be refused."""


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Connect to each configured provider, without showing a value.

    Says which identity the provider takes this process for, whether it may read the declared secrets, which
    permission is missing, how far the clocks are apart where the service tells its time, and how long an answer takes.
    Says where each provider asks, and which configuration file is in force. Fails when a provider cannot be read.
    """
    choice = Choice.of(context)
    in_force = InForce.of(choice)
    config = in_force.config
    with choice.resolver() as resolver:
        names = list(config.secrets) if config is not None else []
        providers, skipped = resolver.providers(), resolver.skipped()
        with ThreadPoolExecutor(len(providers)) as pool:
            probes = pool.map(partial(_probed, names=names), providers)
            lines = [Line.of(provider, probe) for provider, probe in zip(providers, probes, strict=True)]
    healthy = all(line.probe.readable for line in lines)
    if as_json:
        gaps = [{"provider": gap.provider, "reason": gap.reason} for gap in skipped]
        configuration, document = in_force.described(), [line.described() for line in lines]
        write_json({"ok": healthy, "configuration": configuration, "providers": document, "skipped": gaps})
    else:
        in_force.tell()
        unasked = [(gap.provider, "", "skipped", "", "", "", gap.reason, "") for gap in skipped]
        show_table(COLUMNS, [*(line.row() for line in lines), *unasked])
        _tell(lines)
    raise typer.Exit(0 if healthy else MISSING)


def _probed(provider: ProviderHandle, names: Sequence[str]) -> Probe:
    return provider.probe(names)


class Line(NamedTuple):
    """One provider, as it is shown.

    Attributes:
        provider: Its name.
        site: Where it asks.
        probe: What was found out about it.
    """

    provider: str
    site: str
    probe: Probe

    @classmethod
    def of(cls, provider: ProviderHandle, probe: Probe) -> Line:
        """The line of a provider."""
        return cls(provider.name, provider.site, probe)

    @property
    def skew(self) -> float | None:
        """Seconds by which the service's clock is ahead of ours, where it tells its time."""
        return self.probe.identity.clock_skew if isinstance(self.probe.identity, Identity) else None

    def row(self) -> tuple[str, ...]:
        """The cells of a table."""
        failed = self.probe.failed
        reads = "yes" if failed is None else failed[1].code.value
        clock = "" if self.skew is None else f"{round(self.skew):+d} s".replace("+0", "0")
        reason = (self._reason() or "") if failed is None else ""  # what failed has a sentence of its own
        found = f"{self.probe.found} of {self.probe.asked}"
        return self.provider, self._who() or "", reads, found, self._took(), clock, reason, self.site

    def described(self) -> dict[str, Any]:
        """The same as a JSON document."""
        failed = None if self.probe.failed is None else self.probe.failed[1]
        return {
            "provider": self.provider,
            "site": self.site or None,
            "identity": self._who(),
            "reads": self.probe.readable,
            "outcome": None if failed is None else failed.code.value,
            "asked": self.probe.asked,
            "found": self.probe.found,
            "milliseconds": float(self._took()),
            "clock_skew_seconds": None if self.skew is None else round(self.skew, 1),
            "reason": self._reason(),
            "remedy": None if failed is None else failed.remedy,
        }

    def _who(self) -> str | None:
        return self.probe.identity.text if isinstance(self.probe.identity, Identity) else None

    def _took(self) -> str:
        return f"{self.probe.seconds * 1000:.1f}"

    def _reason(self) -> str | None:
        """Why the provider cannot be read, else why it cannot say who we are."""
        failed, identity = self.probe.failed, self.probe.identity
        if failed is not None:
            return failed[1].reason
        return f"identity unknown: {identity.reason}" if isinstance(identity, Failed) else None


def _tell(lines: Sequence[Line]) -> None:
    """Say what to do about what was found."""
    for line in lines:
        if line.probe.failed is not None:
            where, failed = line.probe.failed
            place = with_site(repr(where), line.site)
            sentence = f"provider {line.provider!r} cannot be read at {place}: {failed.reason or failed.code.value}"
            say("error", f"{sentence}; {failed.remedy}" if failed.remedy else sentence)
        if line.skew is not None and abs(line.skew) >= SKEW:
            ahead = f"{line.skew:+.0f} s"
            warn(f"the clock of provider {line.provider!r} is {ahead} from ours: set the clock of this machine")
