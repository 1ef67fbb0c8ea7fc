"""Beams tokens: what proves a user, and what doesn't."""

import json
import time
from collections.abc import Callable, Mapping
from uuid import uuid4

import pytest

from tests.beams_token import (
    HEADER,
    HOUR_S,
    Signer,
    beams_token,
    beams_token_of_parts,
    digest_signer,
    hmac_signer,
    no_signer,
    rsa_signer,
)
from tests.client import DeviceApi, Instance, Reply
from tests.contract.answers import assert_done, assert_refused, document, refusal_text
from tests.server import Server

IN_2119 = 4_708_348_800


class Door:
    """A new device, and what happens when tokens are tried on it."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.device_id = instance.devices.new("web")
        self.claims = instance.claims(f"user-{uuid4()}")

    @property
    def right(self) -> Signer:
        return hmac_signer(self.instance.secret_key.encode())

    def try_token(self, token: str) -> Reply:
        return self.instance.devices.put_user(self.device_id, token)

    def try_claims(self, **changes: object) -> Reply:
        return self.try_token(self.instance.sign({**self.claims, **changes}))

    def try_without(self, claim: str) -> Reply:
        kept = {name: value for name, value in self.claims.items() if name != claim}
        return self.try_token(self.instance.sign(kept))

    def try_header(self, header: Mapping[str, object], signer: Signer | None = None) -> Reply:
        return self.try_token(beams_token(self.claims, signer or self.right, header))

    def try_authorization(self, headers: Mapping[str, str]) -> Reply:
        path = f"{self.instance.devices.path_of(self.device_id)}/user"
        return self.instance.client.request("PUT", path, headers=headers)

    def is_shut(self) -> bool:
        user_id: str = document(self.instance.devices.get(self.device_id))["userId"]
        return user_id == ""


@pytest.fixture
def door(instance: Instance) -> Door:
    return Door(instance)


def assert_unauthorized(door: Door, reply: Reply, *words: str) -> None:
    assert_refused(reply, 401, *words)
    # The Swift SDK takes these words for a bad push token and never starts again.
    assert "device token" not in refusal_text(reply).lower()
    assert door.is_shut()


def test_the_authorization_is_required(door: Door) -> None:
    assert_unauthorized(door, door.try_authorization({}), "token", "missing")


@pytest.mark.parametrize(
    "authorization",
    ["Bearer x", "Bearer", "Bearer ", "x.y.z", "Basic x.y.z", "Bearer x.y", "Bearer a.b.c.d"],
)
def test_an_authorization_that_carries_no_token_is_refused(door: Door, authorization: str) -> None:
    assert_unauthorized(door, door.try_authorization({"Authorization": authorization}))


@pytest.mark.parametrize("token", ["..", "a.b.c", "!.!.!", "e30.e30.e30", "bnVsbA.bnVsbA.bnVsbA"])
def test_rubbish_in_three_parts_is_refused(door: Door, token: str) -> None:
    assert_unauthorized(door, door.try_token(token))


@pytest.mark.parametrize(
    "signer",
    [
        hmac_signer(b"another key"),
        hmac_signer(b""),
        no_signer(),
        digest_signer(),
        lambda content: hmac_signer(b"another key")(content)[:16],
    ],
    ids=["another key", "empty key", "no signature", "hash", "half a signature"],
)
def test_a_signature_with_anything_but_the_secret_key_is_refused(
    door: Door, signer: Signer
) -> None:
    assert_unauthorized(door, door.try_header(HEADER, signer))


def test_a_signature_that_is_cut_short_is_refused(door: Door) -> None:
    token = door.instance.sign(door.claims)
    for cut in (1, 10, 21, 43):
        assert_unauthorized(door, door.try_token(token[:-cut]))


def test_claims_changed_after_signing_are_refused(door: Door) -> None:
    header, _, signature = door.instance.sign(door.claims).split(".")
    _, claims, _ = door.instance.sign({**door.claims, "sub": "victim"}).split(".")
    assert_unauthorized(door, door.try_token(f"{header}.{claims}.{signature}"))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
def test_a_token_that_asks_for_no_algorithm_is_refused(door: Door, algorithm: str) -> None:
    header = {"alg": algorithm, "typ": "JWT"}
    assert_unauthorized(door, door.try_header(header, no_signer()))
    assert_unauthorized(door, door.try_header(header, door.right))


def test_rs256_is_refused(door: Door) -> None:
    assert_unauthorized(door, door.try_header({"alg": "RS256", "typ": "JWT"}, rsa_signer()))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "PS256", "EdDSA", "hs256", "HS1"])
def test_hs256_under_another_name_is_refused(door: Door, algorithm: str) -> None:
    assert_unauthorized(door, door.try_header({"alg": algorithm, "typ": "JWT"}))


@pytest.mark.parametrize("bits", ["384", "512"])
def test_a_longer_hmac_with_the_right_key_is_refused(door: Door, bits: str) -> None:
    signer = hmac_signer(door.instance.secret_key.encode(), f"sha{bits}")
    assert_unauthorized(door, door.try_header({"alg": f"HS{bits}", "typ": "JWT"}, signer))


@pytest.mark.parametrize("header", [{}, {"typ": "JWT"}, {"alg": None}, {"alg": 256}, {"alg": []}])
def test_a_header_without_an_algorithm_is_refused(door: Door, header: dict[str, object]) -> None:
    assert_unauthorized(door, door.try_header(header))


@pytest.mark.parametrize("header", ["", "null", "[]", '"HS256"', "{", "\u00ff"])
def test_a_header_that_is_no_json_object_is_refused(door: Door, header: str) -> None:
    token = beams_token_of_parts(header, json.dumps(door.claims), door.right)
    assert_unauthorized(door, door.try_token(token))


@pytest.mark.parametrize("claims", ["", "null", "[]", '"alice"', "{", "[" * 4000])
def test_claims_that_are_no_json_object_are_refused(door: Door, claims: str) -> None:
    reply = door.try_token(beams_token_of_parts(json.dumps(dict(HEADER)), claims, door.right))
    assert reply.status in {400, 401}
    assert refusal_text(reply)
    assert door.is_shut()


def test_a_critical_header_that_nobody_understands_is_refused(door: Door) -> None:
    header = {**HEADER, "crit": ["once"], "once": True}
    assert_unauthorized(door, door.try_header(header))


def test_the_header_needs_no_type(door: Door) -> None:
    assert_done(door.try_header({"alg": "HS256"}))


def test_the_key_is_the_text_of_the_secret_key_and_not_what_it_decodes_to(server: Server) -> None:
    secret_key = uuid4().hex * 2
    door = Door(server.create_instance("brought along", "--secret-key", secret_key))
    decoded = hmac_signer(bytes.fromhex(secret_key))
    assert_unauthorized(door, door.try_header(HEADER, decoded))
    assert_done(door.try_header(HEADER, hmac_signer(secret_key.encode())))


@pytest.mark.parametrize("claim", ["exp", "sub", "iss"])
def test_expiry_subject_and_issuer_are_required(door: Door, claim: str) -> None:
    assert_refused(door.try_without(claim), 400, claim)
    assert door.is_shut()


@pytest.mark.parametrize("subject", ["", "a" * 165, None, 5, ["alice"], {"a": 1}, True])
def test_a_subject_that_is_no_user_id_is_refused(door: Door, subject: object) -> None:
    assert_refused(door.try_claims(sub=subject), 400)
    assert door.is_shut()


@pytest.mark.parametrize("expiry", [None, "tomorrow", [], {}])
def test_an_expiry_that_is_no_time_is_refused(door: Door, expiry: object) -> None:
    reply = door.try_claims(exp=expiry)
    assert reply.status in {400, 401}
    assert refusal_text(reply)
    assert door.is_shut()


@pytest.mark.parametrize("age_s", [HOUR_S, 24 * HOUR_S, 50 * 365 * 24 * HOUR_S])
def test_an_expired_token_is_refused(door: Door, age_s: int) -> None:
    assert_unauthorized(door, door.try_claims(exp=int(time.time()) - age_s), "expired")


@pytest.mark.parametrize("expiry", [0, -1, -(10**18)])
def test_a_token_that_expired_before_it_could_be_made_is_refused(door: Door, expiry: int) -> None:
    assert_unauthorized(door, door.try_claims(exp=expiry))


def test_a_token_may_live_long(door: Door) -> None:
    assert_done(door.try_claims(exp=IN_2119))


def test_an_app_server_whose_clock_is_a_minute_ahead_is_believed(door: Door) -> None:
    assert_done(door.try_claims(iat=int(time.time()) + 60))


def of_pusher(instance_id: str) -> str:
    return f"https://{instance_id}.pushnotifications.pusher.com"


@pytest.mark.parametrize(
    "issuer",
    [
        of_pusher,
        lambda instance_id: of_pusher(instance_id).removeprefix("https://"),
        lambda instance_id: of_pusher(instance_id.upper()),
        lambda instance_id: of_pusher(instance_id) + "/",
    ],
    ids=["official SDKs", "without scheme", "id in upper case", "slash at the end"],
)
def test_the_issuer_of_the_official_sdks_is_accepted(
    door: Door, issuer: Callable[[str], str]
) -> None:
    assert_done(door.try_claims(iss=issuer(door.instance.id)))


def test_the_servers_own_address_is_accepted_as_issuer(door: Door, server: Server) -> None:
    assert_done(door.try_claims(iss=server.url))


def test_another_instances_issuer_is_refused(door: Door, other_instance: Instance) -> None:
    reply = door.try_claims(iss=of_pusher(other_instance.id))
    assert_refused(reply, 403, "issuer")
    assert door.is_shut()


@pytest.mark.parametrize(
    "issuer",
    [
        "https://evil.example.com",
        "",
        "pushnotifications.pusher.com",
        "https://dc7bbb0a-535a-4fec-946f-e92d46569f32.pushnotifications.pusher.com",
    ],
)
def test_a_strange_issuer_is_refused(door: Door, issuer: str) -> None:
    reply = door.try_claims(iss=issuer)
    assert reply.status in {400, 403} if issuer == "" else reply.status == 403
    assert refusal_text(reply)
    assert door.is_shut()


@pytest.mark.parametrize("suffix", [".evil.example.com", "@evil.example.com", "/../"])
def test_an_issuer_that_only_begins_like_ours_is_refused(door: Door, suffix: str) -> None:
    assert_refused(door.try_claims(iss=of_pusher(door.instance.id) + suffix), 403, "issuer")
    assert door.is_shut()


def test_a_token_of_another_instance_never_works(
    instance: Instance, other_instance: Instance, door: Door
) -> None:
    own_claims = door.claims
    foreign_claims = other_instance.claims("alice")
    assert_refused(door.try_token(instance.sign(foreign_claims)), 403, "issuer")
    assert_unauthorized(door, door.try_token(other_instance.sign(own_claims)))
    assert door.try_token(other_instance.sign(foreign_claims)).status in {401, 403}
    assert door.is_shut()


def test_the_instance_is_looked_up_before_the_token(instance: Instance, user_id: str) -> None:
    nowhere = DeviceApi(instance.client, str(uuid4()))
    reply = nowhere.put_user(f"web-{uuid4()}", instance.token(user_id))
    assert_refused(reply, 404, "instance")


def test_a_bad_token_is_told_before_an_unknown_device(devices: DeviceApi) -> None:
    assert_refused(devices.put_user(f"web-{uuid4()}", "a.b.c"), 401)
