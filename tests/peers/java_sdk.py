"""The official Java SDK, unmodified.

It knows one host alone, INSTANCE.pushnotifications.pusher.com, on port 443. The JVM is told that
this name is an address of this machine, and trusts an authority of the tests.
"""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from cryptography.hazmat.primitives.serialization import NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PKCS12Certificate,
    serialize_java_truststore,
)
from cryptography.x509 import load_pem_x509_certificate

from tests.client import Instance
from tests.peers.server_sdks import (
    PEERS,
    PUSHER_ERRORS,
    Call,
    Outcome,
    Refusal,
    SdkError,
    outcomes,
)
from tests.peers.tls_proxy import TlsProxy
from tests.peers.toolchain import built_once, fetch, require, run

HOST = "pushnotifications.pusher.com"
POM = PEERS / "java" / "pom.xml"
PROGRAM = PEERS / "java" / "Calls.java"
SDK = "Java SDK"
NEEDED = ("java", "javac", "mvn")


def built(cache: Path) -> str:
    """Return the class path of the SDK and the program, which are fetched and compiled once.

    cache: where they stay. Skips the test where there is no Java, or no Maven repository.
    """
    require(SDK, *NEEDED)
    directory = built_once(cache, [POM, PROGRAM], _build)
    return f"{directory}/*:{directory}"


def _build(directory: Path) -> None:
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={directory}"]
    fetch(SDK, ["mvn", "-q", "-B", "-f", str(POM), *goal])
    compiled = run(["javac", "-cp", f"{directory}/*", "-d", str(directory), str(PROGRAM)])
    assert compiled.returncode == 0, compiled.stderr


def _version() -> str:
    namespace = "{http://maven.apache.org/POM/4.0.0}"
    path = "/".join(namespace + tag for tag in ("dependencies", "dependency", "version"))
    return str(ET.parse(POM).findtext(path))


class JavaSdk:
    """The Java SDK. proxy: listens on port 443 and has a certificate for every instance's host."""

    title = "Java server SDK"
    version = _version()
    bad_interest = "a:b"
    longest_user_id = "用" * 164

    def __init__(self, class_path: str, proxy: TlsProxy, directory: Path) -> None:
        self._class_path = class_path
        self._proxy = proxy
        self._hosts = directory / "hosts"
        self._authorities = directory / "authorities.p12"
        authority = load_pem_x509_certificate(proxy.ca_file.read_bytes())
        trusted = [PKCS12Certificate(authority, b"tests")]
        self._authorities.write_bytes(serialize_java_truststore(trusted, NoEncryption()))

    def run(
        self, instance: Instance, calls: Sequence[Call], *, timezone: str = "UTC"
    ) -> list[Outcome]:
        self._hosts.write_text(f"{self._proxy.address} {instance.id}.{HOST}\n")
        settings = {
            "jdk.net.hosts.file": self._hosts,
            "javax.net.ssl.trustStore": self._authorities,
            "javax.net.ssl.trustStoreType": "PKCS12",
            "user.timezone": timezone,
        }
        program = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", self._class_path]
        program += [f"-D{name}={value}" for name, value in settings.items()]
        return outcomes([*program, "Calls"], instance, calls, {})

    def error(self, method: str, refusal: Refusal) -> SdkError:
        type_ = PUSHER_ERRORS.get(refusal.status, "PusherValidationError")
        return SdkError(type_, refusal.description)
