"""The panel model with Gaussian innovations: effects integrated out exactly, and drawn back exactly.

From the missingness patterns of a panel to its whitened moments, the Gaussian conditional on persistence
and spread, the likelihood on Chebyshev nodes, and the PyMC model of the few parameters left. `explicit`
may import this package; it must not import `explicit`.
"""
