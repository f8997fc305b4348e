"""The test kit: conformance suites for drivers, scripted providers, and a clock that obeys.

Names are imported when they are first used, so that what does not need pytest works without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secretsource.testing.async_conformance import AsyncProviderConformance
    from secretsource.testing.batch_conformance import BatchProviderConformance
    from secretsource.testing.clock import FakeClock
    from secretsource.testing.conformance import ProviderConformance
    from secretsource.testing.harness import ProviderHarness
    from secretsource.testing.scripted import Gate, ScriptedAsyncProvider, ScriptedBatchProvider, ScriptedProvider

__all__ = [
    "AsyncProviderConformance",
    "BatchProviderConformance",
    "FakeClock",
    "Gate",
    "ProviderConformance",
    "ProviderHarness",
    "ScriptedAsyncProvider",
    "ScriptedBatchProvider",
    "ScriptedProvider",
]

_MODULES = {
    "AsyncProviderConformance": "async_conformance",
    "BatchProviderConformance": "batch_conformance",
    "FakeClock": "clock",
    "Gate": "scripted",
    "ProviderConformance": "conformance",
    "ProviderHarness": "harness",
    "ScriptedAsyncProvider": "scripted",
    "ScriptedBatchProvider": "scripted",
    "ScriptedProvider": "scripted",
}


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)
