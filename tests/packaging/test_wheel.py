"""What is installed is what was built: typed, complete, and without anything that is ours alone."""

from __future__ import annotations

import re
import sysconfig
import tomllib
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest

import secretsource

TREE = Path(__file__).parents[2]

pytestmark = pytest.mark.usefixtures("installed")


@pytest.fixture
def wheel() -> Distribution:
    return distribution("secretsource")


def files_of(wheel: Distribution) -> set[str]:
    return {str(file) for file in wheel.files or () if "__pycache__" not in file.parts}


def test_the_tests_run_against_the_installed_wheel() -> None:
    """The package under test comes from site-packages, not from the tree."""
    assert Path(secretsource.__file__).is_relative_to(sysconfig.get_path("purelib"))


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Distribution) -> None:
    """Every file of the wheel is the package's, its metadata, or the one command."""
    foreign = {
        file for file in files_of(wheel) if not re.match(r"secretsource/|secretsource-[\d.]+\.dist-info/|\.\./", file)
    }
    assert not foreign
    assert not {
        file for file in files_of(wheel) if Path(file).name.startswith("test_") or Path(file).name == "conftest.py"
    }


def test_the_wheel_holds_every_file_of_the_tree(wheel: Distribution) -> None:
    """Modules, templates, migrations and the typing mark are all there."""
    root = TREE / "src"
    tree = {
        str(file.relative_to(root))
        for file in root.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc"
    }
    assert "secretsource/py.typed" in tree
    assert tree <= files_of(wheel)


def test_the_metadata_agree_with_the_project_file(wheel: Distribution) -> None:
    """Version, licence and Python are what pyproject.toml says, and only one dependency is not optional."""
    project = tomllib.loads((TREE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert wheel.version == project["version"]
    assert wheel.metadata["License-Expression"] == "Apache-2.0"
    assert wheel.metadata["Requires-Python"] == ">=3.11"
    required = [line for line in wheel.requires or () if "extra ==" not in line]
    assert [re.split(r"[^\w-]", line)[0] for line in required] == ["python-dotenv"]


def test_every_extra_that_an_error_can_name_exists(wheel: Distribution) -> None:
    """`ProviderNotInstalled` never sends a reader to an extra that is not there."""
    from secretsource.providers._registry import DRIVERS

    named = {driver.extra for driver in DRIVERS.values() if driver.extra}
    assert named <= set(wheel.metadata.get_all("Provides-Extra") or ())


def test_the_extra_all_holds_every_other(wheel: Distribution) -> None:
    """`secretsource[all]` leaves out no extra but those for tests and for developers."""
    project = tomllib.loads((TREE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = set(project["optional-dependencies"])
    (everything,) = project["optional-dependencies"]["all"]
    assert set(everything.partition("[")[2].rstrip("]").split(",")) == extras - {"all", "testing", "dev", "gateways"}
    assert extras <= set(wheel.metadata.get_all("Provides-Extra") or ())


def test_the_changelog_knows_the_version(wheel: Distribution) -> None:
    """The newest heading with a number in CHANGELOG.md is the version."""
    headings = re.findall(r"^## \[(\d[^\]]*)\]", (TREE / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == wheel.version
