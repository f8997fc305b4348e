"""The relay of the test kit, where the tests look for it."""

from __future__ import annotations

from secretsource.testing.servers.relay import Call, Relay, Reply, relay

__all__ = ["Call", "Relay", "Reply", "relay"]
