"""A visitor without a browser, lean enough for a hundred at a time: page, websocket, widgets, words.

It speaks Bokeh's protocol and keeps of a document only what it needs: which model has which name, and
the words of the page. `probes.Session` keeps whole documents.
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

from bokeh.core.types import ID
from bokeh.document.json import ModelChanged
from bokeh.protocol import Protocol
from bokeh.protocol.message import Message
from bokeh.protocol.messages.patch_doc import patch_doc
from bokeh.protocol.receiver import Receiver
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.httputil import HTTPHeaders
from tornado.websocket import WebSocketClientConnection, websocket_connect

from probes import data_block

QUERY = "study=cigarette-sales"
"""What visitors look at who look for nothing else."""

VIEWS = ("dashboard", "loading")
"""What a page shows that is as it should be: figures, or that they are being loaded."""

REQUEST_SECONDS = 20.0
CONCURRENT = 200
"""Requests of one process at the same time; a load that waits here would be blamed on the server."""


UNREACHED = (OSError, ValueError)
"""What a connection that nobody takes raises; Tornado gives the second where it is lost before TLS begins."""


class Refused(Exception):
    """A page or a websocket was not given; the message says with which status or error."""


class Lost(Exception):
    """The websocket was closed, with this code."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


@dataclass(frozen=True)
class Site:
    """Where the dashboard is, and how it is asked, with its certificate verified against one CA.

    Attributes
    ----------
    origin
        Which site its pages say they are of, where that is not `url`.
    """

    url: str
    ca: str | None
    origin: str = ""
    trust: ssl.SSLContext = field(init=False, repr=False)
    client: AsyncHTTPClient = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "trust", ssl.create_default_context(cafile=self.ca))
        client = AsyncHTTPClient(force_instance=True, max_clients=CONCURRENT)
        object.__setattr__(self, "client", client)

    def request(self, path: str, **options: Any) -> HTTPRequest:
        """Make a request, on a connection of its own."""
        return HTTPRequest(
            self.url + path,
            ssl_options=self.trust,
            connect_timeout=REQUEST_SECONDS,
            request_timeout=REQUEST_SECONDS,
            follow_redirects=False,
            **options,
        )

    async def fetch(self, path: str, **options: Any) -> HTTPResponse:
        """Ask, and raise Refused for anything but 200."""
        try:
            return await self.client.fetch(self.request(path, **options))
        except HTTPClientError as error:
            raise Refused(str(error)) from error
        except UNREACHED as error:
            raise Refused(repr(error)) from error


@dataclass(frozen=True)
class Page:
    """One answer to GET: what a browser holds when it goes on to open its websocket."""

    site: Site
    replica: str
    token: str
    cookies: dict[str, str]
    words: dict[str, str]


async def load_page(
    site: Site, query: str = QUERY, before: "Page | None" = None, views: Collection[str] = VIEWS
) -> Page:
    """Load the page, as a new visitor or again after one before; raise Refused for any other view."""
    headers = {"Cookie": write_cookies(before.cookies)} if before is not None else {}
    answer = await site.fetch(f"/?{query}", headers=headers)
    html = answer.body.decode()
    try:
        words, item = data_block(html, "words"), data_block(html, "render-item")
    except AssertionError as error:
        raise Refused(f"200 without a page: {html[:200]!r}") from error
    if words["view"] not in views:
        raise Refused(f"200 with the view {words['view']!r}")
    replica = answer.headers["X-Longitude-Replica"]
    cookies = (before.cookies if before is not None else {}) | read_cookies(answer.headers)
    return Page(site, replica, item["token"], cookies, words)


def read_cookies(headers: HTTPHeaders) -> dict[str, str]:
    """Give the cookies that an answer sets."""
    jar: SimpleCookie = SimpleCookie()
    for line in headers.get_list("Set-Cookie"):
        jar.load(line)
    return {name: morsel.value for name, morsel in jar.items()}


def write_cookies(cookies: dict[str, str]) -> str:
    """Write cookies as a browser sends them."""
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


