"""A server's certificate in files, and the authority that stands behind it."""

import ssl
from datetime import datetime
from pathlib import Path

import trustme


class ServerCertificate:
    """A certificate for a public name and localhost, in files as certbot keeps them.

    certificate, key: what a server is given, links that each renewal swaps for others.
    ca_file: the authority; another one stands between it and the certificate.
    """

    names = ("push.example.com", "localhost")

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self._directory = directory
        self._renewals = 0
        root = trustme.CA()
        self._authority = root.create_child_ca()
        self.ca_file = directory / "ca.pem"
        root.cert_pem.write_to_path(str(self.ca_file))
        self.certificate, self.key = directory / "fullchain.pem", directory / "privkey.pem"
        self.renew()

    @property
    def flags(self) -> list[str]:
        return ["--tls-cert", str(self.certificate), "--tls-key", str(self.key)]

    def renew(self) -> None:
        """Swap certificate and key for others."""
        self.put(self.issued())

    def put(self, issued: trustme.LeafCert) -> None:
        self.put_key(issued)
        chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
        self._swap(self.certificate, chain)

    def put_key(self, issued: trustme.LeafCert) -> None:
        """Swap the key alone."""
        self._swap(self.key, issued.private_key_pem.bytes())

    def issued(self, *, until: datetime | None = None) -> trustme.LeafCert:
        """A certificate with its key, not in the files yet."""
        return self._authority.issue_cert(*self.names, not_after=until)

    def shown(self) -> bytes:
        """The certificate in the files as a client is shown it."""
        return der_of(self.certificate.read_text())

    def client_context(self) -> ssl.SSLContext:
        """What a client connects with that trusts the authority."""
        return ssl.create_default_context(cafile=self.ca_file)

    def _swap(self, link: Path, content: bytes) -> None:
        self._renewals += 1
        renewed = self._directory / f"{link.stem}{self._renewals}{link.suffix}"
        renewed.write_bytes(content)
        new_link = self._directory / "new"
        new_link.symlink_to(renewed)
        new_link.replace(link)


def der_of(chain: str) -> bytes:
    """The first certificate of a chain in PEM."""
    end = "-----END CERTIFICATE-----"
    return ssl.PEM_cert_to_DER_cert(chain.partition(end)[0] + end + "\n")
