"""study.toml says how numbers are written, and the page is told."""

import pytest
from small_study import StudyFolder

from model_worker.study.definition import read_study
from model_worker.study.faults import InvalidInput
from tracestore.manifest import NumberFormat


def test_formats_of_outcome_treatment_and_effect_are_in_the_card(folder: StudyFolder) -> None:
    folder.text = folder.text.replace(
        'units = "packs",', 'units = "packs", number = { decimals = 2, suffix = "k" },'
    )
    folder.text += "number = { thousands = false }\n"
    card = read_study(folder.write()).card()
    assert card.outcome.number == NumberFormat(decimals=2, suffix="k")
    assert card.treatment.number == NumberFormat()
    assert card.what_if.number == NumberFormat(thousands=False)


def test_effects_have_no_format_of_their_own_unless_it_is_given(folder: StudyFolder) -> None:
    assert read_study(folder.write()).card().what_if.number is None


@pytest.mark.parametrize(
    ("number", "kind", "column"),
    [
        ("decimals = 11", "invalid_value", "outcome.number.decimals"),
        ('prefix = "more than ten"', "invalid_value", "outcome.number.prefix"),
        ("decimal = 2", "unknown_key", "outcome.number.decimal"),
    ],
)
def test_a_format_that_is_none_is_told_with_its_key(
    folder: StudyFolder, number: str, kind: str, column: str
) -> None:
    folder.text = folder.text.replace('units = "packs",', f'units = "packs", number = {{ {number} }},')
    with pytest.raises(InvalidInput) as raised:
        read_study(folder.write())
    (fault,) = raised.value.faults
    assert (fault.kind, fault.line, fault.column) == (kind, 5, column)