class Connection:
    """An open websocket whose document has been pulled, and the page's words as they are now.

    Attributes
    ----------
    replica
        The replica that answered the handshake.
    words
        By name; changed by what the server sends.
    units
        The units that can be chosen, with their labels.
    told_at
        When the page was first told of a newer version, on the monotonic clock.
    """

    def __init__(self, socket: WebSocketClientConnection) -> None:
        assert socket.headers is not None
        self._socket = socket
        self.replica = str(socket.headers.get("X-Longitude-Replica", ""))
        self.cookies = read_cookies(socket.headers)
        self.words: dict[str, str] = {}
        self.units: dict[str, str] = {}
        self._protocol = Protocol()
        self._receiver = Receiver(self._protocol)
        self._models: dict[str, str] = {}
        self._wishes = 0
        self._news = asyncio.Condition()
        self._reading: asyncio.Task[None] | None = None
        self.lost: Lost | None = None
        self.told_at: float | None = None

    @classmethod
    async def open(cls, page: Page, query: str, token: str | None = None, *, reads: bool = True) -> Self:
        """Open a page's websocket with an address's query and pull its document; read on or never again.

        Who reads waits until what the page is to show has been loaded.
        """
        request = page.site.request(
            f"/ws?{query}" if query else "/ws",
            headers={
                "Origin": page.site.origin or page.site.url,
                "Cookie": write_cookies(page.cookies),
            },
        )
        request.url = request.url.replace("http", "ws", 1)
        try:
            socket = await websocket_connect(request, subprotocols=["bokeh", token or page.token])
        except HTTPClientError as error:
            raise Refused(f"websocket: {error}") from error
        except UNREACHED as error:
            raise Refused(f"websocket: {error!r}") from error
        # As browsers do: a message of three frames waits for the other side's delayed acknowledgement else.
        assert socket.protocol is not None
        socket.protocol.set_nodelay(True)
        connection = cls(socket)
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                await connection._pull()
        except TimeoutError as error:
            socket.close()
            raise Refused(f"websocket: no document within {REQUEST_SECONDS:g} s") from error
        if reads:
            connection._reading = asyncio.create_task(connection._read())
            try:
                await connection.until(lambda words: words["view"] != "loading", REQUEST_SECONDS)
            except TimeoutError as error:
                await connection.close()
                raise Refused(f"websocket: still loading after {REQUEST_SECONDS:g} s") from error
        return connection

    async def change(self, name: str, value: object, wanted: dict[str, str], label: str = "") -> float:
        """Set a control as a reader would; give the seconds until the page's words were as wanted.

        Parameters
        ----------
        wanted
            What the address must then say.
        label
            What the heading of the unit's effect must then contain.
        """
        start = time.monotonic()
        if name == "change":
            await self._assign("change", "value", value)
        else:
            await self.wish(urlencode({name: value}))

        def is_answered(words: dict[str, str]) -> bool:
            return read_state(words) == wanted and label in words["effect-unit-heading"]

        await self.until(is_answered)
        return time.monotonic() - start

    async def wish(self, query: str) -> None:
        """Ask for part of an address, as the page's own controls do; waits for no answer."""
        self._wishes += 1
        data = {"type": "map", "entries": [["query", [query]], ["number", [str(self._wishes)]]]}
        await self._assign("wish", "data", data)

    async def until(self, wanted: Callable[[dict[str, str]], bool], seconds: float | None = None) -> None:
        """Wait until the page's words are as wanted; raise Lost where the websocket is closed before."""
        async with asyncio.timeout(seconds), self._news:
            while not wanted(self.words):
                if self.lost is not None:
                    raise self.lost
                await self._news.wait()

    async def until_lost(self) -> Lost:
        """Wait until the websocket is closed."""
        async with self._news:
            await self._news.wait_for(lambda: self.lost is not None)
        assert self.lost is not None
        return self.lost

    async def close(self) -> None:
        """Leave."""
        self._socket.close()
        if self._reading is not None:
            self._reading.cancel()

    async def _pull(self) -> None:
        await self._receive("ACK")
        await self._send(self._protocol.create("PULL-DOC-REQ"))
        reply = await self._receive("PULL-DOC-REPLY")
        for root in reply.content["doc"]["roots"]:
            attributes = root["attributes"]
            name = attributes["name"]
            self._models[name] = root["id"]
            if name == "options":
                self.units = read_units(attributes["data"])
            if name == "page":
                self.words = read_words(attributes["data"])

    async def _read(self) -> None:
        try:
            while True:
                message = await self._receive("PATCH-DOC")
                for event in message.content["events"]:
                    if event["kind"] != "ColumnDataChanged":
                        continue
                    if event["model"]["id"] == self._models["options"]:
                        self.units = read_units(event["data"])
                    if event["model"]["id"] == self._models["page"]:
                        async with self._news:
                            self.words = read_words(event["data"])
                            if self.words["newer"] and self.told_at is None:
                                self.told_at = time.monotonic()
                            self._news.notify_all()
        except Lost as lost:
            async with self._news:
                self.lost = lost
                self._news.notify_all()

    async def _receive(self, kind: str) -> Message[Any]:
        while True:
            frame = await self._socket.read_message()
            if frame is None:
                raise Lost(self._socket.close_code)
            message = await self._receiver.consume(frame)
            if message is not None and message.msgtype == kind:
                return message

    async def _assign(self, name: str, attribute: str, value: object) -> None:
        # Bokeh makes this message from a document, which is not kept here.
        event = ModelChanged(
            kind="ModelChanged", model={"id": ID(self._models[name])}, attr=attribute, new=value
        )
        await self._send(patch_doc(patch_doc.create_header(), {}, {"events": [event]}))

    async def _send(self, message: Message[Any]) -> None:
        try:
            for part in (message.header_json, message.metadata_json, message.content_json):
                await self._socket.write_message(part)
        except Exception as error:
            raise Lost(self._socket.close_code) from error


def read_words(data: dict[str, Any]) -> dict[str, str]:
    """Give the words that a document holds, from the wire's form of them."""
    columns = dict(data["entries"])
    return dict(zip(columns["name"], columns["text"], strict=True))


def read_units(data: dict[str, Any]) -> dict[str, str]:
    """Read the units that can be chosen, with their labels, from the wire's form of them."""
    columns = dict(data["entries"])
    return dict(zip(columns["value"], columns["label"], strict=True))


def read_state(words: dict[str, str]) -> dict[str, str]:
    """Give what the address says, part by part."""
    return dict(parse_qsl(words["query"]))
