"""Pull a session with bokeh.client, choose a unit, and print the page's words before and after as JSON.

A program of its own because the CA that TLS is verified against is read once per process. The document
is pulled again after the change: bokeh.client drops patches that come while it waits for a reply.
"""

import functools
import json
import sys

from bokeh.client import ClientSession, connection, pull_session
from tornado.httpclient import HTTPRequest


def read_words(session: ClientSession) -> dict[str, str]:
    """Return the page's words as the pulled document holds them."""
    page = session.document.get_model_by_name("page")
    return dict(zip(page.data["name"], page.data["text"], strict=True))


def main(url: str, unit: str) -> None:
    """Run against the dashboard at `url`."""
    # The dashboard takes websockets of its own pages only, and Bokeh's client has no option for an origin.
    connection.HTTPRequest = functools.partial(HTTPRequest, headers={"Origin": url.rstrip("/")})
    with pull_session(url=url) as session:
        before = after = read_words(session)
        session.document.get_model_by_name("wish").data = {"query": [f"unit={unit}"], "number": ["1"]}
        while after == before:
            session.pull()
            after = read_words(session)
        print(json.dumps([before, after]))


if __name__ == "__main__":
    main(*sys.argv[1:])
