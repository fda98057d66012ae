"""Manifest records about a fit beyond its diagnostics: criticism and the model card."""

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from tracestore.contract import Contract, Name


class PredictiveCheck(Contract):
    """A statistic of the data, compared with its values in replicated data.

    Attributes
    ----------
    name
        Name of the statistic, as in docs/estimand.md.
    observed
        Posterior mean of the statistic in the data.
    lower, upper
        Interval that contains 94% of the statistic's values in replicated data.
    probability
        Share of replicates with a larger value than the data's (Gelman, Meng and Stern 1996). It is near
        0 or 1 if the model does not reproduce the statistic.
    """

    name: Name
    observed: float
    lower: float
    upper: float
    probability: Annotated[float, Field(ge=0, le=1)]


class LeaveOneOut(Contract):
    """Expected log predictive density of left-out rows, by Pareto smoothed importance sampling.

    `bad_rows` of the `rows` have a Pareto k above `threshold`, so their contribution is unreliable. `worst`
    names the row with the largest k, as in ``CA, 2009``. Densities are on the transformed outcome's scale.
    """

    elpd: float
    standard_error: float
    effective_parameters: float
    rows: PositiveInt
    bad_rows: NonNegativeInt
    worst_k: float
    worst: str
    threshold: float


class Sensitivity(Contract):
    """Shift of a parameter's posterior when the prior or the likelihood is raised to a power near one.

    `prior` and `likelihood` are cumulative Jensen-Shannon distances per doubling (Kallioinen et al. 2024,
    doi:10.1007/s11222-023-10366-5). The parameter is sensitive if a distance exceeds `threshold`.
    """

    parameter: Name
    prior: float
    likelihood: float
    threshold: float


class LeastSquaresCard(Contract):
    """Two-way least-squares slope, with classical and cluster-robust standard errors.

    The 94% intervals use Student's t, with `freedom` (classical) or `clusters` - 1 (clustered) degrees of
    freedom.
    """

    slope: float
    classical_error: float
    classical_interval: tuple[float, float]
    clustered_error: float
    clustered_interval: tuple[float, float]
    freedom: PositiveInt
    clusters: PositiveInt


class Criticism(Contract):
    """Criticism of a fit beyond its diagnostics; it never blocks a version from being served."""

    predictive_checks: tuple[PredictiveCheck, ...]
    leave_one_out: LeaveOneOut | None
    sensitivity: tuple[Sensitivity, ...]
    least_squares: LeastSquaresCard


class PriorCard(Contract):
    """A parameter's prior in the data's units, with the reason for it in words."""

    parameter: Name
    distribution: Name
    reason: Name


class ModelCard(Contract):
    """Description of the fitted model for its reviewers.

    `equations` are lines of Unicode mathematics, and `words` are sentences with the same content. `limits`
    are sentences on the model's limitations and on cases where its intervals missed (docs/calibration.md).
    """

    equations: tuple[str, ...]
    words: tuple[str, ...]
    priors: tuple[PriorCard, ...]
    limits: tuple[str, ...]
