"""A visitor without a browser: asks for the page, then opens the websocket with the page's token.

Bokeh's own client drops patches that arrive while it waits for a reply, so this speaks the protocol.
"""

import asyncio
import json
import re
import socket
import time
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlencode

from bokeh.client.websocket import WebSocketClientConnectionWrapper
from bokeh.document import Document
from bokeh.events import ButtonClick
from bokeh.protocol import Protocol
from bokeh.protocol.message import Message
from bokeh.protocol.receiver import Receiver
from bokeh.util.token import generate_jwt_token, generate_session_id
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from conftest import PATIENCE, Service


def read_block(page: str, name: str) -> Any:
    """Read a data block of a page."""
    match = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)
    assert match, f"the page has no data block {name}"
    return json.loads(match[1])


def make_token(secret: bytes, expiration: int = 300) -> str:
    """Make a token of a session that no replica knows, signed with this secret, for so many seconds."""
    return generate_jwt_token(
        generate_session_id(secret, signed=True), secret, signed=True, expiration=expiration
    )


class Visit:
    """An open page, kept in step with the server's document."""

    def __init__(self, service: Service, query: str = "", token: str | None = None, prefix: str = "") -> None:
        if token is None:
            status, page = service.ask(f"{prefix}/?{query}")
            assert status == 200, page
            token = read_block(page, "render-item")["token"]
        self.token = token
        self.document = Document()
        self._loop = asyncio.new_event_loop()
        self._protocol = Protocol()
        self._receiver = Receiver(self._protocol)
        self._reading: asyncio.Task[str | bytes | None] | None = None
        self._wishes = 0
        self._run(self._open(service.ask_socket(query, prefix)))

    @property
    def words(self) -> dict[str, str]:
        data = self.find("page").data
        return dict(zip(data["name"], data["text"], strict=True))

    def find(self, name: str) -> Any:
        model = self.document.get_model_by_name(name)
        assert model is not None, name
        return model

    def slide(self, change: float) -> None:
        """Move the slider, as a reader does."""
        self.find("change").value = change

    def wish(self, **parts: object) -> str:
        """Ask for part of an address, as the page's own controls do; give the number of the wish."""
        self._wishes += 1
        self.find("wish").data = {"query": [urlencode(parts)], "number": [str(self._wishes)]}
        return str(self._wishes)

    def click(self, name: str) -> None:
        self.document.callbacks.send_event(ButtonClick(self.find(name)))

    def wait_for(self, check: Callable[[dict[str, str]], bool], timeout: float = 20) -> dict[str, str]:
        """Follow the server's patches until the page's words pass a check, and give them."""
        end = time.monotonic() + timeout * PATIENCE
        while not check(self.words):
            left = end - time.monotonic()
            assert left > 0, f"not within {timeout} s: {self.words}"
            message = self._run(self._receive(left))
            if message is not None and message.msgtype == "PATCH-DOC":
                message.apply_to_document(self.document, self)
        return self.words

    def wait_until_closed(self, timeout: float = 20) -> int | None:
        """Read on until the server closes the websocket; give the code that it closes with."""

        async def drain() -> int | None:
            async with asyncio.timeout(timeout * PATIENCE):
                while await self._read() is not None:
                    pass
            code: int | None = self.socket.close_code
            return code

        return self._run(drain())

    def close(self, code: int | None = None) -> None:
        """Close the websocket; browsers give 1001 when their reader leaves the page."""
        self._run(self._close(code))
        self._loop.close()

    def leave(self) -> None:
        """Send nothing more, as a proxy whose client is gone; read on until the server closes."""
        protocol: Any = self.socket.protocol
        protocol.stream.socket.shutdown(socket.SHUT_WR)
        self.wait_until_closed()
        self._loop.close()

    def send(self, message: Message[Any]) -> Message[Any] | None:
        """Send a message; return the next one that comes."""
        self._run(message.send(self._sender))
        return self._run(self._receive(10))

    def send_parts(self, *parts: str) -> None:
        """Send text frames as they are."""
        for part in parts:
            self._run(self._sender.write_message(part))

    def _run[Result](self, work: Coroutine[Any, Any, Result]) -> Result:
        return self._loop.run_until_complete(work)

    async def _open(self, request: HTTPRequest) -> None:
        self.socket = await websocket_connect(request, subprotocols=["bokeh", self.token])
        self._sender = WebSocketClientConnectionWrapper(self.socket)
        acknowledged = await self._receive(10)
        assert acknowledged is not None
        assert acknowledged.msgtype == "ACK"
        await self._protocol.create("PULL-DOC-REQ").send(self._sender)
        while (reply := await self._receive(10)) is None or reply.msgtype != "PULL-DOC-REPLY":
            assert reply is not None, "no document"
        reply.push_to_document(self.document)
        self.document.on_change(self._send)

    def _send(self, event: Any) -> None:
        if event.setter is not self:
            self._run(self._write(event))

    async def _write(self, event: Any) -> None:
        await self._protocol.create("PATCH-DOC", [event]).send(self._sender)

    async def _close(self, code: int | None) -> None:
        self.socket.close(code)
        while await self._receive(1) is not None:
            pass

    async def _receive(self, seconds: float) -> Message[Any] | None:
        """Return the next message; None when none came in time, or none will."""
        end = self._loop.time() + seconds
        while (left := end - self._loop.time()) > 0:
            if self._reading is None:
                self._reading = asyncio.ensure_future(self._read())
            await asyncio.wait({self._reading}, timeout=left)
            if not self._reading.done():
                return None
            fragment, self._reading = self._reading.result(), None
            if fragment is None:
                return None
            message = await self._receiver.consume(fragment)
            if message is not None:
                return message
        return None

    async def _read(self) -> str | bytes | None:
        return await self.socket.read_message()
