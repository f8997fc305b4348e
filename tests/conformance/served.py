"""A harness around a server of the test kit, which knows all the faults itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.testing import ProviderHarness

if TYPE_CHECKING:
    from secretsource.testing.servers import SecretServer


class ServedHarness(ProviderHarness):
    """Fills and breaks ``server``, which is set by the subclass."""

    server: SecretServer

    def put(self, name: str, value: str | bytes) -> None:
        assert isinstance(value, str)
        self.server.put(self.ref(name).location, value)

    def delete(self, name: str) -> None:
        self.server.delete(self.ref(name).location)

    def deny(self) -> None:
        self.server.deny()

    def throttle(self) -> None:
        self.server.throttle()

    def hang(self) -> None:
        self.server.hang()

    def break_response(self, planted: str) -> None:
        self.server.break_response(planted)

    def down(self) -> None:
        self.server.down()

    def heal(self) -> None:
        self.server.heal()
