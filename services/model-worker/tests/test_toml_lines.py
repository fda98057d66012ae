"""Keys are found where they stand, however the table is written."""

import pytest

from model_worker.study.toml_lines import line_of

TEXT = """\
# title = "not this one"
title = "x"
outcome = { label = "column = 3", column = "a" }
period.column = "year"

[what_if]
sign = "saving"
change = { kind = "percent" }

[what_if.other]
kind = 1
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("outcome", "column"), 3),
        (("period", "column"), 4),
        (("what_if",), 6),
        (("what_if", "sign"), 7),
        (("what_if", "change", "kind"), 8),
        (("what_if", "other", "kind"), 11),
        (("what_if", "change", "missing"), 8),
        (("nowhere",), None),
    ],
)
def test_a_key_or_its_nearest_parent_is_found(path: tuple[str, ...], line: int | None) -> None:
    assert line_of(TEXT, path) == line
