"""The Google Cloud provider: what it asks, and how it reads the answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import google_crc32c
import pytest

from secretsource import AsyncResolver, Resolver
from secretsource.exceptions import ConfigurationError, ProviderDenied, SecretNotFound
from secretsource.providers._registry import DRIVERS, driver_class, is_installed
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef
from secretsource.providers.gcp import GcpProvider

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.gcp import SecretManager

TOKEN = "projects/p1/secrets/TOKEN"
REF = SecretRef("gcp", "TOKEN")
ROTATION = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
EXPIRY = datetime(2032, 5, 6, tzinfo=UTC)


@pytest.fixture(params=["grpc", "rest"])
def transport(request: pytest.FixtureRequest) -> str:
    """Each transport in turn."""
    return str(request.param)


def provider(gcp: SecretManager, **settings: Any) -> GcpProvider:
    """A provider of the project ``p1``."""
    given: dict[str, Any] = {"project": "p1", "endpoint": gcp.endpoint}
    return GcpProvider(**(given | settings))


def value(outcome: object) -> object:
    """The value of an outcome, which must be a `Found`."""
    assert isinstance(outcome, Found), outcome
    return outcome.value


def failure(outcome: object) -> Failed:
    """The outcome, which must be a `Failed`."""
    assert isinstance(outcome, Failed), outcome
    return outcome


class TestPlaces:
    """Where names lead; no call is made."""

    def test_prefix_goes_before_names(self) -> None:
        """A bare name gets the prefix."""
        assert GcpProvider(prefix="prod_").locate("TOKEN") == SecretRef("gcp", "prod_TOKEN")

    def test_name_of_the_instance(self) -> None:
        """A second instance answers to its own name."""
        assert GcpProvider(name="gcp-eu").locate("TOKEN") == SecretRef("gcp-eu", "TOKEN")

    def test_names_are_fields_of_a_document(self) -> None:
        """With a document, every name is a field of it, whatever its letters."""
        assert GcpProvider(document="app").locate("any name") == SecretRef("gcp", "app", field="any name")

    @pytest.mark.parametrize("name", ["", "with space", "ключ", "a/b", "a.b", "a:b", "x" * 256])
    def test_names_that_google_cannot_hold(self, name: str) -> None:
        """Such a name is not found, without a call."""
        assert isinstance(GcpProvider().locate(name), NotFound)

    def test_prefix_counts(self) -> None:
        """A name that is too long with its prefix cannot be there."""
        assert isinstance(GcpProvider(prefix="p").locate("x" * 255), NotFound)
        assert GcpProvider().locate("x" * 255) == SecretRef("gcp", "x" * 255)

    @pytest.mark.parametrize(
        ("ref", "current", "expected"),
        [
            (REF, "4", "3"),
            (REF._replace(stage="latest"), "2", "1"),
            (REF._replace(field="f"), "10", "9"),
            (REF, "1", None),
            (REF, None, None),
            (REF, "odd", None),
            (REF._replace(version="4"), "4", None),
            (REF._replace(stage="blue"), "4", None),
            (REF._replace(location="a/b"), "4", None),
        ],
    )
    def test_previous(self, ref: SecretRef, current: str | None, expected: str | None) -> None:
        """Before the newest version is the one with the number before; a fixed version has none before it."""
        before = GcpProvider().previous(ref, Found("x", version=current))
        assert before == (None if expected is None else ref._replace(version=expected, stage=None))

    @pytest.mark.parametrize(
        ("settings", "word"),
        [
            ({"transport": "http"}, "transport"),
            ({"endpoint": "http://host/path"}, "endpoint"),
            ({"endpoint": "two words"}, "endpoint"),
            ({"location": "Europe/Berlin"}, "location"),
            ({"location": "evil.example/"}, "location"),
            ({"prefix": "prod/"}, "prefix"),
            ({"document": "prod/app"}, "document"),
            ({"project": "projects/my-project"}, "project"),
            ({"project": ""}, "project"),
            ({"quota_project": "my project"}, "quota_project"),
        ],
    )
    def test_settings_that_cannot_work(self, settings: dict[str, Any], word: str) -> None:
        """They are found by the constructor, which names the setting."""
        with pytest.raises(ConfigurationError, match=rf"provider 'gcp': {word} "):
            GcpProvider(**settings)

    def test_registered(self) -> None:
        """The scheme leads to the driver, and to the extra that it needs."""
        assert driver_class("gcp") is GcpProvider
        assert is_installed("gcp")
        assert DRIVERS["gcp"].extra == "gcp"


class TestOne:
    """One reference, one call."""

    @pytest.mark.parametrize(
        ("ref", "resource"),
        [
            (REF, f"{TOKEN}/versions/latest"),
            (REF._replace(version="3"), f"{TOKEN}/versions/3"),
            (REF._replace(stage="blue"), f"{TOKEN}/versions/blue"),
            (REF._replace(location="projects/p2/secrets/T"), "projects/p2/secrets/T/versions/latest"),
            (
                REF._replace(location="projects/p2/locations/europe-west3/secrets/T", version="2"),
                "projects/p2/locations/europe-west3/secrets/T/versions/2",
            ),
        ],
    )
    def test_what_is_asked(self, gcp: SecretManager, transport: str, ref: SecretRef, resource: str) -> None:
        """One AccessSecretVersion for the resource that the reference names."""
        assert isinstance(provider(gcp, transport=transport).fetch(ref, timeout=5), NotFound)
        assert gcp.asked == [f"AccessSecretVersion {resource}"]

    def test_region_of_the_settings(self, gcp: SecretManager, transport: str) -> None:
        """A regional secret has its region in its name."""
        gcp.store.add("projects/p1/locations/us-east1/secrets/TOKEN", b"near")
        near = provider(gcp, transport=transport, location="us-east1")
        assert value(near.fetch(REF, timeout=5)) == "near"

    def test_version_is_the_answers(self, gcp: SecretManager, transport: str) -> None:
        """Whatever was asked for, the version is the number in the answer's name."""
        for data in (b"one", b"two"):
            gcp.store.add(TOKEN, data)
        gcp.store.secret(TOKEN).version_aliases = {"blue": 1}
        asked = provider(gcp, transport=transport)
        for ref, text, version in (
            (REF, "two", "2"),
            (REF._replace(version="1"), "one", "1"),
            (REF._replace(version="blue"), "one", "1"),
            (REF._replace(stage="blue"), "one", "1"),
        ):
            outcome = asked.fetch(ref, timeout=5)
            assert value(outcome) == text
            assert isinstance(outcome, Found)
            assert outcome.version == version

    def test_absent_version(self, gcp: SecretManager, transport: str) -> None:
        """A version that is not there is not found, and the reason says that the secret is."""
        gcp.store.add(TOKEN, b"one")
        outcome = provider(gcp, transport=transport).fetch(REF._replace(version="9"), timeout=5)
        assert isinstance(outcome, NotFound)
        assert (outcome.reason or "").startswith("the secret is there, but has no such version or alias (in project p1")

    def test_not_found_names_the_place(self, gcp: SecretManager, transport: str) -> None:
        """A secret that is not there is told by its whole name, and by the server that was asked."""
        host = gcp.address.removeprefix("http://")
        outcome = provider(gcp, transport=transport).fetch(REF, timeout=5)
        assert outcome == NotFound(f"there is no {TOKEN} at {host}")

    def test_impossible_reference_is_not_asked(self, gcp: SecretManager) -> None:
        """A reference that cannot be right is answered without a call, and without a search for credentials."""
        asked = provider(gcp)
        assert failure(asked.fetch(REF._replace(location="a/b"), timeout=5)).code is FailureCode.MISCONFIGURED
        assert isinstance(asked.fetch(REF._replace(version="1/2"), timeout=5), NotFound)
        assert gcp.calls == []
        assert asked._clients._search._search is None


