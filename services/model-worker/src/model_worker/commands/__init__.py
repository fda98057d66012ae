"""The command line of the worker: one command per task, and the report of a check's findings.

Only `model_worker.__main__` imports this package. This package may import every other package. Modules
that load NumPy, PyMC or Arrow are imported inside the commands that need them, so that `--help` responds
immediately.
"""
