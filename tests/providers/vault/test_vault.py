"""What the Vault provider asks, and what it makes of the answers: places, settings, versions, mounts, redirects."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from tests.frames import is_ours
from tests.servers.openbao import OpenBao
from tests.servers.relay import Relay, Reply, relay
from tests.servers.vault import ask, bao, code, fields, front, make, place, told

from secretsource import Resolver
from secretsource.exceptions import ConfigurationError
from secretsource.providers._vault import client
from secretsource.providers.base import FailureCode, Found, NotFound, SecretRef
from secretsource.providers.vault import AT_ONCE, VaultProvider

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["bao", "front", "make", "place"]

GIVEN = {"method": "token", "token": "not-used"}


class TestPlaces:
    """Where names and references lead; no call is made."""

    def test_name(self) -> None:
        """A bare name is below mount and prefix, and its value is the default field."""
        provider = VaultProvider(mount="kv/team", prefix="prod/")
        assert provider.locate("TOKEN") == SecretRef("vault", "kv/team/prod/TOKEN", field="value")

    def test_name_of_the_instance(self) -> None:
        """A second instance answers to its own name."""
        assert VaultProvider(name="vault-eu").locate("TOKEN") == SecretRef("vault-eu", "secret/TOKEN", field="value")

    def test_default_field(self) -> None:
        """Another field can be the value, or the whole secret."""
        assert VaultProvider(default_field="key").locate("A") == SecretRef("vault", "secret/A", field="key")
        assert VaultProvider(default_field="").locate("A") == SecretRef("vault", "secret/A")

    def test_names_are_fields_of_a_document(self) -> None:
        """With a document, every name is a field of it."""
        expected = SecretRef("vault", "secret/prod/app", field="any name")
        assert VaultProvider(document="prod/app").locate("any name") == expected

    @pytest.mark.parametrize("name", ["", ".", "..", "../other", "a/../../b", "a//b", "/a", "a/"])
    def test_names_that_lead_astray(self, name: str) -> None:
        """A name that would leave the prefix, or be rewritten on the way, is not found without a call."""
        provider = VaultProvider(address="http://127.0.0.1:1", prefix="prod/", auth=GIVEN)
        assert isinstance(provider.locate(name), NotFound)
        assert isinstance(provider.fetch(SecretRef("vault", f"secret/prod/{name}"), timeout=1), NotFound)

    @pytest.mark.parametrize(
        ("ref", "field"),
        [
            (SecretRef("vault", "secret/a"), "value"),
            (SecretRef("vault", "secret/a", field="other"), "other"),
            (SecretRef("vault", "database/creds/app"), None),
            (SecretRef("vault", "secretive/a"), None),
        ],
    )
    def test_default_field_is_that_of_the_mount(self, ref: SecretRef, field: str | None) -> None:
        """A reference to another mount, such as a dynamic secret, is the whole secret."""
        assert VaultProvider().complete(ref) == ref._replace(field=field)

    def test_slashes_around_a_location_mean_nothing(self) -> None:
        """``vault:///secret/a`` is ``vault://secret/a``."""
        assert VaultProvider().complete(SecretRef("vault", "/secret/a/")).location == "secret/a"

    @pytest.mark.parametrize(("version", "before"), [("3", "2"), ("1", None), (None, None), ("x", None)])
    def test_previous(self, version: str | None, before: str | None) -> None:
        """The version before is the number before, with the same field and namespace."""
        ref = SecretRef("vault", "secret/a", field="value", options=(("namespace", "team"),))
        previous = VaultProvider().previous(ref, Found({}, version=version))
        assert previous == (before and ref._replace(version=before))


