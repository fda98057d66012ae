"""The likelihood as a function of rho and kappa on Chebyshev nodes, exact to a stated tolerance.

With the effects integrated out, the Gaussian panel model needs its data only through four functions of
rho (persistence of the errors) and kappa (spread of the random column over the innovations' standard
deviation): see `Profile` in `model_worker.models.gaussian.conditional_gaussian`. They are smooth, so they are
computed once on nodes, by exact algebra, and kept as Chebyshev coefficients (Trefethen 2013, Approximation
Theory and Approximation Practice). A gradient then costs the same for a thousand rows and for ten million.

The coordinates are angles, ``T_k(cos a) = cos(k a)``, in variables that keep the functions' nearest
singularities away: ``sqrt(1 - rho)`` and ``kappa s / (1 + kappa s)``, with `s` a typical root of the
random column's information. Where units' levels are random and errors persist, kappa is over the errors'
standard deviation instead: both have to be told apart from the same long-run means.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from model_worker.models.gaussian.conditional_gaussian import ConditionalGaussian, Profile
from model_worker.models.prior_scales import LOWEST_RHO

Floats = NDArray[np.float64]

TOLERANCE = 1e-6
"""Allowed error of the log-likelihood; Monte Carlo error is some four orders above it."""

WORST_TOLERANCE = 1e-3
"""What is put up with where even the most nodes do not reach it, still below Monte Carlo error."""

_NODES = (64, 128, 256)
_INFORMED = 1e-9
_FAR = 1e8
_NEARLY_ONE = 1 - 1e-12


class Unresolved(Exception):
    """The likelihood is not smooth enough for the nodes there are."""


@dataclass(frozen=True)
class Likelihood:
    """Coefficients (4, rho's, kappa's) of log determinant, yy, xy and xx, and what goes with them.

    Attributes
    ----------
    freedom
        As `ConditionalGaussian.freedom`.
    informed
        Units whose random column has information, less the directions of the effects that are lost when
        its spread grows without bound; ``2 informed log(1 + kappa root)`` is added to the log
        determinant.
    root
        The typical root of that information.
    vanishing
        Units whose level the errors swallow as rho nears 1, less the directions of the effects that go
        with it; ``-vanishing log(1 - rho)`` is added to the log determinant. 0 where units have flat
        effects: without their levels nothing is lost.
    """

    coefficients: Floats
    freedom: int
    informed: int
    root: float
    vanishing: int = 0


def rho_at(angle: Floats) -> Floats:
    """Give rho at an angle from 0 (rho = 1) to pi (rho = LOWEST_RHO)."""
    return 1 - (1 - LOWEST_RHO) * np.sin(angle / 2) ** 4


def kappa_at(angle: Floats, root: float) -> Floats:
    """Give kappa at an angle from 0 (infinite) to pi (0)."""
    return 1 / (np.tan(angle / 2) ** 2 * root)


def tabulate(gaussian: ConditionalGaussian, *, autoregressive: bool) -> Likelihood:
    """Compute the likelihood's coefficients.

    Parameters
    ----------
    autoregressive
        Whether rho is unknown; otherwise it is 0.

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
    # What an error of each function does to the log-likelihood, at slopes a standardised unit away.
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
