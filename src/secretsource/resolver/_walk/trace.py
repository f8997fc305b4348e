"""A look-up without its value: its trace, and the events for listeners."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource._secret import Served
    from secretsource.resolver._walk.resolution import Step
    from secretsource.resolver._walk.route import Skipped

__all__ = ["RotationEvent", "SecretEvent", "Trace"]


class Trace(NamedTuple):
    """How a name was, or was not, resolved.

    Attributes:
        name: The name asked for.
        outcome: ``found``, ``not found`` or a failure code.
        served: How the value was obtained; None without a value.
        steps: Providers asked or looked up, in order.
        unasked: Providers further down the chain, which were not needed.
        skipped: Providers left out of the chain, and why.
        error: The sentence a caller of `get` would have got, or None.
    """

    name: str
    outcome: str
    served: Served | None
    steps: tuple[Step, ...]
    unasked: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    error: str | None = None

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.outcome}" + (f", served={self.served}" if self.served else "")]
        for step in self.steps:
            how = f" ({step.served}, {step.seconds * 1000:.1f} ms)" if step.served else ""
            version = f", version {step.version}" if step.version else ""
            reason = f": {step.reason}" if step.reason else ""
            lines.append(f"  {step.provider:<10} {step.outcome}{how}  {step.reference}{version}{reason}")
        why = "answered" if self.outcome == "found" else "ended the search"
        lines.extend(f"  {name:<10} not asked: an earlier provider {why}" for name in self.unasked)
        lines.extend(f"  {skipped.provider:<10} skipped: {skipped.reason}" for skipped in self.skipped)
        return "\n".join(lines)


class SecretEvent(NamedTuple):
    """One look-up that was not a plain hit, for metrics and logs; never the value.

    Attributes:
        name: The name asked for.
        provider: The provider that answered or failed; empty when all said "not there".
        outcome: ``found``, ``not found`` or a failure code.
        served: How the value was obtained, or None.
        age: Seconds since the provider gave the value, or None.
        duration: Seconds the look-up took.
    """

    name: str
    provider: str
    outcome: str
    served: Served | None
    age: float | None
    duration: float


class RotationEvent(NamedTuple):
    """A name has a new value; never the value itself.

    Attributes:
        name: The name as the application asks for it.
        provider: The provider that holds it.
        old_version: Its version before, or None where the provider has no versions.
        new_version: Its version now.
    """

    name: str
    provider: str
    old_version: str | None
    new_version: str | None
