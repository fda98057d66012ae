"""Likelihood as a function of rho and kappa on Chebyshev nodes, exact to a stated tolerance.

With the effects integrated out, the Gaussian panel model depends on the data only through four functions of
rho (persistence of the errors) and kappa (spread of the random column over the innovations' standard
deviation): see `Profile` in `model_worker.models.gaussian.conditional_gaussian`. These smooth functions are
computed exactly on the nodes once and stored as Chebyshev coefficients (Trefethen 2013, Approximation
Theory and Approximation Practice). A gradient then costs the same for a thousand rows and for ten million.

The coordinates are angles, ``T_k(cos a) = cos(k a)``, in variables that keep the functions' nearest
singularities away: ``sqrt(1 - rho)`` and ``kappa s / (1 + kappa s)``, with `s` a typical root of the
random column's information. With random levels and persistent errors, kappa is over the errors' standard
deviation instead, because the same long-run means must identify both.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from model_worker.models.gaussian.conditional_gaussian import ConditionalGaussian, Profile
from model_worker.models.prior_scales import LOWEST_RHO

Floats = NDArray[np.float64]

TOLERANCE = 1e-6
"""Allowed error of the log-likelihood, about four orders of magnitude below Monte Carlo error."""

WORST_TOLERANCE = 1e-3
"""Error accepted when the most nodes do not reach `TOLERANCE`; it is still below Monte Carlo error."""

_NODES = (64, 128, 256)
_INFORMED = 1e-9
_FAR = 1e8
_NEARLY_ONE = 1 - 1e-12


class Unresolved(Exception):
    """Failure of the nodes to resolve a likelihood that is not smooth enough."""


@dataclass(frozen=True)
class Likelihood:
    """Chebyshev coefficients (4, rho orders, kappa orders) of log determinant, yy, xy and xx.

    Attributes
    ----------
    freedom
        See `ConditionalGaussian.freedom`.
    informed
        Number of units whose random column has information, minus the number of effect directions lost as
        the spread of the column grows without bound. The term ``2 informed log(1 + kappa root)`` is added
        to the log determinant.
    root
        Typical root of the random column's information.
    vanishing
        Number of units whose level the errors absorb as rho nears 1, minus the number of effect directions
        lost with the levels. The term ``-vanishing log(1 - rho)`` is added to the log determinant. 0 for
        units with flat effects, whose levels are already eliminated.
    """

    coefficients: Floats
    freedom: int
    informed: int
    root: float
    vanishing: int = 0


def rho_at(angle: Floats) -> Floats:
    """Return rho at an angle from 0 (rho = 1) to pi (rho = LOWEST_RHO)."""
    return 1 - (1 - LOWEST_RHO) * np.sin(angle / 2) ** 4


def kappa_at(angle: Floats, root: float) -> Floats:
    """Return kappa at an angle from 0 (infinite) to pi (0)."""
    return 1 / (np.tan(angle / 2) ** 2 * root)


def tabulate(gaussian: ConditionalGaussian, *, autoregressive: bool) -> Likelihood:
    """Return the likelihood's Chebyshev coefficients.

    Parameters
    ----------
    autoregressive
        True if rho is unknown; rho is 0 otherwise.

    Raises
    ------
    Unresolved
        When 256 nodes do not reach the worst tolerance.
    """
    random = gaussian.random != "none"
    levelled = autoregressive and gaussian.random == "constant"
    middle = np.array([0.5 if autoregressive else 0.0])
    information = gaussian.whitened_moments(middle).information / (1 - middle**2 if levelled else 1.0)
    seen = information[information > information.max(initial=0) * _INFORMED]
    root = float(np.exp(0.5 * np.log(seen).mean())) if seen.size else 1.0
    informed = seen.size - gaussian.lost(middle, np.array([_FAR / root])) if random else 0
    vanishing = gaussian.units - gaussian.lost(np.array([_NEARLY_ONE]), np.zeros(1)) if levelled else 0
    for count in _NODES:
        angles = (np.arange(count) + 0.5) * np.pi / count
        rho = rho_at(angles) if autoregressive else np.zeros(1)
        kappa = kappa_at(angles, root) if random else np.zeros(1)
        profile = gaussian.profile(rho, kappa / np.sqrt(1 - rho[:, None] ** 2) if levelled else kappa)
        smooth = profile.log_determinant - 2 * informed * np.log1p(kappa * root)
        smooth += vanishing * np.log(1 - rho[:, None])
        functions = np.stack([smooth, profile.yy, profile.xy, profile.xx])
        coefficients = _coefficients(functions)
        tolerance = TOLERANCE if count < _NODES[-1] else WORST_TOLERANCE
        kept = _chop(coefficients, _weights(profile, gaussian.freedom), tolerance)
        if kept is not None:
            return Likelihood(kept, gaussian.freedom, informed, root, vanishing)
    raise Unresolved(f"the likelihood is not resolved by {_NODES[-1]} nodes to {WORST_TOLERANCE:g}")


def _coefficients(functions: Floats) -> Floats:
    found = functions
    for axis in (1, 2):
        count = functions.shape[axis]
        found = scipy.fft.dct(found, type=2, axis=axis) / count
        first = [slice(None)] * 3
        first[axis] = slice(0, 1)
        found[tuple(first)] /= 2
    result: Floats = found
    return result


def _weights(profile: Profile, freedom: int) -> Floats:
    # Effect of an error in each function on the log-likelihood, at slopes one standardized unit away.
    quadratic = 0.5 * freedom / profile.yy.min()
    return np.array([0.5, quadratic, 2 * quadratic, quadratic])


def _chop(coefficients: Floats, weights: Floats, tolerance: float) -> Floats | None:
    sizes = (np.abs(coefficients) * weights[:, None, None]).max(axis=0)
    kept = []
    for axis in (0, 1):
        tails = np.cumsum(sizes.max(axis=1 - axis)[::-1])[::-1]
        below = np.flatnonzero(tails < tolerance / 4)
        if tails.size > 1 and (not below.size or below[0] > tails.size - 3):
            return None
        kept.append(int(below[0]) if below.size else 1)
    return np.ascontiguousarray(coefficients[:, : kept[0], : kept[1]])
