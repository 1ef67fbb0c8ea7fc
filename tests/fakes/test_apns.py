"""The fake APNs takes what a known-good client sends, and refuses each single fault."""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from pyreqwest.client import Client, ClientBuilder

from tests.apns_service import BUNDLE, ApnsService, Key

NODE = Path(sys.executable).with_name("node")
JAVASCRIPT = Path(__file__).parent.parent / "javascript"
SEND = """
const apn = require("@parse/node-apn");
const [port, ca, key, keyId, teamId, topic, token] = process.argv.slice(1);
const provider = new apn.Provider({
  token: { key, keyId, teamId }, production: true, address: "localhost", port: Number(port),
  ca: [require("fs").readFileSync(ca)],
});
const note = new apn.Notification({ topic, alert: "hello", pushType: "alert" });
provider.send(note, token).then((result) => {
  console.log(JSON.stringify({ sent: result.sent.length, failed: result.failed }));
  provider.shutdown();
});
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApnsService]:
    with ApnsService.start(tmp_path_factory.mktemp("apns")) as service:
        yield service


@pytest.fixture
def fake(running: ApnsService) -> ApnsService:
    running.reset()
    return running


def test_a_known_good_client_is_taken(fake: ApnsService) -> None:
    key, [token] = fake.new_key(), fake.new_devices(1)
    arguments = [str(fake.ports["production"]), str(fake.ca_file), key.private_pem]
    arguments += [key.key_id, key.team_id, BUNDLE, token]
    ran = subprocess.run(
        [str(NODE), "-e", SEND, *arguments],
        cwd=JAVASCRIPT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert json.loads(ran.stdout) == {"sent": 1, "failed": []}, ran.stderr
    [message] = fake.messages(token)
    assert message["payload"]["aps"]["alert"] == "hello"
    assert fake.refusals() == []


def signed(key: Key, **changed: Any) -> str:
    claims = {"iss": key.team_id, "iat": int(time.time()), **changed.pop("claims", {})}
    header = {"kid": key.key_id, **changed.pop("header", {})}
    return f"bearer {jwt.encode(claims, key.private_pem, 'ES256', headers=header)}"


async def answer_to(
    fake: ApnsService, path: str, headers: dict[str, str], body: bytes
) -> tuple[int, str]:
    async with client_of(fake) as client:
        answer = await client.post(fake.url + path).headers(headers).body_bytes(body).build().send()
        said = bytes(await answer.bytes())
    return answer.status, json.loads(said or b"{}").get("reason", "")


def client_of(fake: ApnsService) -> Client:
    return (
        ClientBuilder()
        .add_root_certificate_pem(fake.ca_file.read_bytes())
        .http2(enable=True)
        .build()
    )


ALERT = b'{"aps":{"alert":"hello"}}'
LONG_AGO = int(time.time()) - 3700


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, (200, "")),
        ({"headers": {"apns-id": "1"}}, (400, "BadMessageId")),
        ({"headers": {"apns-expiration": "tomorrow"}}, (400, "BadExpirationDate")),
        ({"headers": {"apns-expiration": "1800000000000"}}, (400, "BadExpirationDate")),
        ({"headers": {"apns-priority": "7"}}, (400, "BadPriority")),
        ({"headers": {"apns-collapse-id": "x" * 65}}, (400, "BadCollapseId")),
        ({"headers": {"apns-push-type": "loud"}}, (400, "InvalidPushType")),
        ({"headers": {"apns-push-type": "background"}}, (400, "BadPriority")),
        ({"headers": {"apns-topic": "com.other.app"}}, (400, "DeviceTokenNotForTopic")),
        ({"without": "apns-topic"}, (400, "MissingTopic")),
        ({"without": "authorization"}, (403, "MissingProviderToken")),
        ({"headers": {"authorization": "bearer a.b.c"}}, (403, "InvalidProviderToken")),
        ({"jwt": {"claims": {"iat": LONG_AGO}}}, (403, "ExpiredProviderToken")),
        ({"jwt": {"claims": {"iat": str(LONG_AGO)}}}, (403, "InvalidProviderToken")),
        ({"jwt": {"claims": {"iss": "OTHERTEAM1"}}}, (403, "InvalidProviderToken")),
        ({"jwt": {"header": {"kid": "OTHERKEY12"}}}, (403, "InvalidProviderToken")),
        ({"path": "/3/device/"}, (400, "MissingDeviceToken")),
        ({"path": "/3/device/" + "a" * 64}, (400, "BadDeviceToken")),
        ({"path": "/2/device/"}, (404, "BadPath")),
        ({"body": b""}, (400, "PayloadEmpty")),
        ({"body": b'{"alert":"hello"}'}, (400, "BadPayload")),
        ({"body": b'{"aps":{"alert":"' + b"x" * 4096 + b'"}}'}, (413, "PayloadTooLarge")),
    ],
)
async def test_one_fault_gives_its_one_reason(
    fake: ApnsService, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    key, [token] = fake.new_key(), fake.new_devices(1)
    headers = {
        "authorization": signed(key, **change.get("jwt", {})),
        "apns-id": str(uuid.uuid4()),
        "apns-topic": BUNDLE,
        "apns-push-type": "alert",
        "apns-priority": "10",
        **change.get("headers", {}),
    }
    headers.pop(change.get("without", ""), None)
    path = change.get("path", f"/3/device/{token}")
    assert await answer_to(fake, path, headers, change.get("body", ALERT)) == expected
    assert len(fake.refusals()) == (expected[0] != 200)


async def test_a_token_of_the_other_environment_is_a_bad_one(fake: ApnsService) -> None:
    key, [token] = fake.new_key(), fake.new_devices(1, sandbox=True)
    headers = {
        "authorization": signed(key),
        "apns-topic": BUNDLE,
        "apns-push-type": "alert",
    }
    answer = await answer_to(fake, f"/3/device/{token}", headers, ALERT)
    assert answer == (400, "BadDeviceToken")
    fake.clear_refusals()


async def test_a_second_team_on_a_connection_is_refused_and_a_hasty_renewal_poisons_it(
    fake: ApnsService,
) -> None:
    key, other, [token] = fake.new_key(), fake.new_key(), fake.new_devices(1)
    now, found = int(time.time()), []
    async with client_of(fake) as client:
        for authorization in (
            signed(key, claims={"iat": now - 600}),
            signed(other),
            signed(key, claims={"iat": now}),
            signed(key, claims={"iat": now - 600}),
        ):
            headers = {
                "authorization": authorization,
                "apns-topic": BUNDLE,
                "apns-push-type": "alert",
            }
            url = f"{fake.url}/3/device/{token}"
            request = client.post(url).headers(headers).body_bytes(ALERT).build()
            answer = await request.send()
            found.append(answer.status)
    assert found == [200, 403, 429, 429]
    fake.clear_refusals()
