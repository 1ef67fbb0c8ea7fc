"""What the fake APNs lets a key, a certificate and a connection do."""

import json
import time
from typing import Any

import pytest
from pyreqwest.client import ClientBuilder

from tests.apns_service import BUNDLE, ApnsService
from tests.fakes.apns_requests import ALERT, connection_to, headers_for, reasons, send, signed


def test_a_key_may_be_confined_to_an_environment_and_to_topics(apns: ApnsService) -> None:
    [token] = apns.new_devices(1)
    for key, answer in [
        (apns.new_key(sandbox=False, topics=["com.other.app", BUNDLE]), (200, "")),
        (apns.new_key(sandbox=True), (403, "BadEnvironmentKeyIdInToken")),
        (apns.new_key(topics=["com.other.app"]), (400, "TopicDisallowed")),
    ]:
        with connection_to(apns) as connection:
            assert send(connection, headers_for(token, signed(key))) == answer
    assert reasons(apns) == ["BadEnvironmentKeyIdInToken", "TopicDisallowed"]


@pytest.mark.parametrize(
    ("certificate", "authorization", "expected"),
    [
        ({}, None, (200, "")),
        ({"environments": ["production"]}, None, (200, "")),
        ({"environments": ["development"]}, None, (403, "BadCertificateEnvironment")),
        ({"topic": "com.example.app2"}, None, (400, "TopicDisallowed")),
        ({}, "bearer a.b.c", (403, "InvalidProviderToken")),
    ],
)
async def test_a_certificate_is_for_one_app_and_for_its_environments(
    apns: ApnsService,
    certificate: dict[str, Any],
    authorization: str | None,
    expected: tuple[int, str],
) -> None:
    [token] = apns.new_devices(1)
    builder = ClientBuilder().add_root_certificate_pem(apns.ca_file.read_bytes())
    builder = builder.identity_pem(apns.new_certificate(**certificate).pem)
    headers = [one for one in headers_for(token, authorization) if one[0][0] != ":"]
    async with builder.http2(enable=True).build() as client:
        request = client.post(f"{apns.url}/3/device/{token}").headers(headers)
        answer = await request.body_bytes(ALERT).build().send()
        said = json.loads(bytes(await answer.bytes()) or b"{}").get("reason", "")
    assert (answer.status, said) == expected
    assert reasons(apns) == [reason for reason in expected[1:] if reason]


def test_a_connection_is_bound_to_its_first_key_and_poisoned_by_a_hasty_renewal(
    apns: ApnsService,
) -> None:
    key, other, [token] = apns.new_key(), apns.new_key(), apns.new_devices(1)
    sibling, now = apns.new_key(key.team_id), int(time.time())
    with connection_to(apns) as connection:
        found = [
            send(connection, headers_for(token, authorization))
            for authorization in (
                signed(key, claims={"iat": now - 3000}),
                signed(other),
                signed(sibling),
                signed(key, claims={"iat": now - 1800}),
                signed(key, claims={"iat": now - 601}),
                signed(key, claims={"iat": now - 1800}),
            )
        ]
    assert found == [
        (200, ""),
        (403, "InvalidProviderToken"),
        (403, "UnrelatedKeyIdInToken"),
        (200, ""),
        (429, "TooManyProviderTokenUpdates"),
        (429, "TooManyProviderTokenUpdates"),
    ]
    assert reasons(apns) == [reason for _, reason in found if reason]
