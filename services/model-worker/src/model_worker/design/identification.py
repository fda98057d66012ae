"""Checks that a panel identifies its regression, and the faults of a panel that does not."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_worker.study.definition import Study
from model_worker.study.faults import InvalidInput
from model_worker.study.plurals import count_of
from tracestore.manifest import Fault

Floats = NDArray[np.float64]

COLLINEAR = 1e-7
"""Collinearity threshold: the share of a regressor's spread that remains after the effects and the preceding
regressors. Smaller shares are rounding error in double precision."""

FEWEST_ROWS_LEFT = 3
"""Minimum number of rows beyond the coefficients of effects and controls: one for the slope, and two for the
noise, whose variance is otherwise not finite."""

EXPLAINED = 1e-18
"""Share of the outcome's variance, after effects and regressors, that counts as rounding error."""


@dataclass(frozen=True)
class Identification:
    """Identification checks for a study's panel; the regressors are treatment, controls and lags."""

    study: Study

    def require_variation(self, outcome: Floats, regressors: Floats) -> None:
        """Raise if the outcome (rows,) or any of the regressors (rows, regressors) is constant.

        Raises
        ------
        InvalidInput
            With one fault for each constant column.
        """
        expected, found = "values that differ", f"one value in all {len(outcome):,} rows"
        advice = "A column without variation has no slope: choose another."
        faults = [
            self._of_regressor(place, expected, found, advice, kind="constant")
            for place, values in enumerate(regressors.T)
            if _is_constant(values)
        ]
        if _is_constant(outcome):
            faults.insert(0, self._of_outcome(expected, found, advice, kind="constant"))
        _raise(faults)

    def require_distinct(self, left: Floats, *, beside_trends: bool) -> None:
        """Raise if effects, trends or other regressors determine any regressor.

        Parameters
        ----------
        left : (rows, regressors)
            Residuals of regressors with a spread of 1 after effects, and after trends with `beside_trends`.

        Raises
        ------
        InvalidInput
            With one fault for each determined regressor.
        """
        _raise(list(self._determined(left, beside_trends)))

    def require_rows(self, rows: int, taken: int) -> None:
        """Raise if the panel has too few rows for the coefficients of effects, controls and lags.

        Raises
        ------
        InvalidInput
            When fewer than `FEWEST_ROWS_LEFT` rows remain after `taken`.
        """
        if rows - taken >= FEWEST_ROWS_LEFT:
            return
        toml = self.study.toml
        kinds = {"controls": toml.controls, "lags": toml.model.lags, "trends": toml.model.trends}
        given = [kind for kind, some in kinds.items() if some]
        remove = f", or take fewer {' or '.join(given)}" if given else ""
        _raise(
            [
                Fault(
                    kind="too_few_rows",
                    file=self.study.data_name,
                    expected=f"at least {taken + FEWEST_ROWS_LEFT:,} rows: {', '.join(['effects', *given])}"
                    f" take {taken:,}, slope and noise {FEWEST_ROWS_LEFT}",
                    found=count_of(rows, "row"),
                    advice=f"Add rows{remove}.",
                )
            ]
        )

    def require_noise(self, residual_sum: float, rows: int) -> None:
        """Raise if effects and regressors explain an outcome with a spread of 1 exactly.

        Raises
        ------
        InvalidInput
            When the residual sum of squares does not exceed rounding error.
        """
        if residual_sum > rows * EXPLAINED:
            return
        given = "effects, the trends" if self.study.toml.model.trends else "effects"
        expected, found = (
            "an outcome with some noise",
            f"an outcome that the {given} and the other columns give",
        )
        advice = "Check whether the outcome was computed from the other columns."
        _raise([self._of_outcome(expected, f"{found} exactly", advice, kind="no_residual")])

    def _determined(self, left: Floats, beside_trends: bool) -> Iterator[Fault]:
        own = np.sqrt(len(left))
        kept: list[Floats] = []
        for place, residual in enumerate(left.T):
            beyond = residual.copy()
            for direction in kept:
                beyond -= direction * (direction @ beyond)
            if np.linalg.norm(residual) <= COLLINEAR * own:
                words = self._along_trends() if beside_trends else self._by_effects()
            elif np.linalg.norm(beyond) <= COLLINEAR * own:
                words = self._by_others(place)
            else:
                kept.append(beyond / np.linalg.norm(beyond))
                continue
            yield self._of_regressor(place, *words, kind="not_identified")

    def _by_effects(self) -> tuple[str, str, str]:
        unit, period = self.study.toml.unit, self.study.toml.period
        needed = f"a column that changes differently over the {period.nouns} of some {unit.nouns}"
        if self.study.toml.model.effects == "pooled":
            advice = (
                f"Beside pooled effects too it takes {needed}: scales of the priors come from such changes."
            )
        else:
            advice = f"The model needs {needed}."
        return (
            self._beyond_effects(),
            f"values that {unit.noun} and {period.noun} determine, as when each {unit.noun} keeps one value",
            advice,
        )

    def _along_trends(self) -> tuple[str, str, str]:
        unit = self.study.toml.unit
        return (
            f"values that leave the straight line of each {unit.noun}",
            f"values that the trends of the {unit.nouns} determine",
            "Leave out model.trends, or take a column that does not move along a line.",
        )

    def _by_others(self, place: int) -> tuple[str, str, str]:
        others = ", ".join(self._name(other) for other in range(place))
        return (
            self._beyond_effects(),
            f"values that {others} and the effects determine",
            "Remove one of these columns from the study.",
        )

    def _beyond_effects(self) -> str:
        unit, period = self.study.toml.unit.noun, self.study.toml.period.noun
        return f"values that differ beyond the effects of {unit} and {period}"

    def _name(self, place: int) -> str:
        columns = (self.study.toml.treatment.column, *self.study.toml.controls)
        if place < len(columns):
            return columns[place]
        return f"{columns[0]} {count_of(place - len(columns) + 1, 'step')} before"

    def _of_outcome(self, expected: str, found: str, advice: str, *, kind: str) -> Fault:
        column = self.study.toml.outcome.column
        return Fault(
            kind=kind, file=self.study.data_name, column=column, expected=expected, found=found, advice=advice
        )

    def _of_regressor(self, place: int, expected: str, found: str, advice: str, *, kind: str) -> Fault:
        name = self._name(place)
        if place <= len(self.study.toml.controls):
            return Fault(
                kind=kind,
                file=self.study.data_name,
                column=name,
                expected=expected,
                found=found,
                advice=advice,
            )
        # A lag is not a column of the file, so the fault names the number of lags.
        return self.study.fault(
            ("model", "lags"),
            kind=kind,
            value=str(self.study.toml.model.lags),
            expected=expected,
            found=f"for {name}, less that of the row, {found}",
            advice="Take fewer lags, or leave model.lags out.",
        )


def _is_constant(values: Floats) -> bool:
    return bool(np.ptp(values) <= np.abs(values).max() * 1e-14)


def _raise(faults: list[Fault]) -> None:
    if faults:
        raise InvalidInput(faults)
