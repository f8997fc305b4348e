"""The map of the package in `docs/explanation/architecture.md`, drawn from its imports.

    PYTHONPATH=src python -m tests.docs.map          draw it again

The rooms stand where `ROOMS` places them. An arrow is drawn for each pair of rooms of which one imports the other.
A room without a place in `ROOMS`, or an arrow without a way in `WAYS`, is an error: either is a decision.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import grimp
from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

MAP = ROOT / "docs" / "explanation" / "map.svg"
PACKAGE = "secretsource"
WIDTH, HEIGHT = 880, 600


class Room(NamedTuple):
    """A box of the map.

    Attributes:
        x: Its left edge.
        y: Its upper edge.
        width: Its width.
        height: Its height.
        purpose: Its purpose, in a few words.
        kind: The class of its style: ``edge``, ``type``, ``driver`` or ``ground``.
    """

    x: int
    y: int
    width: int
    height: int
    purpose: str
    kind: str


ROOMS: Mapping[str, Room] = {
    "cli": Room(20, 20, 430, 52, "the command line", "edge"),
    "server": Room(470, 20, 390, 52, "the HTTP service", "edge"),
    "secretsource": Room(20, 112, 280, 52, "the front page: get_secret, override, …", "edge"),
    "integrations": Room(460, 112, 400, 52, "in front of web applications, and in their settings", "edge"),
    "resolver": Room(20, 214, 280, 60, "name → value: chain, cache, flights", "type"),
    "config": Room(20, 324, 130, 52, "secretsource.toml", "type"),
    "issuing": Room(460, 214, 400, 162, "API keys: issue, check, rotate, revoke", "type"),
    "providers": Room(20, 426, 280, 60, "one driver for each source of secrets", "driver"),
    "testing": Room(330, 426, 100, 60, "the test kit", "edge"),
    "stores": Room(460, 426, 190, 60, "records of keys", "driver"),
    "limiters": Room(670, 426, 190, 60, "rates and quotas", "driver"),
    "ground": Room(20, 526, 840, 52, "errors, clocks, forks, flows, listeners, the Secret itself", "ground"),
}

INNER = ("_http", "_transfer", "_manage", "_check", "_key")
"""The rooms of the issuing half; each imports only rooms to its right."""

WAYS: Mapping[tuple[str, str], str] = {
    ("secretsource", "resolver"): "M160 164 V212",
    ("integrations", "issuing"): "M660 164 V212",
    ("integrations", "secretsource"): "M460 120 H302",
    ("resolver", "config"): "M100 274 V322",
    ("resolver", "providers"): "M230 274 V424",
    ("config", "providers"): "M85 376 V424",
    ("issuing", "resolver"): "M460 250 H302",
    ("issuing", "secretsource"): "M460 230 H440 V130 H302",
    ("issuing", "stores"): "M555 376 V424",
    ("issuing", "limiters"): "M765 376 V424",
    ("testing", "issuing"): "M410 426 V340 H458",
    ("testing", "providers"): "M330 456 H302",
    ("testing", "stores"): "M430 456 H458",
    ("testing", "limiters"): "M400 486 V506 H765 V488",
    ("testing", "resolver"): "M350 426 V262 H302",
    ("testing", "secretsource"): "M400 426 V150 H302",
}
"""The way of each arrow, as a path whose last step is straight."""

STYLE = """
text { font-family: system-ui, "DejaVu Sans", sans-serif; fill: #1c2430 }
.name { font-size: 15px; font-weight: 600 } .purpose, .note { font-size: 12px } .note { fill: #55606f }
rect { stroke-width: 1.5 } path { fill: none; stroke: #55606f; stroke-width: 1.4 }
.tip { fill: #55606f; stroke: none } .edge { fill: #eef3fb; stroke: #5b7fb9 }
.type { fill: #fdf3e0; stroke: #bd8a2f } .inner { fill: #fffaf0; stroke: #bd8a2f }
.driver { fill: #eaf5ea; stroke: #5a9a5f } .ground { fill: #f1f1f3; stroke: #8b8f98 }
@media (prefers-color-scheme: dark) {
text { fill: #e6ebf2 } .note { fill: #a5b0bf } path { stroke: #a5b0bf }
.tip { fill: #a5b0bf } .edge { fill: #1d2b42; stroke: #7ea3dd }
.type { fill: #3a2d14; stroke: #d6a64e } .inner { fill: #2a2110; stroke: #d6a64e }
.driver { fill: #1b3220; stroke: #7cbd82 } .ground { fill: #26282d; stroke: #8b8f98 }
}
"""


def main() -> None:
    """Draw the map from the imports of the package."""
    MAP.write_text(drawn(imports()))


def imports() -> set[tuple[str, str]]:
    """Return each pair of rooms of which the first imports the second, also for types only."""
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    pairs = {
        (room_of(module), room_of(imported))
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    }
    return {(source, target) for source, target in pairs if source != target and is_drawn(source, target)}


def room_of(module: str) -> str:
    """Return the room of a module: its folder, or the ground for a module of its own."""
    _, _, inside = module.partition(".")
    word = inside.partition(".")[0] or PACKAGE
    return word if word in ROOMS or not word.startswith(("_", "exceptions")) else "ground"


def is_drawn(source: str, target: str) -> bool:
    """Say whether an arrow is drawn: command line and service stand on many rooms, and every room on the ground."""
    return source not in {"cli", "server", "ground"} and target != "ground"


def drawn(arrows: Collection[tuple[str, str]]) -> str:
    """Return the map as SVG.

    Raises:
        KeyError: A room has no place, or an arrow no way.
    """
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        "<title>The rooms of secretsource, and the imports between them</title>",
        f"<style>{STYLE}</style>",
        *(line for name, room in ROOMS.items() for line in box(name, room)),
        *inner(),
        *(line for pair in sorted(arrows) for line in arrow(WAYS[pair])),
        note(ROOMS["cli"], "stands on every room, without arrows here"),
        note(ROOMS["server"], "stands on every room below"),
        note(ROOMS["ground"], "every room stands on it; those arrows are left out"),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def box(name: str, room: Room) -> Iterator[str]:
    """Yield a room: a box with its name and purpose."""
    yield f'<rect class="{room.kind}" x="{room.x}" y="{room.y}" width="{room.width}" height="{room.height}" rx="7"/>'
    yield f'<text class="name" x="{room.x + 12}" y="{room.y + 22}">{name}</text>'
    yield f'<text class="purpose" x="{room.x + 12}" y="{room.y + 41}">{room.purpose}</text>'


def inner() -> Iterator[str]:
    """Yield the five rooms of the issuing half, in the order of their layers."""
    issuing, width, gap = ROOMS["issuing"], 68, 9
    for place, name in enumerate(INNER):
        x, y = issuing.x + 12 + place * (width + gap), issuing.y + 76
        yield f'<rect class="inner" x="{x}" y="{y}" width="{width}" height="40" rx="5"/>'
        yield f'<text class="purpose" x="{x + width // 2}" y="{y + 25}" text-anchor="middle">{name}</text>'
    remark = "each room imports only rooms to its right"
    yield f'<text class="note" x="{issuing.x + 12}" y="{issuing.y + 140}">{remark}</text>'


def arrow(way: str) -> Iterator[str]:
    """Yield an arrow along a way, with a tip in the direction of its last step."""
    x, y, ahead_x, ahead_y = end_of(way)
    yield f'<path d="{way}"/>'
    side_x, side_y = 4 * abs(ahead_y), 4 * abs(ahead_x)
    back_x, back_y = x - 8 * ahead_x, y - 8 * ahead_y
    tip = f"M{x} {y} L{back_x + side_x} {back_y + side_y} L{back_x - side_x} {back_y - side_y} Z"
    yield f'<path class="tip" d="{tip}"/>'


def end_of(way: str) -> tuple[int, int, int, int]:
    """Return the end of a way, and the direction of its last step."""
    x = y = ahead_x = ahead_y = 0
    for letter, numbers in re.findall(r"([MHV])([\d ]+)", way):
        ahead_x, ahead_y = 0, 0
        if letter == "M":
            x, y = map(int, numbers.split())
        elif letter == "H":
            ahead_x, x = (1 if int(numbers) > x else -1), int(numbers)
        else:
            ahead_y, y = (1 if int(numbers) > y else -1), int(numbers)
    return x, y, ahead_x, ahead_y


def note(room: Room, text: str) -> str:
    """Return a remark at the right edge of a room."""
    return f'<text class="note" x="{room.x + room.width - 12}" y="{room.y + 22}" text-anchor="end">{text}</text>'


if __name__ == "__main__":
    main()
