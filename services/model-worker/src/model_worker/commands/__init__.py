"""The command line: one command each for what people ask of the worker, and the report of what a check found.

Nothing imports this package but `model_worker.__main__`. It may import every other package. Modules that
load NumPy, PyMC or Arrow are imported inside the commands that need them, so that `--help` answers at
once.
"""
