"""The plan for a value that a provider is to keep, and the writing of it; `copy` and `set` share both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from secretsource import Resolver
from secretsource.cli._terminal.exit_codes import MISSING, MISTAKE, UNAVAILABLE
from secretsource.exceptions import ConfigurationError
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, Occupied
from secretsource.resolver import format_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import ExitStack

    from secretsource import ProviderHandle
    from secretsource.cli._arguments.choice import Choice
    from secretsource.providers.base import Outcome

__all__ = ["COLUMNS", "DONE", "Content", "Item", "exit_code", "octets", "opened", "planned", "writable", "written"]

COLUMNS = ("name", "action", "from", "to")

CREATE, OVERWRITE, SAME = "create", "overwrite", "same"
DIFFERENT, MISSES = "different", "not found"
DONE = {CREATE: "created", OVERWRITE: "overwritten"}


class Content(NamedTuple):
    """The answer of one provider for a name.

    Attributes:
        where: The place, as a reference; empty if the provider cannot store such a name.
        outcome: The value, which no repr shows, or the reason for its absence.
    """

    where: str
    outcome: Outcome

    @classmethod
    def of(cls, provider: ProviderHandle, name: str, *, to_fill: bool = False) -> Content:
        """Read the present answer of a provider; ``to_fill`` it, a document without its field is an absence."""
        outcome = provider.read(name, to_fill=to_fill)
        place = outcome.place if isinstance(outcome, Found) else None
        return cls(provider.where(name) if place is None else format_reference(place), outcome)


@dataclass(frozen=True, slots=True)
class Item:
    """The plan for one name.

    Attributes:
        name: The secret.
        action: A word from above, or the code of a failure.
        source: The value to write, and where it is from.
        target: The answer of the provider to write to.
        reason: The reason why it stops, if it does.
    """

    name: str
    action: str
    source: Content
    target: Content
    reason: str = ""

    @property
    def stops(self) -> bool:
        """Whether nothing may be written."""
        return self.action not in {CREATE, OVERWRITE, SAME, *DONE.values()}

    def row(self) -> tuple[str, ...]:
        """Return the cells of a table."""
        return self.name, self.action, self.source.where, self.target.where

    def described(self) -> dict[str, Any]:
        """Write the same as a JSON document."""
        return {key: cell or None for key, cell in zip((*COLUMNS, "reason"), (*self.row(), self.reason), strict=True)}


def exit_code(items: Iterable[Item]) -> int:
    """Choose by the worst trouble: a mistake or a different value, then a missing or denied secret, then an outage."""
    troubles = {item.action for item in items if item.stops}
    if troubles & {DIFFERENT, FailureCode.MALFORMED.value, FailureCode.MISCONFIGURED.value}:
        return MISTAKE
    if troubles - {code.value for code in FailureCode if code.retryable}:
        return MISSING
    return UNAVAILABLE if troubles else 0


def opened(choice: Choice, known: Mapping[str, ProviderHandle], word: str, resources: ExitStack) -> ProviderHandle:
    """Return the provider that a word names: one of the chain, or a URL with settings of its own.

    Raises:
        ConfigurationError: The environment has no such provider, so its settings are unknown.
    """
    if word in known:
        return known[word]
    if "://" in word or choice.config() is None:  # without a configuration, the variables of the environment count
        return resources.enter_context(Resolver([word])).providers()[0]
    raise ConfigurationError(
        f"this environment has no provider {word!r}, but {', '.join(map(repr, known))}: "
        f"choose another one with --env, or give a URL such as {word}://"
    )


def writable(goal: ProviderHandle) -> ProviderHandle:
    """Return the same provider, if it can be written to.

    Raises:
        ConfigurationError: Its driver only reads.
    """
    if goal.writable:
        return goal
    raise ConfigurationError(
        f"provider {goal.name!r} cannot be written to: its driver only reads; name another one with --to"
    )


def planned(name: str, source: Content, target: Content, *, may_replace: bool, remedy: str) -> Item:
    """Decide about a name, from both answers (pure).

    Args:
        name: The secret.
        source: The value to write.
        target: The present answer of the provider to write to.
        may_replace: Whether a different value may be replaced.
        remedy: The option that allows it.
    """
    ours, theirs = source.outcome, target.outcome
    for outcome in (ours, theirs):
        if isinstance(outcome, Failed):
            return Item(name, outcome.code.value, source, target, _sentence(outcome))
    if isinstance(ours, NotFound):
        return Item(name, MISSES, source, target, ours.reason or "the source has no such secret")
    if isinstance(theirs, NotFound):
        if not target.where:
            return Item(name, FailureCode.MISCONFIGURED.value, source, target, theirs.reason or "no place for it")
        return Item(name, CREATE, source, target)
    if octets(_value(ours)) == octets(_value(theirs)):
        return Item(name, SAME, source, target)
    if may_replace:
        return Item(name, OVERWRITE, source, target)
    return Item(name, DIFFERENT, source, target, f"the target has another value: add  {remedy}  to replace it")


def written(goal: ProviderHandle, item: Item) -> Item:
    """Write an item, if it has a value to write, and return it with the result."""
    if item.action not in DONE:
        return item
    outcome = goal.store(item.name, _value(item.source.outcome), overwrite=item.action == OVERWRITE)
    if isinstance(outcome, Failed):
        return replace(item, action=outcome.code.value, reason=_sentence(outcome))
    if isinstance(outcome, Occupied):
        return replace(item, action=DIFFERENT, reason="another writer was faster: look at it again")
    target = item.target if outcome.place is None else item.target._replace(where=format_reference(outcome.place))
    return replace(item, action=DONE[item.action], target=target)


def octets(value: str | bytes) -> bytes:
    """Return a value as it is compared: services differ in whether they hold text or bytes."""
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


def _value(outcome: Outcome) -> str | bytes:
    """Return the value that was read, as it is."""
    assert isinstance(outcome, Found)
    assert isinstance(outcome.value, (str, bytes)), "a handle selects the field"
    return outcome.value


def _sentence(failed: Failed) -> str:
    return "; ".join(part for part in (failed.reason, failed.remedy) if part)
