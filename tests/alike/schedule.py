"""One schedule: what a seed has the stores told, and at which times."""

from __future__ import annotations

import os
import random as random_module
from contextlib import contextmanager
from random import Random
from threading import get_ident
from typing import TYPE_CHECKING, Any

from tests.alike.acts import WAITS, Author, Known
from tests.alike.changes import CHANGES
from tests.alike.questions import QUESTIONS
from tests.alike.world import Worlds

from secretsource.issuing import Issued, Rotated
from secretsource.issuing._manage.registers.passes import IssuedPass
from secretsource.stores.base import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from secretsource.stores.base import KeyStore

__all__ = ["drawing", "play"]

BEGINNINGS = (1_709_164_790.0, 1_735_689_590.0, 1_740_787_190.0, 951_782_390.0, 1_704_067_199.999)
"""Ten seconds and less before the last day of a February, of leap years and others, and before new years."""


_ACTS = [make for make, share in {**CHANGES, **QUESTIONS}.items() for _ in range(share)]


def play(stores: dict[str, KeyStore], seed: int, acts: int) -> None:
    """Tell stores the same for some acts, and compare what they say.

    Args:
        stores: The stores, empty, by name.
        seed: Of everything that is drawn.
        acts: How many acts there are.

    Raises:
        AssertionError: Two of them said something else.
    """
    random, known = Random(seed), Known({}, [], [], [])
    worlds, author = Worlds(stores, seed, random.choice(BEGINNINGS)), Author(random, known)
    try:
        for _ in range(acts):
            if random.random() < 0.3:
                worlds.wait(random.choice(WAITS))
            act = random.choice(_ACTS)(author, worlds.clock.now().wall)
            with drawing() as draw_from:
                said = worlds.do(act, draw_from)
            _learn(known, act.name, said)
    finally:
        worlds.close()


@contextmanager
def drawing() -> Generator[Callable[[Callable[[int], bytes]], None]]:
    """Have the random bytes of this thread come from where the value says, until the end.

    A thread that a store begins draws bytes of its own, at moments of its own.
    """
    before: Any = os.urandom, random_module._urandom  # type: ignore[attr-defined]
    here = get_ident()

    def draw_from(source: Callable[[int], bytes]) -> None:
        def draw(size: int) -> bytes:
            return source(size) if get_ident() == here else before[0](size)

        os.urandom = random_module._urandom = draw  # type: ignore[attr-defined]

    try:
        yield draw_from
    finally:
        os.urandom, random_module._urandom = before  # type: ignore[attr-defined]


def _learn(known: Known, name: str, said: Any) -> None:
    """Note what later acts can be about."""
    for one in said if isinstance(said, list) else [said]:
        if isinstance(one, Issued):
            known.texts[one.record.key_id] = one.plaintext
        elif isinstance(one, Rotated) and one.plaintext is not None:
            known.texts[one.successor.key_id] = one.plaintext
    if isinstance(said, IssuedPass):
        known.tokens.append(said.plaintext)
    elif name == "export" and isinstance(said, list):
        known.rows.extend(said)
    elif isinstance(said, Page) and said.next is not None:
        known.cursors.append(said.next)
