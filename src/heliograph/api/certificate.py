"""The server's TLS certificate: checked before it is shown, exchanged when its files change.

A renewal takes effect without a restart: connections that are open stay as they are, new ones get
the new certificate. A new one that is no good changes nothing, and is complained about.
"""

import asyncio
import logging
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from heliograph.model.errors import Misconfigured

logger = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0
_REMEDY = (
    "Set --tls-cert to the server's certificate with its chain behind it, and --tls-key to its"
    " key without a password, both in PEM."
)


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where the certificate with its chain, and its key, are kept."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class _Pair:
    """What is in the files."""

    chain: bytes
    key: bytes


class Certificate:
    """The certificate that is in force. `context` shows it to each new connection.

    announce: is told each certificate that comes into force, the server's own alone, in PEM.
    """

    def __init__(
        self,
        files: CertificateFiles,
        announce: Callable[[bytes], None],
        now: Callable[[], datetime],
    ) -> None:
        """Raises Misconfigured if the files can't be read, don't fit, or have expired."""
        self._files, self._announce, self._now = files, announce, now
        self.context = _empty_context()
        self._at_start = _read(files)
        self._put_in_force(self._at_start)

    async def keep_current(self) -> None:
        """Put in force what comes into the files. Runs until it is cancelled.

        What is found is acted upon when it is found a second time: a renewal writes one file after
        the other. The content is compared, not a time: links may be swapped for older files.
        """
        before: _Pair | str = self._at_start
        settled = before
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            found = await asyncio.to_thread(self._look)
            if found == before and found != settled:
                self._exchange(found)
                settled = found
            before = found

    def _look(self) -> _Pair | str:
        """What is in the files, or why they can't be read."""
        try:
            return _read(self._files)
        except Misconfigured as error:
            return error.problem

    def _exchange(self, found: _Pair | str) -> None:
        if isinstance(found, str):
            self._keep(found)
            return
        try:
            self._put_in_force(found)
        except Misconfigured as error:
            self._keep(error.problem)
        except Exception:
            # It would end the watch, and with it every renewal to come.
            logger.exception("the certificate could not be exchanged")

    def _keep(self, problem: str) -> None:
        logger.error("%s; the certificate before it stays in force", problem)

    def _put_in_force(self, pair: _Pair) -> None:
        leaf = _checked(pair, self._files, self._now())
        _load(self.context, pair)
        good_until = leaf.not_valid_after_utc
        logger.info("certificate %s is good until %s", self._files.certificate, good_until)
        self._announce(leaf.public_bytes(Encoding.PEM))


def _empty_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _read(files: CertificateFiles) -> _Pair:
    try:
        return _Pair(files.certificate.read_bytes(), files.key.read_bytes())
    except OSError as error:
        raise Misconfigured(
            f"the certificate's file {error.filename} can't be read: {error.strerror}", _REMEDY
        ) from error


def _checked(pair: _Pair, files: CertificateFiles, now: datetime) -> x509.Certificate:
    """The server's own certificate, if clients can be shown it. Raises Misconfigured."""
    try:
        leaf = x509.load_pem_x509_certificates(pair.chain)[0]
    except ValueError as error:
        raise Misconfigured(f"{files.certificate} is no certificate in PEM", _REMEDY) from error
    if leaf.not_valid_after_utc <= now:
        raise Misconfigured(
            f"the certificate {files.certificate} has expired, at {leaf.not_valid_after_utc}",
            "Renew it.",
        )
    try:
        # Not into the context in use: one that doesn't fit would spoil what is there.
        _load(_empty_context(), pair)
    except (ssl.SSLError, _KeyIsEncrypted) as error:
        raise Misconfigured(_misfit(error, files), _REMEDY) from error
    return leaf


def _misfit(error: Exception, files: CertificateFiles) -> str:
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return f"the key {files.key} does not belong to the certificate {files.certificate}"
    # OpenSSL says no more than "PEM lib" of a file without a key.
    return f"the key {files.key} of {files.certificate} can't be used: {error}"


class _KeyIsEncrypted(Exception):
    def __str__(self) -> str:
        return "it has a password"


def _no_password() -> str:
    """Called for an encrypted key. Without it, OpenSSL would ask on the terminal."""
    raise _KeyIsEncrypted


def _load(context: ssl.SSLContext, pair: _Pair) -> None:
    """From memory: so what was checked is what is loaded, whatever becomes of the files."""
    descriptor = os.memfd_create("certificate")
    with open(descriptor, "wb") as file:  # noqa: PTH123  # a descriptor has no path
        file.write(pair.chain + b"\n" + pair.key)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=_no_password)
