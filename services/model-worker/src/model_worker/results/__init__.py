"""Headline results of a fit: the answer, the effects of the default change, the predictive band.

All results are computed from the draws and the panel. `checks`, `service` and `commands` may import this
package. It must not import them, `fit` or PyMC.
"""
