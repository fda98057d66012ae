"""The widgets of a page, and what its script asks for through them."""

import math
from collections.abc import Callable
from typing import Any

from bokeh.document import Document
from bokeh.model import Model as BokehModel
from bokeh.models import ColumnDataSource
from bokeh.models.widgets import Button, Select, Slider

from dashboard.state import ViewState
from dashboard.traces import Shelf
from dashboard.versions import LoadedVersion

SLIDER_STEPS = 150
THROTTLE_MS = 50
"""A slider that is dragged is answered at most every so many milliseconds, always with its last value."""

ARROW = "select.bk-input { appearance: auto; background-image: none; }"
"""Bokeh's own arrow of a selection is black, in the dark as well; the browser's is not."""

Ask = Callable[[str], None]


class Controls:
    """Study, unit, change and the switch to a newer version, which are Bokeh's widgets, and the wish.

    All other controls are the template's own. They put what they ask for into `wish`, as part of a query
    string, so that it is read by the same rules as an address.

    Parameters
    ----------
    choose
        Called with a part of a state: what the reader chose, by the names of `ViewState`.
    wish
        Called with part of a query string, from the browser: not to be trusted.
    """

    def __init__(self, choose: Callable[[dict[str, Any]], None], wish: Ask) -> None:
        self._choose = choose
        self._showing = False
        self._wanted_change: float | None = None
        self._study = Select(name="study", title="Study", sizing_mode="stretch_width", stylesheets=[ARROW])
        self._unit = Select(name="unit", title="Unit", sizing_mode="stretch_width", stylesheets=[ARROW])
        self._change = Slider(
            name="change", title="Change", start=0, end=1, value=0, step=1, sizing_mode="stretch_width"
        )
        self._switch = Button(name="switch", label="Show the version served now", button_type="primary")
        self._wish = ColumnDataSource(name="wish", data={"query": []})
        self._study.on_change("value", self._follow("study"))
        self._unit.on_change("value", self._follow("unit"))
        self._change.on_change("value", self._want_change)
        self._switch.on_click(lambda: choose({"version": None}))
        self._wish.on_change("data", lambda _attribute, _old, new: wish(_read_wish(new)))

    @property
    def roots(self) -> tuple[BokehModel, ...]:
        """The models, each a root of the document."""
        return (self._study, self._unit, self._change, self._switch, self._wish)

    def show(self, state: ViewState, shelf: Shelf, version: LoadedVersion | None) -> None:
        """Show what was chosen, without taking that for a choice."""
        self._showing = True
        try:
            _assign(
                self._study,
                options=[(now.name, now.title) for now in shelf.studies],
                value=state.study or "",
            )
            if version is not None:
                self._show_version(state, version)
        finally:
            self._showing = False

    def _show_version(self, state: ViewState, version: LoadedVersion) -> None:
        card = version.manifest.study
        what_if = card.what_if
        _assign(
            self._unit,
            title=card.unit.noun.capitalize(),
            options=[(unit.id, unit.label) for unit in version.manifest.units],
            value=state.unit or "",
        )
        unit_of_change = "%" if what_if.kind == "percent" else card.treatment.units
        _assign(
            self._change,
            title=f"{card.treatment.label}, change in {unit_of_change}",
            start=what_if.min,
            end=what_if.max,
            step=choose_step(what_if.max - what_if.min),
            value=state.change if self._wanted_change is None else self._wanted_change,
        )

    def _follow(self, name: str) -> Callable[[str, Any, Any], None]:
        def on_change(_attribute: str, _old: Any, new: Any) -> None:
            if not self._showing:
                self._choose({name: new})

        return on_change

    def _want_change(self, _attribute: str, _old: Any, new: Any) -> None:
        if self._showing:
            return
        document: Document | None = self._change.document
        waiting = self._wanted_change is not None
        self._wanted_change = float(new)
        if not waiting and document is not None:
            document.add_timeout_callback(self._apply_change, THROTTLE_MS)

    def _apply_change(self) -> None:
        wanted, self._wanted_change = self._wanted_change, None
        self._choose({"change": wanted})


def choose_step(span: float) -> float:
    """Choose a slider's step: 1, 2 or 5 times a power of ten, giving at most about `SLIDER_STEPS` steps."""
    if not 0 < span < math.inf:
        return 1.0
    wanted = span / SLIDER_STEPS
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(float(f"{factor * power:g}") for factor in (1, 2, 5, 10) if factor * power >= wanted * 0.999)


def _read_wish(data: Any) -> str:
    queries = data.get("query") if isinstance(data, dict) else None
    last = queries[-1] if isinstance(queries, list) and queries else ""
    return last if isinstance(last, str) else ""


def _assign(model: BokehModel, **values: Any) -> None:
    changed = {name: value for name, value in values.items() if getattr(model, name) != value}
    if changed:
        model.update(**changed)
