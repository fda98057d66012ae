"""From draws of slopes and noise to the whole posterior, in the data's own units."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from model_worker.design import Design
from model_worker.model import EFFECT_SCALE
from model_worker.panel import Panel
from model_worker.sampling import Draws

Floats = NDArray[np.float64]


def recover_posterior(draws: Draws, design: Design, panel: Panel, rng: np.random.Generator) -> xr.Dataset:
    """Draw the effects given each draw of slopes and noise, and take everything to its own units.

    The conditional of the effects is Gaussian and, in the eigenvectors of their design, independent from
    one direction to the next: these are exact draws from the joint posterior.

    Returns
    -------
    xarray.Dataset
        `beta`, `intercept`, `sigma` (chain, draw), `unit_effect` (chain, draw, unit), `period_effect`
        (chain, draw, period) and, with controls, `gamma` (chain, draw, control), such that the
        transformed outcome has mean ``intercept + unit_effect + period_effect + beta * transformed
        treatment + gamma . controls``.
    """
    chains, count = draws.sigma.shape
    slopes = draws.slopes.reshape(chains * count, -1)
    sigma = draws.sigma.reshape(chains * count)
    intercept, unit, period = design.space.split(_draw_contrasts(slopes, sigma, design, rng))
    own_slopes = slopes * design.outcome_scale / design.scales
    own_intercept = design.outcome_centre + design.outcome_scale * intercept - own_slopes @ design.centres

    def by_draw(values: Floats) -> Floats:
        return values.reshape(chains, count, *values.shape[1:])

    variables = {
        "beta": (("chain", "draw"), by_draw(own_slopes[:, 0])),
        "intercept": (("chain", "draw"), by_draw(own_intercept)),
        "sigma": (("chain", "draw"), by_draw(sigma * design.outcome_scale)),
        "unit_effect": (("chain", "draw", "unit"), by_draw(unit.T * design.outcome_scale)),
        "period_effect": (("chain", "draw", "period"), by_draw(period.T * design.outcome_scale)),
    }
    coords = {
        "chain": np.arange(chains),
        "draw": np.arange(count),
        "unit": [member.id for member in panel.units],
        "period": list(panel.periods),
    }
    if panel.control_names:
        variables["gamma"] = (("chain", "draw", "control"), by_draw(own_slopes[:, 1:]))
        coords["control"] = list(panel.control_names)
    return xr.Dataset(variables, coords=coords)


def _draw_contrasts(slopes: Floats, sigma: Floats, design: Design, rng: np.random.Generator) -> Floats:
    space = design.space
    prior = EFFECT_SCALE**2
    target = space.project(design.outcome)[:, None] - space.project(design.regressors) @ slopes.T
    variance = 1 / (1 / prior + space.eigenvalues[:, None] / sigma**2)
    mean = variance * np.sqrt(space.eigenvalues)[:, None] * target / sigma**2
    seen = mean + np.sqrt(variance) * rng.standard_normal(mean.shape)
    unseen = EFFECT_SCALE * rng.standard_normal((space.null.shape[1], len(sigma)))
    contrasts: Floats = space.vectors @ seen + space.null @ unseen
    return contrasts
