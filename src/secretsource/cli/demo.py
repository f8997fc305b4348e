"""``secretsource demo``: the library at work, against servers that it starts on this machine itself."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import typer

from secretsource.cli._exit_codes import MISSING
from secretsource.cli._options import Json
from secretsource.cli._output import printable, say, write_json, write_line

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["demo"]


def demo(as_json: Json = False) -> None:
    """Show all of it at work, on this machine alone.

    Starts its own servers on the loopback interface, needs no credentials, and leaves nothing behind. Values are
    shown by their first characters. Fails when any step does not behave as it tells.
    """
    transcript: list[dict[str, Any]] = []
    try:
        _play(transcript, (lambda _: None) if as_json else write_line)
    finally:
        if as_json:
            write_json(transcript)


def _play(transcript: list[dict[str, Any]], show: Callable[[str], None]) -> None:
    """Play every step, noting what is said and showing it as it happens."""
    from secretsource.cli._demo_scene import Scene, Surprise, clean_environment
    from secretsource.cli._demo_steps import STEPS

    def tell(line: str) -> None:
        transcript[-1]["lines"].append(line)
        show(f"   {printable(line)}".rstrip())

    with clean_environment(), TemporaryDirectory(prefix="secretsource-demo-") as folder:
        scene = Scene(Path(folder), tell)
        with scene.resources:
            for number, step in enumerate(STEPS, 1):
                transcript.append({"step": step.title, "ok": False, "lines": []})
                show(f"{number}. {step.title}")
                try:
                    step.play(scene)
                except Surprise as surprise:
                    told = str(surprise)
                else:
                    transcript[-1]["ok"] = True
                    show("")
                    continue
                say("error", f"step {number} of the demo did not behave as told: {told}")
                raise typer.Exit(MISSING)
    show(f"All {len(STEPS)} steps behaved as told.")
