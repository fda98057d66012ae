"""The environment is read once, and refused with variable, value and allowed form."""

import pytest
from pydantic import ValidationError

from model_worker.settings import Settings, SettingsError, read_settings


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_the_defaults_are_those_of_the_design() -> None:
    settings = read_settings()
    assert (settings.chains, settings.draws, settings.tune, settings.seed) == (4, 1000, 1000, 20050101)
    assert str(settings.studies_dir) == "/studies"
    assert str(settings.traces_dir) == "/traces"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHAINS", "1"),
        ("CHAINS", ""),
        ("DRAWS", "many"),
        ("DRAWS", "99"),
        ("TUNE", "1.5"),
        ("SEED", "-1"),
        ("REFIT_INTERVAL", "1h"),
        ("RETENTION_VERSIONS", "0"),
        ("RETENTION_DAYS", " "),
        ("STUDIES_DIR", ""),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_bad_variable_is_named_with_its_value_and_the_allowed_form(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    allowed = Settings.model_fields[name.lower()].description
    with pytest.raises(SettingsError) as raised:
        read_settings()
    assert str(raised.value) == f"{name} is {value!r}, but must be {allowed}."


def test_all_bad_variables_are_named_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINS", "x")
    monkeypatch.setenv("DRAWS", "x")
    with pytest.raises(SettingsError, match=r"(?s)CHAINS is.*DRAWS is"):
        read_settings()


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        read_settings().chains = 8  # type: ignore[misc]
