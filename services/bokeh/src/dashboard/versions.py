"""A published version in memory: read once per process, shared by all sessions, read-only."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from dashboard.estimands import (
    Effect,
    EffectUndefined,
    Estimand,
    Floats,
    compute_draws,
    estimand_of,
    summarise,
)
from tracestore.errors import TraceCorrupt
from tracestore.manifest import Manifest

EFFECTS_KEPT = 512
"""Effects remembered per version; one is about 3 kB."""


@dataclass(frozen=True, eq=False)
class UnitSeries:
    """What the figures show of one unit, by period; NaN where not observed."""

    period: NDArray[np.int64]
    treatment: Floats
    outcome: Floats
    mean: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True)
class EffectAnswer:
    """The effect on one unit or on all, or the reason why there is none.

    `period` is the period it is of and `units` how many units it is of.
    """

    period: int
    units: int
    effect: Effect | None
    reason: str | None = None


class LoadedVersion:
    """The draws and the panel of one version, and what is computed from them once per process.

    Compared by identity: two of the same name hold the same numbers.

    Attributes
    ----------
    manifest
        What the store says of the version.
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
        self.manifest = manifest
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
                mean=_freeze(band["mean"][place]),
                lower=_freeze(band["lower"][place]),
                upper=_freeze(band["upper"][place]),
            )
            for place in range(len(manifest.units))
        )
        card = manifest.study
        self.estimand: Estimand = estimand_of(
            card.what_if, card.outcome.transform, card.treatment.transform, card.sign
        )
        self.effect_on = lru_cache(maxsize=EFFECTS_KEPT)(self._effect_on)
        self.effect_on_all = lru_cache(maxsize=EFFECTS_KEPT)(self._effect_on_all)

    @property
    def name(self) -> str:
        """The version's name."""
        return self.manifest.version

    def series_of(self, unit: str) -> UnitSeries:
        """Give the series of a unit by its identifier."""
        return self.series[self._positions[unit]]

    def _effect_on(self, unit: str, change: float) -> EffectAnswer:
        """Give the effect on a unit at the last period in which both of its columns are observed."""
        place = self._positions[unit]
        observed = np.flatnonzero(self._observed[place])
        if observed.size == 0:
            return EffectAnswer(self.manifest.periods[-1], 0, None, f"{self.labels[unit]} is never observed")
        return self._answer(np.asarray([place], dtype=np.int64), int(observed[-1]), change)

    def _effect_on_all(self, change: float) -> EffectAnswer:
        """Give the effect on the units of the panel's last period: sum or mean, as the card says."""
        last = len(self.manifest.periods) - 1
        places = np.flatnonzero(self._observed[:, last])
        if places.size == 0:
            return EffectAnswer(
                self.manifest.periods[last], 0, None, "no unit is observed in the last period"
            )
        share = 1 / places.size if self.manifest.study.together == "mean" else 1.0
        return self._answer(places, last, change, share)

    def _answer(
        self, places: NDArray[np.int64], column: int, change: float, share: float = 1.0
    ) -> EffectAnswer:
        outcome, treatment = self._outcome[places, column], self._treatment[places, column]
        period = self.manifest.periods[column]
        try:
            slope = self.slope if self.slope.ndim == 1 else self.slope[:, places]
            draws = compute_draws(slope, outcome, treatment, change, self.estimand)
        except EffectUndefined as error:
            labels = [self.manifest.units[int(places[unit])].label for unit in error.units]
            named = f" ({', '.join(labels[:3])}{' and others' if len(labels) > 3 else ''})" if labels else ""
            return EffectAnswer(period, places.size, None, f"{error}{named}")
        return EffectAnswer(period, places.size, summarise(draws * share))


def load_version(manifest: Manifest, trace: Path) -> LoadedVersion:
    """Read a verified version into memory.

    Raises
    ------
    TraceCorrupt
        When the file lacks a variable of the contract, or one has other dims or sizes than the manifest.
    """
    expected = {
        "posterior": {"beta": ("chain", "draw")},
        "panel": dict.fromkeys(("outcome", "treatment"), ("unit", "period")),
        "band": dict.fromkeys(("mean", "lower", "upper"), ("unit", "period")),
    }
    sizes = {"unit": len(manifest.units), "period": len(manifest.periods)}
    optional = {"beta_unit": ("chain", "draw", "unit")}
    found: dict[str, dict[str, Floats]] = {group: {} for group in expected}
    faults: list[str] = []
    try:
        for group, variables in expected.items():
            with xr.open_dataset(trace, group=group, engine="h5netcdf") as dataset:
                own = {name: dims for name, dims in optional.items() if name in dataset}
                for name, dims in (variables | (own if group == "posterior" else {})).items():
                    if name not in dataset:
                        faults.append(f"{group}/{name} is missing")
                    elif set(dataset[name].dims) != set(dims):
                        faults.append(f"{group}/{name} has dims {dataset[name].dims}, expected {dims}")
                    else:
                        values = dataset[name].transpose(*dims)
                        found[group][name] = np.array(values, dtype=np.float64)
                        faults.extend(
                            f"{group}/{name} has {values.sizes[dim]} along {dim}, the manifest {sizes[dim]}"
                            for dim in dims
                            if dim in sizes and values.sizes[dim] != sizes[dim]
                        )
    except (OSError, KeyError, ValueError) as error:
        raise TraceCorrupt(f"{trace}: cannot be read as NetCDF ({error})") from error
    if faults:
        raise TraceCorrupt(f"{trace}: {'; '.join(faults)}")
    beta = found["posterior"].get("beta_unit", found["posterior"]["beta"])
    slope = beta.reshape(-1, *beta.shape[2:])
    return LoadedVersion(manifest, slope, found["panel"], found["band"], trace)


def _freeze[Kind: np.generic](values: NDArray[Kind]) -> NDArray[Kind]:
    frozen = np.array(values)
    frozen.setflags(write=False)
    return frozen
