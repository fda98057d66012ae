"""The panel of a study's data file: bytes, cells, rows, columns and lags, with every fault and its line.

All packages above `study` may import this package. This package may import only `study`. No package but
this one and `new_study` may import Arrow.
"""