class TestChecksum:
    """A value is what was stored."""

    def test_wrong_checksum(self, gcp: SecretManager, transport: str) -> None:
        """A value that does not fit its checksum is malformed, and not shown."""
        gcp.store.add(TOKEN, b"canary-2b6d")

        def alter(payload: Any) -> None:
            payload.data = b"canary-2b6e"

        gcp.faults.altered = alter
        outcome = failure(provider(gcp, transport=transport).fetch(REF, timeout=5))
        assert outcome.code is FailureCode.MALFORMED
        assert "checksum" in str(outcome.reason)
        assert "canary" not in repr(outcome)

    def test_no_checksum(self, gcp: SecretManager, transport: str) -> None:
        """A value without a checksum, as emulators send it, is taken."""
        gcp.store.add(TOKEN, b"bare")

        def strip(payload: Any) -> None:
            del payload.data_crc32c

        gcp.faults.altered = strip
        assert value(provider(gcp, transport=transport).fetch(REF, timeout=5)) == "bare"

    def test_checksum_of_zero_is_one(self, gcp: SecretManager, transport: str) -> None:
        """A checksum that is 0 is there, and wrong; it is not read as missing."""
        gcp.store.add(TOKEN, b"not zero")
        assert google_crc32c.value(b"not zero") != 0

        def zero(payload: Any) -> None:
            payload.data_crc32c = 0

        gcp.faults.altered = zero
        assert failure(provider(gcp, transport=transport).fetch(REF, timeout=5)).code is FailureCode.MALFORMED

    async def test_asynchronously(self, gcp: SecretManager) -> None:
        """The asynchronous call verifies it, too."""
        gcp.store.add(TOKEN, b"canary")
        asked = provider(gcp)

        def alter(payload: Any) -> None:
            payload.data_crc32c += 1

        gcp.faults.altered = alter
        assert failure(await asked.afetch(REF, timeout=5)).code is FailureCode.MALFORMED
        await asked.aclose()

    def test_answer_that_is_empty(self, gcp: SecretManager) -> None:
        """An answer that names no version is no value, even where it can be read."""
        from secretsource.providers.gcp import _read

        from google.cloud.secretmanager_v1.types import AccessSecretVersionResponse  # isort: skip

        assert failure(_read(AccessSecretVersionResponse())).code is FailureCode.MALFORMED


