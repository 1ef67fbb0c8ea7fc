"""Certificates and addresses."""

import ssl

import trustme

from bench.http2_clients.fault_server import fault_server
from bench.http2_clients.job import Burst
from bench.http2_clients.need import Bench, Need, Ran, Result
from tests.apns_service import BUNDLE
from tests.refusing_server import refusing_server

_NAME = "push.example.com"
_REFUSALS = 5
_MESSAGE = {"apns-topic": BUNDLE, "apns-push-type": "alert"}


async def _client_certificate(bench: Bench, client: str) -> Result:
    (token,) = bench.apns.new_devices(1)
    ran = await bench.run(
        client,
        bench.apns.ports["production"],
        authority=str(bench.apns.ca_file),
        identity=bench.file("identity.pem", bench.apns.new_certificate().pem),
        headers=_MESSAGE,
        bursts=[Burst(paths=[f"/3/device/{token}"])],
    )
    return Result(ran.successes() == 1, _said(ran))


async def _certificate_refused(bench: Bench, client: str) -> Result:
    """A certificate that is over, by TLS 1.2 and 1.3: there the alert comes after the handshake."""
    told = {
        version: await _told_apart(bench, client, version)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    }
    older, newer = told.values()
    said = f"TLS 1.2: {older}/{_REFUSALS}, 1.3: {newer}/{_REFUSALS}"
    return Result(older == newer == _REFUSALS, said, {"tls_1_2": older, "tls_1_3": newer})


async def _told_apart(bench: Bench, client: str, version: ssl.TLSVersion) -> int:
    """How often the alert shows in the error."""
    tls = bench.tls()
    tls.minimum_version = tls.maximum_version = version
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(bench.apns.directory / "client-ca.pem")
    identity = bench.file("identity.pem", bench.apns.new_certificate(days=-1).pem)
    with refusing_server(tls) as port:
        bursts = [Burst(paths=["/"])] * _REFUSALS
        ran = await bench.run(client, port, identity=identity, bursts=bursts)
    failures = [failure for burst in range(_REFUSALS) for failure in ran.failures(burst)]
    return sum(_is_about_our_certificate(failure) for failure in failures)


async def _own_authority(bench: Bench, client: str) -> Result:
    async with fault_server(bench.tls()) as server:
        ran = await bench.run(client, server.port, bursts=[Burst(paths=["/"])])
    return Result(ran.successes() == 1, _said(ran))


async def _unknown_authority(bench: Bench, client: str) -> Result:
    other = bench.file("other-ca.pem", trustme.CA().cert_pem.bytes())
    async with fault_server(bench.tls()) as server:
        ran = await bench.run(client, server.port, bursts=[Burst(paths=["/"])], authority=other)
    failures = ran.failures()
    # It must not look as if the server had refused our certificate.
    met = bool(failures) and not server.arrived and not _is_about_our_certificate(failures[0])
    return Result(met, "refused" if failures else _said(ran))


async def _pinned_address(bench: Bench, client: str) -> Result:
    once = [Burst(paths=["/"])]
    async with fault_server(bench.tls(_NAME)) as right:
        reached = await bench.run(client, right.port, bursts=once, host=_NAME)
    async with fault_server(bench.tls("other.example.com")) as wrong:
        deceived = await bench.run(client, wrong.port, bursts=once, host=_NAME)
    asked_for = right.names == [_NAME]
    met = reached.successes() == 1 and asked_for and bool(deceived.failures())
    said = [_said(reached), "name sent" if asked_for else "name not sent"]
    said.append("wrong name refused" if deceived.failures() else "wrong name taken")
    return Result(met, ", ".join(said))


def _is_about_our_certificate(failure: str) -> bool:
    """Whether a received TLS alert about a certificate (RFC 8446, 6.2) shows in the error."""
    lower = failure.lower()
    return "alert" in lower and "certificate" in lower


def _said(ran: Ran) -> str:
    if not ran.outcomes():
        return f"ended with {ran.exit_code}"
    outcome = ran.outcomes()[0]
    return str(outcome.status) if outcome.status else outcome.failure[:60]


NEEDS = [
    Need("client_certificate", "presents a client certificate", _client_certificate),
    Need("certificate_refused", "tells apart that ours is refused", _certificate_refused),
    Need("own_authority", "trusts a CA of our own", _own_authority),
    Need("unknown_authority", "refuses an unknown CA", _unknown_authority),
    Need("pinned_address", "address pinned, name sent and checked", _pinned_address),
]
