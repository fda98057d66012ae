"""Pull a session with bokeh.client, choose a unit, and print the page's words before and after as JSON.

A program of its own because the CA that TLS is verified against is read once per process.
"""

import json
import sys
import threading

from bokeh.client import pull_session


def main(url: str, unit: str) -> None:
    """Run against the dashboard at `url`."""
    with pull_session(url=url) as session:
        document = session.document
        page = document.get_model_by_name("page")
        before = dict(zip(page.data["name"], page.data["text"], strict=True))
        changed = threading.Event()
        page.on_change("data", lambda *_: changed.set())
        document.get_model_by_name("unit").value = unit
        while not changed.is_set():
            session.force_roundtrip()
        after = dict(zip(page.data["name"], page.data["text"], strict=True))
        print(json.dumps([before, after]))


if __name__ == "__main__":
    main(*sys.argv[1:])
