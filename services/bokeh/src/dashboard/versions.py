"""A published version in memory: read once per process, shared by all sessions, read-only."""

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import xarray as xr
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
from dashboard.labels import label_manifest
from dashboard.measure import Measure
from dashboard.reach import Beyond, Reach, find_reach, leave_reach
from dashboard.unit_effects import Path as OutcomePath
from dashboard.unit_effects import compute_path, compute_unit_effects
from tracestore.errors import TraceCorrupt
from tracestore.manifest import Manifest

EFFECTS_KEPT = 128
"""Effects remembered per version; one is about 40 kB with 4,000 draws."""


@dataclass(frozen=True, eq=False)
class UnitSeries:
    """What the figures show of one unit, by period; NaN where not observed."""

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
        What was observed there, summed or averaged over the units as their effects are.
    """

    period: int | str
    units: int
    effect: Effect | None
    reason: str | None = None
    outcome: float = math.nan
    treatment: float = math.nan


class LoadedVersion(Shared):
    """The draws and the panel of one version, and what is computed from them once per process.

    Compared by identity: two of the same name hold the same numbers.

    Attributes
    ----------
    manifest
        What the store says of the version, with names as readers see them.
    slope : (draw,) or (draw, unit)
        Draws of beta, or of each unit's own where the model has them, all chains one after another.
    series
        By unit, in the order of `manifest.units`.
    trace
        The file it was read from.
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
        self._outcome = _freeze(panel["outcome"])
        self._treatment = _freeze(panel["treatment"])
        self._observed = np.isfinite(self._outcome) & np.isfinite(self._treatment)
        self._positions = {unit.id: place for place, unit in enumerate(manifest.units)}
        self.labels = {unit.id: unit.label for unit in manifest.units}
        periods = _freeze(np.asarray(manifest.periods, dtype=np.int64))
        self.series = tuple(
            UnitSeries(
                period=periods,
                treatment=self._treatment[place],
                outcome=self._outcome[place],
                median=_freeze(band["median"][place]),
                lower=_freeze(band["lower"][place]),
                upper=_freeze(band["upper"][place]),
            )
            for place in range(len(manifest.units))
        )
        card = manifest.study
        self.estimand: Estimand = estimand_of(
            card.what_if, card.outcome.transform, card.treatment.transform, card.sign
        )
        ordered = np.sort(slope.reshape(len(slope), -1), axis=0)
        self._ordered = _freeze(ordered)
        self._last = self._find_last()
        self.reach: Reach = find_reach(self._treatment, card.what_if.kind)
        self.effect_on = lru_cache(maxsize=EFFECTS_KEPT)(self._effect_on)
        self.effect_on_all = lru_cache(maxsize=EFFECTS_KEPT)(self._effect_on_all)
        self.measure = lru_cache(maxsize=EFFECTS_KEPT)(self._measure)
        self.path_of = lru_cache(maxsize=EFFECTS_KEPT)(self._path_of)
        self.places_beyond = lru_cache(maxsize=EFFECTS_KEPT)(self._find_places_beyond)

    @property
    def name(self) -> str:
        """The version's name."""
        return self.manifest.version

    def series_of(self, unit: str) -> UnitSeries:
        """Give the series of a unit by its identifier."""
        return self.series[self._positions[unit]]

    def beyond(self, unit: str, change: float) -> tuple[Beyond, ...]:
        """Say where a change of a unit's treatment, at its last period, leaves what the data have seen."""
        place = self._positions[unit]
        column = int(self._last[place])
        if column < 0:
            return ()
        what_if = self.manifest.study.what_if
        return leave_reach(self.reach, float(self._treatment[place, column]), change, what_if.kind)

    def beyond_elsewhere(self, unit: str, change: float) -> tuple[str, ...]:
        """Name the other units of the last period whose treatment a change brings where no unit's was."""
        chosen = self._positions[unit]
        return tuple(
            self.manifest.units[place].label for place in self.places_beyond(change) if place != chosen
        )

    def _find_places_beyond(self, change: float) -> tuple[int, ...]:
        """Give the units of the last period whose treatment a change brings where no unit's was."""
        last, kind = len(self.manifest.periods) - 1, self.manifest.study.what_if.kind
        return tuple(
            int(place)
            for place in np.flatnonzero(self._observed[:, last])
            if any(
                one.what in {"highest", "lowest"}
                for one in leave_reach(self.reach, float(self._treatment[place, last]), change, kind)
            )
        )

    def negligible(self, answer: EffectAnswer) -> float | None:
        """Give the size below which an effect counts as none, in the outcome's units; None where not said."""
        percent = self.manifest.study.what_if.negligible
        return None if percent is None else abs(answer.outcome) * percent / 100

    def _find_last(self) -> NDArray[np.int64]:
        """Give the position of each unit's last observed period, -1 where it has none."""
        columns = np.arange(len(self.manifest.periods), dtype=np.int64)
        return np.where(self._observed, columns, -1).max(axis=1)

    def _effect_on(self, unit: str, change: float, mass: float = HDI_MASS) -> EffectAnswer:
        """Give the effect on a unit at the last period in which both of its columns are observed."""
        place = self._positions[unit]
        column = int(self._last[place])
        if column < 0:
            return EffectAnswer(
                self.manifest.period_names[-1], 0, None, f"{self.labels[unit]} is never observed"
            )
        return self._answer(np.asarray([place], dtype=np.int64), column, change, mass)

    def _effect_on_all(self, change: float, mass: float = HDI_MASS) -> EffectAnswer:
        """Give the effect on the units of the panel's last period: sum or mean, as the card says."""
        last = len(self.manifest.periods) - 1
        places = np.flatnonzero(self._observed[:, last])
        if places.size == 0:
            return EffectAnswer(
                self.manifest.period_names[last], 0, None, "no unit is observed in the last period"
            )
        share = 1 / places.size if self.manifest.study.together == "mean" else 1.0
        return self._answer(places, last, change, mass, share)

    def _measure(self, change: float, mass: float = HDI_MASS) -> Measure:
        """Give the effect on each unit at its own last observed period, and what units are compared by."""
        places = np.arange(len(self._last))
        outcome = np.where(self._last < 0, np.nan, self._outcome[places, self._last])
        treatment = np.where(self._last < 0, np.nan, self._treatment[places, self._last])
        effects = compute_unit_effects(
            self._ordered, outcome, treatment, self._last, change, self.estimand, mass
        )
        return Measure(self.manifest.study, self.estimand, effects)

    def _path_of(self, unit: str, change: float, mass: float = HDI_MASS) -> OutcomePath:
        """Give the outcome that a unit would have had under the change, in each of its periods."""
        place = self._positions[unit]
        own = self._ordered[:, [place]] if self._ordered.shape[1] > 1 else self._ordered
        series = self.series[place]
        return compute_path(own, series.outcome, series.treatment, change, self.estimand, mass)

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
            named = f" ({', '.join(labels[:3])}{' and others' if len(labels) > 3 else ''})" if labels else ""
            return EffectAnswer(period, places.size, None, f"{error}{named}")
        return EffectAnswer(
            period,
            places.size,
            summarise(draws * share, mass),
            outcome=float(outcome.sum() * share),
            treatment=float(treatment.mean()),
        )


