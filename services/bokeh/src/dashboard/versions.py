"""A published version in memory: read once per process, shared by all sessions, read-only."""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.copies import Shared
from dashboard.estimands import (
    HDI_MASS,
    Effect,
    EffectUndefined,
    Estimand,
    Floats,
    compute_draws,
    estimand_of,
    summarise,
)
from dashboard.labels import label_manifest, name_some
from dashboard.measure import Measure
from dashboard.reach import Beyond, Reach, find_reach, leave_reach
from dashboard.unit_effects import Path as OutcomePath
from dashboard.unit_effects import compute_path, compute_unit_effects, order_slopes, thin_draws
from tracestore.manifest import Manifest

UNIT_BYTES = 1_100
"""Names of a unit in the manifest, in a prepared page and by position; measured with tracemalloc."""

PREPARED_BYTES = 1_572_864
"""A prepared page and the analyst's sections of a version; measured at 0.3 and 0.6 MB with tracemalloc."""

EFFECTS_KEPT, MEASURES_KEPT = 24, 4
"""Results that a version remembers; a change needs up to six effects and paths and two of all units."""

EFFECT_BYTES, MEASURE_BYTES = 8_192, 400
"""Bytes of an effect beside its draws, and of the effects on all units by unit, with their texts."""


@dataclass(frozen=True, eq=False)
class UnitSeries:
    """The series of one unit as figures show them, by period; NaN where not observed."""

    period: NDArray[np.int64]
    treatment: Floats
    outcome: Floats
    median: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True)
class EffectAnswer:
    """The effect on one unit or on all, or the reason why there is none.

    Attributes
    ----------
    period, units
        The period it is of, as readers see it, and how many units.
    outcome, treatment
        The observed values, summed or averaged over the units as their effects are.
    """

    period: int | str
    units: int
    effect: Effect | None
    reason: str | None = None
    outcome: float = math.nan
    treatment: float = math.nan


@dataclass(frozen=True)
class UnitNames:
    """Identifiers and labels of the units, in their order; pages may hold them beyond the version."""

    ids: tuple[str, ...]
    labels: tuple[str, ...]


