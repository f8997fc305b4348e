"""The section of Django's administration for keys, on stores that Django does not know."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest
from benchmarks.django_settings import configure
from tests.integrations.django_project import project

from secretsource.exceptions import StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys, KeyRequest, Status
from secretsource.stores.memory import MemoryStore
from secretsource.stores.sql import SqlStore

from django.core.management import call_command  # isort: skip - the settings come first
from django.db import connection, transaction  # isort: skip
from django.template import Template  # isort: skip
from django.test import Client  # isort: skip
from django.test.signals import template_rendered  # isort: skip
from django.test.utils import CaptureQueriesContext, instrumented_test_render  # isort: skip
from django.urls import clear_url_caches, include, path  # isort: skip

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

PEPPER = "a pepper of the tests, long enough"
AT = "/admin/secretsource/apikey/"
APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
    "django.contrib.messages", "secretsource.integrations.django_admin",
]  # fmt: skip
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "secretsource.integrations.django.ApiKeyMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]  # fmt: skip
KEY = re.compile(r'<output class="secretsource-new-key">(\w+)</output>')


@pytest.fixture(params=["memory", "sql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A store that Django does not know."""
    made: Any = MemoryStore() if request.param == "memory" else SqlStore.open(f"sqlite:///{tmp_path}/keys.db")
    yield made
    made.close()


def served(keys: ApiKeys, **more: Any) -> Any:
    """A project with the section; its own tables are in memory."""
    return _served(keys, **more)


@contextmanager
def _served(keys: ApiKeys, **more: Any) -> Generator[None]:
    from django.test import override_settings

    settings = {
        "INSTALLED_APPS": APPS, "MIDDLEWARE": MIDDLEWARE, "TEMPLATES": TEMPLATES, "STATIC_URL": "/static/",
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"], **more,
    }  # fmt: skip
    with override_settings(**settings):
        from django.contrib import admin

        patterns = [path("admin/", admin.site.urls), path("shop/", include([]))]
        with project(patterns, keys, exempt=["/admin/*"]), override_settings(**settings):
            clear_url_caches()
            configure()  # a database in memory, which stays for the process
            call_command("migrate", run_syncdb=True, verbosity=0)
            atomic: Any = transaction.atomic
            with atomic():
                yield
                transaction.set_rollback(True)


@pytest.fixture
def keys(store: Any) -> Iterator[ApiKeys]:
    """Keys behind a project that is up."""
    with ApiKeys(store, peppers=[PEPPER]) as made, served(made):
        yield made


def person(*permissions: str, name: str = "ann") -> Any:
    """The browser of a member of staff with some of the permissions of keys."""
    from django.contrib.auth.models import Permission, User

    user = User.objects.create_user(name, password="of a test", is_staff=True)
    for each in permissions:
        user.user_permissions.add(Permission.objects.get(codename=f"{each}_apikey"))
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def sent(client: Any, url: str, **fields: Any) -> Any:
    """The answer to a form that was opened before."""
    assert client.get(url).status_code == 200
    return client.post(url, {**fields, "csrfmiddlewaretoken": client.cookies["csrftoken"].value})


def text_of(answer: Any) -> str:
    """The text of a page."""
    return str(answer.content.decode())


def test_the_list_is_searched_and_filtered(keys: ApiKeys) -> None:
    """By key ID, name, owner, environment and status; the newest key comes first."""
    first = keys.issue(owner="acme", name="nightly").record
    second = keys.issue(owner="acme", environment="test").record
    third = keys.issue(owner="globex").record
    keys.revoke(third.key_id)
    client = person("view")

    def found(**asked: str) -> list[str]:
        return re.findall(r"apikey/(\w{22})/change", text_of(client.get(AT, asked)))

    assert set(found()) == {first.key_id, second.key_id, third.key_id}
    assert found(q="nightly") == found(q=first.key_id) == found(owner="acme", environment="live") == [first.key_id]
    assert found(environment="test") == [second.key_id]
    assert found(status="revoked") == found(owner="globex") == [third.key_id]
    assert found(q="nobody") == found(q="A" * 22) == []
    assert "Select a valid choice" in text_of(client.get(AT, {"status": "gone"}))
    assert "cursor" in text_of(client.get(AT, {"after": "nonsense"}))


def test_a_whole_key_is_no_search(keys: ApiKeys) -> None:
    """The page does not repeat it, and says why."""
    issued = keys.issue(owner="acme")
    answer = text_of(person("view").get(AT, {"q": issued.plaintext}))
    assert "never for a whole key" in answer
    assert issued.plaintext not in answer


