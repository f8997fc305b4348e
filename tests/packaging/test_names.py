"""The names that `secretsource` promises, and no others."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING

import secretsource

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Ask = Callable[..., Any]

PROMISED = {
    "AsyncResolver",
    "LiveSecret",
    "Probe",
    "ProviderHandle",
    "Resolver",
    "RotationEvent",
    "Secret",
    "SecretEvent",
    "SecretSet",
    "Trace",
    "aget_secret",
    "aexplain",
    "aget_secrets",
    "aload_secrets",
    "areject",
    "explain",
    "invalidate",
    "load_secrets",
    "on_event",
    "on_rotate",
    "reject",
    "configure",
    "get_secret",
    "get_secret_set",
    "get_secrets",
    "override",
}

WALK = """
import json, secretsource
from importlib import import_module
from pkgutil import walk_packages
import django
from django.conf import settings

# without which packages of Django do not import
APPS = ("admin", "auth", "contenttypes", "messages")
settings.configure(SECRET_KEY="of a walk", INSTALLED_APPS=[f"django.contrib.{app}" for app in APPS])
django.setup()
RUN_BY_A_TOOL = ("__main__", "migrations")
names = [module.name for module in walk_packages(secretsource.__path__, "secretsource.")]
modules = [import_module(name) for name in names if not any(word in name for word in RUN_BY_A_TOOL)]
"""


def test_the_package_exports_what_it_promises() -> None:
    """`__all__` holds the promised names, each of which is there."""
    assert set(secretsource.__all__) - {"__version__"} == PROMISED
    assert all(hasattr(secretsource, name) for name in secretsource.__all__)


def test_the_package_shows_nothing_else() -> None:
    """A name without an underscore that is no module of ours is in `__all__`."""
    shown = {
        name
        for name, value in vars(secretsource).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert shown - {"annotations", "TYPE_CHECKING"} <= PROMISED


def test_every_module_keeps_its_word(ask: Ask) -> None:
    """Every module imports, has every name of its `__all__`, and opens with a docstring if it holds any code."""
    missing, silent = ask(
        f"{WALK}\n"
        "print(json.dumps([\n"
        "    [f'{module.__name__}.{name}' for module in modules for name in getattr(module, '__all__', ())\n"
        "     if not hasattr(module, name)],\n"
        "    [module.__name__ for module in modules if not module.__doc__ and not hasattr(module, '__path__')],\n"
        "]))"
    )
    assert (missing, silent) == ([], [])
