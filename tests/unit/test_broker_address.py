"""The address of a NATS cluster: several servers, one user, and a password that does not show."""

import pytest

from heliograph import config
from heliograph.broker.address import BrokerAddress, parse_broker_address
from heliograph.model.errors import Misconfigured


def test_servers_by_comma_need_not_repeat_scheme_and_user() -> None:
    address = parse_broker_address("tls://me:s3c%2Fret%40@a.example:4222, b.example,[::1]:4223")
    assert address == BrokerAddress(
        servers=("tls://a.example:4222", "tls://b.example", "tls://[::1]:4223"),
        user="me",
        password="s3c/ret@",
    )


def test_a_name_without_a_password_is_a_token() -> None:
    address = parse_broker_address("nats://t0ken@a,nats://t0ken@b")
    assert address == BrokerAddress(servers=("nats://a", "nats://b"), token="t0ken")


def test_a_password_shows_neither_in_the_settings_nor_in_the_address() -> None:
    settings = config.load({"nats_url": "nats://me:s3cret@a"})
    assert "s3cret" not in repr(settings)
    assert str(settings.nats_url) == "nats://a"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "https://me:s3cret@a",
        "nats://me:s3cret@",
        "nats://me:s3cret@a:port",
        "nats://me:s3cret@a:0",
        "nats://me:s3/cret@a",
        "nats://me:s3?cret@a",
        "nats://me:s3cret@[a",
        "nats://me:s3cret@a,nats://you:s3cret@b",
    ],
)
def test_a_wrong_address_is_refused_without_being_repeated(wrong: str) -> None:
    with pytest.raises(ValueError, match="must ") as refused:
        parse_broker_address(wrong)
    assert "s3" not in str(refused.value)


def test_a_wrong_address_is_told_with_the_other_faults_and_without_its_password() -> None:
    with pytest.raises(Misconfigured) as refused:
        config.load({"nats_url": "nats://me:s3cret@a:port", "roles": "all", "nats_replicas": "6"})
    told = str(refused.value)
    assert "--nats-url must be like" in told
    assert "--nats-replicas must be a number from 1 to 5" in told
    assert "--roles must be some of fanout,deliver,webhook, by comma, or none" in told
    assert "s3cret" not in told
