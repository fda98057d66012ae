"""The page as it is, with a wish that blocks the event loop for the seconds it is asked for.

Mounted as `sitecustomize.py`, which Python imports before anything else.
"""

import re
import time

from bokeh.document import Document

from dashboard.page import Page

attach = Page.attach


def attach_blocking(page: Page, document: Document) -> None:
    attach(page, document)

    def block(_attribute: str, _old: object, new: dict[str, list[str]]) -> None:
        asked = re.search(r"block=(\d+)", new["query"][-1])
        if not asked:
            return
        seconds = int(asked[1])

        # Only what is asynchronous is run on the event loop.
        async def sleep() -> None:
            print(f"blocking for {seconds} s", flush=True)
            time.sleep(seconds)

        document.add_next_tick_callback(sleep)

    wish = document.get_model_by_name("wish")
    if wish is not None:
        wish.on_change("data", block)


Page.attach = attach_blocking  # type: ignore[method-assign]
