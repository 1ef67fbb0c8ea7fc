"""A server that wants a client certificate and, if it doesn't like it, says why in a TLS alert.

The event loops' own TLS drops the alert and ends the connection, and so does the fake APNs; this
one waits for the client to read it, for a connection that is closed with bytes unread is reset, and
a reset overtakes the alert.
"""

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PATIENCE_S = 2.0


@contextmanager
def refusing_server(tls: ssl.SSLContext) -> Iterator[int]:
    """Serve until the end of the context; yields the port. Those it trusts get nothing either."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(_PATIENCE_S)
            with self.request.dup() as beneath, suppress(OSError):
                wrapped = tls.wrap_socket(
                    self.request, server_side=True, do_handshake_on_connect=False
                )
                with wrapped, suppress(ssl.SSLError):
                    wrapped.do_handshake()
                    return
                beneath.shutdown(socket.SHUT_WR)
                while beneath.recv(4096):
                    pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()
