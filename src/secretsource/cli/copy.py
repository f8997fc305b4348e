"""``secretsource copy --from dotenv --to aws NAME``: bring secrets from one provider to another; shows no value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from secretsource.cli._choice import Choice, declared_secrets
from secretsource.cli._ends import Held, held, opened, put, writer
from secretsource.cli._exit_codes import MISSING, MISTAKE, UNAVAILABLE
from secretsource.cli._options import Json, declared_names
from secretsource.cli._output import say, show_table, write_json
from secretsource.providers.base import Failed, FailureCode, NotFound, Occupied

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from secretsource.resolver._route import Route

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

    Shows for each name whether it would be created, is the same already, or is different; --apply does it. Nothing is
    written as long as one of the names stands in the way: a value that is different and was not named by --overwrite,
    or one that cannot be read.
    """
    choice = Choice.of(context)
    wanted = _wanted(context, choice, names or [], all_declared)
    _check_overwrite(context, overwrite or [], wanted)
    with choice.resolver() as resolver:
        chain = resolver._engine.chain
        origin, goal = opened(choice, chain, source), opened(choice, chain, target)
        if origin.provider is goal.provider:
            raise typer.BadParameter("--from and --to are the same provider", ctx=context)
        writer(goal)
        items = [_planned(name, held(origin, name), held(goal, name, to_fill=True), overwrite or []) for name in wanted]
        if apply and not any(item.stops for item in items):
            items = [_written(goal, item) for item in items]
        for route in (origin, goal):
            route.provider.close()
    _show(items, applied=apply, as_json=as_json)
    raise typer.Exit(exit_code(items))


@dataclass(frozen=True, slots=True)
class Item:
    """What is to become of one name.

    Attributes:
        name: The secret.
        action: One of the words above, or the code of a failure.
        source: What the one provider has.
        target: What the other has.
        reason: Why it stops, where it does.
    """

    name: str
    action: str
    source: Held
    target: Held
    reason: str = ""

    @property
    def stops(self) -> bool:
        """Whether nothing is written because of it."""
        return self.action not in {CREATE, OVERWRITE, SAME, *DONE.values()}

    def row(self) -> tuple[str, ...]:
        """The cells of a table."""
        return self.name, self.action, self.source.where, self.target.where

    def described(self) -> dict[str, Any]:
        """The same as a JSON document."""
        return {key: cell or None for key, cell in zip((*COLUMNS, "reason"), (*self.row(), self.reason), strict=True)}


def exit_code(items: Iterable[Item]) -> int:
    """What stands most in the way: a mistake or a different value, then what is missing or denied, then an outage."""
    troubles = {item.action for item in items if item.stops}
    if troubles & {DIFFERENT, FailureCode.MALFORMED.value, FailureCode.MISCONFIGURED.value}:
        return MISTAKE
    if troubles - {code.value for code in FailureCode if code.retryable}:
        return MISSING
    return UNAVAILABLE if troubles else 0


def _wanted(context: typer.Context, choice: Choice, names: Sequence[str], all_declared: bool) -> list[str]:
    """The names, each once."""
    if all_declared == bool(names):
        raise typer.BadParameter("name the secrets, or give --all-declared", ctx=context)
    if any("://" in name for name in names):
        raise typer.BadParameter("a secret is named by its bare name here, and not by a reference", ctx=context)
    return list(dict.fromkeys(declared_secrets(choice.config(), purpose="to copy") if all_declared else names))


def _check_overwrite(context: typer.Context, overwrite: Sequence[str], wanted: Sequence[str]) -> None:
    """A misspelt name would leave a value that was meant to be replaced."""
    stray = sorted(set(overwrite) - set(wanted))
    if stray:
        raise typer.BadParameter(f"--overwrite {stray[0]}: that is none of the names to copy", ctx=context)


def _planned(name: str, source: Held, target: Held, overwrite: Sequence[str]) -> Item:
    """What is to become of a name, from what both providers have (pure)."""
    if isinstance(source.content, Failed):
        return Item(name, source.content.code.value, source, target, _sentence(source.content))
    if isinstance(target.content, Failed):
        return Item(name, target.content.code.value, source, target, _sentence(target.content))
    if isinstance(source.content, NotFound):
        return Item(name, MISSES, source, target, source.content.reason or "the source has no such secret")
    if target.ref is None:
        assert isinstance(target.content, NotFound)
        return Item(name, FailureCode.MISCONFIGURED.value, source, target, target.content.reason or "no place for it")
    if isinstance(target.content, NotFound):
        return Item(name, CREATE, source, target)
    if _octets(source.content) == _octets(target.content):
        return Item(name, SAME, source, target)
    if name in overwrite:
        return Item(name, OVERWRITE, source, target)
    return Item(
        name, DIFFERENT, source, target, f"the target has another value: add  --overwrite {name}  to replace it"
    )


def _written(goal: Route, item: Item) -> Item:
    """The same item after it was written, if there was anything to write."""
    if item.action not in DONE:
        return item
    assert isinstance(item.source.content, (str, bytes))
    outcome = put(goal, item.target, item.source.content, overwrite=item.action == OVERWRITE)
    if isinstance(outcome, Failed):
        return replace(item, action=outcome.code.value, reason=_sentence(outcome))
    if isinstance(outcome, Occupied):
        return replace(item, action=DIFFERENT, reason="somebody else wrote it meanwhile: look at it again")
    return replace(item, action=DONE[item.action])


def _octets(content: str | bytes) -> bytes:
    """A value as it is compared: services differ in whether they hold text or bytes."""
    return content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content


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
