"""Reading the files that gateways' makers give out: .p8, .p12, .pem, service-account.json.

Each is checked as far as that is possible without asking the gateway. Errors never hold a secret.
"""

import re
from collections.abc import Sequence
from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12PrivateKeyTypes
from cryptography.x509.oid import NameOID

from heliograph.gateways import access_token
from heliograph.gateways.vapid import vapid_key_of
from heliograph.model.credential import ApnsCertificate, ApnsKey, ServiceAccount, VapidKey
from heliograph.model.errors import Invalid

_TEN_CHARACTERS = re.compile(r"[A-Z0-9]{10}")
_BUNDLE_ID = re.compile(r"[A-Za-z0-9.-]{1,255}")
_TOPICS = x509.ObjectIdentifier("1.2.840.113635.100.6.3.6")
_DEVELOPMENT = x509.ObjectIdentifier("1.2.840.113635.100.6.3.1")
_PRODUCTION = x509.ObjectIdentifier("1.2.840.113635.100.6.3.2")
_TOPIC_IN_DER = re.compile(rb"\x0c(.)", re.DOTALL)


def apns_key(pem: bytes, *, key_id: str, team_id: str, bundle_id: str, sandbox: bool) -> ApnsKey:
    """A .p8 file and what Apple's site says beside it. Raises Invalid."""
    if not isinstance(_private_key(pem, "key-file"), ec.EllipticCurvePrivateKey):
        raise Invalid("key-file", "must be a P-256 key, as Apple gives it out (.p8)")
    for field, value in (("key-id", key_id), ("team-id", team_id)):
        if _TEN_CHARACTERS.fullmatch(value) is None:
            raise Invalid(field, "must be 10 capital letters and digits, see developer.apple.com")
    if _BUNDLE_ID.fullmatch(bundle_id) is None:
        raise Invalid("bundle-id", "must be like com.example.app")
    return ApnsKey(
        team_id=team_id,
        key_id=key_id,
        bundle_id=bundle_id,
        private_pem=pem,
        sandbox=sandbox,
    )


def apns_certificate(
    content: bytes, password: bytes | None, *, sandbox: bool, now: datetime
) -> ApnsCertificate:
    """A certificate with its key, as .pem or .p12. Raises Invalid."""
    key, certificate, chain = _identity(content, password)
    if certificate.not_valid_after_utc <= now:
        raise Invalid("cert-file", f"ended on {certificate.not_valid_after_utc:%Y-%m-%d}")
    environment, name = (_DEVELOPMENT, "the sandbox") if sandbox else (_PRODUCTION, "production")
    known = {extension.oid for extension in certificate.extensions}
    if known & {_DEVELOPMENT, _PRODUCTION} and environment not in known:
        raise Invalid("cert-file", f"is not for {name}: see --sandbox")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    certificates = [certificate, *chain]
    return ApnsCertificate(
        topics=_topics_of(certificate),
        identity_pem=pem + b"".join(one.public_bytes(Encoding.PEM) for one in certificates),
        expires_at=certificate.not_valid_after_utc,
        sandbox=sandbox,
    )


class _ServiceAccountFile(msgspec.Struct):
    type: str
    project_id: str
    private_key_id: str
    private_key: str
    client_email: str
    token_uri: str = access_token.TOKEN_URL


def service_account(content: bytes) -> ServiceAccount:
    """The JSON file of a service account. Raises Invalid."""
    try:
        read = msgspec.json.decode(content, type=_ServiceAccountFile)
    except msgspec.DecodeError as error:
        raise Invalid("service-account", f"is no service account's JSON: {error}") from error
    if read.type != "service_account" or re.fullmatch(r"[a-z0-9:.-]+", read.project_id) is None:
        raise Invalid("service-account", "must be of type service_account, with a project_id")
    if read.token_uri != access_token.TOKEN_URL:
        # Where a signed proof is sent is not for an uploaded file to say.
        raise Invalid("service-account", f"its token_uri must be {access_token.TOKEN_URL}")
    pem = read.private_key.encode()
    if not isinstance(_private_key(pem, "service-account"), rsa.RSAPrivateKey):
        raise Invalid("service-account", "its private_key must be an RSA key")
    return ServiceAccount(
        project_id=read.project_id,
        client_email=read.client_email,
        key_id=read.private_key_id,
        private_pem=pem,
    )


def vapid_key(pem: bytes) -> VapidKey:
    """A P-256 private key that browsers have subscribed with before. Raises Invalid."""
    key = _private_key(pem, "private-key")
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Invalid("private-key", "must be a P-256 key")
    return vapid_key_of(key)


def _private_key(pem: bytes, field: str) -> object:
    try:
        return load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        raise Invalid(field, "holds no private key in PEM without a password") from error


def _identity(
    content: bytes, password: bytes | None
) -> tuple[PKCS12PrivateKeyTypes, x509.Certificate, Sequence[x509.Certificate]]:
    if b"-----BEGIN" in content:
        try:
            certificate, *chain = x509.load_pem_x509_certificates(content)
            key = load_pem_private_key(content, password)
        except (ValueError, TypeError) as error:
            raise Invalid("cert-file", "must hold a certificate and its private key") from error
    else:
        try:
            found, own, chain = pkcs12.load_key_and_certificates(content, password)
        except ValueError as error:
            raise Invalid("cert-file", "can't be read: is the password right?") from error
        if found is None or own is None:
            raise Invalid("cert-file", "must hold a certificate and its private key")
        key, certificate = found, own
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise Invalid("cert-file", "its private key must be RSA or EC")
    if key.public_key() != certificate.public_key():
        raise Invalid("cert-file", "its private key is not that of its first certificate")
    return key, certificate, chain


def _topics_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The app's bundle id, then the other topics that the certificate names."""
    ids = certificate.subject.get_attributes_for_oid(NameOID.USER_ID)
    if not ids:
        raise Invalid("cert-file", "names no app: it is no certificate for push notifications")
    bundle_id = str(ids[0].value)
    try:
        extension = certificate.extensions.get_extension_for_oid(_TOPICS).value
    except x509.ExtensionNotFound:
        return (bundle_id,)
    der = extension.public_bytes()
    texts = (
        der[found.end() : found.end() + found[1][0]].decode("ascii", "replace")
        for found in _TOPIC_IN_DER.finditer(der)
    )
    topics = [text for text in texts if text.startswith(f"{bundle_id}.")]
    return (bundle_id, *topics)
