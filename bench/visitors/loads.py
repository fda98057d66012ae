"""A cold load in a real Chromium: bytes over the wire, time until the document is ready, layout shift."""

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser
from visitors.sessions import Server

from browser import chromium

READY = """
async ([rest, limit]) => {
  const inSight = (view) => view.el?.getClientRects().length > 0;
  const shown = () => [...(globalThis.Bokeh?.index?.roots ?? [])].filter(inSight);
  let [since, count] = [null, -1];
  while (performance.now() < limit) {
    await new Promise(requestAnimationFrame);
    const views = shown();
    if (views.length === 0 || views.length !== count || !views.every((view) => view.has_finished())) {
      [since, count] = [null, views.length];
    } else {
      since ??= performance.now();
      if (performance.now() - since > rest) return since;
    }
  }
  return null;
}
"""
"""When all that is in sight was drawn and nothing came after it for a while; what is hidden may wait."""

STILL_MS = 500
LIMIT_MS = 60_000
SHIFTS = """
globalThis.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) globalThis.shifts.push([entry.startTime, entry.value]);
}).observe({ type: "layout-shift", buffered: true });
"""
REST_MS = 3000
"""Time for which a page that is ready is watched for shifts."""


@dataclass
class Load:
    """Cost of one load; layout shifts are Chromium's scores, added up."""

    wire_bytes: float = 0.0
    ready_ms: float = 0.0
    shift: float = 0.0
    shift_after: float = 0.0


@dataclass
class Meter:
    """Counts what comes over the wire, as encoded there: answers with their headers, frames of websockets."""

    received: float = 0.0

    def watch(self, protocol: Any) -> None:
        """Count from now on."""
        protocol.on("Network.loadingFinished", lambda event: self._add(event["encodedDataLength"]))
        protocol.on("Network.webSocketFrameReceived", lambda event: self._add(count_frame(event["response"])))
        protocol.send("Network.enable")

    def _add(self, size: float) -> None:
        self.received += size


def count_frame(frame: dict[str, Any]) -> float:
    """Return the bytes of a websocket frame's content; a binary one is told in base64."""
    text = frame["payloadData"]
    return len(text) * 0.75 if frame["opcode"] == 2 else len(text.encode())


def measure_loads(server: Server, ca: Path, loads: int) -> Load:
    """Return the medians of so many loads, each in a browser profile that has never seen the page."""
    with chromium(ca) as browser:
        every = [load_once(browser, server) for _ in range(loads)]
    return Load(
        wire_bytes=statistics.median(one.wire_bytes for one in every),
        ready_ms=statistics.median(one.ready_ms for one in every),
        shift=max(one.shift for one in every),
        shift_after=max(one.shift_after for one in every),
    )


def load_once(browser: Browser, server: Server) -> Load:
    """Load the page once, and watch it for a while."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        page = context.new_page()
        page.add_init_script(SHIFTS)
        meter = Meter()
        meter.watch(context.new_cdp_session(page))
        page.goto(server.page, wait_until="commit", timeout=LIMIT_MS)
        ready = page.evaluate(READY, [STILL_MS, LIMIT_MS])
        assert ready is not None, f"{server.page} was not drawn within {LIMIT_MS} ms"
        page.wait_for_timeout(REST_MS)
        shifts = page.evaluate("globalThis.shifts")
        return Load(
            wire_bytes=meter.received,
            ready_ms=ready,
            shift=sum(value for _, value in shifts),
            shift_after=sum(value for start, value in shifts if start > ready),
        )
    finally:
        context.close()
