"""What Secret Manager calls things."""

from __future__ import annotations

import pytest

from secretsource.providers._gcp.names import Place, place_of
from secretsource.providers.base import Failed, FailureCode, NotFound, SecretRef
from secretsource.providers.reference import parse_reference


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("gcp://TOKEN", Place("p1", None, "TOKEN", "latest")),
        ("gcp://TOKEN?version=3", Place("p1", None, "TOKEN", "3")),
        ("gcp://TOKEN?version=latest", Place("p1", None, "TOKEN", "latest")),
        ("gcp://TOKEN?version=blue", Place("p1", None, "TOKEN", "blue")),
        ("gcp://TOKEN?stage=blue", Place("p1", None, "TOKEN", "blue")),
        ("gcp://TOKEN?stage=3&version=3", Place("p1", None, "TOKEN", "3")),
        ("gcp://projects/other/secrets/TOKEN#field", Place("other", None, "TOKEN", "latest")),
        ("gcp://projects/123456/secrets/TOKEN?version=3", Place("123456", None, "TOKEN", "3")),
        ("gcp://projects/example.com:p/secrets/TOKEN", Place("example.com:p", None, "TOKEN", "latest")),
        ("gcp://projects/p2/locations/europe-west3/secrets/T", Place("p2", "europe-west3", "T", "latest")),
        ("gcp://projects/p2/secrets/T/versions/7", Place("p2", None, "T", "7")),
        ("gcp://projects/p2/locations/us-east1/secrets/T/versions/blue", Place("p2", "us-east1", "T", "blue")),
    ],
)
def test_place(reference: str, expected: Place) -> None:
    """A name is completed by the settings; a resource name is complete."""
    assert place_of(parse_reference(reference), "p1", None) == expected


def test_region_of_the_settings() -> None:
    """The region of the settings is for names, and not for resource names."""
    assert place_of(SecretRef("gcp", "T"), "p1", "us-east1") == Place("p1", "us-east1", "T")
    assert place_of(SecretRef("gcp", "projects/p2/secrets/T"), "p1", "us-east1") == Place("p2", None, "T")


def test_project_left_open() -> None:
    """Without a project the credentials are to say."""
    assert place_of(SecretRef("gcp", "T"), None, None) == Place(None, None, "T")


@pytest.mark.parametrize(
    ("place", "path"),
    [
        (Place("p1", None, "T", "3"), "projects/p1/secrets/T/versions/3"),
        (Place("p1", "us-east1", "T"), "projects/p1/locations/us-east1/secrets/T/versions/latest"),
    ],
)
def test_paths(place: Place, path: str) -> None:
    """Resource names as the service writes them."""
    assert place.version_path == path
    assert place.path == path.partition("/versions")[0]


@pytest.mark.parametrize(
    "location",
    ["a/b", "projects/p1", "projects/p1/secrets", "projects/p1/secrets/a/b", "projects//secrets/a", "a.b", "a" * 256],
)
def test_references_that_are_none(location: str) -> None:
    """A reference that is no resource name is a mistake, and not an absence."""
    failure = place_of(SecretRef("gcp", location), "p1", None)
    assert isinstance(failure, Failed)
    assert failure.code is FailureCode.MISCONFIGURED
    assert "gcp://projects/PROJECT/secrets/NAME" in str(failure.remedy)


@pytest.mark.parametrize("version", ["", "0", "-1", "1/../2", "3:destroy", "white space", "a" * 64, "1" * 20, "3a"])
def test_versions_that_cannot_be(version: str) -> None:
    """Such a version is not there, and nothing of it gets into a path."""
    assert isinstance(place_of(SecretRef("gcp", "T", version=version), "p1", None), NotFound)


@pytest.mark.parametrize(
    "ref",
    [
        SecretRef("gcp", "T", version="3", stage="blue"),
        SecretRef("gcp", "projects/p1/secrets/T/versions/3", version="4"),
        SecretRef("gcp", "projects/p1/secrets/T/versions/3", stage="blue"),
    ],
)
def test_two_versions(ref: SecretRef) -> None:
    """Two versions in one reference are a mistake."""
    failure = place_of(ref, "p1", None)
    assert isinstance(failure, Failed)
    assert failure.code is FailureCode.MISCONFIGURED


@pytest.mark.parametrize(
    ("place", "words", "shown"),
    [
        (Place("p1", None, "T"), "project p1", "projects/p1/secrets/T"),
        (Place("p1", None, "T", "3"), "project p1", "projects/p1/secrets/T/versions/3"),
        (Place("p1", "us-east1", "T"), "project p1, us-east1", "projects/p1/locations/us-east1/secrets/T"),
        (Place(None, None, "T"), "no project", "projects/None/secrets/T"),
        (Place(None, "us-east1", "T"), "no project, us-east1", "projects/None/locations/us-east1/secrets/T"),
    ],
)
def test_a_place_is_told_to_people(place: Place, words: str, shown: str) -> None:
    """Project and region; the version only if it is not the newest."""
    assert (place.words, place.shown) == (words, shown)
