"""The widgets of a page, the options of its own controls, and the wishes of its script."""

import math
import time
from collections.abc import Callable
from typing import Any

from bokeh.document import Document
from bokeh.model import Model as BokehModel
from bokeh.models import ColumnDataSource
from bokeh.models.widgets import Button, Slider

from dashboard.copies import PagePart
from dashboard.state import ViewState
from dashboard.versions import LoadedVersion

SLIDER_STEPS = 150
THROTTLE_SECONDS = 0.05
"""A dragged slider is answered at once, then with so long in between, and always with its last value."""

NUMBER_MAX = 20
"""Letters of a wish's number that are kept; pages count from one."""


class Controls(PagePart):
    """The slider and the switch to a newer version, which are Bokeh's widgets; options; the wish.

    All other controls are the template's own. `options` holds the units that they offer; the studies are at
    an address of their own. They put what they ask for into `wish`, as part of a query string, so that it is
    read by the same rules as an address, with a number by which its answer is known.

    Parameters
    ----------
    choose
        Called with a part of a state, by the names of `ViewState`.
    grant
        Called with part of a query string and its number, from the browser: not to be trusted.
    """

    def __init__(self, choose: Callable[[dict[str, Any]], None], grant: Callable[[str, str], None]) -> None:
        self._choose, self._grant = choose, grant
        self._shown_change: float | None = None
        self._wanted_change: float | None = None
        self._answered_at = 0.0
        self._shown: str | None = None
        self._options = ColumnDataSource(name="options", data=list_options(None))
        self._change = Slider(
            name="change", title="Change", start=0, end=1, value=0, step=1, sizing_mode="stretch_width"
        )
        self._switch = Button(name="switch", label="Show the version served now", button_type="primary")
        self._wish = ColumnDataSource(name="wish", data={"query": [], "number": []})
        self._change.on_change("value", self._want_change)
        self._switch.on_click(self._choose_current)
        self._wish.on_change("data", self._hear_wish)

    @property
    def roots(self) -> tuple[BokehModel, ...]:
        """Return the models, each a root of the document."""
        return (self._options, self._change, self._switch, self._wish)

    def show(self, state: ViewState, version: LoadedVersion | None) -> None:
        """Show what was chosen, without taking that for a choice."""
        shown = version.address if version is not None else None
        if shown != self._shown:
            self._shown = shown
            self._options.data = list_options(version)
        if version is None:
            return
        card, wanted = version.manifest.study, self._wanted_change
        units = "%" if card.what_if.kind == "percent" else card.treatment.units
        self._shown_change = state.change if wanted is None else wanted
        values = {
            "title": f"{card.treatment.label}, change in {units}",
            "start": card.what_if.min,
            "end": card.what_if.max,
            "step": choose_step(card.what_if.max - card.what_if.min),
            "value": self._shown_change,
        }
        changed = {name: value for name, value in values.items() if getattr(self._change, name) != value}
        if changed:
            self._change.update(**changed)

    def _choose_current(self) -> None:
        self._choose({"version": None})

    def _hear_wish(self, _attribute: str, _old: Any, new: Any) -> None:
        self._grant(_read_last(new, "query"), _read_last(new, "number")[:NUMBER_MAX])

    def _want_change(self, _attribute: str, _old: Any, new: Any) -> None:
        waiting = self._wanted_change is not None
        document: Document | None = self._change.document
        if document is None or (new == self._shown_change and not waiting):
            return
        self._wanted_change = float(new)
        early = self._answered_at + THROTTLE_SECONDS - time.monotonic()
        if early <= 0 and not waiting:
            self._apply_change()
        elif not waiting:
            document.add_timeout_callback(self._apply_change, math.ceil(1000 * early))

    def _apply_change(self) -> None:
        self._answered_at = time.monotonic()
        wanted, self._wanted_change = self._wanted_change, None
        self._choose({"change": wanted})


def choose_step(span: float) -> float:
    """Choose a slider's step: 1, 2 or 5 times a power of ten, giving at most about `SLIDER_STEPS` steps."""
    if not 0 < span < math.inf:
        return 1.0
    wanted = span / SLIDER_STEPS
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(float(f"{factor * power:g}") for factor in (1, 2, 5, 10) if factor * power >= wanted * 0.999)


def list_options(version: LoadedVersion | None) -> dict[str, Any]:
    """List the units of a version: columns of their identifiers, and of labels that no other has."""
    labels = version.labels if version is not None else {}
    return {"value": list(labels), "label": list(labels.values())}


def _read_last(data: Any, name: str) -> str:
    values = data.get(name) if isinstance(data, dict) else None
    last = values[-1] if isinstance(values, list) and values else ""
    return last if isinstance(last, str) else ""
