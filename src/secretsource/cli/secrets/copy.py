"""``secretsource copy --from dotenv --to aws NAME``: bring secrets from one provider to another; show no value."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from secretsource import Resolver
from secretsource.cli._arguments.choice import Choice, declared_secrets
from secretsource.cli._arguments.options import Json, declared_names
from secretsource.cli._terminal.exit_codes import MISSING, MISTAKE, UNAVAILABLE
from secretsource.cli._terminal.output import say, show_table, write_json
from secretsource.exceptions import ConfigurationError
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, Occupied
from secretsource.resolver import format_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from secretsource import ProviderHandle
    from secretsource.providers.base import Outcome

__all__ = ["copy"]

COLUMNS = ("name", "action", "from", "to")

CREATE, OVERWRITE, SAME = "create", "overwrite", "same"
DIFFERENT, MISSES = "different", "not found"
DONE = {CREATE: "created", OVERWRITE: "overwritten"}


def copy(
    context: typer.Context,
    source: Annotated[str, typer.Option("--from", metavar="PROVIDER", help="Where the secrets are: a name or a URL.")],
    target: Annotated[str, typer.Option("--to", metavar="PROVIDER", help="Where they are to be: a name or a URL.")],
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="The secrets.", autocompletion=declared_names)
    ] = None,
    all_declared: Annotated[
        bool, typer.Option("--all-declared", help="Every secret that the configuration declares.")
    ] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Write. Without it, only show what would be done.")] = False,
    overwrite: Annotated[
        list[str] | None,
        typer.Option("--overwrite", metavar="NAME", help="Replace a different value of this name; may be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Copy secrets from one provider to another, without showing a value.

    The output shows for each name whether it would be created, is the same already, or is different; --apply writes.
    Nothing is written while one of the names stops the copy: its value is different and --overwrite does not name it,
    or it cannot be read.
    """
    choice = Choice.of(context)
    wanted = _wanted(context, choice, names or [], all_declared)
    _check_overwrite(context, overwrite or [], wanted)
    with ExitStack() as resources:
        known = {provider.name: provider for provider in resources.enter_context(choice.resolver()).providers()}
        origin, goal = (_opened(choice, known, word, resources) for word in (source, target))
        if origin is goal or source == target:
            raise typer.BadParameter("--from and --to are the same provider", ctx=context)
        if not goal.writable:
            raise ConfigurationError(
                f"provider {goal.name!r} cannot be written to: its driver only reads; name another one with --to"
            )
        items = [
            _planned(name, Content.of(origin, name), Content.of(goal, name, to_fill=True), overwrite or [])
            for name in wanted
        ]
        if apply and not any(item.stops for item in items):
            items = [_written(goal, item) for item in items]
    _show(items, applied=apply, as_json=as_json)
    raise typer.Exit(exit_code(items))


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
        source: The answer of the provider to copy from.
        target: The answer of the provider to copy to.
        reason: The reason why it stops, if it does.
    """

    name: str
    action: str
    source: Content
    target: Content
    reason: str = ""

    @property
    def stops(self) -> bool:
        """Whether it stops the whole copy."""
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


def _wanted(context: typer.Context, choice: Choice, names: Sequence[str], all_declared: bool) -> list[str]:
    """Return the names, each once."""
    if all_declared == bool(names):
        raise typer.BadParameter("name the secrets, or give --all-declared", ctx=context)
    if any("://" in name for name in names):
        raise typer.BadParameter("a secret is named by its bare name here, and not by a reference", ctx=context)
    return list(dict.fromkeys(declared_secrets(choice.config(), purpose="to copy") if all_declared else names))


def _check_overwrite(context: typer.Context, overwrite: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse a misspelt name: it would leave a value that was meant to be replaced."""
    stray = sorted(set(overwrite) - set(wanted))
    if stray:
        raise typer.BadParameter(f"--overwrite {stray[0]}: that is not among the names to copy", ctx=context)


def _opened(choice: Choice, known: Mapping[str, ProviderHandle], word: str, resources: ExitStack) -> ProviderHandle:
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


def _planned(name: str, source: Content, target: Content, overwrite: Sequence[str]) -> Item:
    """Decide about a name, from the answers of both providers (pure)."""
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
    if _octets(ours) == _octets(theirs):
        return Item(name, SAME, source, target)
    if name in overwrite:
        return Item(name, OVERWRITE, source, target)
    return Item(
        name, DIFFERENT, source, target, f"the target has another value: add  --overwrite {name}  to replace it"
    )


def _written(goal: ProviderHandle, item: Item) -> Item:
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


def _value(outcome: Outcome) -> str | bytes:
    """Return the value that was read, as it is."""
    assert isinstance(outcome, Found)
    assert isinstance(outcome.value, (str, bytes)), "a handle selects the field"
    return outcome.value


def _octets(outcome: Outcome) -> bytes:
    """Return a value as it is compared: services differ in whether they hold text or bytes."""
    value = _value(outcome)
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


def _sentence(failed: Failed) -> str:
    return "; ".join(part for part in (failed.reason, failed.remedy) if part)


def _show(items: Sequence[Item], *, applied: bool, as_json: bool) -> None:
    stopped = [item for item in items if item.stops]
    wrote = any(item.action in DONE.values() for item in items)
    if as_json:
        write_json({"ok": not stopped, "applied": wrote, "secrets": [item.described() for item in items]})
        return
    show_table(COLUMNS, [item.row() for item in items])
    for item in stopped:
        say("error", f"secret {item.name!r} stops the copy: {item.reason}")
    if stopped and applied:
        say("note", "some were written, and some not" if wrote else "nothing was written")
    elif not stopped and not applied and any(item.action in DONE for item in items):
        say("note", "nothing was written: add  --apply  to do it")
