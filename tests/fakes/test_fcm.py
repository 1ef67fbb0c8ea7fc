"""The fake FCM takes what known-good clients send, and refuses each single fault."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from google.auth.transport.requests import Request as Transport
from google.oauth2 import service_account

from tests.fcm_service import FcmService

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
NODE = Path(sys.executable).with_name("node")
JAVASCRIPT = Path(__file__).parent.parent / "javascript"
VALIDATE = """
const { validateMessage } = require(
  require("path").resolve("node_modules/firebase-admin/lib/messaging/messaging-internal.js"));
const message = JSON.parse(process.argv[1]);
validateMessage(message);
console.log(JSON.stringify(message));
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FcmService]:
    with FcmService.start(tmp_path_factory.mktemp("fcm")) as service:
        yield service


@pytest.fixture
def fake(running: FcmService) -> FcmService:
    running.reset()
    return running


@pytest.fixture
def session(fake: FcmService) -> Iterator[requests.Session]:
    with requests.Session() as session:
        # Else a CA of the environment would win over this one.
        session.trust_env = False
        session.verify = str(fake.ca_file)
        yield session


def access_token(fake: FcmService, account: dict[str, str], session: requests.Session) -> str:
    """What Google's own library gets from the token endpoint."""
    info = {**account, "token_uri": fake.token_url}
    credentials = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
        info, scopes=[SCOPE]
    )
    credentials.refresh(Transport(session=session))
    return str(credentials.token)


def test_googles_own_library_gets_a_token_and_a_message_through(
    fake: FcmService, session: requests.Session
) -> None:
    account = fake.new_account()
    [token] = fake.new_devices(account["project_id"], 1)
    bearer = {"Authorization": f"Bearer {access_token(fake, account, session)}"}
    url = f"{fake.url}/v1/projects/{account['project_id']}/messages:send"
    # What firebase-admin makes of a message in its own words is taken, too.
    admin = {"notification": {"title": "t"}, "android": {"ttl": 3600000}, "token": token}
    ran = subprocess.run(
        [str(NODE), "-e", VALIDATE, json.dumps(admin)],
        cwd=JAVASCRIPT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    message = json.loads(ran.stdout or "null")
    assert message is not None, ran.stderr
    answer = session.post(url, json={"message": message}, headers=bearer, timeout=10)
    assert answer.status_code == 200
    assert fake.messages(token)[0]["message"]["android"]["ttl"] == "3600s"
    assert fake.refusals() == []


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ({"data": {"a": 1}}, "schema"),
        ({"surprise": {}}, "schema"),
        ({"android": {"ttl": 3600}}, "schema"),
        ({"android": {"priority": "urgent"}}, "schema"),
        ({"topic": "news"}, "target"),
        ({"android": {}, "android_v2": {}}, "android-twice"),
        ({"data": {"from": "x"}}, "reserved"),
        ({"data": {"google.a": "x"}}, "reserved"),
        ({"android": {"ttl": "2419201s"}}, "ttl"),
        ({"android": {"notification": {"color": "red"}}}, "color"),
        ({"android": {"notification": {"body_loc_args": ["a"]}}}, "loc-args"),
        ({"data": {"a": "x" * 4096}}, "size"),
        ({"token": "short"}, "token"),
        ({"token": "unknown" * 20}, "unknown-token"),
    ],
)
def test_one_fault_of_a_message_is_refused_for_its_one_rule(
    fake: FcmService, session: requests.Session, message: dict[str, Any], rule: str
) -> None:
    account = fake.new_account()
    [token] = fake.new_devices(account["project_id"], 1)
    bearer = {"Authorization": f"Bearer {access_token(fake, account, session)}"}
    url = f"{fake.url}/v1/projects/{account['project_id']}/messages:send"
    for sent, expected in (({"token": token}, []), ({"token": token, **message}, [rule])):
        session.post(url, json={"message": sent}, headers=bearer, timeout=10)
        assert [one["rule"] for one in fake.refusals()] == expected


@pytest.mark.parametrize(
    ("claims", "header", "rule"),
    [
        ({"aud": "https://oauth2.example/token"}, {}, "invalid_grant"),
        ({"iss": "somebody@else.example"}, {}, "invalid_grant"),
        ({"exp": int(time.time()) + 7200}, {}, "invalid_grant"),
        ({"iat": int(time.time()) + 3000, "exp": int(time.time()) + 3600}, {}, "invalid_grant"),
        ({"iat": "now"}, {}, "invalid_grant"),
        ({"scope": "https://www.googleapis.com/auth/drive"}, {}, "invalid_scope"),
        ({}, {"kid": "other"}, "invalid_grant"),
    ],
)
def test_one_fault_of_an_assertion_is_refused(
    fake: FcmService,
    session: requests.Session,
    claims: dict[str, object],
    header: dict[str, str],
    rule: str,
) -> None:
    account, now = fake.new_account(), int(time.time())
    right = {
        "iss": account["client_email"],
        "scope": SCOPE,
        "aud": fake.token_url,
        "iat": now,
        "exp": now + 3600,
    }
    for changed, kid, expected in (({}, {}, []), (claims, header, [rule])):
        headers = {"kid": account["private_key_id"], **kid}
        signed = jwt.encode({**right, **changed}, account["private_key"], "RS256", headers)
        grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        form = {"grant_type": grant, "assertion": signed}
        session.post(fake.token_url, data=form, timeout=10)
        assert [one["rule"] for one in fake.refusals()] == expected
