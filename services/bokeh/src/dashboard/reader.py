"""The reader's tab: its figures, and the data in them."""

from collections.abc import Callable

from bokeh.models import Column, DataRange1d
from bokeh.models.ui import UIElement

from dashboard.atlas import Ranking, TileMap
from dashboard.copies import PagePart
from dashboard.figures import EffectFigure, TimeFigure
from dashboard.live.internals import replacing
from dashboard.multiples import Multiples
from dashboard.numerals import effect_format
from dashboard.plots import Easel
from dashboard.state import ViewState
from dashboard.tiles import place_units
from dashboard.unit_marks import Tap
from dashboard.versions import LoadedVersion, UnitNames

FIGURES = ("effect-unit", "effect-all", "outcome", "treatment", "units", "multiples")
"""The figures of the tab, in their order; each has a slot, a caption, a table and downloads of this name."""

ROOTS = (
    *("outcome", "treatment", "effect-unit-density", "effect-all-density"),
    *("units-figure", "multiples-figure"),
)


class Reader(PagePart):
    """The figures of the reader's tab.

    The figure of all units depends on what units there are, so it is made when a version of them is first
    shown; small multiples when they are first asked for. Both stand in a column that is there from the start.
    `choose` is called with a unit that is tapped in either.
    """

    def __init__(self, choose: Callable[[str], None]) -> None:
        self._choose = choose
        self._easel = easel = Easel()
        periods = DataRange1d()
        self._outcome = TimeFigure(easel, "outcome", modelled=True, x=periods)
        self._treatment = TimeFigure(easel, "treatment", modelled=False, x=periods)
        self._effect = EffectFigure(easel, "effect-unit-density")
        self._total = EffectFigure(easel, "effect-all-density")
        self._units = Column(name="units-figure", sizing_mode="stretch_width")
        self._multiples = Column(name="multiples-figure", sizing_mode="stretch_width")
        self._atlas: TileMap | Ranking | None = None
        self._cells: Multiples | None = None
        self._shown: str | None = None
        self._drawn: UnitNames | None = None
        self._series: tuple[str, tuple[str, ...]] | None = None

    @property
    def roots(self) -> tuple[UIElement, ...]:
        """The models, each a root of the document, in the order of `ROOTS`."""
        figures = (self._outcome, self._treatment, self._effect, self._total)
        return (*(one.plot for one in figures), self._units, self._multiples)

    def show(self, state: ViewState, version: LoadedVersion) -> None:
        """Show a settled state of a version."""
        # Held by its name, so that a page that shows another version lets go of this one.
        if version.address != self._shown:
            if version.unit_names != self._drawn:
                self._atlas, self._drawn = None, version.unit_names
            self._shown, self._series, self._cells = version.address, None, None
        unit, change, mass = state.unit or "", state.change or 0.0, state.mass
        self._show_series(unit, state.compare, version)
        self._outcome.show_model(version.series_of(unit), version.path_of(unit, change, mass))
        dots = state.view == "dots"
        number = effect_format(version.manifest.study)
        one, *compared = (version.effect_on(name, change, mass) for name in (unit, *state.compare))
        self._effect.show(one, version.negligible(one), compared, dots=dots, number=number)
        everyone = version.effect_on_all(change, mass)
        self._total.show(everyone, version.negligible(everyone), (), dots=dots, number=number)
        self._show_units(state, version)

    def _show_series(self, unit: str, compare: tuple[str, ...], version: LoadedVersion) -> None:
        if self._series == (unit, compare):
            return
        self._series = (unit, compare)
        series, names = version.series_of(unit), version.manifest.period_names
        card = version.manifest.study
        others = [version.series_of(other) for other in compare]
        outcomes, treatments = [one.outcome for one in others], [one.treatment for one in others]
        self._outcome.show(series.period, names, series.outcome, outcomes, card.outcome.number)
        self._treatment.show(series.period, names, series.treatment, treatments, card.treatment.number)

    def _show_units(self, state: ViewState, version: LoadedVersion) -> None:
        unit = state.unit or ""
        tiles, easel = place_units(one.id for one in version.manifest.units), self._easel
        if self._atlas is None:
            self._atlas = TileMap(easel, version, tiles) if tiles else Ranking(easel, version)
            Tap(self._atlas.source, self._choose)
            with replacing(self._units):
                self._units.children = [self._atlas.plot]
        self._atlas.show(version.measure(state.change or 0.0, state.mass), unit)
        if not state.multiples:
            return
        if self._cells is None or not self._cells.holds(unit):
            self._cells = Multiples(easel, version, tiles, unit)
            Tap(self._cells.source, self._choose)
            with replacing(self._multiples):
                self._multiples.children = [self._cells.plot]
        self._cells.mark(unit)
