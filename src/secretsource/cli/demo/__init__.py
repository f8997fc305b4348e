"""``secretsource demo``: show the library at work, with servers that the demo itself starts on this machine."""

from __future__ import annotations

import signal
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING, Any

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.exit_codes import MISSING
from secretsource.cli._terminal.output import is_asked, is_terminal, printable, say, write_json, write_line

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from secretsource.cli.demo.scene import Scene

__all__ = ["demo"]

ENDS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals that would end this process at once, and leave its servers running."""


def demo(as_json: Json = False) -> None:
    """Show the whole library at work, on this machine alone.

    The demo starts its own servers on the loopback interface, needs no credentials, and leaves nothing behind. It
    shows the first characters of values. It fails when a step does not do what it announces.
    On a terminal, the service of the last step goes on until Ctrl-C.
    """
    transcript: list[dict[str, Any]] = []
    try:
        _play(transcript, (lambda _: None) if as_json else write_line)
    finally:
        if as_json:
            write_json(transcript)


def _play(transcript: list[dict[str, Any]], show: Callable[[str], None]) -> None:
    """Run every step; note and show its lines as they come."""
    from secretsource.cli.demo.scene import Scene, Surprise, clean_environment
    from secretsource.cli.demo.steps import STEPS

    def tell(line: str) -> None:
        transcript[-1]["lines"].append(line)
        show(f"   {printable(line)}".rstrip())

    with ended_in_order(), TemporaryDirectory(prefix="secretsource-demo-") as folder:
        home = Path(folder, "home")
        home.mkdir()
        scene = Scene(Path(folder), tell)
        with clean_environment(home), scene.resources:
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
                say("error", f"step {number} of the demo did not go as announced: {told}")
                raise typer.Exit(MISSING)
            show(f"All {len(STEPS)} steps went as announced.")
            if is_terminal() and is_asked():
                _serve_on(scene)


def _serve_on(scene: Scene) -> None:
    """Let a person try the service, until Ctrl-C."""
    from secretsource.cli.demo.service_steps import Desk

    desk = scene.part(Desk)
    write_line(f"\nThe service goes on at {desk.url} until Ctrl-C; its documentation is at {desk.url}/docs")
    write_line(f'  curl -H "Authorization: Bearer $(cat {desk.root_file})" {desk.url}/v1/keys')
    with suppress(KeyboardInterrupt):
        Event().wait()


@contextmanager
def ended_in_order() -> Generator[None]:
    """Let a signal end the demo as Ctrl-C does: stop the servers and remove the files."""

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in ENDS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
