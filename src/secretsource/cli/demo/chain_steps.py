"""The steps about the chain: six providers that answer in turn, their order, and an outage in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.cli.demo.scene import Step, expect
from secretsource.exceptions import ProviderUnavailable

if TYPE_CHECKING:
    from secretsource.cli.demo.scene import Scene

__all__ = ["CHAIN_STEPS"]

CHAIN = ("env", "dotenv", "aws", "vault", "gcp", "azure")


def answer_in_turn(scene: Scene) -> None:
    """Show that one call finds every name, each of which only one provider has."""
    for provider in CHAIN:
        name = f"ONLY_IN_{provider.upper()}"
        value = scene.put(provider, name)
        secret = scene.resolver.get(name)
        expect(secret == value and secret.provider == provider, f"{provider} answers with the name that it alone has")
        scene.show(secret)
    trace = scene.resolver.explain("ONLY_IN_AZURE")
    expect([step.provider for step in trace.steps] == list(CHAIN), "each provider is asked, in the order of the chain")
    scene.explain("ONLY_IN_AZURE")


def win_by_their_order(scene: Scene) -> None:
    """Give the name to the last provider, then also to the provider before it, and at the end to all six."""
    for provider in reversed(CHAIN):
        value = scene.put(provider, "SHARED_TOKEN")
        secret = scene.resolver.get("SHARED_TOKEN", fresh=True)
        expect(secret == value and secret.provider == provider, f"{provider} wins over the providers behind it")
        scene.show(secret)
        if provider == "vault":
            scene.explain("SHARED_TOKEN")


def stops_at_an_outage(scene: Scene) -> None:
    """Seal Vault; Google Cloud behind it, which has the name, is not asked until Vault answers again."""
    value = scene.put("gcp", "PARTNER_TOKEN")
    scene.servers.vault.down()
    scene.say("Google Cloud has PARTNER_TOKEN, and Vault before it is down")
    refusal = ""
    try:
        scene.resolver.get("PARTNER_TOKEN")
    except ProviderUnavailable as error:
        refusal = str(error)
    expect(refusal, "an outage is an error, and no later provider wins")
    scene.say(f"ProviderUnavailable: {refusal}")
    trace = scene.resolver.explain("PARTNER_TOKEN")
    expect(trace.unasked == ("gcp", "azure", "file"), "the chain stops at the provider that is down")
    scene.explain("PARTNER_TOKEN")
    scene.servers.vault.heal()
    secret = scene.resolver.get("PARTNER_TOKEN", fresh=True)
    expect(secret == value and secret.provider == "gcp", "the chain goes on once Vault says that it has no such name")
    scene.say("Vault answers again")
    scene.show(secret)


CHAIN_STEPS: tuple[Step, ...] = (
    Step("six providers in one chain, each with a name of its own", answer_in_turn),
    Step("a name at several providers: the first in the chain wins", win_by_their_order),
    Step("an outage in the middle stops the chain, although a later provider has the name", stops_at_an_outage),
)