def count_bytes(draws: int, slopes: int, units: int, periods: int) -> int:
    """Return the most bytes that a version takes, with its remembered results and all that is prepared of it.

    The slopes are those of one draw: one, or one for each unit.
    """
    ordered = -(-draws // thin_draws(draws, units)) * slopes
    arrays = 8 * (draws * slopes + ordered + 5 * units * periods) + units * periods
    effects = EFFECTS_KEPT * (9 * draws + 40 * periods + EFFECT_BYTES)
    return arrays + effects + (MEASURES_KEPT * MEASURE_BYTES + UNIT_BYTES) * units + PREPARED_BYTES


class Remembered:
    """The latest results of a version; the least recently used is dropped first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._results: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def find[T](self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return a result, computed where it is not remembered."""
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                found: T = self._results[key]
                return found
        result = compute()
        with self._lock:
            self._results[key] = result
            if len(self._results) > self._most:
                self._results.popitem(last=False)
        return result


class LoadedVersion(Shared):
    """The draws and the panel of one version, and what is computed from them once per process.

    Compared by identity: two of the same name hold the same numbers. It is in no reference cycle, so that its
    memory is free the moment nobody refers to it: with many sessions open, cycles are not collected.
    Its manifest has the names that readers see; `nbytes` is of `count_bytes`.

    Parameters
    ----------
    slope : (draw,) or (draw, unit)
        Draws of beta, or of each unit's own where the model has them, all chains one after another.
    panel, band : (unit, period)
        Outcome and treatment; median, lower and upper bound of the model's expectation.
    """

    def __init__(
        self,
        manifest: Manifest,
        slope: Floats,
        panel: dict[str, Floats],
        band: dict[str, Floats],
        trace: Path,
    ) -> None:
        self.manifest = manifest = label_manifest(manifest)
        self.trace = trace
        self.slope = _freeze(slope)
        self._ordered = _freeze(order_slopes(slope, len(manifest.units)))
        self._outcome = _freeze(panel["outcome"])
        self._treatment = _freeze(panel["treatment"])
        self._band = {name: _freeze(band[name]) for name in ("median", "lower", "upper")}
        self._observed = np.isfinite(self._outcome) & np.isfinite(self._treatment)
        self._positions = {unit.id: place for place, unit in enumerate(manifest.units)}
        self.labels = {unit.id: unit.label for unit in manifest.units}
        self.unit_names = UnitNames(tuple(self.labels), tuple(self.labels.values()))
        self._periods = _freeze(np.asarray(manifest.periods, dtype=np.int64))
        card = manifest.study
        transforms = card.outcome.transform, card.treatment.transform
        self.estimand: Estimand = estimand_of(card.what_if, *transforms, card.sign)
        columns = np.arange(len(manifest.periods), dtype=np.int64)
        # The position of each unit's last observed period, -1 where it has none.
        self._last = np.where(self._observed, columns, -1).max(axis=1)
        self.reach: Reach = find_reach(self._treatment, card.what_if.kind)
        slopes = slope.shape[1] if slope.ndim == 2 else 1
        self.nbytes = count_bytes(len(slope), slopes, len(manifest.units), len(manifest.periods))
        self._effects, self._measures = Remembered(EFFECTS_KEPT), Remembered(MEASURES_KEPT)

    @property
    def name(self) -> str:
        """Return the version's name."""
        return self.manifest.version

    @property
    def address(self) -> str:
        """Return the names of study and version."""
        return f"{self.manifest.study.name}/{self.manifest.version}"

    @property
    def series(self) -> tuple[UnitSeries, ...]:
        """Return the series of every unit, in the order of `manifest.units`."""
        return tuple(map(self.series_of, self.labels))

    def series_of(self, unit: str) -> UnitSeries:
        """Return the series of a unit by its identifier."""
        place = self._positions[unit]
        band = {name: values[place] for name, values in self._band.items()}
        return UnitSeries(self._periods, self._treatment[place], self._outcome[place], **band)

    def beyond(self, unit: str, change: float) -> tuple[Beyond, ...]:
        """Return where a change of a unit's treatment, at its last period, leaves what the data have seen."""
        place = self._positions[unit]
        column = int(self._last[place])
        return self._leave_reach(place, column, change) if column >= 0 else ()

    def _leave_reach(self, place: int, column: int, change: float) -> tuple[Beyond, ...]:
        kind = self.manifest.study.what_if.kind
        return leave_reach(self.reach, float(self._treatment[place, column]), change, kind)

    def beyond_elsewhere(self, unit: str, change: float) -> tuple[str, ...]:
        """Name the other units of the last period whose treatment a change brings where no unit's was."""
        chosen = self._positions[unit]
        beyond = self._measures.find(("beyond", change), lambda: self._find_beyond(change))
        return tuple(self.manifest.units[place].label for place in beyond if place != chosen)

    def _find_beyond(self, change: float) -> tuple[int, ...]:
        last, found = len(self.manifest.periods) - 1, []
        for place in map(int, np.flatnonzero(self._observed[:, last])):
            ways = {one.what for one in self._leave_reach(place, last, change)}
            if ways & {"highest", "lowest"}:
                found.append(place)
        return tuple(found)

    def negligible(self, answer: EffectAnswer) -> float | None:
        """Return the size below which an effect counts as none, in the outcome's units, or None."""
        percent = self.manifest.study.what_if.negligible
        return None if percent is None else abs(answer.outcome) * percent / 100

    def effect_on(self, unit: str, change: float, mass: float = HDI_MASS) -> EffectAnswer:
        """Return the effect on a unit at the last period in which both of its columns are observed."""
        place = self._positions[unit]
        column = int(self._last[place])
        if column < 0:
            period = self.manifest.period_names[-1]
            return EffectAnswer(period, 0, None, f"{self.labels[unit]} is never observed")
        places = np.asarray([place], dtype=np.int64)
        return self._effects.find((unit, change, mass), lambda: self._answer(places, column, change, mass))

    def effect_on_all(self, change: float, mass: float = HDI_MASS) -> EffectAnswer:
        """Return the effect on the units of the panel's last period: sum or mean, as the card says."""
        last = len(self.manifest.periods) - 1
        places = np.flatnonzero(self._observed[:, last])
        if places.size == 0:
            period = self.manifest.period_names[last]
            return EffectAnswer(period, 0, None, "no unit is observed in the last period")
        share = 1 / places.size if self.manifest.study.together == "mean" else 1.0
        return self._effects.find((change, mass), lambda: self._answer(places, last, change, mass, share))

    def measure(self, change: float, mass: float = HDI_MASS) -> Measure:
        """Return the effect on each unit at its own last observed period, and what units are compared by."""
        return self._measures.find((change, mass), lambda: self._measure(change, mass))

    def path_of(self, unit: str, change: float, mass: float = HDI_MASS) -> OutcomePath:
        """Return the outcome that a unit would have had under the change, in each of its periods."""
        return self._effects.find(("path", unit, change, mass), lambda: self._path_of(unit, change, mass))

    def _measure(self, change: float, mass: float) -> Measure:
        places, last = np.arange(len(self._last)), self._last
        outcome = np.where(last < 0, np.nan, self._outcome[places, last])
        treatment = np.where(last < 0, np.nan, self._treatment[places, last])
        effects = compute_unit_effects(self._ordered, outcome, treatment, last, change, self.estimand, mass)
        return Measure(self.manifest.study, self.estimand, effects)

    def _path_of(self, unit: str, change: float, mass: float) -> OutcomePath:
        place = self._positions[unit]
        own = np.sort(self.slope if self.slope.ndim == 1 else self.slope[:, place])[:, None]
        panel = self._outcome[place], self._treatment[place]
        return compute_path(own, *panel, change, self.estimand, mass)

    def _answer(
        self, places: NDArray[np.int64], column: int, change: float, mass: float, share: float = 1.0
    ) -> EffectAnswer:
        outcome, treatment = self._outcome[places, column], self._treatment[places, column]
        period = self.manifest.period_names[column]
        try:
            slope = self.slope if self.slope.ndim == 1 else self.slope[:, places]
            draws = compute_draws(slope, outcome, treatment, change, self.estimand)
        except EffectUndefined as error:
            labels = [self.manifest.units[int(places[unit])].label for unit in error.units]
            named = f" ({name_some(labels)})" if labels else ""
            return EffectAnswer(period, places.size, None, f"{error}{named}")
        observed = float(outcome.sum() * share), float(treatment.mean())
        return EffectAnswer(period, places.size, summarise(draws * share, mass), None, *observed)


def _freeze[Kind: np.generic](values: NDArray[Kind]) -> NDArray[Kind]:
    """Make an array read-only, in place: nobody else has it, and a copy is as large."""
    values.setflags(write=False)
    return values