def load_version(manifest: Manifest, trace: Path) -> LoadedVersion:
    """Read a verified version into memory.

    Raises
    ------
    TraceCorrupt
        When the file lacks a variable of the contract, or one has other dims or sizes than the manifest,
        or it cannot be read at all.
    """
    try:
        return _load(manifest, trace)
    except TraceCorrupt:
        raise
    except Exception as error:
        # The readers of HDF5 raise whatever a damaged file makes them.
        raise TraceCorrupt(f"{trace}: cannot be read as NetCDF ({type(error).__name__}: {error})") from error


def _load(manifest: Manifest, trace: Path) -> LoadedVersion:
    expected = {
        "posterior": {"beta": ("chain", "draw")},
        "panel": dict.fromkeys(("outcome", "treatment"), ("unit", "period")),
        "band": dict.fromkeys(("lower", "upper"), ("unit", "period")),
    }
    sizes = {
        "chain": manifest.sampling.chains,
        "draw": manifest.sampling.draws,
        "unit": len(manifest.units),
        "period": len(manifest.periods),
    }
    optional: dict[str, dict[str, tuple[str, ...]]] = {
        "posterior": {"beta_unit": ("chain", "draw", "unit")},
        # Its middle was called mean in versions made before.
        "band": dict.fromkeys(("median", "mean"), ("unit", "period")),
    }
    found: dict[str, dict[str, Floats]] = {group: {} for group in expected}
    faults: list[str] = []
    for group, variables in expected.items():
        with xr.open_dataset(trace, group=group, engine="h5netcdf") as dataset:
            own = {name: dims for name, dims in optional.get(group, {}).items() if name in dataset}
            for name, dims in (variables | own).items():
                unfit = _find_unfit(dataset, group, name, dims, sizes)
                faults += unfit
                # What has another size than the manifest says may have any, and is not read.
                if not unfit:
                    found[group][name] = np.array(dataset[name].transpose(*dims), dtype=np.float64)
    band = found["band"]
    if not faults and not {"median", "mean"} & band.keys():
        faults.append("band/median is missing")
    if faults:
        raise TraceCorrupt(f"{trace}: {'; '.join(faults)}")
    band.setdefault("median", band.get("mean", np.empty(0)))
    beta = found["posterior"].get("beta_unit", found["posterior"]["beta"])
    slope = beta.reshape(-1, *beta.shape[2:])
    return LoadedVersion(manifest, slope, found["panel"], band, trace)


def _find_unfit(
    dataset: xr.Dataset, group: str, name: str, dims: tuple[str, ...], sizes: dict[str, int]
) -> list[str]:
    """Say what is wrong with a variable, without reading it."""
    if name not in dataset:
        return [f"{group}/{name} is missing"]
    variable = dataset[name]
    if set(variable.dims) != set(dims):
        return [f"{group}/{name} has dims {variable.dims}, expected {dims}"]
    if variable.dtype.kind not in "fiu":
        return [f"{group}/{name} is of type {variable.dtype}, expected numbers"]
    return [
        f"{group}/{name} has {variable.sizes[dim]} along {dim}, the manifest {sizes[dim]}"
        for dim in dims
        if variable.sizes[dim] != sizes[dim]
    ]


def _freeze[Kind: np.generic](values: NDArray[Kind]) -> NDArray[Kind]:
    frozen = np.array(values)
    frozen.setflags(write=False)
    return frozen
