"""Credentials: what proves an instance to each gateway. They are read and checked elsewhere.

None of them shows its secret when it is printed.
"""

from datetime import datetime

import msgspec

from heliograph.model.device import Platform


class ApnsKey(msgspec.Struct, frozen=True, kw_only=True, tag="apns-key"):
    """A key of an Apple developer team (.p8), with which tokens are signed."""

    team_id: str
    key_id: str
    bundle_id: str
    private_pem: bytes
    """PKCS 8, P-256."""
    sandbox: bool

    def __repr__(self) -> str:
        return f"ApnsKey(team_id={self.team_id!r}, key_id={self.key_id!r})"


class ApnsCertificate(msgspec.Struct, frozen=True, kw_only=True, tag="apns-certificate"):
    """A TLS client certificate for one app."""

    topics: tuple[str, ...]
    """What it may push to; the app's bundle id comes first."""
    identity_pem: bytes
    """Private key and certificate chain."""
    expires_at: datetime
    sandbox: bool

    def __repr__(self) -> str:
        return f"ApnsCertificate(topics={self.topics!r})"


class ServiceAccount(msgspec.Struct, frozen=True, kw_only=True, tag="service-account"):
    """A service account of a Firebase project."""

    project_id: str
    client_email: str
    key_id: str
    private_pem: bytes
    """PKCS 8, RSA."""

    def __repr__(self) -> str:
        return f"ServiceAccount(project_id={self.project_id!r}, key_id={self.key_id!r})"


class VapidKey(msgspec.Struct, frozen=True):
    """A key pair that subscriptions of browsers are bound to (RFC 8292)."""

    public_key: str
    """The uncompressed point in base64url without padding: what a browser is given."""
    private_pem: bytes
    """PKCS 8."""

    def __repr__(self) -> str:
        return f"VapidKey(public_key={self.public_key!r})"


class WebIdentity(msgspec.Struct, frozen=True, kw_only=True, tag="web"):
    """Who push services see sending to an instance's browsers."""

    subject: str | None
    """`mailto:` or `https:` URI at which the sender is found; None leaves it to the settings."""
    keys: tuple[VapidKey, ...]
    """Newest first: browsers subscribe with the first, older subscriptions need the others."""


Credential = ApnsKey | ApnsCertificate | ServiceAccount | WebIdentity


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A credential as an instance has it."""

    id: str
    """Changes whenever the credential does."""
    platform: Platform
    credential: Credential
