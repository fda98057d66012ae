"""The application as it is, with a callback that blocks the event loop for the seconds it is asked for."""

import re
import time

from bokeh.io import curdoc

from dashboard.process import running

running().open_page(curdoc())


def block(_attribute: str, _old: object, new: dict[str, list[str]]) -> None:
    asked = re.search(r"block=(\d+)", new["query"][-1])
    if asked:
        print(f"blocking for {asked[1]} s", flush=True)
        time.sleep(int(asked[1]))


wish = curdoc().get_model_by_name("wish")
assert wish is not None
wish.on_change("data", block)
