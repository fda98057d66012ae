"""What every answer of this service carries, errors included, and which websockets come from its pages."""

from typing import Any, override

from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError, RequestHandler

from dashboard.process import running


class SecuredHandler(RequestHandler):
    """Sets the headers of every page on every answer; those of errors as well, which Tornado clears."""

    @override
    def set_default_headers(self) -> None:
        for name, value in running().headers.items():
            self.set_header(name, value)

    @override
    def write_error(self, status_code: int, **_details: Any) -> None:
        """Answer in a line of text; what was asked for is not repeated in it."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{status_code}: {self._reason}\n")

    def send_too_much(self) -> None:
        """Refuse what an address asks for beyond its share; readers get the proxy's page in place of this."""
        self.set_status(429)
        self.set_header("Retry-After", "10")
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("Too much is asked for from this address.\n")


class MissingHandler(SecuredHandler):
    """Answers every path that is none of ours."""

    @override
    def prepare(self) -> None:
        raise HTTPError(404)


def is_own_origin(request: HTTPServerRequest, hosts: list[str]) -> bool:
    """Say whether a request names exactly one origin, and that one is this site.

    Browsers name it on every websocket, and no page can change what they say. Tornado takes a request
    without an origin for one of a program, and lets `Sec-Fetch-Site` speak for it; neither is enough here.
    """
    origins = request.headers.get_list("Origin")
    if len(origins) != 1:
        return False
    # The proxy tells the scheme that a browser used, of a websocket as such.
    scheme = "https" if request.headers.get("X-Forwarded-Proto") in {"https", "wss"} else "http"
    return origins[0].lower() in {f"{scheme}://{host}" for host in hosts}
