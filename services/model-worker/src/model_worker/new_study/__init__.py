"""Creation of a study from an unknown table: the table's format, its columns' roles, and study.toml.

Only `service` and `commands` may import this package. This package may import `data` and `study`. It must
not import `design`, `models` or any module that fits.
"""
