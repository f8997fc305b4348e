"""The table `[server]` of the configuration."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from secretsource.config import load_table
from secretsource.exceptions import ConfigurationError
from secretsource.issuing import NO_SCOPE
from secretsource.server.chores.settings import ChoreSettings
from secretsource.server.opening import load_settings
from secretsource.server.settings import LeakSettings, PagesSettings, Route, ServerSettings, read_settings


def read(folder: Path, text: str) -> ServerSettings:
    """Read the settings in a file."""
    file = folder / "secretsource.toml"
    file.write_text(text, encoding="utf-8")
    return read_settings(load_table("server", file))


def test_every_setting_has_a_default(tmp_path: Path) -> None:
    """A service without a file, or with an empty table, listens on the loopback interface, and keeps its keys here."""
    assert read_settings(None) == read(tmp_path, "") == ServerSettings()
    assert (ServerSettings().host, ServerSettings().store) == ("127.0.0.1", "sqlite:///keys.db")


def test_the_variable_names_the_store_unless_the_file_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store in the file counts, also where it is that of the default."""
    file = tmp_path / "secretsource.toml"
    monkeypatch.setenv("SECRETSOURCE_CONFIG", str(file))
    monkeypatch.setenv("SECRETSOURCE_STORE", "sqlite:///other.db")
    for line, store in (("port = 0", "sqlite:///other.db"), ('store = "sqlite:///keys.db"', "sqlite:///keys.db")):
        file.write_text(f"[server]\n{line}\n")
        assert load_settings().store == store


def test_the_table_is_read(tmp_path: Path) -> None:
    """Texts, numbers, flags, lists, networks and demands, each as the part that uses it wants it."""
    settings = read(
        tmp_path,
        """
        [server]
        host = "0.0.0.0"
        port = 80
        workers = 4
        store = "ref+vault://kv/app#store"
        limiter = "redis://cache/0"
        prefixes = ["acme"]
        ttl = 2
        imported = true
        trusted_proxies = ["10.0.0.0/8", "::1"]
        default_scope = "NO_SCOPE"
        forward_auth_cache = 1.5
        preflight = false
        log = "json"

        [[server.routes]]
        method = "get"
        path = "/orders/*"
        scope = "orders:read"

        [[server.routes]]
        path = "/reports"
        scope = ["reports:read", "orders:read"]
        cost = 5
        """,
    )
    assert settings == ServerSettings(
        host="0.0.0.0", port=80, workers=4, store="ref+vault://kv/app#store", limiter="redis://cache/0",
        prefixes=("acme",), ttl=2, imported=True, trusted_proxies=(ip_network("10.0.0.0/8"), ip_network("::1")),
        default_scope=NO_SCOPE, forward_auth_cache=1.5, preflight=False, log="json",
        routes=(
            Route("GET", "/orders/*", "orders:read"), Route("*", "/reports", ("reports:read", "orders:read"), 5),
        ),
    )  # fmt: skip


def test_pages_are_off_unless_the_table_is_there(tmp_path: Path) -> None:
    """An empty table switches them on, with every default."""
    assert read(tmp_path, "[server]").pages is None
    assert read(tmp_path, "[server.pages]").pages == PagesSettings()
    given = """
        [server.pages]
        name = "Acme API"
        address = "https://keys.acme.example"
        api = "http://127.0.0.1:8000/v1"
        accent = "#A02010"
        frame_ancestors = ["https://app.acme.example", "https://*.acme.example:8443"]
        scopes = ["invoices:read", "orders:*"]
        prefix = "acme"
        idle = 60
        life = 604800
        """
    assert read(tmp_path, given).pages == PagesSettings(
        name="Acme API",
        address="https://keys.acme.example",
        api="http://127.0.0.1:8000/v1",
        accent="#A02010",
        frame_ancestors=("https://app.acme.example", "https://*.acme.example:8443"),
        scopes=("invoices:read", "orders:*"),
        prefix="acme",
        idle=60,
        life=604800,
    )


def test_a_sign_in_is_a_table_of_the_pages(tmp_path: Path) -> None:
    """Without it, operators sign in by a root key alone."""
    given = """
        [server.pages.oidc]
        issuer = "https://id.acme.example"
        client_id = "keys"
        redirect_uri = "https://keys.acme.example/operator/sign-in/back"
        """
    pages = read(tmp_path, given).pages
    assert pages is not None
    assert pages.oidc is not None
    assert (pages.oidc.issuer, pages.oidc.client_id) == ("https://id.acme.example", "keys")


def test_leaks_are_off_unless_the_table_is_there(tmp_path: Path) -> None:
    """An empty table takes every default; a policy is one word, or a table of environments."""
    assert read(tmp_path, "[server]").leaks is None
    assert read(tmp_path, "[server.leaks]").leaks == LeakSettings()
    assert LeakSettings().policy == "revoke"
    assert read(tmp_path, '[server.leaks]\npolicy = "tell"\noverlap = 604800').leaks == LeakSettings(
        policy="tell", overlap=604800
    )
    address = "http://127.0.0.1:8080/keys?v=1"
    given = (
        f'[server.leaks]\ngithub_keys = "{address}"\noverlap = 0\n[server.leaks.policy]\nlive = "rotate"\ntest = "tell"'
    )
    assert read(tmp_path, given).leaks == LeakSettings(address, {"live": "rotate", "test": "tell"}, 0)


