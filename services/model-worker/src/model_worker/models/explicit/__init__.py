"""Panel model with Student-t innovations: all effects are sampled, around a weighted Gaussian fit.

This package may import `gaussian`; `gaussian` must not import this package.
"""
