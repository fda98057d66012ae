"""The definition of a study: study.toml, its schema, its faults, and the identity of its fit.

Every package may import this package. This package may import nothing else of the worker but `settings`.
"""
