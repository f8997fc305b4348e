"""A wrong idea of a mount, and a secret without the field that is meant, are mistakes, and never absences."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from tests.servers.openbao import OpenBao
from tests.servers.relay import Relay, Reply
from tests.servers.vault import ask, bao, code, fields, front, make, place, told

from secretsource import Resolver
from secretsource.exceptions import ConfigurationError, ProviderResponseError, SecretNotFound
from secretsource.providers._vault.mounts import CERTAIN
from secretsource.providers.base import FailureCode, NotFound
from secretsource.providers.memory import MemoryProvider
from secretsource.providers.vault import VaultProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["bao", "front", "make", "place"]


def mount_as(bao: OpenBao, mount: str, version: str) -> None:
    """Make a mount, or make it anew, as a KV engine of this version."""
    bao.do("DELETE", f"sys/mounts/{mount}")
    bao.do("POST", f"sys/mounts/{mount}", {"type": "kv", "options": {"version": version}})


@pytest.fixture
def mount(bao: OpenBao) -> Generator[str]:
    """The path of a mount that no other test uses."""
    mount = f"kv-{uuid4().hex[:8]}"
    yield mount
    bao.do("DELETE", f"sys/mounts/{mount}")


class TestVersions:
    """The version of a KV engine."""

    def test_set_wrong(self, bao: OpenBao, mount: str, make: Callable[..., VaultProvider]) -> None:
        """A ``kv_version`` that the mount has not is a mistake of the setting, for what is there and what is not."""
        for real, wrong in (("1", 2), ("2", 1)):
            mount_as(bao, mount, real)
            provider = make(mount=mount, kv_version=wrong)
            failure = ask(provider, f"{mount}/x")
            assert code(failure) is FailureCode.MISCONFIGURED, (real, wrong)
            assert "leave kv_version out" in str(failure.remedy)
            failure = provider.store(provider.locate("x"), "v", timeout=5)  # type: ignore[arg-type]
            assert code(failure) is FailureCode.MISCONFIGURED, (real, wrong)

    @pytest.mark.parametrize("before", ["1", "2"])
    def test_remade(self, before: str, bao: OpenBao, mount: str, make: Callable[..., VaultProvider]) -> None:
        """A mount that is made anew as the other version under a running process is read by its new version."""
        after = "2" if before == "1" else "1"
        mount_as(bao, mount, before)
        provider = make(mount=mount)
        assert isinstance(ask(provider, f"{mount}/x"), NotFound)
        bao.do("DELETE", f"sys/mounts/{mount}")
        mount_as(bao, mount, after)
        if after == "1":
            bao.do("POST", f"{mount}/x", {"value": "new"})
        else:
            bao.put(mount, "x", {"value": "new"})
        provider._engines._survey._mounts._confirmed.clear()  # a moment has passed
        assert fields(ask(provider, f"{mount}/x")) == {"value": "new"}
        assert provider.store(provider.locate("y"), "v", timeout=5) is not None  # type: ignore[arg-type]
        assert fields(ask(provider, f"{mount}/y")) == {"value": "v"}

    def test_absences_ask_at_a_bounded_rate(
        self, front: Relay, make: Callable[..., VaultProvider], monkeypatch: pytest.MonkeyPatch, place: str
    ) -> None:
        """However many secrets are absent, Vault is asked once a while what the mount is."""
        provider, now = make(kv_version=2), [1e6]
        monkeypatch.setattr("secretsource.providers._vault.survey.monotonic", lambda: now[0])
        for name in ("a", "b", "c"):
            assert isinstance(ask(provider, f"secret/{place}/{name}"), NotFound)
        assert [call for call in front.asked if "ui/mounts" in call] == [f"GET sys/internal/ui/mounts/secret/{place}/a"]
        now[0] += CERTAIN
        ask(provider, f"secret/{place}/d")
        assert len([call for call in front.asked if "ui/mounts" in call]) == 2

    def test_vault_that_cannot_say(self, front: Relay, make: Callable[..., VaultProvider]) -> None:
        """Where Vault is down when it is asked what the mount is, an absence is not known to be one."""
        front.fault = lambda call: Reply(503, b'{"errors":["sealed"]}') if "ui/mounts" in call.path else None
        assert code(ask(make(kv_version=2), "secret/nowhere")) is FailureCode.UNAVAILABLE

    @pytest.mark.parametrize("answer", [Reply(403, b'{"errors":["denied"]}'), Reply(404, b'{"errors":[]}')])
    def test_vault_that_does_not_say(self, answer: Reply, front: Relay, make: Callable[..., VaultProvider]) -> None:
        """Where this process may not ask, or Vault is too old to tell, what is set holds."""
        front.fault = lambda call: answer if "ui/mounts" in call.path else None
        assert isinstance(ask(make(kv_version=2), "secret/nowhere"), NotFound)


class TestDefaultField:
    """The field that a bare name means."""

    @pytest.fixture
    def get(self, bao: OpenBao, make: Callable[..., VaultProvider], place: str) -> Callable[..., Any]:
        """Writes fields, and asks for the secret through a chain whose next provider has everything."""

        def get(written: dict[str, Any], name: str = "", field: str | None = None, **settings: Any) -> str:
            bao.put("secret", place, written)
            provider = make(prefix=f"{place.rpartition('/')[0]}/", **settings)
            weaker = MemoryProvider({place.rpartition("/")[2]: '{"pw": "weaker", "gone": "weaker"}'})
            with Resolver([provider, weaker]) as resolver:
                return str(resolver.get(place.rpartition("/")[2] + name, field=field))

        return get

    def test_missing(self, get: Callable[..., str]) -> None:
        """A secret without it is a mistake that the error helps with, and a weaker source does not win."""
        for written in ({"password": "x"}, {}, {"value": None}):
            with pytest.raises(ProviderResponseError, match="no field 'value'") as caught:
                get(written)
            for remedy in ("#field", "default_field", "document"):
                assert remedy in str(caught.value)
        with pytest.raises(ProviderResponseError, match="no field 'pw'"):
            get({"value": "x"}, default_field="pw")

    @pytest.mark.parametrize("way", [{"name": "#pw"}, {"field": "pw"}, {"name": "#/pw"}])
    def test_field_of_a_bare_name(self, way: dict[str, str], get: Callable[..., str]) -> None:
        """A field is one of the secret, or else a member of the JSON document in the default field."""
        document = json.dumps({"pw": "inside"})
        assert get({"pw": "beside"}, **way) == "beside"
        assert get({"pw": "beside", "value": document}, **way) == "beside"
        assert get({"value": document}, **way) == "inside"
        assert get({"login": document}, default_field="login", **way) == "inside"

    def test_field_that_is_nowhere(self, get: Callable[..., str]) -> None:
        """A field that neither has is not there, and the chain goes on."""
        assert get({"value": '{"a": "b"}'}, "#gone") == "weaker"
        assert get({"a": "b"}, "#gone") == "weaker"

    def test_whole_secrets(self, get: Callable[..., str]) -> None:
        """Where no field is the default one, the whole secret is meant, and nothing is missing."""
        assert json.loads(get({"a": "b"}, default_field="")) == {"a": "b"}

    def test_document(self, bao: OpenBao, make: Callable[..., VaultProvider], place: str) -> None:
        """A name that a document lacks is absent, also where it is the one of the default field."""
        bao.put("secret", place, {"A": '{"B": "2"}'})
        with Resolver([make(document=place)]) as resolver:
            assert resolver.get("A", field="B") == "2"
            for name in ("B", "value"):
                with pytest.raises(SecretNotFound):
                    resolver.get(name)


class TestHost:
    """A host where the mount belongs."""

    def test_reference(self, make: Callable[..., VaultProvider]) -> None:
        """A reference that names a host and a port says where these belong."""
        failure = ask(make(), "vault.internal:8200/secret/x")
        assert code(failure) is FailureCode.MISCONFIGURED
        assert failure.remedy == "write vault://MOUNT/PATH, and set the host as address, or as VAULT_ADDR"

    def test_setting(self) -> None:
        """A provider URL that does so is refused."""
        with pytest.raises(ConfigurationError, match="not a host: give the host as address"):
            Resolver(["vault://vault.internal:8200/secret"])


def test_place(make: Callable[..., VaultProvider], place: str) -> None:
    """What is not there, and what fails, names the server and the mount."""
    assert told(ask(make(), f"secret/{place}")) == ""
    failure = ask(make(address="http://127.0.0.1:1"), "kv/one/x")
    assert told(failure) == "127.0.0.1:1 cannot be reached: connection refused"
    assert told(ask(make(auth={"method": "token", "token": "x"}, kv_version=2), "secret/x")).startswith(
        "Vault does not"
    )
    named = ask(make(namespace="nobody", kv_version=2), "secret/x")
    assert told(named) == "nothing is mounted there, or the namespace does not exist"
