"""Each driver imports its SDK in a turn, and a look-up that waits for the turn ends at its deadline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from pathlib import Path

ASK = """
import asyncio, json, sys, threading, time
from secretsource._ground import imports
from secretsource.providers.{module} import {driver}

def hold():
    with imports._TURN:
        held.set()
        done.wait(30)

def ask():
    if {native}:
        return asyncio.run(provider.afetch(ref, timeout={timeout}))
    return provider.fetch(ref, timeout={timeout})

held, done = threading.Event(), threading.Event()
provider = {driver}({settings})
ref = provider.locate("NAME")
holder = threading.Thread(target=hold)
holder.start()
held.wait(30)
begun = time.monotonic()
outcome = ask()
took = time.monotonic() - begun
loaded = sorted({{"botocore", "requests", "hvac", "grpc", "azure.core", "aiohttp"}} & set(sys.modules))
done.set()
holder.join()
print(json.dumps([outcome.code.value, took, loaded]))
"""

TIMEOUT = 0.3


class Driver(NamedTuple):
    """A driver, its settings as it is called with, and whether it has an asynchronous client."""

    module: str
    driver: str
    settings: str
    native: bool = False


DRIVERS = {
    "aws": Driver("aws", "AwsProvider", "region='eu-west-1', endpoint_url='http://127.0.0.1:9'"),
    "aws, where boto3 knows the region": Driver("aws", "AwsProvider", "endpoint_url='http://127.0.0.1:9'"),
    "aws-ssm": Driver("aws_ssm", "AwsParameterProvider", "region='eu-west-1', endpoint_url='http://127.0.0.1:9'"),
    "vault": Driver("vault", "VaultProvider", "address='http://127.0.0.1:9', auth={'method': 'token', 'token': 't'}"),
    "vault, by aws": Driver(
        "vault", "VaultProvider", "address='http://127.0.0.1:9', auth={'method': 'aws', 'role': 'r'}"
    ),
    "gcp": Driver("gcp", "GcpProvider", "project='p', endpoint='http://127.0.0.1:9'"),
    "gcp, async": Driver(
        "gcp", "GcpProvider", "project='p', endpoint='http://127.0.0.1:9', transport='grpc'", native=True
    ),
    "azure": Driver("azure", "AzureProvider", "vault_url='https://127.0.0.1:9'"),
    "azure, async": Driver("azure", "AzureProvider", "vault_url='https://127.0.0.1:9'", native=True),
}


@pytest.mark.parametrize("driver", DRIVERS.values(), ids=DRIVERS)
def test_an_sdk_waits_for_its_turn_and_the_look_up_does_not(tmp_path: Path, driver: Driver) -> None:
    """While another thread imports, no SDK is loaded; the look-up times out at its deadline."""
    inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ASK.format(**driver._asdict(), timeout=TIMEOUT)],
        cwd=tmp_path,
        env=inherited | {"HOME": str(tmp_path), "AZURE_CLIENT_ID": "c", "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    outcome: list[Any] = json.loads(done.stdout)
    code, took, loaded = outcome
    assert (code, loaded) == ("timeout", [])
    assert TIMEOUT * 0.9 <= took < TIMEOUT + 30
