"""The test kit: conformance suites for drivers, stores and limiters, scripted providers, and a clock that you set.

Names are imported on first use, so that parts without pytest work without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secretsource.testing._integrations.acceptance import IntegrationAcceptance
    from secretsource.testing._limiters.async_conformance import AsyncLimiterConformance
    from secretsource.testing._limiters.conformance import LimiterConformance
    from secretsource.testing._providers.async_conformance import AsyncProviderConformance
    from secretsource.testing._providers.batch_conformance import BatchProviderConformance
    from secretsource.testing._providers.conformance import ProviderConformance
    from secretsource.testing._providers.writable_conformance import WritableProviderConformance
    from secretsource.testing._stores.async_conformance import AsyncStoreConformance
    from secretsource.testing._stores.conformance import StoreConformance
    from secretsource.testing.clock import FakeClock
    from secretsource.testing.harness import ProviderHarness
    from secretsource.testing.integration_harness import IntegrationHarness
    from secretsource.testing.limiter_harness import AsyncLimiterHarness, LimiterHarness
    from secretsource.testing.scripted import Gate, ScriptedAsyncProvider, ScriptedBatchProvider, ScriptedProvider
    from secretsource.testing.store_harness import AsyncStoreHarness, StoreHarness

__all__ = [
    "AsyncLimiterConformance",
    "AsyncLimiterHarness",
    "AsyncProviderConformance",
    "AsyncStoreConformance",
    "AsyncStoreHarness",
    "BatchProviderConformance",
    "FakeClock",
    "Gate",
    "IntegrationAcceptance",
    "IntegrationHarness",
    "LimiterConformance",
    "LimiterHarness",
    "ProviderConformance",
    "ProviderHarness",
    "ScriptedAsyncProvider",
    "ScriptedBatchProvider",
    "ScriptedProvider",
    "StoreConformance",
    "StoreHarness",
    "WritableProviderConformance",
]

_MODULES = {
    "AsyncLimiterConformance": "_limiters.async_conformance",
    "AsyncLimiterHarness": "limiter_harness",
    "AsyncProviderConformance": "_providers.async_conformance",
    "AsyncStoreConformance": "_stores.async_conformance",
    "AsyncStoreHarness": "store_harness",
    "BatchProviderConformance": "_providers.batch_conformance",
    "FakeClock": "clock",
    "Gate": "scripted",
    "IntegrationAcceptance": "_integrations.acceptance",
    "IntegrationHarness": "integration_harness",
    "LimiterConformance": "_limiters.conformance",
    "LimiterHarness": "limiter_harness",
    "ProviderConformance": "_providers.conformance",
    "ProviderHarness": "harness",
    "ScriptedAsyncProvider": "scripted",
    "ScriptedBatchProvider": "scripted",
    "ScriptedProvider": "scripted",
    "StoreConformance": "_stores.conformance",
    "StoreHarness": "store_harness",
    "WritableProviderConformance": "_providers.writable_conformance",
}


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)