class TestSettings:
    """Settings that cannot work are refused when the provider is made."""

    @pytest.mark.parametrize(
        ("settings", "told"),
        [
            ({"address": "vault.internal:8200"}, "address must start with https://, http:// or unix://"),
            ({"kv_version": 3}, "kv_version must be 1 or 2"),
            ({"connect_timeout": 0}, "connect_timeout must be more than 0"),
            ({"mount": ""}, "mount must be a path"),
            ({"mount": "a/../b"}, "mount must be a path"),
            ({"auth": {"method": "approl"}}, "unknown auth method 'approl': did you mean 'approle'?"),
            ({"auth": {"method": "approle"}}, "auth method 'approle' needs role_id, or role_id_file"),
            ({"auth": {"method": "approle", "role": "x"}}, "unknown word in auth for method 'approle': 'role'"),
            ({"auth": {"method": "jwt", "jwt": ""}}, "jwt in auth must be a string that is not empty"),
            ({"auth": {"method": 5}}, "unknown auth method '5'"),
            ({"auth": "token"}, "auth must be a mapping"),
            ({"auth": {"mount": "/"}}, "mount and namespace in auth must be paths"),
            ({"auth": {"namespace": "a\nb"}}, "mount and namespace in auth must be paths"),
            ({"address": "http://"}, "address must be the URL of a host"),
            ({"address": "http://[::1"}, "address must be the URL of a host"),
            ({"address": "http://vault:99999"}, "address must be the URL of a host"),
            ({"address": "http://va ult"}, "address must be the URL of a host"),
            ({"address": "https://vault.internal:8200/v1/"}, "address must not end in /v1"),
            ({"namespace": "a\nb"}, "namespace must be a path"),
            ({"namespace": "\u4e2d"}, "namespace must be a path"),
            ({"prefix": "/prod/"}, "prefix must be the start of a path"),
            ({"prefix": "../"}, "prefix must be the start of a path"),
            ({"document": ""}, "document must be a path"),
            ({"document": "a//b"}, "document must be a path"),
        ],
    )
    def test_refused(self, settings: dict[str, Any], told: str) -> None:
        """The error names the provider and what is wrong."""
        with pytest.raises(ConfigurationError) as refused:
            VaultProvider(name="mine", **settings)
        assert "provider 'mine'" in str(refused.value)
        assert told in str(refused.value)

    def test_a_refusal_shows_no_secret(self) -> None:
        """Neither the text nor a frame of ours that led to the error holds what was set."""
        canary = "canary-secret-id-93d1"
        with pytest.raises(ConfigurationError) as refused:
            VaultProvider(auth={"method": "approle", "secret_id": canary})
        assert canary not in str(refused.value)
        trace = refused.value.__traceback__
        frames = []
        while trace is not None:
            frames.append(trace.tb_frame)
            trace = trace.tb_next
        assert canary not in repr([frame.f_locals for frame in frames if is_ours(frame.f_code.co_filename)])
        assert refused.value.__context__ is None

    def test_repr_shows_no_secret(self) -> None:
        """Nothing that the provider is made of shows what was set."""
        provider = VaultProvider(auth={"method": "token", "token": "canary-77"})
        parts = [*vars(provider).values(), *vars(provider._tokens).values()]
        assert "canary-77" not in repr([provider, *parts])

    def test_no_address(self) -> None:
        """Without an address nothing is guessed."""
        failure = ask(VaultProvider(auth=GIVEN), "secret/a")
        assert code(failure) is FailureCode.MISCONFIGURED
        assert failure.remedy == "set address, or VAULT_ADDR"

    @pytest.mark.parametrize(
        ("variable", "value"),
        [("VAULT_ADDR", "http://[::1"), ("VAULT_ADDR", "vault.internal:8200"), ("VAULT_PROXY_ADDR", "socks5://here")],
    )
    def test_environment_that_cannot_work(self, variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """What the environment says wrongly is a mistake in the wiring, and the remedy names the variable."""
        monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
        monkeypatch.setenv(variable, value)
        failure = ask(VaultProvider(auth=GIVEN), "secret/a")
        assert code(failure) is FailureCode.MISCONFIGURED
        assert variable in failure.remedy

    @pytest.mark.parametrize("prefix", ["VAULT", "BAO"])
    def test_environment_is_read_at_first_use(
        self, prefix: str, bao: OpenBao, place: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What the environment says when Vault is first asked counts, not what it said at import."""
        bao.put("secret", place, {"value": "x"})
        provider = VaultProvider()
        monkeypatch.setenv(f"{prefix}_ADDR", bao.address)
        monkeypatch.setenv(f"{prefix}_TOKEN", bao.root)
        assert fields(ask(provider, f"secret/{place}")) == {"value": "x"}
        provider.close()

    def test_stage(self) -> None:
        """Vault has no stages, and says so."""
        failure = VaultProvider(auth=GIVEN).fetch(SecretRef("vault", "secret/a", stage="PREVIOUS"), timeout=1)
        assert code(failure) is FailureCode.MISCONFIGURED


class TestKeyValue:
    """KV of both versions."""

    def test_what_is_asked(self, bao: OpenBao, front: Relay, make: Callable[..., VaultProvider], place: str) -> None:
        """The first fetch learns the token's length and the mount; the second is one call."""
        bao.put("secret", place, {"value": "x"})
        provider = make()
        ask(provider, f"secret/{place}")
        assert front.asked == [
            "GET auth/token/lookup-self",
            f"GET sys/internal/ui/mounts/secret/{place}",
            f"GET secret/data/{place}",
        ]
        front.calls.clear()
        ask(provider, f"secret/{place}")
        assert front.asked == [f"GET secret/data/{place}"]
        headers = {key.lower(): value for key, value in front.calls[0].headers.items()}
        assert headers["x-vault-request"] == "true"
        assert headers["x-vault-token"] == bao.root

    @pytest.mark.parametrize(("mount", "version"), [("secret", 2), ("kv/one", 1)])
    def test_configured_version_is_not_asked_for(
        self, mount: str, version: int, bao: OpenBao, front: Relay, make: Callable[..., VaultProvider], place: str
    ) -> None:
        """With ``kv_version``, the mount is not looked up."""
        path = f"{mount}/data/{place}" if version == 2 else f"{mount}/{place}"
        bao.do("POST", path, {"data": {"value": "x"}} if version == 2 else {"value": "x"})
        provider = make(mount=mount, kv_version=version)
        assert fields(ask(provider, f"{mount}/{place}")) == {"value": "x"}
        assert front.asked[1:] == [f"GET {path}"]

    def test_path_with_signs(self, bao: OpenBao, make: Callable[..., VaultProvider], place: str) -> None:
        """A path comes through with signs that mean something in a URL."""
        name = f"{place}/ä b%2F?c#d&e"
        bao.put("secret", f"{place}/%C3%A4%20b%252F%3Fc%23d%26e", {"value": "x"})
        assert fields(ask(make(), f"secret/{name}")) == {"value": "x"}

    def test_three_ways_not_to_be_there(self, bao: OpenBao, make: Callable[..., VaultProvider], place: str) -> None:
        """Soft-deleted, destroyed and never written are three outcomes."""
        for value in ("one", "two", "three"):
            bao.put("secret", place, {"value": value})
        bao.do("PUT", f"secret/destroy/{place}", {"versions": [1]})
        bao.do("DELETE", f"secret/data/{place}")
        provider = make()
        deleted, destroyed = ask(provider, f"secret/{place}"), ask(provider, f"secret/{place}", version="1")
        assert code(deleted) is code(destroyed) is FailureCode.DELETED
        assert told(deleted) == "this version is deleted"
        assert told(destroyed) == "this version is destroyed for good"
        assert fields(ask(provider, f"secret/{place}", version="2")) == {"value": "two"}
        assert told(ask(provider, f"secret/{place}", version="9")) == ""
        assert isinstance(ask(provider, f"secret/{place}/never"), NotFound)
        bao.do("PUT", f"secret/undelete/{place}", {"versions": [3]})
        assert fields(ask(provider, f"secret/{place}")) == {"value": "three"}

    @pytest.mark.parametrize("version", ["0", "-1", "latest", "²", "٣", "9" * 30])
    def test_version_that_cannot_be(self, version: str, make: Callable[..., VaultProvider]) -> None:
        """A version is a number from 1; 0, which Vault takes for the newest, is none."""
        assert isinstance(ask(make(), "secret/a", version=version), NotFound)

    def test_version_of_a_mount_that_keeps_none(self, bao: OpenBao, make: Callable[..., VaultProvider]) -> None:
        """KV 1 is not asked for a version."""
        assert code(ask(make(), "kv/one/a", version="1")) is FailureCode.MISCONFIGURED

    def test_data_in_the_path(self, make: Callable[..., VaultProvider]) -> None:
        """Who writes the path of the API is told that it is not the path of the secret."""
        missing = ask(make(), "secret/data/nothing")
        assert isinstance(missing, NotFound)
        assert told(missing) == "the path of a KV secret is written without data/, and a bare name without the mount"

    @pytest.mark.parametrize("within", ["data/", "metadata/", "secret/", "secret/data/", "v1/secret/data/"])
    def test_a_path_that_another_tool_takes(
        self, within: str, bao: OpenBao, make: Callable[..., VaultProvider], place: str
    ) -> None:
        """If the secret is there without the word, the path is a mistake, and lets no weaker source answer."""
        bao.put("secret", place, {"value": "x"})
        mistaken = ask(make(), f"secret/{within}{place}")
        assert code(mistaken) is FailureCode.MISCONFIGURED
        assert mistaken.remedy == f"write vault://secret/{place}"
        bao.put("secret", f"{within}{place}", {"value": "of that name"})
        assert fields(ask(make(), f"secret/{within}{place}")) == {"value": "of that name"}

    def test_a_path_with_the_mount_of_version_1(self, bao: OpenBao, make: Callable[..., VaultProvider]) -> None:
        """The same holds where the engine keeps no versions; a word of the other API is part of the path there."""
        bao.do("POST", "sys/mounts/first", {"type": "kv", "options": {"version": "1"}})
        bao.do("POST", "first/x", {"value": "x"})
        mistaken = ask(make(), "first/first/x")
        assert (code(mistaken), mistaken.remedy) == (FailureCode.MISCONFIGURED, "write vault://first/x")
        assert isinstance(ask(make(), "first/data/x"), NotFound)

    def test_end_that_was_set(self, bao: OpenBao, make: Callable[..., VaultProvider], place: str) -> None:
        """A version that is set to delete itself says when."""
        bao.do("POST", f"secret/metadata/{place}", {"delete_version_after": "1h"})
        bao.put("secret", place, {"value": "x"})
        outcome = ask(make(), f"secret/{place}")
        assert outcome.version == "1"
        assert 3590 < outcome.expires_at - time.time() <= 3600

    def test_age_that_was_set(self, bao: OpenBao, make: Callable[..., VaultProvider], place: str) -> None:
        """KV 1 says for how long an answer may be kept, by a field ``ttl``."""
        bao.do("POST", f"kv/one/{place}", {"value": "x", "ttl": "30m"})
        assert ask(make(), f"kv/one/{place}").max_age == 1800

    def test_version_set_wrongly(self, bao: OpenBao, make: Callable[..., VaultProvider], place: str) -> None:
        """KV 2 asked as KV 1 is a mistake in the wiring, not an absence."""
        bao.put("secret", place, {"value": "x"})
        assert code(ask(make(kv_version=1), f"secret/{place}")) is FailureCode.MISCONFIGURED

    def test_mount_that_becomes_versioned(self, bao: OpenBao, make: Callable[..., VaultProvider]) -> None:
        """After a mount was upgraded, one fetch fails, and the next one knows."""
        mount = f"kv-{uuid4().hex}"
        bao.enable("kv", mount, options={"version": "1"})
        bao.do("POST", f"{mount}/a", {"value": "x"})
        provider = make()
        assert fields(ask(provider, f"{mount}/a")) == {"value": "x"}
        bao.do("POST", f"sys/mounts/{mount}/tune", {"options": {"version": "2"}})
        until = time.monotonic() + 5
        while not isinstance(outcome := ask(provider, f"{mount}/a"), Found) and time.monotonic() < until:
            time.sleep(0.02)
        assert fields(outcome) == {"value": "x"}
        assert outcome.version == "1"

    def test_document_through_the_resolver(self, bao: OpenBao, front: Relay, place: str) -> None:
        """Several names are one call; a field that is not there is an absence."""
        bao.put("secret", place, {"ONE": "1", "TWO": 2, "THREE": {"deep": True}})
        auth = {"method": "token", "token": bao.root}
        with Resolver([VaultProvider(address=front.address, document=place, kv_version=2, auth=auth)]) as resolver:
            assert [resolver.get(name) for name in ("ONE", "TWO", "THREE")] == ["1", "2", '{"deep":true}']
            assert resolver.get("FOUR", default=None) is None
        assert front.asked.count(f"GET secret/data/{place}") == 1

    def test_batch_of_versions_and_names(self, bao: OpenBao, make: Callable[..., VaultProvider], place: str) -> None:
        """A batch of one, and one with several versions, keep each outcome."""
        bao.put("secret", place, {"value": "old"})
        bao.put("secret", place, {"value": "new"})
        provider = make()
        now = SecretRef("vault", f"secret/{place}")
        before, never = now._replace(version="1"), now._replace(version="7")
        assert fields(provider.fetch_many([now], timeout=5)[now]) == {"value": "new"}
        answers = provider.fetch_many([now, before, never], timeout=5)
        assert fields(answers[now]) == {"value": "new"}
        assert fields(answers[before]) == {"value": "old"}
        assert isinstance(answers[never], NotFound)


class TestAnswers:
    """Answers that a healthy OpenBao does not give, by a relay in its place."""

    @pytest.mark.parametrize(("behind", "served"), [(1, True), (3, True), (4, False)])
    def test_412_is_a_moment(
        self,
        behind: int,
        served: bool,
        bao: OpenBao,
        front: Relay,
        make: Callable[..., VaultProvider],
        place: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A server that has not seen our last write is asked again; if it stays behind, that is an outage."""
        bao.put("secret", place, {"value": "x"})
        pauses: list[float] = []
        monkeypatch.setattr(client, "sleep", pauses.append)
        answers = iter([Reply(412, b'{"errors":["required index state not present"]}')] * behind)
        front.fault = lambda call: next(answers, None) if "/data/" in call.path else None
        outcome = ask(make(kv_version=2), f"secret/{place}")
        assert isinstance(outcome, Found) if served else code(outcome) is FailureCode.UNAVAILABLE
        assert pauses == list(client.PAUSES)[:behind]

    def test_412_at_the_end_of_the_time(
        self, front: Relay, make: Callable[..., VaultProvider], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No pause is begun that the time allowed would not outlast."""
        monkeypatch.setattr(client, "PAUSES", (60.0,))
        front.answer(412, b'{"errors":["required index state not present"]}', on="/data/")
        assert code(ask(make(kv_version=2), "secret/x")) is FailureCode.UNAVAILABLE

    def test_own_writes_are_read(self, front: Relay, make: Callable[..., VaultProvider]) -> None:
        """The index of the last write is sent along with every read after it."""
        provider = make(kv_version=2)
        front.answer(200, b'{"data":{}}', {"X-Vault-Index": "v1:index"}, on="lookup-self")
        ask(provider, "secret/x")
        headers = {key.lower(): value for key, value in front.calls[-1].headers.items()}
        assert headers["x-vault-index"] == "v1:index"

    def test_threads_do_not_trip_over_an_index(self, front: Relay, make: Callable[..., VaultProvider]) -> None:
        """One that arrives while another thread puts its question together does not disturb that one."""
        provider = make(kv_version=2)
        ask(provider, "secret/x")
        session = provider._connection._session
        assert session is not None
        others = iter(session.headers.items())
        next(others)
        front.answer(404, b'{"errors":[]}', {"X-Vault-Index": "v1:index"})
        ask(provider, "secret/x")
        assert dict(others)
        assert session.headers["X-Vault-Index"] == "v1:index"

    @pytest.mark.parametrize(
        "body",
        [
            b"[]",
            b"null",
            b"{}",
            b'{"data":null}',
            b'{"data":[]}',
            b'{"data":{"data":"text","metadata":{}}}',
            b'{"data":{"data":{}}}',
            b"\xff",
        ],
    )
    @pytest.mark.parametrize("mount", ["secret", "kv/one"])
    def test_broken(self, mount: str, body: bytes, front: Relay, make: Callable[..., VaultProvider]) -> None:
        """An answer without what it promises is malformed."""
        provider = make(mount=mount, kv_version=2 if mount == "secret" else 1)
        if mount == "kv/one" and b'"data":{' in body:
            body = b'{"data":7}'
        front.answer(200, body, on=f"v1/{mount}/")
        assert code(ask(provider, f"{mount}/x")) is FailureCode.MALFORMED

    def test_secret_without_fields(self, bao: OpenBao, make: Callable[..., VaultProvider], place: str) -> None:
        """A KV 2 secret may have no field at all, which is no fault."""
        bao.put("secret", place, {})
        assert fields(ask(make(), f"secret/{place}")) == {}

    @pytest.mark.parametrize(
        "page",
        [b"<html>404</html>", b'{"message":"no Route matched"}', b'{"errors":"none","data":7}', b'{"warnings":7}'],
    )
    def test_proxy_page(self, page: bytes, front: Relay, make: Callable[..., VaultProvider]) -> None:
        """A 404 of something else is not an absence, and would not be one if it was written in JSON."""
        front.answer(404, page)
        for settings in ({}, {"kv_version": 2}, {"kv_version": 1}):
            assert code(ask(make(**settings), "secret/x")) is FailureCode.MISCONFIGURED

    def test_answer_that_is_not_utf8(self, front: Relay, make: Callable[..., VaultProvider]) -> None:
        """No other encoding is guessed, in which the secret would be another text."""
        page = b'{"data":{"data":{"value":"caf\xe9 \xff"},"metadata":{"version":1}}}'
        front.fault = lambda call: Reply(200, page) if "/data/" in call.path else None
        assert code(ask(make(kv_version=2), "secret/x")) is FailureCode.MALFORMED

    def test_mount_cannot_be_learned(self, front: Relay, make: Callable[..., VaultProvider]) -> None:
        """If the mount cannot be looked up, that is the outcome."""
        front.answer(500, b'{"errors":["broken"]}', on="ui/mounts")
        assert code(ask(make(), "secret/x")) is FailureCode.UNAVAILABLE
        front.hang(on="ui/mounts")
        assert code(make().fetch(SecretRef("vault", "secret/x"), timeout=0.3)) is FailureCode.TIMEOUT

    @pytest.mark.parametrize(
        "page", [b"", b"null", b"[]", b"{}", b'{"data":{}}', b'{"data":{"path":7}}', b'{"data":1}']
    )
    def test_answer_that_names_no_mount(self, page: bytes, front: Relay, make: Callable[..., VaultProvider]) -> None:
        """A success of something else is malformed, and no mistake in the reference."""
        front.answer(200, page, on="ui/mounts")
        assert code(ask(make(), "secret/x")) is FailureCode.MALFORMED

    def test_vault_that_does_not_tell_its_mounts(self, front: Relay, make: Callable[..., VaultProvider]) -> None:
        """A Vault too old to say is taken to have no versions, with the mount in the first segment."""
        silent, fields_of_old = Reply(404, b'{"errors":[]}'), Reply(200, b'{"data":{"a":"b"}}')
        front.fault = lambda call: silent if "ui/mounts" in call.path else fields_of_old
        assert fields(ask(make(), "old/x")) == {"a": "b"}
        assert front.asked[-1] == "GET old/x"

    @pytest.mark.parametrize("location", ["secret", "kv/one"])
    def test_mount_without_a_path(self, location: str, make: Callable[..., VaultProvider]) -> None:
        """A reference that stops at the mount is a mistake."""
        assert code(ask(make(mount="elsewhere"), location)) is FailureCode.MISCONFIGURED

    def test_path_that_is_not_read(self, make: Callable[..., VaultProvider]) -> None:
        """A path that has no GET is a mistake."""
        assert code(ask(make(), "sys/wrapping/wrap")) is FailureCode.MISCONFIGURED

    def test_redirect_of_the_same_server(
        self, bao: OpenBao, front: Relay, make: Callable[..., VaultProvider], place: str
    ) -> None:
        """A server may send us to another path of its own."""
        bao.put("secret", place, {"value": "x"})
        front.answer(307, b"", {"Location": f"/v1/secret/data/{place}"}, on="/data/moved")
        assert fields(ask(make(kv_version=2), "secret/moved")) == {"value": "x"}

    def test_redirect_to_another_server(self, front: Relay, make: Callable[..., VaultProvider]) -> None:
        """Another server, be it on the same host, is never sent the token: the error says what to set."""
        with relay() as other:
            front.answer(307, b"", {"Location": f"{other.address}/v1/secret/data/x"}, on="/data/")
            failure = ask(make(kv_version=2), "secret/x")
            assert code(failure) is FailureCode.MISCONFIGURED
            assert failure.remedy == "set the address to the active node"
            assert other.calls == []

    def test_redirect_in_a_circle(self, front: Relay, make: Callable[..., VaultProvider]) -> None:
        """Redirects without an end are a mistake in the wiring."""
        front.answer(307, b"", {"Location": f"{front.address}/v1/secret/data/x"}, on="/data/")
        assert code(ask(make(kv_version=2), "secret/x")) is FailureCode.MISCONFIGURED

    def test_refused_connection(self, make: Callable[..., VaultProvider]) -> None:
        """A server that is down is unavailable."""
        assert code(ask(make(address="http://127.0.0.1:1"), "secret/x")) is FailureCode.UNAVAILABLE

    def test_no_time(self, make: Callable[..., VaultProvider]) -> None:
        """Without time left, nothing is asked."""
        assert code(make().fetch(SecretRef("vault", "secret/x"), timeout=0)) is FailureCode.TIMEOUT

    def test_batches_share_their_threads(self, make: Callable[..., VaultProvider]) -> None:
        """The second batch starts no threads, and closing ends those of the first."""
        provider = make(kv_version=2, name="shared")
        refs = [SecretRef("shared", f"secret/{number}") for number in range(4)]

        def ours() -> set[threading.Thread]:
            return {thread for thread in threading.enumerate() if thread.name.startswith("secretsource-vault")} - others

        others: set[threading.Thread] = set()
        others = ours()
        for _ in range(2 * AT_ONCE):
            assert {type(outcome) for outcome in provider.fetch_many(refs, timeout=5).values()} == {NotFound}
        started = ours()
        assert 0 < len(started) <= AT_ONCE
        provider.close()
        for thread in started:
            thread.join(30)
        assert not ours()

    def test_batch_has_one_deadline(self, front: Relay, make: Callable[..., VaultProvider]) -> None:
        """However many are asked for, the whole batch ends in time."""
        provider = make(kv_version=2)
        ask(provider, "secret/x")
        front.hang()
        refs = [SecretRef("vault", f"secret/{number}") for number in range(30 * AT_ONCE)]
        started = time.monotonic()
        answers = provider.fetch_many(refs, timeout=1)
        assert time.monotonic() - started < 20  # with a second for each, it would take 30
        assert {code(outcome) for outcome in answers.values()} == {FailureCode.TIMEOUT}
