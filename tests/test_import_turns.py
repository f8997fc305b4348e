"""Packages of vendors are imported one at a time, because the filters of warnings belong to the whole process."""

from __future__ import annotations

import sys
import threading
import time
import warnings
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from tests.forks import held_elsewhere, is_right_in_child, needs_fork
from tests.signals import at_each_place, elsewhere, tell

from secretsource import _drivers
from secretsource._ground import imports
from secretsource.exceptions import ConfigurationError
from secretsource.providers import _registry
from secretsource.testing.servers._needed import need

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOLDER = """
import tests_of_turns_events as events
import warnings
with warnings.catch_warnings():
    events.holds.set()
    events.other_is_done.wait(0.3)
"""
"""An import that restores the filters at its end, as botocore does; it gives the other one time to end before."""

SETTER = """
import warnings
warnings.filterwarnings("ignore", "the message of the setter")
"""
"""An import that sets a filter, as requests does."""


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The steps of two packages, ``tests_of_turns_holder`` and ``tests_of_turns_setter``."""
    (tmp_path / "tests_of_turns_holder.py").write_text(HOLDER)
    setter = tmp_path / "tests_of_turns_setter"
    setter.mkdir()
    (setter / "__init__.py").write_text(SETTER)
    (setter / "part.py").touch()
    events: Any = ModuleType("tests_of_turns_events")
    events.holds, events.other_is_done = threading.Event(), threading.Event()
    monkeypatch.setitem(sys.modules, events.__name__, events)
    monkeypatch.syspath_prepend(tmp_path)
    yield events
    for name in ("tests_of_turns_holder", "tests_of_turns_setter", "tests_of_turns_setter.part"):
        sys.modules.pop(name, None)


class _Point:
    """An entry point whose package imports another."""

    def __init__(self, module: str) -> None:
        self._module = module
        self.name = self.value = "turns"

    def load(self) -> object:
        __import__(self._module)
        return None


def by_load(module: str) -> None:
    imports.load(module)


def by_provider(module: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("importlib.metadata.entry_points", lambda **_: [_Point(module)])
        with pytest.raises(ConfigurationError):
            _registry.driver_class("turns")


def drivers(targets: dict[str, str]) -> _drivers.Drivers:
    return _drivers.Drivers("thing", like="a://", extra="x", group="nothing", targets=targets)


def by_driver(module: str) -> None:
    with pytest.raises(AttributeError):
        drivers({"turns": f"{module}:Driver"}).open("turns://", object)


def by_driver_of_another_package(module: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("importlib.metadata.entry_points", lambda **_: [_Point(module)])
        with pytest.raises(ConfigurationError):
            drivers({}).open("turns://", object)


def by_test_server(module: str) -> None:
    need("a server", module)


def by_test_server_that_needs_a_part(module: str) -> None:
    """The search for the part imports the package above it."""
    need("a server", f"{module}.part")


WAYS = [
    by_load,
    by_provider,
    by_driver,
    by_driver_of_another_package,
    by_test_server,
    by_test_server_that_needs_a_part,
]


@pytest.mark.parametrize("bring", WAYS)
def test_no_filter_is_lost_between_two_imports(events: Any, bring: Callable[[str], None]) -> None:
    """A filter that one package sets outlives the import of another, which restores the filters at its end."""
    with warnings.catch_warnings():
        holder = threading.Thread(target=imports.load, args=["tests_of_turns_holder"])
        holder.start()
        assert events.holds.wait(30)
        bring("tests_of_turns_setter")
        events.other_is_done.set()
        holder.join(30)
        assert any("the message of the setter" in str(each[1]) for each in warnings.filters)


def test_a_turn_is_waited_for_until_the_deadline(events: Any) -> None:
    """The import does not begin after it."""
    with held_elsewhere(imports._TURN):
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            imports.load("tests_of_turns_setter", until=begun + 0.05)
        assert 0.05 <= time.monotonic() - begun < 30
        with pytest.raises(TimeoutError):
            imports.load("tests_of_turns_setter", until=begun)
    assert "tests_of_turns_setter" not in sys.modules
    del events


def test_without_a_deadline_the_import_goes_on_in_the_end(events: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that asks for a secret while it is imported may be wanted by the import that has the turn."""
    monkeypatch.setattr(imports, "PATIENCE", 0.05)
    with held_elsewhere(imports._TURN):
        imports.load("tests_of_turns_setter")
        assert "tests_of_turns_setter" in sys.modules
    elsewhere(lambda: imports.in_turn(bool))
    del events


def test_loaded_modules_need_no_turn(events: Any) -> None:
    """A look-up after the first does not wait for the import of another vendor."""
    imports.load("tests_of_turns_setter")
    with held_elsewhere(imports._TURN):
        imports.load("tests_of_turns_setter", until=0.0)
    del events


def test_a_failed_import_is_tried_again_and_ends_its_turn(events: Any, tmp_path: Path) -> None:
    """A module that is missing now may be there later; other threads import meanwhile."""
    with pytest.raises(ModuleNotFoundError):
        imports.load("tests_of_turns_late")
    elsewhere(lambda: imports.in_turn(bool))
    (tmp_path / "tests_of_turns_late.py").touch()
    sys.path_importer_cache.clear()
    imports.load("tests_of_turns_late")
    del sys.modules["tests_of_turns_late"], events


def test_an_import_in_turn_may_import_in_turn(events: Any) -> None:
    """A driver of another package may load a driver of ours."""
    imports.in_turn(lambda: imports.load("tests_of_turns_setter", until=0.0))
    assert "tests_of_turns_setter" in sys.modules
    del events


@needs_fork
def test_a_child_has_its_own_turn() -> None:
    """The thread that had it at the fork is not there."""
    with held_elsewhere(imports._TURN):
        assert is_right_in_child(lambda: imports.in_turn(lambda: True, until=0.0))


@needs_fork
def test_the_turn_of_the_thread_that_forks_is_its_own_in_the_child() -> None:
    """The child ends it, as the parent does."""

    def act() -> bool:
        imports._TURN.release()
        with pytest.raises(RuntimeError):
            imports._TURN.release()
        return True

    with imports._TURN:
        assert is_right_in_child(act)


def test_no_signal_takes_the_turn_away(record_property: Callable[[str, object], None]) -> None:
    """Wherever a signal raises, other threads have their turns afterwards."""

    def judge(_: None, __: bool) -> None:
        elsewhere(lambda: imports.in_turn(bool, until=0.0))

    places = at_each_place(lambda: None, lambda _: imports.in_turn(bool), None, judge, "moments")
    tell(record_property, "a turn", places)
