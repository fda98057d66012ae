"""Constants of the priors, on the standardised scale. Every module reads them here."""

SLOPE_SCALE = 2.5
"""Standard deviation of the slope's prior, where a study says nothing of it."""

SLOPE_SPREAD = 1.0
LEVEL_SPREAD = 2.0
"""Scale of the prior of the slopes' spread, and of the levels' spread in standard deviations of the units'
mean outcomes."""

NOISE_SCALE = 2.0
"""Scale of the half-normal prior of sigma."""

LOWEST_RHO = -0.9
"""Lower end of rho's uniform prior. Errors that swing more strongly than this from one step to the next are
excluded: at -1 they cannot be told apart from the period effects."""

LOWEST_NU = 1.0
"""With fewer degrees of freedom a handful of rows that are fitted exactly would outweigh all others."""

NU_SHAPE, NU_RATE = 2.0, 0.1
"""nu ~ Gamma(2, 0.1) above its bound (Juarez and Steel 2010, doi:10.1198/jbes.2009.07145)."""
