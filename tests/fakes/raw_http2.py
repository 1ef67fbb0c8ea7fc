"""An HTTP/2 client that can do what no decent one would: frames by hand, no limit held to."""

import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, ResponseReceived
from h2.settings import SettingCodes, Settings

TIMEOUT_S = 10
FRAME_HEADER_BYTES = 9
GOAWAY = 7
E = TypeVar("E", bound=Event)
Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Goodbye:
    """A GOAWAY frame."""

    last_stream: int
    error_code: int
    data: bytes

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Read what follows the frame's header (RFC 9113, section 6.8)."""
        return cls(int.from_bytes(payload[:4]), int.from_bytes(payload[4:8]), payload[8:])


class RawConnection:
    """A connection to localhost. Every wait is over after ten seconds."""

    def __init__(self, port: int, ca_file: Path, protocols: Sequence[str] = ("h2",)) -> None:
        trust = ssl.create_default_context(cafile=ca_file)
        trust.set_alpn_protocols(list(protocols))
        plain = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        self._socket = trust.wrap_socket(plain, server_hostname="localhost")
        configuration = H2Configuration(
            header_encoding="utf-8",
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self._h2 = H2Connection(configuration)
        self._h2.initiate_connection()
        self._flush()
        self.events: list[Event] = []
        self.goodbyes: list[Goodbye] = []
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def send(self, headers: Sequence[Header], body: bytes = b"") -> int:
        """Send a whole request; its stream."""
        stream_id = self.begin(headers)
        self._h2.send_data(stream_id, body, end_stream=True)
        self._flush()
        return stream_id

    def begin(self, headers: Sequence[Header]) -> int:
        """Send the headers of a request that goes on; its stream."""
        # h2 would hold to the server's limit.
        settings = {SettingCodes.MAX_CONCURRENT_STREAMS: 2**31 - 1}
        self._h2.remote_settings = Settings(client=True, initial_values=settings)
        stream_id = self._h2.get_next_available_stream_id()
        self._h2.send_headers(stream_id, headers)
        self._flush()
        return stream_id

    def wait_for_goodbye(self, last_stream: int) -> Goodbye:
        """The GOAWAY that names this stream as the last."""
        while True:
            for goodbye in self.goodbyes:
                if goodbye.last_stream == last_stream:
                    return goodbye
            if not self.receive():
                raise ConnectionError(f"ended with {self.goodbyes}")

    def wait_for(self, kind: type[E], suits: Callable[[E], bool] = lambda _: True) -> E:
        """The first event of a kind, of those to come or those that have."""
        while True:
            for event in self.events:
                if isinstance(event, kind) and suits(event):
                    return event
            if not self.receive():
                raise ConnectionError(f"ended without {kind.__name__}: {self.events}")

    def answer(self, stream_id: int) -> tuple[int, bytes]:
        """Wait for a whole answer; its status and body."""
        head = self.wait_for(ResponseReceived, lambda event: event.stream_id == stream_id)
        body = b""
        if head.stream_ended is None:
            self.wait_for(
                DataReceived,
                lambda event: event.stream_id == stream_id and event.stream_ended is not None,
            )
        for event in self.events:
            if isinstance(event, DataReceived) and event.stream_id == stream_id:
                body += event.data
        status = next(str(value) for name, value in head.headers or [] if str(name) == ":status")
        return int(status), body

    def until_closed(self) -> list[Event]:
        """Wait for the end of the connection; all events."""
        while self.receive():
            pass
        return self.events

    def ping(self) -> None:
        self._h2.ping(b"12345678")
        self._flush()

    def is_silent_for(self, seconds: float) -> bool:
        """Whether nothing at all comes for so long."""
        self._socket.settimeout(seconds)
        try:
            return not self.receive()
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(TIMEOUT_S)

    def receive(self) -> bool:
        """Wait for more. False: the connection has ended."""
        try:
            data = self._socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self._unread += data
        for frame in self._frames():
            self.events += self._h2.receive_data(frame)
        if data:
            self._flush()
        return bool(data)

    def _frames(self) -> Iterator[bytes]:
        """All whole frames but GOAWAY, after which h2 would do nothing any more."""
        while len(self._unread) >= FRAME_HEADER_BYTES:
            end = FRAME_HEADER_BYTES + int.from_bytes(self._unread[:3])
            if len(self._unread) < end:
                return
            frame, self._unread = self._unread[:end], self._unread[end:]
            if frame[3] == GOAWAY:
                self.goodbyes.append(Goodbye.parse(frame[FRAME_HEADER_BYTES:]))
            else:
                yield frame

    def _flush(self) -> None:
        self._socket.sendall(self._h2.data_to_send())
