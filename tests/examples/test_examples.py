"""Each example starts, prints a command, and answers it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

import secretsource
from secretsource.testing._integrations.cases import ask, bearer
from secretsource.testing.servers._process import reserved_port

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretsource.testing._integrations.cases import Reply

EXAMPLES = Path(__file__).parents[2] / "examples"
COMMAND = re.compile(r"curl -H 'Authorization: Bearer (?P<key>\w+)' (?P<url>http://127.0.0.1:\d+)/invoices\n")
CALL = re.compile(r"API_KEY=(?P<key>\w+) (?P<port>PORT=\d+) python (?P<file>\S+) Invoices\n")
LOGIN = re.compile(r"Open (?P<url>http://127.0.0.1:\d+/admin/secretsource/apikey/) as admin .* (?P<password>\S+)\n")
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
PATIENCE = 60

OVER_HTTP = sorted(set(EXAMPLES.glob("*_app.py")) - {EXAMPLES / "grpc_app.py"})


def asked(url: str, path: str, headers: dict[str, str]) -> Reply:
    """The answer of a server that may still be starting."""
    patience = time.monotonic() + PATIENCE
    while True:
        try:
            return ask(url, path, headers=headers)
        except ConnectionError:
            assert time.monotonic() < patience, "the example does not answer"
            time.sleep(0.05)


@contextmanager
def started(example: Path, folder: Path) -> Generator[str]:
    """Start an example in a folder, and yield the line that it prints first."""
    environment = {
        **os.environ,
        "SECRETSOURCE_PEPPER": "a pepper of the examples, long enough",
        "PYTHONPATH": os.environ.get("PYTHONPATH", str(Path(secretsource.__file__).parents[1])),
    }
    command = [sys.executable, str(example)]
    with (
        reserved_port() as port,
        subprocess.Popen(
            command, env={**environment, "PORT": str(port)}, cwd=folder, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            yield process.stdout.readline()
        finally:
            process.terminate()


@pytest.mark.parametrize("example", OVER_HTTP, ids=lambda path: path.stem)
def test_an_example_answers_the_command_that_it_prints(example: Path, tmp_path: Path) -> None:
    """The key of the command is accepted; without it, the same address is refused; /health needs none."""
    with started(example, tmp_path) as line:
        printed = COMMAND.fullmatch(line)
        assert printed is not None
        good = asked(printed["url"], "/invoices", bearer(printed["key"]))
        assert (good.status, good.shown, good.values("RateLimit-Policy")) == (
            200, {"owner": "acme"}, ['"minute";q=100;w=60'],
        )  # fmt: skip
        assert ask(printed["url"], "/invoices").status == 401
        assert ask(printed["url"], "/reports", headers=bearer(printed["key"])).status == 403
        assert ask(printed["url"], "/health").status == 200


def test_the_example_of_grpc_answers_the_command_that_it_prints(tmp_path: Path) -> None:
    """The printed command shows the owner and the limit; other calls end with the status of their refusal."""
    example = EXAMPLES / "grpc_app.py"
    with started(example, tmp_path) as line:
        printed = CALL.fullmatch(line)
        assert printed is not None
        assert printed["file"] == str(example)

        def called(words: str) -> tuple[int, str]:
            command = ["env", *shlex.split(words.replace(" python ", f" {shlex.quote(sys.executable)} "))]
            ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
            return ended.returncode, ended.stdout or ended.stderr

        status, said = called(line)
        assert (status, said.splitlines()[0]) == (0, "acme")
        assert 'ratelimit-policy: "minute";q=100;w=60' in said.splitlines()
        assert called(line.replace("Invoices", "Reports"))[1].startswith("PERMISSION_DENIED: ")
        nameless = line.replace(f"API_KEY={printed['key']} ", "")
        assert called(nameless)[1].startswith("UNAUTHENTICATED: ")
        assert called(nameless.replace("Invoices", "Health")) == (0, "well\n")


def test_the_example_of_the_administration_lists_keys_and_rotates_one(tmp_path: Path) -> None:
    """The printed password opens the printed address, and the form of a key shows its successor."""
    browser = build_opener(HTTPCookieProcessor())

    def opened(url: str, **fields: str) -> str:
        if not fields:
            return str(browser.open(url).read().decode())
        fields["csrfmiddlewaretoken"] = TOKEN.findall(opened(url))[0]
        return str(browser.open(Request(url, urlencode(fields).encode(), {"Referer": url})).read().decode())

    with started(EXAMPLES / "django_admin.py", tmp_path) as line:
        printed = LOGIN.fullmatch(line)
        assert printed is not None
        url = printed["url"]
        asked(url.partition("/admin/")[0], "/admin/login/", {})
        login = f"{url.partition('secretsource/')[0]}login/?next=/admin/secretsource/apikey/"
        keys = re.findall(r"apikey/(\w{22})/change", opened(login, username="admin", password=printed["password"]))
        assert len(keys) == 3
        assert re.search(r"secretsource-new-key\">sk_live_\w+<", opened(f"{url}{keys[0]}/rotate/", overlap="1"))
        assert "Do you want to revoke" in opened(f"{url}{keys[1]}/revoke/")


@pytest.mark.parametrize("example", ["portal_in_fastapi.py", "portal_in_django.py"])
def test_a_shop_shows_its_customers_their_keys(example: str, tmp_path: Path) -> None:
    """Before the shop's own sign-in no key is shown; after it, a form of ours makes one, and a forged one does not."""
    browser = build_opener(HTTPCookieProcessor())

    def sent(url: str, site: str, **fields: str) -> tuple[int, str]:
        form = Request(url, urlencode(fields).encode(), {"Sec-Fetch-Site": site})
        try:
            with browser.open(form) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    with started(EXAMPLES / example, tmp_path) as line:
        printed = re.fullmatch(r"Open (http://127.0.0.1:\d+)/\n", line)
        assert printed is not None
        shop = printed[1]
        assert asked(shop, "/account/portal/keys", {}).status == 401
        status, page = sent(f"{shop}/sign-in", "same-origin")
        assert status == 200
        assert "Billing worker" in page
        with browser.open(f"{shop}/account/portal/keys/new") as answer:
            form = dict(re.findall(r'name="(once|form_token)" value="([^"]*)"', answer.read().decode()))
        form |= {"name": "Second", "environment": "live", "scopes": "invoices:read", "ends": "90"}
        assert sent(f"{shop}/account/portal/keys/new", "cross-site", **form)[0] == 403
        status, page = sent(f"{shop}/account/portal/keys/new", "same-origin", **form)
        assert status == 201
        assert re.search(r"THE_SHOP_KEY=sk_live_\w{63}", page)
