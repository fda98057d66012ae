"""Fit of a design: reduction, sampling, recovery of the integrated-out effects, and the convergence gate.

`service` and `commands` may import this package. This package must not import them, `checks` or `results`:
the gate receives the effects to check as an argument. `sampling` is the only module outside `models` that
imports PyTensor and nutpie.
"""
