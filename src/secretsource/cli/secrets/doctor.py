"""``secretsource doctor``: whether each provider can be reached and read, as whom, and what is missing; no value."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from secretsource.cli._arguments.choice import Choice
from secretsource.cli._arguments.options import Json
from secretsource.cli._in_force import InForce
from secretsource.cli._terminal.exit_codes import MISSING
from secretsource.cli._terminal.output import say, show_table, warn, write_json
from secretsource.cli._terminal.sentence import with_site
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

    The output shows for each provider the identity of this process, whether it may read the declared secrets, and which
    permission is missing. It also shows the difference of the clocks if the service tells its time, the time of an
    answer, the place that is asked, and the configuration file in force. The command fails when a provider cannot be
    read.
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
    """The line of one provider.

    Attributes:
        provider: The name of the provider.
        site: The place that it asks.
        probe: The findings about it.
    """

    provider: str
    site: str
    probe: Probe

    @classmethod
    def of(cls, provider: ProviderHandle, probe: Probe) -> Line:
        """Make the line of a provider."""
        return cls(provider.name, provider.site, probe)

    @property
    def skew(self) -> float | None:
        """Seconds by which the service's clock is ahead of ours, if it tells its time."""
        return self.probe.identity.clock_skew if isinstance(self.probe.identity, Identity) else None

    def row(self) -> tuple[str, ...]:
        """Return the cells of a table."""
        failed = self.probe.failed
        reads = "yes" if failed is None else failed[1].code.value
        clock = "" if self.skew is None else f"{round(self.skew):+d} s".replace("+0", "0")
        reason = (self._reason() or "") if failed is None else ""  # a failure has a sentence of its own
        found = f"{self.probe.found} of {self.probe.asked}"
        return self.provider, self._who() or "", reads, found, self._took(), clock, reason, self.site

    def described(self) -> dict[str, Any]:
        """Write the same as a JSON document."""
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
        """Return why the provider cannot be read, or else why our identity is unknown."""
        failed, identity = self.probe.failed, self.probe.identity
        if failed is not None:
            return failed[1].reason
        return f"identity unknown: {identity.reason}" if isinstance(identity, Failed) else None


def _tell(lines: Sequence[Line]) -> None:
    """Write the advice for the findings."""
    for line in lines:
        if line.probe.failed is not None:
            where, failed = line.probe.failed
            place = with_site(repr(where), line.site)
            sentence = f"provider {line.provider!r} cannot be read at {place}: {failed.reason or failed.code.value}"
            say("error", f"{sentence}; {failed.remedy}" if failed.remedy else sentence)
        if line.skew is not None and abs(line.skew) >= SKEW:
            ahead = f"{line.skew:+.0f} s"
            warn(f"the clock of provider {line.provider!r} is {ahead} from ours: set the clock of this machine")
