"""Panels made with known parameters, for the benchmarks that ask whether a fit finds them again."""