def test_the_list_has_pages_of_one_query_each(keys: ApiKeys, store: Any) -> None:
    """However many keys there are; each key is on one page, and Django's database is asked as often."""
    statements = list[str]()
    client = person("view")

    def opened(url: str) -> tuple[str, int]:
        statements.clear()
        with CaptureQueriesContext(connection) as asked:
            answer = text_of(client.get(url))
        return answer, len(asked)

    if isinstance(store, SqlStore):
        from sqlalchemy import event

        event.listen(store.database.open(), "before_cursor_execute", lambda *told: statements.append(told[2]))
    keys.issue(owner="acme")
    _, few = opened(AT)
    asked_once = [*statements]
    issued = keys.issue_many([KeyRequest(owner="acme")] * 119)
    seen, url, pages = list[str](), AT, 0
    while url:
        answer, many = opened(url)
        assert (many, len(statements)) == (few, len(asked_once))
        assert many <= 5
        assert len([each for each in statements if "secretsource_keys" in each]) == isinstance(store, SqlStore)
        seen += re.findall(r"apikey/(\w{22})/change", answer)
        following = re.search(r'href="(\?[^"]+)">Next', answer)
        url, pages = (AT + following[1].replace("&amp;", "&") if following else ""), pages + 1
    assert (len(seen), pages) == (120, 3)
    assert set(seen) >= {each.record.key_id for each in issued}


def test_a_key_shows_its_history(keys: ApiKeys) -> None:
    """Its fields, escaped, and its latest events; a key that is not there is a 404."""
    record = keys.issue(owner="<b>acme</b>", scopes=["a:read"], actor="bob").record
    keys.update(record.key_id, name="nightly", actor="eve")
    client = person("view")
    shown = text_of(client.get(f"{AT}{record.key_id}/change/"))
    assert shown.index("eve") < shown.index("bob")
    assert "&lt;b&gt;acme&lt;/b&gt;" in shown
    assert "a:read" in shown
    assert "Rotate" not in shown
    assert "Revoke" not in shown
    assert client.get(f"{AT}{'A' * 22}/change/").status_code == 404


@pytest.mark.parametrize(
    ("permissions", "allowed"),
    [
        ((), set()),
        (("view",), {"", "change"}),
        (("change",), {"", "change", "rotate"}),
        (("delete",), {"revoke"}),
        (("view", "delete"), {"", "change", "revoke"}),
    ],
)
def test_each_view_needs_its_permission(keys: ApiKeys, permissions: tuple[str, ...], allowed: set[str]) -> None:
    """Django's own: ``view`` to read, ``change`` to rotate, ``delete`` to revoke; and strangers log in first."""
    key_id = keys.issue(owner="acme").record.key_id
    urls = {"": AT, **{name: f"{AT}{key_id}/{name}/" for name in ("change", "rotate", "revoke")}}
    client, stranger = person(*permissions), cast("Any", Client())
    assert {name for name, url in urls.items() if client.get(url).status_code == 200} == allowed
    assert all(client.get(url).status_code == 403 for name, url in urls.items() if name not in allowed)
    client.cookies["csrftoken"] = token = "a" * 32
    for name in {"rotate", "revoke"} - allowed:
        assert client.post(urls[name], {"overlap": 0, "csrfmiddlewaretoken": token}).status_code == 403
    assert all(stranger.get(url)["Location"].startswith("/admin/login/") for url in urls.values())
    assert keys.get(key_id).status is Status.ACTIVE


def test_a_forged_form_changes_nothing(keys: ApiKeys) -> None:
    """Without the token of the page, both forms are refused."""
    key_id = keys.issue(owner="acme").record.key_id
    client = person("view", "change", "delete")
    for name in ("rotate", "revoke"):
        assert client.post(f"{AT}{key_id}/{name}/", {"overlap": 0}).status_code == 403
    assert keys.get(key_id).status is Status.ACTIVE