def test_no_url_is_shown(tmp_path: Path) -> None:
    """The URL of a store or of a limiter may hold a password."""
    settings = read(tmp_path, '[server]\nstore = "postgresql://u:canary@db/x"\nlimiter = "redis://:canary@c"')
    assert "canary" not in repr(settings)


UNSAFE = (
    "", "api.github.com", "http://api.github.com/keys", "ftp://api.github.com", "https://", "https://u:canary@github.com",
    "https://github.com:port/", "https://github.com:99999/", "https://github.com:0/", "https://git hub.com", "https://[::1",
    "https://gïthub.com", "http://127.0.0.1.example.org/",
)  # fmt: skip
ROUTE = '[server]\n[[server.routes]]\npath = "/a"\nscope = "a:b"\n[[server.routes]]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[server]\nprot = 1", "line 2, in [server]: unknown key 'prot': did you mean 'port'?"),
        ("[server]\nport = 70000", "line 2, in [server]: port must be a whole number from 0 to 65535"),
        ("[server]\nport = true", "port must be a whole number from 0 to 65535"),
        ("[server]\nworkers = 1.5", "workers must be a whole number from 1 to 64"),
        ("[server]\nttl = -1", "ttl must be a number from 0 to 3600"),
        ('[server]\nttl = "1"', "ttl must be a number from 0 to 3600"),
        ("[server]\npreflight = 1", "preflight must be true or false"),
        ('[server]\nstore = ""', "store must be a text that is not empty"),
        ("[server]\nstore = 5", "store must be a string"),
        ('[server]\nlog = "xml"', "log must be one of json, text"),
        ('[server]\ntrusted_proxies = ["10.0.0.1/8"]', "trusted_proxies must be networks such as  10.0.0.0/8"),
        ("[server]\ndefault_scope = []", "default_scope must be a scope, a list of scopes, or NO_SCOPE"),
        ("[server]\nroutes = 5", "routes must be tables: write  [[server.routes]]"),
        (f'{ROUTE}path = "orders"\nscope = "a:b"', "line 6, in [server.routes.1]: a route needs a path that begins"),
        (f'{ROUTE}path = "/b"', "line 5, in [server.routes.1]: scope must be a scope, a list of scopes, or NO_SCOPE"),
        (f'{ROUTE}path = "/b"\nscope = "a:b"\ncost = -1', "line 8, in [server.routes.1]: cost must be a whole number"),
        ("[server]\nleaks = true", "line 2, in [server]: leaks must be a table"),
        ('[server.leaks]\nkeys = "x"', "line 2, in [server.leaks]: unknown key 'keys'"),
        ('[server.leaks]\npolicy = "delete"', "line 2, in [server.leaks]: policy must be one of revoke, rotate, tell"),
        ("[server.leaks]\npolicy = 5", "line 2, in [server.leaks]: policy must be a table"),
        ('[server.leaks.policy]\nlive = ""', "in [server.leaks.policy]: live must be one of revoke, rotate, tell"),
        ("[server.leaks.policy]\nlive = 1", "in [server.leaks.policy]: live must be a string"),
        (
            '[server.leaks.policy]\nLIVE = "tell"',
            "line 2, in [server.leaks.policy]: an environment must be 2 to 8 of a-z",
        ),
        ("[server]\npages = true", "line 2, in [server]: pages must be a table"),
        ('[server.pages]\ncolour = "x"', "line 2, in [server.pages]: unknown key 'colour'"),
        ('[server.pages]\naccent = "red"', "accent must be a colour such as  #2f5bd7"),
        ('[server.pages]\naccent = "#12345"', "accent must be a colour such as  #2f5bd7"),
        (
            '[server.pages]\naddress = "http://keys.acme.example"',
            "address must be an address that begins with https://",
        ),
        ('[server.pages]\napi = "javascript:alert(1)"', "api must be an address that begins with https://"),
        ('[server.pages]\nprefix = "root"', "prefix must be 1 to 16 characters"),
        ('[server]\nprefixes = ["acme", "root"]', "line 2, in [server]: prefixes must be those of customers' keys"),
        (
            '[server]\nprefixes = ["acme"]\n[server.pages]\nprefix = "globex"',
            "line 2, in [server]: prefixes must have the prefix of [server.pages], too",
        ),
        *(
            (f'[server.pages]\nscopes = ["a:b", "{scope}"]', "line 2, in [server.pages]: scopes must be scopes such as")
            for scope in ("", "a b", "*", ":*", "a:*:b")
        ),
        ('[server.pages]\nprefix = "Acme"', "prefix must be 1 to 16 characters"),
        ("[server.pages]\nidle = 59", "idle must be a number from 60 to 86400"),
        ("[server.pages]\nlife = 604801", "life must be a number from 60 to 604800"),
        *(
            (f'[server.pages]\nframe_ancestors = ["{origin}"]', "frame_ancestors must be origins such as")
            for origin in ("*", "app.acme.example", "https://a.example; script-src *", "https://a.example/", "'self'")
        ),
        ("[server.leaks]\noverlap = -1", "overlap must be a number from 0 to 604800"),
        ("[server.leaks]\noverlap = 604801", "overlap must be a number from 0 to 604800"),
        *(
            (f'[server.leaks]\ngithub_keys = "{address}"', "github_keys must be an address that begins with https://")
            for address in UNSAFE
        ),
        ("[server.leaks]\ngithub_keys = 5", "github_keys must be a string"),
        (f'{ROUTE}scop = "a:b"', "line 6, in [server.routes.1]: unknown key 'scop'"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    """The file, the line and the right word, and no value."""
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)


