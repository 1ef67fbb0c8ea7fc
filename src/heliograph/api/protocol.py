"""HTTP itself: what can't be read as HTTP is refused in the same shape as everything else."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_REFUSAL = b'{"error":"Bad Request","description":"The request is not valid HTTP"}'


class JsonErrorProtocol(HttpToolsProtocol):
    """uvicorn's protocol, but for the body of its own 400."""

    def send_400_response(self, msg: str) -> None:
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            "content-type: application/json\r\n"
            f"content-length: {len(_REFUSAL)}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + _REFUSAL)
        self.transport.close()
