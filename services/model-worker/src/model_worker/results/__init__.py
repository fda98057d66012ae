"""What readers see first: the answer, the effects of the default change, the predictive band.

Everything is computed from the draws and the panel. `checks`, `service` and `commands` may import this
package. It must not import them, `fit` or PyMC.
"""
