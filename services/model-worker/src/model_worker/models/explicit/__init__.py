"""The panel model with Student-t innovations: every effect is sampled, around a weighted Gaussian fit.

It may import `gaussian`, which must not import it.
"""
