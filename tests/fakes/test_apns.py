"""The fake APNs takes what a known-good client sends, and refuses each single fault."""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from h2.errors import ErrorCodes

from tests.apns_service import BUNDLE, ApnsService, Key
from tests.fakes.apns_requests import (
    ALERT,
    changed,
    connection_to,
    headers_for,
    reasons,
    send,
    signed,
)
from tests.fakes.push_service import base64url
from tests.fakes.raw_http2 import Header, RawConnection

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A right request, and what is needed to make it again with one change."""

    key: Key
    token: str
    headers: list[Header]
    body: bytes


Mutation: TypeAlias = Callable[[Sent], Sent]


@pytest.fixture
def right(apns: ApnsService) -> Sent:
    key, [token] = apns.new_key(), apns.new_devices(1)
    return Sent(key=key, token=token, headers=headers_for(token, signed(key)), body=ALERT)


def test_a_known_good_client_is_taken(apns: ApnsService) -> None:
    key, [token] = apns.new_key(), apns.new_devices(1)
    arguments = [str(apns.ports["production"]), str(apns.ca_file), key.private_pem]
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
    [message] = apns.messages(token)
    assert message["payload"]["aps"]["alert"] == "hello"
    assert apns.refusals() == []


LONG_AGO = int(time.time()) - 3700
SOON = int(time.time()) + 3700


def with_headers(**changes: str | None) -> Mutation:
    return lambda sent: replace(sent, headers=changed(sent.headers, **changes))


def without(name: str) -> Mutation:
    return lambda sent: replace(sent, headers=changed(sent.headers, **{name: None}))


def with_path(path: str) -> Mutation:
    return lambda sent: replace(sent, headers=changed(sent.headers, **{":path": path}))


def with_path_of(change: Callable[[str], str]) -> Mutation:
    return lambda sent: with_path(change(dict(sent.headers)[":path"]))(sent)


def with_token(**changes: Any) -> Mutation:
    return lambda sent: with_headers(authorization=signed(sent.key, **changes))(sent)


def with_authorization(change: Callable[[str], str]) -> Mutation:
    return lambda sent: with_headers(authorization=change(signed(sent.key)))(sent)


def with_body(body: bytes, **changes: str) -> Mutation:
    return lambda sent: replace(with_headers(**changes)(sent), body=body)


def with_der_signature(sent: Sent) -> Sent:
    head = signed(sent.key).rpartition(".")[0]
    private = load_pem_private_key(sent.key.private_pem.encode(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    der = private.sign(head.removeprefix("bearer ").encode(), ec.ECDSA(SHA256()))
    return with_headers(authorization=f"{head}.{base64url.encode(der)}")(sent)


def with_another_keys_signature(sent: Sent) -> Sent:
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    forged = signed(replace(sent.key, private_pem=pem))
    return with_headers(authorization=forged)(sent)


def twice(name: str) -> Mutation:
    return lambda sent: replace(
        sent, headers=[*sent.headers, (name, dict(sent.headers).get(name, ""))]
    )


def aps(text: str) -> bytes:
    return b'{"aps":' + text.encode() + b"}"


WAKING = {"apns_push_type": "background", "apns_priority": "5"}
MUTATIONS: list[tuple[int, str, Mutation]] = [
    (405, "MethodNotAllowed", with_headers(**{":method": "PUT"})),
    (404, "BadPath", with_path("/2/device/")),
    (404, "BadPath", with_path_of(lambda path: path.replace("device/", "device/x/"))),
    (404, "BadPath", with_path_of(lambda path: f"{path}?a=b")),
    (400, "MissingDeviceToken", with_path("/3/device/")),
    (400, "BadDeviceToken", with_path("/3/device/" + "a" * 64)),
    (400, "BadDeviceToken", with_path("/3/device/not-hexadecimal")),
    (400, "BadDeviceToken", with_path_of(lambda path: path[:-1])),
    (400, "DuplicateHeaders", twice("apns-topic")),
    (400, "DuplicateHeaders", twice("authorization")),
    (400, "BadMessageId", with_headers(apns_id="1")),
    (400, "BadMessageId", with_headers(apns_id=str(uuid.uuid4()).upper())),
    (400, "BadExpirationDate", with_headers(apns_expiration="tomorrow")),
    (400, "BadExpirationDate", with_headers(apns_expiration="-1")),
    (400, "BadExpirationDate", with_headers(apns_expiration="1800000000.5")),
    (400, "BadExpirationDate", with_headers(apns_expiration="1800000000000")),
    (400, "BadPriority", with_headers(apns_priority="7")),
    (400, "BadCollapseId", with_headers(apns_collapse_id="x" * 65)),
    (400, "BadCollapseId", with_headers(apns_collapse_id="ż" * 33)),
    (400, "InvalidPushType", with_headers(apns_push_type="loud")),
    (400, "InvalidPushType", without("apns-push-type")),
    (400, "BadPriority", with_body(aps('{"content-available":1}'), apns_push_type="background")),
    (400, "BadPayload", with_body(aps('{"content-available":1,"alert":"a"}'), **WAKING)),
    (400, "BadPayload", with_body(aps('{"content-available":0}'), **WAKING)),
    (400, "MissingTopic", without("apns-topic")),
    (400, "BadTopic", with_headers(apns_topic="com example app")),
    (400, "DeviceTokenNotForTopic", with_headers(apns_topic="com.other.app")),
    (400, "DeviceTokenNotForTopic", with_headers(apns_push_type="voip")),
    (400, "BadContentEncoding", with_headers(content_encoding="gzip")),
    (403, "MissingProviderToken", without("authorization")),
    (403, "InvalidProviderToken", with_headers(authorization="bearer a.b.c")),
    (403, "InvalidProviderToken", with_authorization(lambda one: one.rpartition(".")[0])),
    (403, "InvalidProviderToken", with_authorization(lambda one: one.replace("b", "B", 1))),
    (403, "InvalidProviderToken", with_authorization(lambda one: one.replace(" ", "  "))),
    (403, "InvalidProviderToken", with_authorization(lambda one: f"{one}=")),
    (403, "ExpiredProviderToken", with_token(claims={"iat": LONG_AGO})),
    (403, "InvalidProviderToken", with_token(claims={"iat": SOON})),
    (403, "InvalidProviderToken", with_token(claims={"iat": str(int(time.time()))})),
    (403, "InvalidProviderToken", with_token(claims={"iat": time.time()})),
    (403, "InvalidProviderToken", with_token(claims={"iat": int(time.time() * 1000)})),
    (403, "InvalidProviderToken", with_token(claims={"iss": "OTHERTEAM1"})),
    (403, "InvalidProviderToken", with_token(header={"kid": "OTHERKEY12"})),
    (403, "InvalidProviderToken", with_der_signature),
    (403, "InvalidProviderToken", with_another_keys_signature),
    (400, "PayloadEmpty", with_body(b"")),
    (400, "BadPayload", with_body(b'{"alert":"hello"}')),
    (400, "BadPayload", with_body(aps('"hello"'))),
    (400, "BadPayload", with_body(b"[1]")),
    (400, "BadPayload", with_body(b'{"aps":{"alert":"\xff"}}')),
    (400, "BadPayload", with_body(b'{"aps":{"alert":"hello"}')),
    (413, "PayloadTooLarge", with_body(aps('{"alert":"' + "x" * 4077 + '"}'))),
]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[reason for _, reason, _ in MUTATIONS])
def test_one_fault_gives_its_one_reason(
    apns: ApnsService, right: Sent, mutation: tuple[int, str, Mutation]
) -> None:
    status, reason, mutate = mutation
    sent = mutate(right)
    with connection_to(apns) as connection:
        assert send(connection, sent.headers, sent.body) == (status, reason)
    assert reasons(apns) == [reason]


@pytest.mark.parametrize(
    "mutate",
    [
        lambda sent: sent,
        with_headers(apns_expiration="0"),
        with_headers(apns_expiration="1800000000"),
        with_headers(apns_collapse_id="ż" * 32),
        with_body(aps('{"content-available":1}'), **WAKING),
        with_body(aps('{"alert":"' + "x" * 4076 + '"}')),
        without("apns-id"),
        without("apns-priority"),
    ],
)
def test_what_the_mutations_start_from_is_right(
    apns: ApnsService, right: Sent, mutate: Mutation
) -> None:
    sent = mutate(right)
    with connection_to(apns) as connection:
        assert send(connection, sent.headers, sent.body) == (200, "")
    assert len(apns.messages(right.token)) == 1
    assert reasons(apns) == []


def test_header_names_must_be_in_lower_case(apns: ApnsService, right: Sent) -> None:
    headers = [*right.headers, ("Apns-Expiration", "0")]
    with connection_to(apns) as connection:
        connection.send(headers, ALERT)
        connection.until_closed()
        assert connection.goodbyes[0].error_code == ErrorCodes.PROTOCOL_ERROR
    assert reasons(apns) == ["Protocol"]


def test_no_other_protocol_than_http2_is_spoken(apns: ApnsService) -> None:
    with RawConnection(apns.ports["production"], apns.ca_file, ["http/1.1"]) as connection:
        assert connection.until_closed() == []
    assert reasons(apns) == ["Protocol"]


def test_a_token_of_the_other_environment_is_a_bad_one(apns: ApnsService) -> None:
    key, [token] = apns.new_key(), apns.new_devices(1, sandbox=True)
    with connection_to(apns) as connection:
        answer = send(connection, headers_for(token, signed(key)))
        assert answer == (400, "BadDeviceToken")
    with connection_to(apns, "sandbox") as connection:
        assert send(connection, headers_for(token, signed(key))) == (200, "")
    assert reasons(apns) == ["BadDeviceToken"]
