"""What tests of webhooks stand on: receivers, and instances of their own that call them."""

from collections.abc import Callable, Iterator

import pytest

from tests.browsers import Browsers, new_name
from tests.client import Instance
from tests.push_service import PushService
from tests.receiver import Receiver
from tests.server import Server

SECRET = "a secret of the test's"
AddWebhook = Callable[..., str]
"""Adds a webhook for some events with the command line, and returns its id."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """One that checks signatures, and of whom nobody has heard yet."""
    with Receiver(secret=SECRET) as running:
        yield running
        assert running.refusals() == []


@pytest.fixture
def instance(server: Server) -> Instance:
    """One of the test's own."""
    return server.create_instance(new_name("webhooks"))


@pytest.fixture
def browsers(push_service: PushService, instance: Instance) -> Browsers:
    return Browsers(push_service, instance)


@pytest.fixture
def add_webhook(server: Server, instance: Instance) -> AddWebhook:
    """Of the test's instance."""

    def add(url: str, *events: str, options: tuple[str, ...] = ()) -> str:
        command = ["webhook", "add", "--url", url, "--events", ",".join(events)]
        chosen = ["--secret", SECRET, "--instance", instance.id, *options]
        return str(server.json_of(*command, *chosen)["webhookId"])

    return add
