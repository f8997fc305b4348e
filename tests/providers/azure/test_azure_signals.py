"""A signal that comes while the first question to a vault of Azure has its turn, or waits for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from time import monotonic
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from tests.forks import held_elsewhere
from tests.signals import at_each_place

from secretsource.providers._azure.client import VaultClient
from secretsource.providers._azure.opened import Opened, VaultSettings
from secretsource.providers._azure.question import TIMED_OUT, Question
from secretsource.providers._wire.bounded_http import bounds_of_call

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.providers._azure.question import Answer

LISTING = Question("secrets/list", "token")


def client() -> VaultClient:
    """A client that no vault has let in yet; what is listed there is nothing."""
    made = VaultClient(VaultSettings("https://v.vault.azure.net", object(), None, 1.0, 2.0, 1, {}, {}))
    made._opened = Opened(SimpleNamespace(list_properties_of_secret_versions=lambda _: []))
    return made


def ask(asked: VaultClient, seconds: float = 5.0) -> Answer:
    """Ask for the versions of a secret."""
    return asked._ask(monotonic() + seconds, LISTING)


def ask_once_more(asked: VaultClient) -> None:
    """What a signal's function asks."""
    assert ask(asked) == []


def judge(asked: VaultClient, _: bool) -> None:
    """Another thread has its turn, and no bounds are left."""
    assert bounds_of_call.get() is None
    asked._let_in.clear()
    with ThreadPoolExecutor(1) as another:
        assert another.submit(ask, asked).result(30) == []


@pytest.mark.parametrize("then", [None, ask_once_more], ids=["raises", "asks"])
def test_the_turn_outlives_a_signal(
    then: Callable[[VaultClient], None] | None, record_property: Callable[[str, object], None]
) -> None:
    """Whatever is cut short, or asked once more in the middle, the next thread is answered."""
    in_another = copy_context()  # so that bounds that are left would not reach other tests
    count = in_another.run(lambda: at_each_place(client, ask, then, judge, "moments"))
    assert count > 0
    record_property("signals", f"the turn at Azure: {count}")


def test_a_turn_that_another_thread_has_is_waited_for() -> None:
    """Until our own deadline, and no longer; its holder has it still."""
    asked = client()
    with held_elsewhere(asked._turn.lock):
        asked._turn.until = monotonic() + 5
        began, turn = monotonic(), asked._turn
        assert ask(asked, 0.2) is TIMED_OUT
        assert monotonic() - began >= 0.2
        assert asked._turn is turn
        turn.until = 0.0


def test_a_turn_that_nobody_gives_back_ends() -> None:
    """Whoever had it was cut short before anything was noted, or its end is over."""
    asked = client()
    with held_elsewhere(asked._turn.lock):
        assert ask(asked) == []
