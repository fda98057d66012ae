"""Observables of a running stack: pages, sessions over websockets, and time."""

import asyncio
import json
import os
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlencode

import requests
import websocket
from bokeh.document import Document
from bokeh.document.events import DocumentPatchedEvent
from bokeh.protocol import Protocol
from bokeh.protocol.message import Message
from bokeh.protocol.receiver import Receiver

from stack import Stack

POLL_SECONDS = 0.1
# Shared machines are slow at times; everything that waits takes its patience from here.
PATIENCE = float(os.environ.get("PATIENCE") or 3.0)


class NeverHappened(AssertionError):
    """A condition did not hold in time; the message has its last result."""


def eventually[T](check: Callable[[], T], timeout: float, what: str = "") -> T:
    """Wait until `check` gives something true and give that; an AssertionError counts as not yet."""
    deadline = time.monotonic() + timeout * PATIENCE
    last: object = None
    while True:
        try:
            last = value = check()
            if value:
                return value
        except (AssertionError, requests.RequestException) as error:
            last = error
        if time.monotonic() > deadline:
            raise NeverHappened(
                f"{what or check} did not happen in {timeout * PATIENCE:.0f} s; last: {last!r}"
            )
        time.sleep(POLL_SECONDS)


@dataclass(frozen=True)
class Visit:
    """One load of the page: what a browser holds when it goes on to open its websocket."""

    stack: Stack
    html: str
    replica: str
    token: str
    cookies: dict[str, str]

    @property
    def cookie_header(self) -> str:
        """The cookies as a request sends them back."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())


def get(stack: Stack, path: str = "/", **options: Any) -> requests.Response:
    """Ask the proxy, with its certificate verified against the stack's CA."""
    options.setdefault("timeout", 20)
    return requests.get(stack.url + path, verify=str(stack.ca), **options)


def visit(stack: Stack, query: str = "", cookies: dict[str, str] | None = None) -> Visit:
    """Load the page once, as a new visitor unless cookies are given."""
    answer = get(stack, f"/?{query}" if query else "/", cookies=cookies)
    assert answer.status_code == 200, f"{answer.status_code}: {answer.text[:2000]}"
    item = data_block(answer.text, "render-item")
    replica = re.search(r'<meta name="replica" content="([^"]+)"', answer.text)
    assert replica, answer.text[:2000]
    cookies = (cookies or {}) | answer.cookies.get_dict()
    return Visit(stack, answer.text, replica[1], item["token"], cookies)


def await_dashboards(stack: Stack) -> None:
    """Wait until every replica shows the dashboard of every study."""
    names = sorted(folder.name for folder in stack.studies.iterdir())
    eventually(lambda: all(stack.published(name) for name in names), 120, "all studies published")

    def every_replica_shows_them() -> bool:
        seen = [visit(stack, f"study={name}") for name in names for _ in range(4 * stack.replicas_wanted)]
        shown = {page.replica for page in seen if data_block(page.html, "words")["view"] == "dashboard"}
        waiting = {page.replica for page in seen} - shown
        return len(shown) == stack.replicas_wanted and not waiting

    eventually(every_replica_shows_them, 20, "every replica shows every study")


def data_block(html: str, name: str) -> Any:
    """Return the content of a JSON data block of a page."""
    block = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', html, re.DOTALL)
    assert block, html[:2000]
    return json.loads(block[1])


def script_of(html: str) -> str:
    """Return the path of the page's own script, with the version that the page asks for."""
    script = re.search(r'<script defer src="(static/longitude/page\.js\?v=[0-9a-f]{16})"', html)
    assert script, html[:2000]
    return f"/{script[1]}"


class Session:
    """A Bokeh session over websocket-client, in Bokeh's own protocol; its document follows the server's.

    Attributes
    ----------
    replica
        The replica that answered the websocket's handshake.
    document
        As pulled from the server, and patched since with what it sent.
    """

    def __init__(
        self,
        page: Visit,
        *,
        origin: str | None = None,
        token: str | None = None,
        query: str = "",
        header: dict[str, str] | None = None,
    ) -> None:
        self.connection = websocket.create_connection(
            f"wss://localhost:{page.stack.https_port}/ws" + (f"?{query}" if query else ""),
            subprotocols=["bokeh", token or page.token],
            sslopt={"ca_certs": str(page.stack.ca), "cert_reqs": ssl.CERT_REQUIRED},
            origin=origin or page.stack.url,
            suppress_origin=origin == "",
            header=header,
            cookie=page.cookie_header,
            timeout=20,
        )
        self.replica = self.connection.headers["x-longitude-replica"]
        self._protocol = Protocol()
        self._receiver = Receiver(self._protocol)
        self._wishes = 0
        assert self._receive().msgtype == "ACK"
        self._send(self._protocol.create("PULL-DOC-REQ"))
        reply = self._receive_until("PULL-DOC-REPLY")
        self.document = Document()
        reply.push_to_document(self.document)

    @property
    def words(self) -> dict[str, str]:
        """The words of the page as the document holds them now."""
        page = self.document.get_model_by_name("page")
        assert page is not None
        return dict(zip(page.data["name"], page.data["text"], strict=True))

    def find(self, name: str) -> Any:
        """Return a model of the document by its name."""
        model = self.document.get_model_by_name(name)
        assert model is not None, name
        return model

    def change(self, name: str, value: object) -> dict[str, str]:
        """Set a control as a reader would, and wait for the words that answer it; others may come before."""
        self._send(self.ask(name, value))
        said, wanted = ("change-value", f"{value:g}") if name == "change" else ("answered", str(self._wishes))
        return self.follow(lambda words: words[said] == wanted)

    def ask(self, name: str, value: object) -> Message[Any]:
        """Make the message that setting a control sends: the slider's value, or a wish of the page's own."""
        events: list[DocumentPatchedEvent] = []
        self.document.on_change(events.append)
        if name == "change":
            self.find(name).value = value
        else:
            self._wishes += 1
            self.find("wish").data = {"query": [urlencode({name: value})], "number": [str(self._wishes)]}
        self.document.remove_on_change(events.append)
        return self._protocol.create("PATCH-DOC", events)

    def follow(self, wanted: Callable[[dict[str, str]], bool]) -> dict[str, str]:
        """Apply what the server sends by itself until the words are as wanted."""
        while not wanted(self.words):
            self._receive_until("PATCH-DOC").apply_to_document(self.document)
        return self.words

    def _receive(self) -> Message[Any]:
        while True:
            frame = self.connection.recv()
            if not frame:
                raise ConnectionError("the server closed the websocket")
            # The receiver is a coroutine in form only: nothing in it waits.
            message = asyncio.run(self._receiver.consume(frame))
            if message is not None:
                return message

    def _receive_until(self, kind: str) -> Message[Any]:
        while True:
            message = self._receive()
            assert message.msgtype != "ERROR", message.content
            if message.msgtype == kind:
                return message

    def _send(self, message: Message[Any]) -> None:
        self.connection.send(message.header_json)
        self.connection.send(message.metadata_json)
        self.connection.send(message.content_json)
        for buffer in message.buffers:
            self.connection.send(json.dumps(buffer.ref))
            self.connection.send_binary(buffer.to_bytes())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
