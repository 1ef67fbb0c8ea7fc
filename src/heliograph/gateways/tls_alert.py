"""TLS alerts: what a server says of our client certificate when it ends the handshake."""

from pyreqwest.exceptions import PyreqwestError


def is_about_our_certificate(error: PyreqwestError) -> bool:
    """Whether the server refused our certificate by a TLS alert."""
    details = getattr(error, "details", None) or {}
    said = [cause["message"] for cause in details.get("causes") or []]
    # Our own complaints about the server's certificate don't come as a received alert.
    return any(f"received fatal alert: {alert}" in said for alert in _CERTIFICATE_ALERTS)


_CERTIFICATE_ALERTS = (
    "BadCertificate",
    "UnsupportedCertificate",
    "CertificateRevoked",
    "CertificateExpired",
    "CertificateUnknown",
    "UnknownCA",
    "AccessDenied",
    "CertificateRequired",
)
"""RFC 8446, 6.2."""
