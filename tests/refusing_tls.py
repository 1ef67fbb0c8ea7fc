"""A server that takes no client certificate, and says so in a TLS alert, as APNs does."""

import socket
import ssl
import threading
from pathlib import Path
from typing import Self

import trustme


class RefusingTls:
    """Ends every handshake with an alert, from a thread. A context.

    The event loops' own TLS drops the alert, so this is plain blocking sockets.
    """

    def __init__(self, directory: Path) -> None:
        authority = trustme.CA()
        self.ca_file = directory / "refusing-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.verify_mode = ssl.CERT_REQUIRED
        authority.issue_cert("localhost").configure_cert(self._context)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._refuse_all, daemon=True)

    @property
    def url(self) -> str:
        return f"https://localhost:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _refuse_all(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                self._context.wrap_socket(client, server_side=True).close()
            except OSError:
                client.close()
