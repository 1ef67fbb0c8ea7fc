"""Known-good clients of FCM: google-auth for the access token, and firebase-admin for all."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import requests
from google.auth.transport.requests import Request as Transport
from google.oauth2 import service_account

from tests.fcm_service import FcmService

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
NODE = Path(sys.executable).with_name("node")
JAVASCRIPT = Path(__file__).parent.parent / "javascript"
FIREBASE_ADMIN = Path(__file__).parent / "firebase_admin.js"
Account: TypeAlias = dict[str, str]
Send: TypeAlias = Callable[..., requests.Response]


def access_token(fake: FcmService, account: Account, session: requests.Session) -> str:
    """What Google's own library gets from the token endpoint."""
    info = {**account, "token_uri": fake.token_url}
    credentials = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
        info, scopes=[SCOPE]
    )
    credentials.refresh(Transport(session=session))
    return str(credentials.token)


def rules(fake: FcmService) -> list[str]:
    return [one["rule"] for one in fake.refusals()]


def firebase_admin(fake: FcmService, account: Account, *messages: dict[str, Any]) -> list[str]:
    """What Google's own SDK for Node makes of sending: ids, and codes of errors."""
    wish = {
        "port": fake.ports["https"],
        "ca": str(fake.ca_file),
        "account": account,
        "messages": messages,
    }
    ran = subprocess.run(
        [str(NODE), str(FIREBASE_ADMIN)],
        cwd=JAVASCRIPT,
        input=json.dumps(wish),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stdout, ran.stderr
    return list(json.loads(ran.stdout))