DEFAULTS: dict[str, object] = {
    "host": "127.0.0.1", "port": 8811, "workers": 1, "store": "sqlite:///keys.db", "limiter": None, "prefixes": (),
    "environments": (), "ttl": 5.0, "imported": False, "realm": "api", "trusted_proxies": (), "routes": (),
    "default_scope": None, "forward_auth_cache": 0.0, "preflight": True, "docs": True, "log": "text",
    "stop_within": 30.0, "leaks": None, "pages": None, "traces": False, "webhooks": (), "chores": ChoreSettings(),
    "note_clients": True,
}  # fmt: skip
"""As the reference of the settings has them."""


def test_the_defaults_are_those_of_the_reference() -> None:
    """A service that is not set up listens on this machine alone, and trusts nobody."""
    settings = ServerSettings()
    assert {name: getattr(settings, name) for name in DEFAULTS} == DEFAULTS
    assert set(DEFAULTS) == set(ServerSettings.__slots__)
    leaks = LeakSettings()
    assert (leaks.policy, leaks.overlap) == ("revoke", 3600.0)
    assert leaks.github_keys == "https://api.github.com/meta/public_keys/secret_scanning"
    assert PagesSettings() == PagesSettings(
        name="API keys", address="", api="https://api.example.com/v1/", logo="", accent="#2f5bd7", language="", zone="",
        frame_ancestors=(), scopes=(), prefix="", idle=1800.0, life=43200.0, oidc=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "least", "most"),
    [
        ("port", 0, 65535),
        ("workers", 1, 64),
        ("ttl", 0, 3600),
        ("forward_auth_cache", 0, 300),
        ("stop_within", 1, 3600),
    ],
)
def test_a_number_is_taken_up_to_both_ends_of_its_range(tmp_path: Path, key: str, least: int, most: int) -> None:
    """And one beyond them is refused."""
    for value in (least, most):
        assert getattr(read(tmp_path, f"[server]\n{key} = {value}"), key) == value
    for value in (least - 1, most + 1):
        with pytest.raises(ConfigurationError, match=f"{key} must be a .*number from {least} to {most}"):
            read(tmp_path, f"[server]\n{key} = {value}")


@pytest.mark.parametrize(("key", "most"), [("idle", 86400), ("life", 604800)])
def test_a_session_lasts_a_minute_at_least(tmp_path: Path, key: str, most: int) -> None:
    """And up to a day without a request, or a week in all."""
    for value in (60, most):
        pages = read(tmp_path, f"[server.pages]\n{key} = {value}").pages
        assert pages is not None
        assert getattr(pages, key) == value
    for value in (59, most + 1):
        with pytest.raises(ConfigurationError, match=f"{key} must be a number from 60 to {most}"):
            read(tmp_path, f"[server.pages]\n{key} = {value}")


@pytest.mark.parametrize("cost", [0, 1, 10**9])
def test_a_route_costs_from_nothing_to_the_most(tmp_path: Path, cost: int) -> None:
    """One more than the most is refused; without a cost it is one."""
    written = f'[server]\n[[server.routes]]\npath = "/a"\nscope = "a:b"\ncost = {cost}'
    assert [route.cost for route in read(tmp_path, written).routes] == [cost]
    assert [route.cost for route in read(tmp_path, written.partition("cost")[0]).routes] == [1]
    with pytest.raises(ConfigurationError, match="cost must be a whole number from 0 to 1e\\+09"):
        read(tmp_path, written.replace(f"cost = {cost}", "cost = 1000000001"))


@pytest.mark.parametrize("port", ["", ":1", ":65535"])
def test_an_address_may_have_any_port(tmp_path: Path, port: str) -> None:
    """But 0, which nobody answers at."""
    address = f"https://github.example{port}/keys"
    leaks = read(tmp_path, f'[server.leaks]\ngithub_keys = "{address}"').leaks
    assert leaks is not None
    assert leaks.github_keys == address
