"""The steps of the demo, in their order; append a new step to `STEPS`.

The chain of all steps is environment, ``.env``, AWS, Vault, Google Cloud, Azure, and a folder of files. The folder is
the last, to show that a denial does not lead to it. The steps about the chain itself are in `chain_steps`,
and those of the issuing half in `key_steps`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from secretsource.cli.demo.chain_steps import CHAIN_STEPS
from secretsource.cli.demo.key_steps import KEY_STEPS
from secretsource.cli.demo.scene import AWS_DOCUMENT, Step, expect, short
from secretsource.cli.demo.service_steps import SERVICE_STEPS
from secretsource.exceptions import ProviderDenied

if TYPE_CHECKING:
    from secretsource.cli.demo.scene import Scene
    from secretsource.resolver import RotationEvent

__all__ = ["STEPS", "Step"]


def from_the_environment(scene: Scene) -> None:
    """Show that the first provider of the chain answers, and no other is asked."""
    value = os.environ["SESSION_KEY"] = scene.new_value("ses")
    secret = scene.resolver.get("SESSION_KEY")
    expect(secret == value and secret.provider == "env", "the environment answers first")
    scene.show(secret)
    scene.explain("SESSION_KEY")


def from_dotenv(scene: Scene) -> None:
    """Show that the file is asked, because the environment lacks the name."""
    value = scene.new_value("mail")
    scene.write(".env", f"MAIL_PASSWORD={value}\n")
    secret = scene.resolver.get("MAIL_PASSWORD")
    expect(secret == value and secret.provider == "dotenv", ".env answers for a name that the environment lacks")
    expect("MAIL_PASSWORD" not in os.environ, ".env is read, and not loaded into the environment")
    scene.show(secret)
    scene.explain("MAIL_PASSWORD")


def from_aws_by_field(scene: Scene) -> None:
    """Read one field of a JSON secret, at the place that the configuration names."""
    value = scene.new_value("sk")
    scene.servers.aws.put(AWS_DOCUMENT, {"secret_key": value, "webhook_secret": scene.new_value("whsec")})
    secret = scene.resolver.get("STRIPE_SECRET_KEY")
    expect(secret == value and secret.provider == "aws", "AWS answers with one field of the document")
    scene.show(secret)
    scene.explain("STRIPE_SECRET_KEY")


def follows_a_rotation(scene: Scene) -> None:
    """Change the value at AWS; the same resolver serves the new value, and reports the change."""
    before = scene.resolver.get("STRIPE_SECRET_KEY")
    heard: list[RotationEvent] = []
    stop_listening = scene.resolver.on_rotate(heard.append)
    value = scene.new_value("sk")
    scene.servers.aws.put(AWS_DOCUMENT, {"secret_key": value})
    scene.say(f"AWS has a new version; this process still has {short(before.version)}")
    secret = scene.until("STRIPE_SECRET_KEY", lambda now: now != before and bool(heard))
    stop_listening()
    expect(secret == value and secret.version != before.version, "the new value is served, with its own version")
    expect([event.name for event in heard] == ["STRIPE_SECRET_KEY"], "on_rotate is called once")
    scene.say(f"on_rotate: {short(heard[0].old_version)} -> {short(heard[0].new_version)}, without a restart")
    scene.show(secret)
    scene.explain("STRIPE_SECRET_KEY")


def stops_at_a_denial(scene: Scene) -> None:
    """Let AWS deny access; the file behind it, which has the name, is not asked."""
    scene.write("DATABASE_PASSWORD", scene.new_value("old"))
    weaker = scene.resolver.get("file://DATABASE_PASSWORD")
    scene.say(
        f"a file, last in the chain, has DATABASE_PASSWORD ({len(weaker)} characters), and AWS denies access to it"
    )
    scene.servers.aws.deny()
    refusal = ""
    try:
        scene.resolver.get("DATABASE_PASSWORD")
    except ProviderDenied as error:
        refusal = str(error)
    expect(refusal, "a denial is an error, and no weaker source wins")
    scene.say(f"ProviderDenied: {refusal}")
    trace = scene.resolver.explain("DATABASE_PASSWORD")
    later = ("vault", "gcp", "azure", "file")
    expect(trace.outcome == "denied" and trace.unasked == later, "the chain stops at the provider that denied")
    scene.explain("DATABASE_PASSWORD")
    scene.servers.aws.heal()


def survives_an_outage(scene: Scene) -> None:
    """Stop AWS; the resolver serves the last value, marked as stale."""
    before = scene.resolver.get("STRIPE_SECRET_KEY", fresh=True)
    scene.servers.stop("aws")
    scene.say("the AWS endpoint is stopped")
    secret = scene.until("STRIPE_SECRET_KEY", lambda now: now.served == "stale")
    expect(secret == before and secret.version == before.version, "the value from before the outage is served")
    scene.show(secret)
    scene.explain("STRIPE_SECRET_KEY")


STEPS: tuple[Step, ...] = (
    Step("a value from the environment", from_the_environment),
    Step("a value from .env", from_dotenv),
    Step("a value from AWS Secrets Manager, by JSON field", from_aws_by_field),
    *CHAIN_STEPS,
    Step("a rotation at AWS, followed without a restart", follows_a_rotation),
    Step("a denial stops the chain, although a weaker source has the name", stops_at_a_denial),
    Step("an outage of AWS, survived with the last value", survives_an_outage),
    *KEY_STEPS,
    *SERVICE_STEPS,
)
