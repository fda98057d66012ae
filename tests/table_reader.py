"""Somebody who asks for one table after the other until that is too much, a program of its own.

    python -m table_reader --url URL --ca FILE

All requests go to one replica, as a browser's do. The refusal is printed as JSON: status, headers, text.
"""

import argparse
import itertools
import json
import threading
from contextlib import suppress
from queue import SimpleQueue
from urllib.parse import urlencode

import requests

AT_ONCE = 32
STUDY = "cigarette-sales"
QUESTIONS = list(itertools.product((0.5, 0.8, 0.9, 0.94, 0.95, 0.99), range(1, 50)))
"""More than a replica keeps the answers to: what it has at hand takes it no time, and counts for nothing."""


def ask_on_and_on(
    url: str, session: requests.Session, place: int, refusals: SimpleQueue[requests.Response]
) -> None:
    """Ask, and ask the next thing once that is answered; end with a refusal."""
    for mass, change in itertools.islice(itertools.cycle(QUESTIONS), place, None, AT_ONCE):
        query = urlencode({"study": STUDY, "change": change, "mass": mass})
        with suppress(requests.RequestException):
            answer = session.get(f"{url}/data/units.csv?{query}", timeout=20)
            if answer.status_code == 429:
                refusals.put(answer)
                return


def open_session(url: str, ca: str, cookies: dict[str, str] | None = None) -> requests.Session:
    """Give a connection of its own to the replica that the cookies lead to, or to any."""
    session = requests.Session()
    session.verify, session.trust_env = ca, False
    session.cookies.update(cookies or {})
    return session


def main() -> None:
    """Ask until refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--ca", required=True)
    options = parser.parse_args()
    first = open_session(options.url, options.ca).get(f"{options.url}/studies", timeout=20)
    first.raise_for_status()
    refusals: SimpleQueue[requests.Response] = SimpleQueue()
    for place in range(AT_ONCE):
        session = open_session(options.url, options.ca, first.cookies.get_dict())
        threading.Thread(
            target=ask_on_and_on, args=(options.url, session, place, refusals), daemon=True
        ).start()
    answer = refusals.get()
    told = {"status": answer.status_code, "headers": dict(answer.headers), "text": answer.text}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