def test_a_rotation_shows_the_new_key_once(
    keys: ApiKeys, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the answer alone: no list, template, session, cookie, message, log or entry of Django's log has its text."""
    from django.contrib.admin.models import LogEntry
    from django.contrib.sessions.models import Session

    caplog.set_level(logging.DEBUG)
    old = keys.issue(owner="acme", scopes=["a:read"])
    client, contexts = person("view", "change"), list[str]()
    url = f"{AT}{old.record.key_id}/rotate/"

    def note(context: Any, **_: Any) -> None:
        contexts.append(repr(context))

    template_rendered.connect(note)
    monkeypatch.setattr(Template, "_render", instrumented_test_render)  # which tells of each context
    answer = sent(client, url, overlap=2, reason="yearly")
    (text,) = KEY.findall(text_of(answer))
    assert "no-store" in answer["Cache-Control"]
    assert keys.check(text, scope="a:read")
    assert keys.check(old.plaintext, scope=NO_SCOPE)
    ends = keys.get(old.record.key_id).overlap_ends
    assert ends is not None
    event = keys.events(old.record.key_id)[-1]
    assert (event.kind, event.actor, event.origin, event.reason) == ("rotated", "ann", "127.0.0.1", "yearly")

    again = sent(client, url, overlap=2)
    assert "was rotated before" in text_of(again)
    pages = [client.get(AT), client.get(f"{AT}{old.record.key_id}/change/"), client.get("/admin/"), again]
    stored = [str(each.get_decoded()) for each in Session.objects.all()]
    entries = [f"{each} {each.change_message} {each.object_repr}" for each in LogEntry.objects.all()]
    assert [each.change_message for each in LogEntry.objects.all()] == ["Rotated.", "Rotated."]
    seen = [*map(text_of, pages), str(client.cookies), str(answer.headers), *contexts, *stored, *entries, caplog.text]
    assert contexts
    for secret in (text, old.plaintext):
        assert not [each for each in seen if secret in each]


def test_a_revocation_is_confirmed(keys: ApiKeys) -> None:
    """The page asks; only its form revokes, with the author, and a second one leaves the key as it is."""
    issued = keys.issue(owner="acme")
    client = person("view", "delete")
    url = f"{AT}{issued.record.key_id}/revoke/"
    assert "Do you want to revoke" in text_of(client.get(url))
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    answer = sent(client, url, reason="lost")
    assert answer["Location"] == AT
    assert not keys.check(issued.plaintext, scope=NO_SCOPE)
    assert "is revoked" in text_of(client.get(AT))
    event = keys.events(issued.record.key_id)[-1]
    assert (event.kind, event.actor, event.reason) == ("revoked", "ann", "lost")
    assert sent(client, url).status_code == 302


def test_a_change_that_is_refused_leaves_no_entry(keys: ApiKeys) -> None:
    """The form says why, and Django's log stays empty."""
    from django.contrib.admin.models import LogEntry

    record = keys.issue(owner="acme").record
    keys.revoke(record.key_id)
    client = person("view", "change")
    answer = sent(client, f"{AT}{record.key_id}/rotate/", overlap=1)
    assert (answer.status_code, KEY.findall(text_of(answer))) == (200, [])
    assert "errorlist" in text_of(answer)
    assert "errorlist" in text_of(sent(client, f"{AT}{record.key_id}/rotate/", overlap=-1))
    assert not LogEntry.objects.exists()


def test_root_keys_are_not_there(keys: ApiKeys) -> None:
    """A rotation would hand their rights on to whoever may rotate a customer's key."""
    root = keys.issue(owner="operators", prefix="root").record
    client = person("view", "change", "delete")
    assert root.display not in text_of(client.get(AT))
    assert root.display not in text_of(client.get(AT, {"q": root.key_id}))
    assert [client.get(f"{AT}{root.key_id}/{name}/").status_code for name in ("change", "rotate", "revoke")] == [
        404
    ] * 3


def test_a_store_that_is_down_is_said_so(keys: ApiKeys, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With status 503, in one sentence."""

    def fail(*_: Any) -> None:
        raise StoreError("the store of keys could not answer: see its log")

    client = person("view")
    monkeypatch.setattr(store, "list", fail)
    answer = client.get(AT)
    assert (answer.status_code, "the store of keys could not answer" in text_of(answer)) == (503, True)


def test_the_model_has_no_table(keys: ApiKeys, capsys: pytest.CaptureFixture[str]) -> None:
    """Django asks none, dumps nothing and has no migration to write; the index of the site leads to the list."""
    from secretsource.integrations.django_admin.models import ApiKey

    keys.issue(owner="acme")
    with CaptureQueriesContext(connection) as asked:
        assert [*ApiKey.objects.all(), *ApiKey._base_manager.all()] == []
    assert len(asked) == 0
    assert "secretsource_apikey" not in connection.introspection.table_names()
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
    capsys.readouterr()
    call_command("dumpdata", "secretsource")
    assert capsys.readouterr().out.strip() == "[]"
    assert f'href="{AT}"' in text_of(person("view").get("/admin/"))
    assert AT not in text_of(person(name="bob").get("/admin/"))
