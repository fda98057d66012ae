"""Middleware that sets the headers of every answer."""

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FULL_STATUS = 529
"""Status of a refusal between replica and proxy. The proxy tries other replicas at once on it, and not
patiently as on 503, and if they are full as well it gives readers a page with status 503."""

STARTS = ("http.response.start", "websocket.http.response.start", "websocket.accept")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'"
)
"""Bokeh sets styles inline, its icons are data URLs; nothing else leaves the defaults."""


def write_policy(frame_ancestors: tuple[str, ...]) -> str:
    """Write the policy, with the origins whose pages may hold this one in a frame; none by default."""
    return f"{POLICY}; frame-ancestors {' '.join(frame_ancestors) or "'none'"}"


def has_copy(request: HTTPConnection, tag: str) -> bool:
    """Return whether a client has a copy under this ETag (RFC 9110, If-None-Match)."""
    known = request.headers.get("if-none-match", "").split(",")
    return any(one.strip().removeprefix("W/") in (tag, "*") for one in known)


class Headers:
    """Sets headers on every answer, on refused and accepted websockets too, unless the answer has its own."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] in STARTS:
                message.setdefault("headers", [])
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send if scope["type"] == "lifespan" else send_with_headers)
