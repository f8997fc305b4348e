"""The base of every conformance suite: a harness, the impossible abilities, and the time limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from secretsource.testing.harness import ABILITIES, FAULTS, WIRE_FAULTS, ProviderHarness

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ConformanceSuite"]

PARAMETERS = {"fault": FAULTS, "wire_fault": WIRE_FAULTS}
"""Arguments of a test that each stand for several abilities in turn."""


class ConformanceSuite:
    """Cases that a harness drives; subclass it and override the ``harness`` fixture.

    Attributes:
        impossible: Abilities the service cannot have (of `harness.ABILITIES`), each with the reason.
        timeout: Seconds an ordinary call may take.
        patience: Seconds given to a service that does not answer.
        slack: Seconds by which a timeout may be overrun.
    """

    impossible: ClassVar[Mapping[str, str]] = {}
    timeout: ClassVar[float] = 5.0
    patience: ClassVar[float] = 0.3
    slack: ClassVar[float] = 1.0

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for ability, reason in cls.impossible.items():
            if ability not in ABILITIES or not reason:
                raise TypeError(f"{cls.__name__}.impossible: {ability!r} is not an ability, or lacks a reason")
        lacking = {*cls.impossible, *(["fault"] if cls.impossible.keys() >= set(FAULTS) else [])}
        for attribute in dir(cls):
            wanted: frozenset[str] = getattr(getattr(cls, attribute), "needs", frozenset())
            if not wanted.isdisjoint(lacking):
                setattr(cls, attribute, None)  # tells pytest that an inherited test is not collected

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run the tests that take a ``fault`` or a ``wire_fault`` once for each possible fault."""
        for parameter, abilities in PARAMETERS.items():
            if parameter in metafunc.fixturenames:
                metafunc.parametrize(parameter, [ability for ability in abilities if ability not in self.impossible])

    @pytest.fixture
    def harness(self) -> ProviderHarness:
        """Return the harness of the driver under test; every subclass overrides it."""
        raise NotImplementedError("override the fixture `harness` so that it returns your ProviderHarness")

    @pytest.fixture(autouse=True)
    def closed_at_the_end(self, harness: ProviderHarness) -> Iterator[None]:
        """Close the provider after each test."""
        yield
        harness.provider.close()
