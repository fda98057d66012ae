"""Constants of the priors on the standardized scale, shared by all modules."""

SLOPE_SCALE = 2.5
"""Default standard deviation of the slope's prior."""

SLOPE_SPREAD = 1.0
LEVEL_SPREAD = 2.0
"""Prior scales of the spread of slopes, and of the spread of levels in standard deviations of the units'
mean outcomes."""

NOISE_SCALE = 2.0
"""Scale of the half-normal prior of sigma."""

LOWEST_RHO = -0.9
"""Lower bound of rho's uniform prior. It excludes errors with stronger negative autocorrelation: at -1 they
are indistinguishable from the period effects."""

LOWEST_NU = 1.0
"""Lower bound of nu. With fewer degrees of freedom, a few exactly fitted rows would outweigh all others."""

NU_SHAPE, NU_RATE = 2.0, 0.1
"""Prior of nu: Gamma(2, 0.1) above `LOWEST_NU` (Juarez and Steel 2010, doi:10.1198/jbes.2009.07145)."""
