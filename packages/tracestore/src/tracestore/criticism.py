"""What a manifest says of a fit beside its diagnostics: criticism, and the model card."""

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from tracestore.contract import Contract, Name


class PredictiveCheck(Contract):
    """A statistic of the data beside what the fitted model makes of it.

    Attributes
    ----------
    name
        As in docs/estimand.md.
    observed
        Posterior mean of the statistic in the data.
    lower, upper
        The interval that holds 94 % of its values in replicated data.
    probability
        Share of replicates with a larger value than the data's (Gelman, Meng and Stern 1996): near 0 or 1
        where the model does not make data like these.
    """

    name: Name
    observed: float
    lower: float
    upper: float
    probability: Annotated[float, Field(ge=0, le=1)]


class LeaveOneOut(Contract):
    """Expected log predictive density of rows left out, by Pareto smoothed importance sampling.

    `bad_rows` of the `rows` have a Pareto k above `threshold`, so that their part is not to be relied on;
    `worst` names the row of the largest k, as in ``CA, 2009``. On the scale of the transformed outcome.
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
    """How far a parameter's posterior moves when prior or likelihood is raised to a power near one.

    Cumulative Jensen-Shannon distance per doubling (Kallioinen et al. 2024,
    doi:10.1007/s11222-023-10366-5); above `threshold` it counts as sensitive.
    """

    parameter: Name
    prior: float
    likelihood: float
    threshold: float


class LeastSquaresCard(Contract):
    """The slope by two-way least squares, with classical and cluster-robust standard errors.

    Intervals have 94 % by Student's t, with `freedom` degrees of freedom and with `clusters` - 1.
    """

    slope: float
    classical_error: float
    classical_interval: tuple[float, float]
    clustered_error: float
    clustered_interval: tuple[float, float]
    freedom: PositiveInt
    clusters: PositiveInt


class Criticism(Contract):
    """What speaks for and against a fit beside its diagnostics; none of it keeps a version back."""

    predictive_checks: tuple[PredictiveCheck, ...]
    leave_one_out: LeaveOneOut | None
    sensitivity: tuple[Sensitivity, ...]
    least_squares: LeastSquaresCard


class PriorCard(Contract):
    """A parameter's prior in the data's own units, and in words why it is that."""

    parameter: Name
    distribution: Name
    reason: Name


class ModelCard(Contract):
    """The model that was fitted, for those who judge it.

    `equations` are lines of plain mathematics in Unicode, `words` sentences that say the same, `limits`
    sentences on what the model cannot say and where its intervals were found to miss
    (docs/calibration.md).
    """

    equations: tuple[str, ...]
    words: tuple[str, ...]
    priors: tuple[PriorCard, ...]
    limits: tuple[str, ...]
