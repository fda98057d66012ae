"""Statistical models as functions of arrays, independent of study.toml, files and faults.

`gaussian` integrates the effects out; `explicit` samples them, for Student-t innovations. Packages from
`design` upward may import this package. This package may import only the row order of `data` from the
worker. Only `model_worker.fit.sampling` and the two `pymc_model` modules may import PyMC, PyTensor or
nutpie.
"""
