"""One open page: its widgets and figures, and what happens when the reader or the volume changes something.

Every document has the same roots in the same order whatever it shows, because a browser that moves to
another replica puts the new document's roots where the old one's were.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bokeh.document import Document
from bokeh.model import Model as BokehModel
from bokeh.models import ColumnDataSource
from bokeh.models.widgets import Button, Select, Slider

from dashboard import words as wording
from dashboard.figures import DensityFigure, TimeFigure, outline_band
from dashboard.state import ViewState, read_query, settle
from dashboard.traces import Shelf, StudyNow, TraceCache
from dashboard.versions import LoadedVersion
from dashboard.words import Words

ROOTS = (
    *("page", "study", "unit", "change", "switch"),
    *("outcome", "treatment", "effect-unit-density", "effect-all-density"),
)
"""Names of the roots, in their order; each is put into the element of the id ``slot-<name>``."""

SLIDER_STEPS = 150
THROTTLE_MS = 50
"""A slider that is dragged is answered at most every so many milliseconds, always with its last value."""


class Page:
    """The models of one session, and the state they show.

    Making one takes some 40 ms, may take longer where a version was never asked before, and may be done
    on any thread; attaching it to its document takes a few, on the event loop.

    Parameters
    ----------
    cache
        The process's traces.
    query
        The query string of the page's address, from the browser: not to be trusted.
    """

    def __init__(self, cache: TraceCache, query: str) -> None:
        self._document: Document | None = None
        self._cache = cache
        self._version: LoadedVersion | None = None
        self._words: Words = {}
        self._figures_show: tuple[str, str] | None = None
        self._wanted_change: float | None = None
        self._showing = False
        self._build()
        self._listen()
        self.show(*read_query(query))

    def attach(self, document: Document) -> None:
        """Put the page into an empty document: its roots, title and template variables."""
        document.config.notify_connection_status = False
        with document.models.freeze():
            for model in self._roots:
                document.add_root(model)
        self._document = document
        self._label_document(document)
        self.refresh()

    def concerns(self, before: Shelf, after: Shelf) -> bool:
        """Say whether what changed in the volume can change this page."""
        titles = [[(now.name, now.title) for now in shelf.studies] for shelf in (before, after)]
        study = self._state.study
        return (
            titles[0] != titles[1]
            or before.trouble != after.trouble
            or before.find(study) != after.find(study)
        )

    def refresh(self) -> None:
        """Show the same state with the volume as it is now, telling what has happened since."""
        self.show(self._state, self._notices)

    def show(self, asked: ViewState, notices: tuple[str, ...] = ()) -> None:
        """Show what is asked for, as far as it exists, and write it to the address."""
        shelf = self._cache.shelf
        state, more = settle(asked, shelf, self._held)
        now = shelf.find(state.study)
        version = self._find_version(state, now)
        notices = (*notices, *more)
        self._state, self._version, self._notices = state, version, notices
        if now is None:
            words = wording.say_empty(state, shelf, notices)
        elif version is None:
            words = wording.say_waiting(state, now, notices)
        else:
            words = wording.say_dashboard(state, version, now, notices)
            self._show_figures(state, version)
        self._showing = True
        try:
            self._show_widgets(state, shelf, version)
        finally:
            self._showing = False
        self._say(words | {"studies": str(len(shelf.studies) or "")})

    def _find_version(self, state: ViewState, now: StudyNow | None) -> LoadedVersion | None:
        if now is None or state.version is None:
            return None
        if now.current is not None and now.current.name == state.version:
            return now.current
        return self._held(now.name, state.version)

    def _held(self, study: str, version: str) -> LoadedVersion | None:
        mine = self._version
        if mine is not None and (mine.manifest.study.name, mine.name) == (study, version):
            return mine
        return self._cache.held(study, version)

    def _build(self) -> None:
        self._page = ColumnDataSource(name="page", data={"name": [], "text": []})
        self._study = Select(name="study", title="Study", sizing_mode="stretch_width")
        self._unit = Select(name="unit", title="Unit", sizing_mode="stretch_width")
        self._change = Slider(
            name="change", title="Change", start=0, end=1, value=0, step=1, sizing_mode="stretch_width"
        )
        self._switch = Button(name="switch", label="Show the newer version", button_type="primary")
        self._outcome = TimeFigure("outcome", "outcome", banded=True)
        self._treatment = TimeFigure("treatment", "treatment", banded=False)
        self._treatment.model.x_range = self._outcome.model.x_range
        self._effect = DensityFigure("effect-unit-density")
        self._total = DensityFigure("effect-all-density")
        self._roots: tuple[BokehModel, ...] = (
            *(self._page, self._study, self._unit, self._change, self._switch),
            *(self._outcome.model, self._treatment.model, self._effect.model, self._total.model),
        )

    def _listen(self) -> None:
        self._study.on_change("value", self._choose(lambda value: ViewState(study=value)))
        self._unit.on_change("value", self._choose(lambda value: replace(self._state, unit=value)))
        self._change.on_change("value", self._want_change)
        self._switch.on_click(lambda: self.show(replace(self._state, version=None)))

    def _choose(self, follow: Callable[[str], ViewState]) -> Callable[[str, Any, Any], None]:
        def on_change(_attribute: str, _old: Any, new: Any) -> None:
            if not self._showing:
                self.show(follow(new))

        return on_change

    def _want_change(self, _attribute: str, _old: Any, new: Any) -> None:
        if self._showing:
            return
        waiting = self._wanted_change is not None
        self._wanted_change = float(new)
        if not waiting and self._document is not None:
            self._document.add_timeout_callback(self._apply_change, THROTTLE_MS)

    def _apply_change(self) -> None:
        wanted, self._wanted_change = self._wanted_change, None
        self.show(replace(self._state, change=wanted))

    def _show_figures(self, state: ViewState, version: LoadedVersion) -> None:
        unit, change = state.unit or "", state.change or 0.0
        if self._figures_show != (version.name, unit):
            series = version.series_of(unit)
            self._outcome.source.data = {"period": series.period, "outcome": series.outcome}
            self._outcome.band.data = outline_band(series)
            self._treatment.source.data = {"period": series.period, "treatment": series.treatment}
            self._figures_show = (version.name, unit)
        self._effect.show(version.effect_on(unit, change))
        self._total.show(version.effect_on_all(change))

    def _show_widgets(self, state: ViewState, shelf: Shelf, version: LoadedVersion | None) -> None:
        _assign(
            self._study, options=[(now.name, now.title) for now in shelf.studies], value=state.study or ""
        )
        if version is None:
            return
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

    def _say(self, words: Words) -> None:
        if words == self._words:
            return
        self._words = words
        self._page.data = {"name": list(words), "text": list(words.values())}
        if self._document is not None:
            self._label_document(self._document)

    def _label_document(self, document: Document) -> None:
        document.title = self._words["document-title"]
        document.template_variables["words"] = self._words


def choose_step(span: float) -> float:
    """Choose a slider's step: 1, 2 or 5 times a power of ten, giving at most about `SLIDER_STEPS` steps."""
    if not 0 < span < math.inf:
        return 1.0
    wanted = span / SLIDER_STEPS
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(float(f"{factor * power:g}") for factor in (1, 2, 5, 10) if factor * power >= wanted * 0.999)


def _assign(model: BokehModel, **values: Any) -> None:
    changed = {name: value for name, value in values.items() if getattr(model, name) != value}
    if changed:
        model.update(**changed)
