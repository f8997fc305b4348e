"""Stores of key records: the contract is in `base`, and each driver has a module of its own."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.stores._registry import open_async_store, open_store

__all__ = ["open_async_store", "open_store"]


def __getattr__(name: str) -> object:
    """Load the registry when it is first used: the contract alone needs none."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from secretsource.stores import _registry

    found: object = getattr(_registry, name)
    return found