class TestUnusable:
    """The newest version is the newest, whatever its state."""

    @pytest.mark.parametrize(
        ("state", "code"), [("DISABLED", FailureCode.DISABLED), ("DESTROYED", FailureCode.DELETED)]
    )
    def test_stops(self, gcp: SecretManager, transport: str, state: str, code: FailureCode) -> None:
        """Disabled and destroyed are outcomes of their own; older versions are not used by themselves."""
        for data in (b"old", b"new"):
            gcp.store.add(TOKEN, data)
        gcp.store.set_state(TOKEN, "2", state)
        outcome = failure(provider(gcp, transport=transport).fetch(REF, timeout=5))
        assert outcome.code is code
        assert "fallback_to_enabled" in str(outcome.remedy)
        assert len(gcp.calls) == 1

    @pytest.mark.parametrize("state", ["DISABLED", "DESTROYED"])
    def test_fallback(self, gcp: SecretManager, transport: str, state: str) -> None:
        """With the opt-in, the newest version that is enabled is taken; empty pages are gone over."""
        for data in (b"1", b"2", b"3", b"4", b"5", b"6"):
            gcp.store.add(TOKEN, data)
        for version in ("3", "4", "5", "6"):
            gcp.store.set_state(TOKEN, version, state)
        lenient = provider(gcp, transport=transport, fallback_to_enabled=True)
        outcome = lenient.fetch(REF, timeout=5)
        assert value(outcome) == "2"
        assert isinstance(outcome, Found)
        assert outcome.version == "2"
        assert gcp.asked[0] == f"AccessSecretVersion {TOKEN}/versions/latest"
        assert set(gcp.asked[1:-1]) == {f"ListSecretVersions {TOKEN}"}
        assert len(gcp.asked) > 3
        assert gcp.asked[-1] == f"AccessSecretVersion {TOKEN}/versions/2"

    async def test_fallback_asynchronously(self, gcp: SecretManager) -> None:
        """The asynchronous client walks the pages, too."""
        for data in (b"1", b"2", b"3"):
            gcp.store.add(TOKEN, data)
        for version in ("2", "3"):
            gcp.store.set_state(TOKEN, version, "DISABLED")
        lenient = provider(gcp, fallback_to_enabled=True)
        assert value(await lenient.afetch(REF, timeout=5)) == "1"
        await lenient.aclose()

    def test_no_fallback_for_a_fixed_version(self, gcp: SecretManager) -> None:
        """Who asks for version 2 gets version 2 or nothing."""
        for data in (b"old", b"new"):
            gcp.store.add(TOKEN, data)
        gcp.store.set_state(TOKEN, "2", "DISABLED")
        lenient = provider(gcp, fallback_to_enabled=True)
        assert failure(lenient.fetch(REF._replace(version="2"), timeout=5)).code is FailureCode.DISABLED
        assert len(gcp.calls) == 1

    def test_nothing_to_fall_back_to(self, gcp: SecretManager) -> None:
        """With no enabled version, the answer is the first one."""
        for data in (b"1", b"2", b"3"):
            gcp.store.add(TOKEN, data)
        for version in "123":
            gcp.store.set_state(TOKEN, version, "DESTROYED")
        outcome = failure(provider(gcp, fallback_to_enabled=True).fetch(REF, timeout=5))
        assert outcome.code is FailureCode.DELETED

    def test_list_is_denied(self, gcp: SecretManager, transport: str) -> None:
        """Without the permission to list, the secret is still disabled, and the remedy names the permission."""
        gcp.store.add(TOKEN, b"1")
        gcp.store.set_state(TOKEN, "1", "DISABLED")
        gcp.faults.refuse("PERMISSION_DENIED", on="ListSecretVersions")
        outcome = failure(provider(gcp, transport=transport, fallback_to_enabled=True).fetch(REF, timeout=5))
        assert outcome.code is FailureCode.DISABLED
        assert "secretmanager.versions.list" in str(outcome.remedy)

    def test_list_fails(self, gcp: SecretManager) -> None:
        """A list that could not be had for a passing cause is that cause: an old value may be served meanwhile."""
        gcp.store.add(TOKEN, b"1")
        gcp.store.set_state(TOKEN, "1", "DISABLED")
        gcp.faults.refuse("UNAVAILABLE", on="ListSecretVersions")
        outcome = failure(provider(gcp, fallback_to_enabled=True).fetch(REF, timeout=5))
        assert outcome.code is FailureCode.UNAVAILABLE


