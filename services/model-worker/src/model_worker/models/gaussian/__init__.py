"""Panel model with Gaussian innovations: effects are integrated out exactly and then drawn exactly.

The modules cover the missingness patterns of a panel, its whitened moments, the Gaussian conditional on
persistence and spread, the likelihood on Chebyshev nodes, and the PyMC model of the remaining parameters.
`explicit` may import this package; this package must not import `explicit`.
"""
