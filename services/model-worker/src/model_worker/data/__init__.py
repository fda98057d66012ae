"""A study's data file as a panel: bytes, cells, rows, columns and lags, with every fault and its line.

All packages above `study` may import this package. It may import `study` alone. With `new_study` it is
the only package that may import Arrow.
"""