class TestHints:
    """When a value ends."""

    def test_not_by_default(self, gcp: SecretManager) -> None:
        """Metadata has a small quota, so it is not asked for."""
        gcp.store.add(TOKEN, b"x")
        provider(gcp).fetch(REF, timeout=5)
        assert len(gcp.calls) == 1

    def test_rotation_and_expiry(self, gcp: SecretManager, transport: str) -> None:
        """With the opt-in, the planned rotation and the expiry come with the value."""
        gcp.store.add(TOKEN, b"x")
        secret = gcp.store.secret(TOKEN)
        secret.rotation = {"next_rotation_time": ROTATION}
        secret.expire_time = EXPIRY
        outcome = provider(gcp, transport=transport, rotation_hints=True).fetch(REF, timeout=5)
        assert isinstance(outcome, Found)
        assert outcome.rotates_at == ROTATION.timestamp()
        assert outcome.expires_at == EXPIRY.timestamp()
        assert gcp.asked == [f"AccessSecretVersion {TOKEN}/versions/latest", f"GetSecret {TOKEN}"]

    def test_nothing_planned(self, gcp: SecretManager, transport: str) -> None:
        """A secret without a plan has no hints."""
        gcp.store.add(TOKEN, b"x")
        outcome = provider(gcp, transport=transport, rotation_hints=True).fetch(REF, timeout=5)
        assert isinstance(outcome, Found)
        assert (outcome.rotates_at, outcome.expires_at) == (None, None)

    def test_unreadable_instant(self, gcp: SecretManager) -> None:
        """An instant that no clock shows is no hint, and no error."""
        gcp.store.add(TOKEN, b"x")
        secret = gcp.store.secret(TOKEN)
        type(secret).pb(secret).expire_time.seconds = 2**60
        outcome = provider(gcp, rotation_hints=True).fetch(REF, timeout=5)
        assert isinstance(outcome, Found)
        assert outcome.expires_at is None

    @pytest.mark.parametrize("status", ["PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "NOT_FOUND"])
    def test_failure_does_not_fail_the_fetch(self, gcp: SecretManager, status: str) -> None:
        """Hints that cannot be had are missing, and the value is there."""
        gcp.store.add(TOKEN, b"x")
        gcp.faults.refuse(status, on="GetSecret")
        outcome = provider(gcp, rotation_hints=True).fetch(REF, timeout=5)
        assert value(outcome) == "x"
        assert isinstance(outcome, Found)
        assert outcome.rotates_at is None

    def test_not_for_a_fixed_version(self, gcp: SecretManager) -> None:
        """A version that does not change needs no hint."""
        gcp.store.add(TOKEN, b"x")
        provider(gcp, rotation_hints=True).fetch(REF._replace(version="1"), timeout=5)
        assert len(gcp.calls) == 1

    def test_not_for_an_absence(self, gcp: SecretManager) -> None:
        """What is not there has no hints."""
        provider(gcp, rotation_hints=True).fetch(REF, timeout=5)
        assert len(gcp.calls) == 1

    async def test_asynchronously(self, gcp: SecretManager) -> None:
        """The asynchronous client brings them, too."""
        gcp.store.add(TOKEN, b"x")
        gcp.store.secret(TOKEN).rotation = {"next_rotation_time": ROTATION}
        asked = provider(gcp, rotation_hints=True)
        outcome = await asked.afetch(REF, timeout=5)
        assert isinstance(outcome, Found)
        assert outcome.rotates_at == ROTATION.timestamp()
        await asked.aclose()


class TestInAChain:
    """Behind a resolver."""

    def test_from_a_url(self, gcp: SecretManager) -> None:
        """A provider URL names the project."""
        gcp.store.add(TOKEN, b"x")
        with Resolver([f"gcp://p1?endpoint={gcp.endpoint}&transport=rest"]) as resolver:
            secret = resolver.get("TOKEN")
        assert secret == "x"
        assert (secret.provider, secret.version) == ("gcp", "1")

    def test_from_a_file(self, gcp: SecretManager, tmp_path: Path) -> None:
        """Its settings are those of the constructor."""
        gcp.store.add("projects/p1/secrets/app", b'{"TOKEN": "in the document"}')
        config = tmp_path / "secretsource.toml"
        config.write_text(
            '[environments.production]\nproviders = ["gcp"]\n[providers.gcp]\nproject = "p1"\ndocument = "app"\n'
            f'endpoint = "{gcp.endpoint}"\nfallback_to_enabled = true\n'
        )
        with Resolver.from_config(config, environment="production") as resolver:
            assert resolver.get("TOKEN") == "in the document"
            with pytest.raises(SecretNotFound):
                resolver.get("OTHER")
        assert len(gcp.calls) == 1

    def test_set(self, gcp: SecretManager) -> None:
        """The current and the previous version, for values that are checked."""
        for data in (b"one", b"two"):
            gcp.store.add(TOKEN, data)
        with Resolver([provider(gcp)]) as resolver:
            assert list(resolver.get_set("TOKEN")) == ["two", "one"]

    def test_denied_says_what_to_grant(self, gcp: SecretManager) -> None:
        """The error names the role, the permission and the way to let the chain go on."""
        gcp.faults.refuse("PERMISSION_DENIED")
        with Resolver([provider(gcp)]) as resolver, pytest.raises(ProviderDenied) as caught:
            resolver.get("TOKEN")
        for word in ("roles/secretmanager.secretAccessor", "secretmanager.versions.access", "on_denied", "not exist"):
            assert word in str(caught.value)

    def test_project_of_the_environment(self, gcp: SecretManager, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a setting, the environment names the project."""
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p1")
        gcp.store.add(TOKEN, b"x")
        assert value(GcpProvider(endpoint=gcp.endpoint).fetch(REF, timeout=5)) == "x"

    async def test_no_project(self, gcp: SecretManager) -> None:
        """Without any project, the error says what to set."""
        lost = GcpProvider(endpoint=gcp.endpoint)
        for outcome in (lost.fetch(REF, timeout=5), await lost.afetch(REF, timeout=5)):
            assert failure(outcome).code is FailureCode.MISCONFIGURED
            assert "GOOGLE_CLOUD_PROJECT" in str(failure(outcome).remedy)

    async def test_asynchronous_resolver(self, gcp: SecretManager, transport: str) -> None:
        """Many names at once on an event loop, each with its own outcome."""
        for number in range(20):
            gcp.store.add(f"projects/p1/secrets/N{number}", str(number).encode())
        async with AsyncResolver([provider(gcp, transport=transport)]) as resolver:
            names = [f"N{number}" for number in range(20)]
            assert await resolver.get_many([*names, "ABSENT"], default=None) == {
                **{f"N{number}": str(number) for number in range(20)},
                "ABSENT": None,
            }
            gcp.store.add("projects/p1/secrets/N1", b"new")
            assert await resolver.get("N1", fresh=True) == "new"
            assert list(await resolver.get_set("N1")) == ["new", "1"]
            gcp.faults.refuse("PERMISSION_DENIED")
            with pytest.raises(ProviderDenied):
                await resolver.get("N2", fresh=True)
