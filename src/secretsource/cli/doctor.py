"""``secretsource doctor``: whether each provider can be reached and read, as whom, and what is missing; no value."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import typer

from secretsource.cli._choice import Choice
from secretsource.cli._exit_codes import MISSING
from secretsource.cli._in_force import InForce
from secretsource.cli._options import Json
from secretsource.cli._output import say, show_table, warn, write_json
from secretsource.cli._sentence import with_site
from secretsource.providers.base import Failed, Found, IdentifiedProvider, Identity, SecretRef
from secretsource.resolver._call import fetch, raised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.providers.base import Outcome, Provider
    from secretsource.resolver._route import Route

__all__ = ["doctor"]

COLUMNS = ("provider", "identity", "reads", "found", "ms", "clock", "reason", "site")

PROBE = "SECRETSOURCE_DOCTOR"
"""What is asked for where nothing is declared; that it is not there is an answer too."""

PATIENCE = 10.0
"""Seconds for one call: a person waits, and no request."""

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
        chain = resolver._engine.chain
        names = list(config.secrets) if config is not None and config.secrets else [PROBE]
        with ThreadPoolExecutor(len(chain.routes)) as pool:
            findings = list(pool.map(partial(_examined, names=names), chain.routes))
    if as_json:
        skipped = [{"provider": skipped.provider, "reason": skipped.reason} for skipped in chain.skipped]
        healthy = all(finding.readable for finding in findings)
        document = [finding.described() for finding in findings]
        configuration = in_force.described()
        write_json({"ok": healthy, "configuration": configuration, "providers": document, "skipped": skipped})
    else:
        in_force.tell()
        rows = [finding.row() for finding in findings]
        gaps = [(gap.provider, "", "skipped", "", "", "", gap.reason, "") for gap in chain.skipped]
        show_table(COLUMNS, [*rows, *gaps])
        _tell(findings)
    raise typer.Exit(0 if all(finding.readable for finding in findings) else MISSING)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one provider.

    Attributes:
        provider: Its name.
        site: Where it asks.
        identity: Whom it takes us for, why that cannot be said, or None where there is nobody to ask.
        asked: How many places were asked for; after an outage, no more are.
        found: How many of them hold a value.
        failed: The place that could not be read, and why; None when all could.
        seconds: The quickest answer.
    """

    provider: str
    site: str
    identity: Identity | Failed | None
    asked: int
    found: int
    failed: tuple[str, Failed] | None
    seconds: float

    @property
    def readable(self) -> bool:
        """Whether every place could be asked for."""
        return self.failed is None

    def row(self) -> tuple[str, ...]:
        """The cells of a table."""
        reads = "yes" if self.failed is None else self.failed[1].code.value
        skew = self.identity.clock_skew if isinstance(self.identity, Identity) else None
        clock = "" if skew is None else f"{round(skew):+d} s".replace("+0", "0")
        reason = (self._reason() or "") if self.failed is None else ""  # what failed has a sentence of its own
        found = f"{self.found} of {self.asked}"
        return self.provider, self._who() or "", reads, found, self._took(), clock, reason, self.site

    def described(self) -> dict[str, Any]:
        """The same as a JSON document."""
        skew = self.identity.clock_skew if isinstance(self.identity, Identity) else None
        return {
            "provider": self.provider,
            "site": self.site or None,
            "identity": self._who(),
            "reads": self.readable,
            "outcome": None if self.failed is None else self.failed[1].code.value,
            "asked": self.asked,
            "found": self.found,
            "milliseconds": float(self._took()),
            "clock_skew_seconds": None if skew is None else round(skew, 1),
            "reason": self._reason(),
            "remedy": None if self.failed is None else self.failed[1].remedy,
        }

    def _who(self) -> str | None:
        return self.identity.text if isinstance(self.identity, Identity) else None

    def _took(self) -> str:
        return f"{self.seconds * 1000:.1f}"

    def _reason(self) -> str | None:
        """Why the provider cannot be read, else why it cannot say who we are."""
        if self.failed is not None:
            return self.failed[1].reason
        return f"identity unknown: {self.identity.reason}" if isinstance(self.identity, Failed) else None


def _examined(route: Route, names: Sequence[str]) -> Finding:
    """Ask one provider who we are, and for every place where it would keep one of the names."""
    provider = route.provider
    documents = _documents(route, names)
    answers = _answers(provider, documents)
    outcomes = [outcome for outcome, _ in answers]
    pairs = zip(documents, outcomes, strict=False)  # after an outage, not all were asked for
    return Finding(
        provider.name,
        provider.site,
        _identified(provider),
        len(outcomes),
        sum(isinstance(outcome, Found) for outcome in outcomes),
        next(((ref.location, outcome) for ref, outcome in pairs if isinstance(outcome, Failed)), None),
        min(seconds for _, seconds in answers),
    )


def _documents(route: Route, names: Sequence[str]) -> list[SecretRef]:
    """The places where a provider would keep the names; where it could keep none of them, that of the probe."""
    for wanted in (names, [PROBE]):
        located = [route.locate(name) for name in wanted]
        places = [route.provider.complete(ref) for ref in located if isinstance(ref, SecretRef)]
        if places:
            return list(dict.fromkeys(ref.document for ref in places))
    return [SecretRef(route.provider.name, PROBE)]


def _answers(provider: Provider, documents: Sequence[SecretRef]) -> Sequence[tuple[Outcome, float]]:
    """What is in each place, and how many seconds the answer took; after an outage nothing more is asked for."""
    answers: list[tuple[Outcome, float]] = []
    for ref in [documents[0], *documents]:  # the first time, the connection is made
        started = perf_counter()
        outcome = fetch(provider, ref, PATIENCE)
        answers.append((outcome, perf_counter() - started))
        if isinstance(outcome, Failed) and outcome.retryable:
            break
    return answers[1:] or answers


def _identified(provider: Provider) -> Identity | Failed | None:
    """Whom the provider takes us for; a driver that raises is named by the class of its error."""
    if not isinstance(provider, IdentifiedProvider):
        return None
    try:
        return provider.identify(timeout=PATIENCE)
    except Exception as error:
        name = type(error).__name__
    return raised(name)


def _tell(findings: Sequence[Finding]) -> None:
    """What to do about what was found."""
    for finding in findings:
        if finding.failed is not None:
            where, failed = finding.failed
            place = with_site(repr(where), finding.site)
            sentence = f"provider {finding.provider!r} cannot be read at {place}: {failed.reason or failed.code.value}"
            say("error", f"{sentence}; {failed.remedy}" if failed.remedy else sentence)
        skew = finding.identity.clock_skew if isinstance(finding.identity, Identity) else None
        if skew is not None and abs(skew) >= SKEW:
            warn(
                f"the clock of provider {finding.provider!r} is {skew:+.0f} s from ours: set the clock of this machine"
            )
