"""Reduction of a design to the data of its compiled model: the likelihood on nodes, or padded rows."""

from model_worker.design.regression import Design
from model_worker.models.explicit.reference_fit import refer
from model_worker.models.explicit.statistics import StudentStatistics
from model_worker.models.gaussian.likelihood import tabulate
from model_worker.models.gaussian.pymc_model import Shape, Statistics, state_constants

Reduced = Statistics | StudentStatistics


def reduce_design(design: Design) -> Reduced:
    """Return the data of a design's compiled model.

    Raises
    ------
    Unresolved
        When the likelihood is not smooth enough to be tabulated.
    """
    return reduce_to_rows(design) if design.specification.heavy else reduce_to_likelihood(design)


def reduce_to_likelihood(design: Design) -> Statistics:
    """Return the tabulated likelihood of a design with Gaussian innovations.

    Raises
    ------
    Unresolved
        When the likelihood is not smooth enough to be tabulated.
    """
    chosen, fit = design.specification, design.least_squares
    likelihood = tabulate(design.gaussian, autoregressive=chosen.autoregressive)
    constants = state_constants(
        likelihood, design.spread_scale, design.slope_scale, fit.slopes[0], fit.standard_errors[0]
    )
    return Statistics(_shape_of(design), likelihood.coefficients, constants)


def reduce_to_rows(design: Design) -> StudentStatistics:
    """Return the rows of a design with Student-t innovations, arranged around a reference fit."""
    return refer(
        design.gaussian,
        float(design.least_squares.slopes[0]),
        design.spread_scale,
        design.slope_scale,
        autoregressive=design.specification.autoregressive,
    )


def _shape_of(design: Design) -> Shape:
    chosen = design.specification
    levelled = chosen.autoregressive and chosen.random == "constant"
    return Shape(chosen.autoregressive, chosen.random != "none", levelled)
