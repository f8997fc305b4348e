"""The clients that are kept: a few, and each is closed when it has left and nobody uses it."""

from __future__ import annotations

from tests.servers.aws import AwsInProcess, clients_of

from secretsource.providers._aws.shelf import MOST_CLIENTS, ClientShelf
from secretsource.providers.aws import AwsProvider
from secretsource.providers.base import SecretRef


class Client:
    """Counts how often it is closed."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


def key(number: int) -> tuple[str, str]:
    return ("secretsmanager", f"region-{number}")


def test_longest_unused_client_leaves() -> None:
    """Beyond the limit, the client that was used longest ago is closed, and not the one that came first."""
    shelf, clients = ClientShelf(2), [Client() for _ in range(3)]
    shelf.put(key(0), clients[0])
    shelf.put(key(1), clients[1])
    with shelf.using(key(0)) as used:
        assert used is clients[0]
    shelf.put(key(2), clients[2])
    assert [client.closed for client in clients] == [0, 1, 0]
    with shelf.using(key(1)) as gone:
        assert gone is None


def test_client_in_use_is_closed_afterwards() -> None:
    """A client that leaves while two calls use it is closed once, by the end of the later one."""
    shelf, client = ClientShelf(1), Client()
    shelf.put(key(0), client)
    with shelf.using(key(0)):
        with shelf.using(key(0)):
            shelf.put(key(1), Client())
            assert client.closed == 0
        assert client.closed == 0
    assert client.closed == 1


def test_clear_closes_all_once() -> None:
    """Clearing twice closes nothing twice, also where a call still runs."""
    shelf, idle, busy = ClientShelf(), Client(), Client()
    shelf.put(key(0), idle)
    shelf.put(key(1), busy)
    with shelf.using(key(1)):
        shelf.clear()
        shelf.clear()
        assert (idle.closed, busy.closed) == (1, 0)
    assert (idle.closed, busy.closed) == (1, 1)
    assert len(shelf) == 0


def test_replaced_client_is_closed() -> None:
    """A second client under one key takes the place of the first."""
    shelf, first, second = ClientShelf(), Client(), Client()
    shelf.put(key(0), first)
    shelf.put(key(0), second)
    assert (first.closed, second.closed) == (1, 0)


def test_regions_from_references_are_bounded() -> None:
    """References that name many regions leave a few clients, and each is still answered."""
    aws = AwsInProcess()
    with aws.cleanup:
        provider = AwsProvider(session=aws.session())
        regions = [f"eu-test-{number}" for number in range(1, MOST_CLIENTS + 4)]
        for region in [*regions, regions[0]]:
            outcome = provider.fetch(SecretRef("aws", "X", options=(("region", region),)), timeout=10)
            assert f"in {region}" in str(outcome)
        kept = [client.meta.region_name for client in clients_of(provider)]
        assert kept == [*regions[-MOST_CLIENTS + 1 :], regions[0]]
        provider.close()
