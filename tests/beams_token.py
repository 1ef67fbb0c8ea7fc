"""Beams tokens, right and wrong, made by hand so that nothing is shared with what reads them.

A token is a JWT (RFC 7519) in compact form: header, claims and signature in base64url.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tests.push_tokens import base64url

Signer = Callable[[bytes], bytes]

HOUR_S = 3600
HEADER: Mapping[str, object] = MappingProxyType({"alg": "HS256", "typ": "JWT"})


def claims_of(user_id: str, instance_id: str) -> dict[str, object]:
    """Return what the official server SDKs claim."""
    issuer = f"https://{instance_id}.pushnotifications.pusher.com"
    return {"iss": issuer, "sub": user_id, "exp": int(time.time()) + 24 * HOUR_S}


def beams_token(
    claims: Mapping[str, object], signer: Signer, header: Mapping[str, object] = HEADER
) -> str:
    return beams_token_of_parts(json.dumps(dict(header)), json.dumps(claims), signer)


def beams_token_of_parts(header: str, claims: str, signer: Signer) -> str:
    """Sign header and claims that needn't be JSON."""
    signed = f"{base64url(header.encode())}.{base64url(claims.encode())}"
    return f"{signed}.{base64url(signer(signed.encode()))}"


def hmac_signer(key: bytes, hash_name: str = "sha256") -> Signer:
    """Sign with HS256, HS384 or HS512. key: the secret key's characters as they are."""
    return lambda content: hmac.digest(key, content, hash_name)


def rsa_signer() -> Signer:
    """Sign with RS256 and a key pair of its own."""
    pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return lambda content: pair.sign(content, padding.PKCS1v15(), SHA256())


def no_signer() -> Signer:
    """Leave the signature empty, as alg "none" asks."""
    return lambda _content: b""


def digest_signer() -> Signer:
    """Put a plain hash where the signature belongs: right length, no secret."""
    return lambda content: hashlib.sha256(content).digest()
