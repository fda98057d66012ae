"""Gaussian panel model conditional on rho and kappa: its likelihood, and exact draws of all effects."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from model_worker.models.gaussian.missingness_patterns import MissingnessPattern
from model_worker.models.gaussian.whitened_moments import (
    PatternMoments,
    WhitenedMoments,
    integrate_random,
    own_coefficients,
    repeat_moments,
    sum_patterns,
    whiten_moments,
)

Floats = NDArray[np.float64]
Random = Literal["none", "treatment", "constant"]

_VALUES_AT_ONCE = 1_000_000
_SEEN = 1e-10
"""Share of the largest eigenvalue below which a direction of the effects has no information."""


@dataclass(frozen=True)
class Profile:
    """Likelihood of a slope b and an innovation variance s, for a batch of (rho, kappa).

    ``-2 log p = freedom log s + log_determinant + (yy - 2 b xy + b**2 xx) / s``, each (batch,).
    """

    log_determinant: Floats
    yy: Floats
    xy: Floats
    xx: Floats


@dataclass(frozen=True)
class Effects:
    """Standardized draws of the integrated-out effects.

    `period` is (draw, periods). `nuisance` is (draw, nuisance regressors). `random` (draw, units) is the
    unit's deviation in its random column. `own` has one array (draw, units, own) of the units' flat
    coefficients for each missingness pattern.
    """

    period: Floats
    nuisance: Floats
    random: Floats
    own: tuple[Floats, ...]


class ConditionalGaussian:
    """Sufficient statistics of a panel; the methods condition on rho and kappa.

    Attributes
    ----------
    freedom
        Number of rows minus the number of identified flat coefficients.
    rank
        Number of identified directions of period effects and nuisance regressors.
    """

    def __init__(
        self, patterns: Sequence[MissingnessPattern], periods: int, units: int, random: Random
    ) -> None:
        self.moments: tuple[PatternMoments, ...] = sum_patterns(patterns)
        self.periods, self.units, self.random = periods, units, random
        self.nuisance = patterns[0].columns.shape[2] - 2
        self.flat = periods + self.nuisance
        full = whiten_moments(self.moments, np.zeros(1), periods, units, "none").products
        information = full[0, : self.flat, : self.flat]
        eigenvalues, vectors = np.linalg.eigh(information)
        seen = eigenvalues > eigenvalues[-1] * _SEEN
        self.basis: Floats = vectors[:, seen]
        self.levels: Floats | None = None
        if random == "constant":
            self.levels, constants = _separate(patterns, periods, units)
            constants = np.vstack([constants, np.zeros((self.nuisance, constants.shape[1]))])
            self.basis = _begin_with(constants, self.basis)
        self.rank = int(seen.sum())
        rows = sum(len(pattern.units) * len(pattern.places) for pattern in patterns)
        own = sum(len(pattern.units) * pattern.flat.shape[1] for pattern in patterns)
        self.freedom = rows - own - self.rank

    def whitened_moments(self, rho: Floats) -> WhitenedMoments:
        """Return the Gram matrix at each value of rho (batch,).

        The columns are the identified directions (rank) of period effects and nuisance regressors, then
        outcome and treatment.
        """
        full = whiten_moments(self.moments, rho, self.periods, self.units, self.random)
        directions = scipy.linalg.block_diag(self.basis, np.eye(2))
        return replace(
            full,
            products=directions.T @ full.products @ directions,
            loadings=directions.T @ full.loadings,
            levels=self.levels,
        )

    def profile(self, rho: Floats, kappa: Floats) -> Profile:
        """Return the likelihood for each rho (nodes,) with each kappa, as (nodes, levels).

        `kappa` is (levels,), or (nodes, levels) if its values differ by rho.
        """
        levels = np.broadcast_to(kappa, (len(rho), kappa.shape[-1]))
        found = np.empty((4, *levels.shape))
        for node in range(len(rho)):
            repeated = repeat_moments(self.whitened_moments(rho[node : node + 1]), len(levels[node]))
            found[:, node] = self._profile(repeated, levels[node])
        return Profile(*found)

    def lost(self, rho: Floats, kappa: Floats) -> int:
        """Return the number of effect directions without information at this rho (1,) and kappa (1,)."""
        left, _, _ = self._split(integrate_random(self.whitened_moments(rho), kappa))
        eigenvalues = np.linalg.eigvalsh(left)[0]
        return int((eigenvalues <= eigenvalues[-1] * _SEEN).sum())

    def _profile(self, whitened_moments: WhitenedMoments, kappa: Floats) -> Floats:
        left, crossed, own = self._split(integrate_random(whitened_moments, kappa))
        root = np.linalg.cholesky(left)
        solved = np.linalg.solve(root, crossed)
        remaining = own - solved.transpose(0, 2, 1) @ solved
        diagonal = np.diagonal(root, axis1=1, axis2=2)
        log_determinant = whitened_moments.log_determinant + 2 * np.log(diagonal).sum(axis=1)
        log_determinant += np.log1p(kappa[:, None] ** 2 * whitened_moments.information).sum(axis=1)
        return np.stack([log_determinant, remaining[:, 0, 0], remaining[:, 0, 1], remaining[:, 1, 1]])

    def _split(self, products: Floats) -> tuple[Floats, Floats, Floats]:
        rank = self.rank
        return products[:, :rank, :rank], products[:, :rank, rank:], products[:, rank:, rank:]

    def draw_effects(
        self, slope: Floats, sigma: Floats, rho: Floats, kappa: Floats, rng: np.random.Generator
    ) -> Effects:
        """Draw the effects from their exact conditional, once for each draw (draw,) of the parameters."""
        columns = self.flat + 2
        at_once = max(1, _VALUES_AT_ONCE // (columns * (columns + self.units)))
        parts = []
        for start in range(0, len(slope), at_once):
            block = slice(start, start + at_once)
            parts.append(self._draw(slope[block], sigma[block], rho[block], kappa[block], rng))
        return Effects(
            np.concatenate([part.period for part in parts]),
            np.concatenate([part.nuisance for part in parts]),
            np.concatenate([part.random for part in parts]),
            tuple(np.concatenate(own) for own in zip(*(part.own for part in parts), strict=True)),
        )

    def _draw(
        self, slope: Floats, sigma: Floats, rho: Floats, kappa: Floats, rng: np.random.Generator
    ) -> Effects:
        whitened_moments = (
            repeat_moments(self.whitened_moments(rho[:1]), len(rho))
            if _is_common(rho)
            else self.whitened_moments(rho)
        )
        left, crossed, _ = self._split(integrate_random(whitened_moments, kappa))
        outcome = np.stack([np.ones_like(slope), -slope], axis=1)[:, :, None]
        root = np.linalg.cholesky(left)
        scattered = sigma[:, None] * rng.standard_normal((len(slope), self.rank))
        whitened = _solve_lower(root, (crossed @ outcome)[:, :, 0]) + scattered
        directions = _solve_upper(root, whitened)[:, :, None]
        flat = self.basis @ directions
        random = np.zeros((len(slope), 0))
        if self.random != "none":
            shrunk = kappa[:, None] ** 2 / (1 + kappa[:, None] ** 2 * whitened_moments.information)
            left_over = np.concatenate([-directions, outcome], axis=1)
            random = shrunk * (whitened_moments.loadings.transpose(0, 2, 1) @ left_over)[:, :, 0]
            random += sigma[:, None] * np.sqrt(shrunk) * rng.standard_normal(random.shape)
        terms = np.concatenate([-flat, outcome], axis=1)
        own = tuple(self._own(moment.pattern, terms, sigma, rho, random, rng) for moment in self.moments)
        return Effects(flat[:, : self.periods, 0], flat[:, self.periods :, 0], random, own)

    def _own(
        self,
        pattern: MissingnessPattern,
        terms: Floats,
        sigma: Floats,
        rho: Floats,
        random: Floats,
        rng: np.random.Generator,
    ) -> Floats:
        weights, root = own_coefficients(rho[:1] if _is_common(rho) else rho, pattern)
        weights = np.broadcast_to(weights, (len(rho), *weights.shape[1:]))
        # Terms follow the order of the Gram matrix; a pattern's columns start with outcome and treatment.
        by_column = np.concatenate([terms[:, -2:], terms[:, self.periods : self.flat]], axis=1)[:, :, 0]
        own: Floats = np.einsum("dor,urc,dc->duo", weights, pattern.columns, by_column, optimize=True)
        own += (weights @ terms[:, pattern.places])[:, None, :, 0]
        if self.random == "treatment":
            taken = np.einsum("dor,ur->duo", weights, pattern.columns[:, :, 1], optimize=True)
            own -= taken * random[:, pattern.units, None]
        noise = rng.standard_normal(own.shape)
        own += sigma[:, None, None] * (noise @ root.transpose(0, 2, 1))
        return own


def _is_common(rho: Floats) -> bool:
    # With independent errors, all draws share one rho.
    return bool((rho == rho[0]).all())


def _separate(patterns: Sequence[MissingnessPattern], periods: int, units: int) -> tuple[Floats, Floats]:
    # Membership in disconnected parts, by unit and by period, over the root of the part's number of periods.
    seen = np.zeros((len(patterns), periods))
    for place, pattern in enumerate(patterns):
        seen[place, pattern.places] = 1
    count, labels = connected_components(seen.T @ seen > 0, directed=False)
    by_period = np.eye(count)[labels]
    by_period /= np.sqrt(by_period.sum(axis=0))
    by_unit = np.zeros((units, count))
    for pattern in patterns:
        by_unit[pattern.units] = by_period[pattern.places[0]]
    return by_unit, by_period


def _begin_with(first: Floats, basis: Floats) -> Floats:
    # Orthonormal basis of the same space that begins with the given directions.
    beyond = basis - first @ (first.T @ basis)
    vectors, _, _ = np.linalg.svd(beyond, full_matrices=False)
    return np.hstack([first, vectors[:, : basis.shape[1] - first.shape[1]]])


def _solve_lower(root: Floats, right: Floats) -> Floats:
    # Solve ``root x = right`` for a batch of lower triangles (batch, rank, rank).
    found = np.empty_like(right)
    for place in range(right.shape[1]):
        taken = np.einsum("bj,bj->b", root[:, place, :place], found[:, :place])
        found[:, place] = (right[:, place] - taken) / root[:, place, place]
    return found


def _solve_upper(root: Floats, right: Floats) -> Floats:
    # Solve ``root' x = right`` for the same batch.
    found = right.copy()
    for place in range(right.shape[1] - 1, -1, -1):
        found[:, place] /= root[:, place, place]
        found[:, :place] -= root[:, place, :place] * found[:, place, None]
    return found
