"""A relay in front of a gateway: with it down, the gateway refuses every connection.

with Relay(port) as relay:
    relay.go_down()
    relay.come_back()
"""

import socket
import struct
from contextlib import suppress
from threading import Thread
from typing import Self

RESET_AT_CLOSE = struct.pack("ii", 1, 0)
CHUNK_BYTES = 65536


class Relay:
    """Passes on what comes in at its own port. port: where the gateway listens.

    refused: how many connections were, since it went down.
    """

    def __init__(self, port: int) -> None:
        self.refused = 0
        self._target = port
        self._is_down = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.url = f"https://localhost:{self._listener.getsockname()[1]}"

    def go_down(self) -> None:
        """Cut all connections, refuse new ones."""
        self._is_down = True
        while self._open:
            _reset(self._open.pop())

    def come_back(self) -> None:
        self._is_down = False

    def __enter__(self) -> Self:
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.go_down()
        # What waits in accept() only wakes up so.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                if self._is_down:
                    self.refused += 1
                    _reset(caller)
                else:
                    gateway = socket.create_connection(("127.0.0.1", self._target))
                    self._open += [caller, gateway]
                    Thread(target=_pass_on, args=(caller, gateway), daemon=True).start()
                    Thread(target=_pass_on, args=(gateway, caller), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while received := source.recv(CHUNK_BYTES):
            target.sendall(received)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _reset(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
