"""The protocol of a websocket, as uvicorn has it, with an end that the client hears of."""

from typing import override

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class SocketProtocol(WebSocketsSansIOProtocol):
    """Reads on after a violation until the client closes, for `close_timeout` at most, and drops what comes.

    uvicorn closes at once. What is unread then resets the connection (RFC 9293, 3.6.1), and the reset may
    overtake the close frame.
    """

    @override
    def handle_parser_exception(self) -> None:
        if self.close_sent or self.transport.is_closing() or self.conn.close_sent is None:
            return
        told = self.conn.close_sent
        self.queue.put_nowait({"type": "websocket.disconnect", "code": told.code, "reason": told.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)
