"""AWS on this machine, under its names before `secretsource.testing.servers`."""

from __future__ import annotations

from secretsource.testing.servers._moto import finished_rotations
from secretsource.testing.servers.aws import AwsServer as MotoServer
from secretsource.testing.servers.aws import aws_server as moto_server

__all__ = ["MotoServer", "finished_rotations", "moto_server"]
