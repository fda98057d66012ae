"""A study made of an unknown table: how the table is written, the roles of its columns, its study.toml.

Only `service` and `commands` may import this package. It may import `data` and `study`, and must not
import `design`, `models` or anything that fits.
"""
