"""A study as its folder describes it: study.toml, its schema, its faults, and the identity of its fit.

Every package may import this one. It must import no other package of the worker but the settings.
"""
