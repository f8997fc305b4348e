"""`get_set` at every provider with a service behind it: what becomes of the set, when the version before is no more.

What somebody disabled, deleted or destroyed leaves the set; what could not be asked for, or was denied, is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.chain.outcomes import SERVED
from tests.chain.worlds import bao, become_nobody, disable, harness, world
from tests.shells import Shell

from secretsource import AsyncResolver, Resolver
from secretsource.exceptions import ProviderDenied, ProviderError, ProviderUnavailable

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretsource.testing import ProviderHarness

__all__ = ["bao", "become_nobody", "harness", "world"]

REFUSALS = {"deny": ProviderDenied, "throttle": ProviderUnavailable, "down": ProviderUnavailable}


@pytest.fixture(params=[Resolver, AsyncResolver])
def shell(harness: ProviderHarness, request: pytest.FixtureRequest) -> Generator[Shell]:
    """The provider, with a secret of two versions."""
    harness.put("NAME", "first")
    harness.rotate("NAME", "second")
    shell = Shell(request.param([harness.provider]))
    yield shell
    harness.heal()
    shell.end()


@pytest.mark.parametrize("provider", SERVED)
def test_after_a_rotation(harness: ProviderHarness, shell: Shell) -> None:
    """When a read has brought a newer version, the one before is that of now, and none from before the rotation."""
    assert list(shell.get_set("NAME")) == ["second", "first"]
    for newest, before in (("third", "second"), ("fourth", "third")):
        harness.rotate("NAME", newest)
        assert shell.get("NAME", fresh=True) == newest
        assert list(shell.get_set("NAME")) == [newest, before]


@pytest.mark.parametrize("provider", ["aws"])
def test_a_rotation_that_the_version_before_shows(harness: ProviderHarness, shell: Shell) -> None:
    """When the version before is what is remembered as the current one, the current one is asked for."""
    assert shell.get("NAME") == "second"
    harness.rotate("NAME", "third")
    assert list(shell.get_set("NAME")) == ["third", "second"]


@pytest.mark.parametrize("provider", ["vault", "gcp", "azure"])
def test_switched_off(harness: ProviderHarness, shell: Shell) -> None:
    """The current version goes on alone, when the one before was disabled; Vault has only destroying."""
    disable(harness, "NAME")
    assert list(shell.get_set("NAME")) == ["second"]


@pytest.mark.parametrize("provider", ["vault"])
def test_soft_deleted(harness: Any, shell: Shell) -> None:
    """So it does when the one before was deleted; once that is undeleted, it is in the set again."""
    versions = {"versions": [1]}
    harness.bao.do("POST", f"secret/delete/{harness.place}/NAME", versions)
    assert list(shell.get_set("NAME")) == ["second"]
    harness.bao.do("POST", f"secret/undelete/{harness.place}/NAME", versions)
    shell.engine.state.clear()
    assert list(shell.get_set("NAME")) == ["second", "first"]


@pytest.mark.parametrize("provider", ["gcp"])
def test_destroyed(harness: Any, shell: Shell) -> None:
    """So it does when the one before was destroyed."""
    harness.gcp.store.set_state(harness.resource("NAME"), "1", "DESTROYED")
    assert list(shell.get_set("NAME")) == ["second"]


@pytest.mark.parametrize("provider", ["vault", "gcp", "azure"])
def test_the_current_one_is_switched_off(harness: ProviderHarness, shell: Shell) -> None:
    """A current version that was disabled is an error; the one before does not take its place."""
    disable(harness, "NAME", 2)
    with pytest.raises(ProviderDenied):
        shell.get_set("NAME")


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("provider", SERVED)
def test_refused(refusal: str, harness: ProviderHarness, shell: Shell) -> None:
    """With the current version known, one before that is denied, or cannot be asked for, is an error all the same."""
    assert shell.get("NAME") == "second"
    getattr(harness, refusal)()
    with pytest.raises(ProviderError) as caught:
        shell.get_set("NAME")
    assert type(caught.value) is REFUSALS[refusal]
