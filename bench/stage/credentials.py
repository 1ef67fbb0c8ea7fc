"""Credentials for a gateway that checks none: keys of the right kind."""

import json
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

APNS_KEY_ID = "BENCH00001"
APNS_TEAM_ID = "BENCH00002"
BUNDLE_ID = "com.example.bench"
_GOOGLE = "https://oauth2.googleapis.com/token"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Files. peers_account: the service account again, with the fake's token endpoint in it."""

    apns_key: Path
    vapid_key: Path
    service_account: Path
    peers_account: Path


def write_credentials(directory: Path, *, token_url: str) -> Credentials:
    """Make them, each in a file."""
    directory.mkdir()
    files = Credentials(
        directory / "apns.p8",
        directory / "vapid.pem",
        directory / "service-account.json",
        directory / "service-account-of-peers.json",
    )
    for file in (files.apns_key, files.vapid_key):
        file.write_text(_pem(ec.generate_private_key(ec.SECP256R1())))
    account = {
        "type": "service_account",
        "project_id": "bench",
        "private_key_id": "1",
        "private_key": _pem(rsa.generate_private_key(65537, 2048)),
        "client_email": "bench@bench.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": _GOOGLE,
    }
    files.service_account.write_text(json.dumps(account))
    files.peers_account.write_text(json.dumps({**account, "token_uri": token_url}))
    return files


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
