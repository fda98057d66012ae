"""The statistical models, as functions of arrays: nothing here knows of study.toml, files or faults.

`gaussian` integrates the effects out; `explicit` samples them, for Student-t innovations. Packages from
`design` upwards may import this package. It may import the order of rows from `data` and nothing else of
the worker. With `model_worker.fit.sampling`, the two `pymc_model` modules alone may import PyMC, PyTensor
or nutpie.
"""
