"""A generator makes a client's models from the document, and they read what the service answers."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.conftest import World


@pytest.mark.timeout(320)
async def test_generated_models_read_the_answers(world: World, tmp_path: Path) -> None:
    """Keys, verdicts, pages, rotations and problems; and a model of a request writes what the service takes."""
    document, made = tmp_path / "openapi.json", tmp_path / "models.py"
    document.write_bytes((await world.root("GET", "/openapi.json")).body)
    done = subprocess.run(
        [
            sys.executable, "-m", "datamodel_code_generator", "--input", str(document), "--input-file-type", "openapi",
            "--output", str(made), "--output-model-type", "pydantic_v2.BaseModel", "--disable-timestamp",
        ],
        capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    spec = spec_from_file_location("models", made)
    assert spec is not None
    assert spec.loader is not None
    models: Any = module_from_spec(spec)
    sys.modules["models"] = models
    try:
        spec.loader.exec_module(models)
        wanted = models.NewKey(owner="acme", scopes=["invoices:read"])
        sent = json.loads(wanted.model_dump_json(exclude_unset=True))
        issued = await world.root("POST", "/v1/keys", sent)
        key = models.Issued.model_validate_json(issued.body)
        assert await world.keys.check(key.key, scope="invoices:read")
        asked = models.Question(key=key.key, scope="invoices:read")
        answer = await world.root("POST", "/v1/keys:verify", json.loads(asked.model_dump_json(exclude_unset=True)))
        verdict = models.Verdict.model_validate_json(answer.body)
        assert (verdict.accepted, verdict.code, verdict.record.owner) == (True, "accepted", "acme")
        key_id = issued.json["key_id"]
        assert models.KeyPage.model_validate_json((await world.root("GET", "/v1/keys")).body).keys[0].owner == "acme"
        rotated = await world.root("POST", f"/v1/keys/{key_id}:rotate", {"overlap": 60})
        assert models.Rotated.model_validate_json(rotated.body).rotated.status.value == "rotating"
        refused = models.ProblemDocument.model_validate_json((await world.root("GET", "/v1/keys?limit=0")).body)
        assert refused.errors[0].parameter == "limit"
    finally:
        del sys.modules["models"]
