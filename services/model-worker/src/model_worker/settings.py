"""Settings of the worker, read once from environment variables."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(Exception):
    """Error for invalid environment variables; the message has one sentence per variable."""


class Settings(BaseSettings):
    """Settings of the worker; a field's description states the allowed values of its variable."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    studies_dir: Annotated[Path, Field(description="the path of a directory")] = Path("/studies")
    traces_dir: Annotated[Path, Field(description="the path of a directory")] = Path("/traces")
    chains: Annotated[int, Field(ge=2, le=16, description="a whole number from 2 to 16")] = 4
    draws: Annotated[int, Field(ge=100, le=99_999, description="a whole number from 100 to 99999")] = 1000
    tune: Annotated[int, Field(ge=100, le=99_999, description="a whole number from 100 to 99999")] = 1000
    seed: Annotated[int, Field(ge=0, lt=10**9, description="a whole number from 0 to 999999999")] = 20050101
    refit_interval: Annotated[
        int, Field(ge=0, lt=10**9, description="seconds, a whole number from 0 (off) to 999999999")
    ] = 0
    retention_versions: Annotated[int, Field(ge=1, le=9_999, description="a whole number from 1 to 9999")] = 5
    retention_days: Annotated[
        int, Field(ge=0, le=99_999, description="days, a whole number from 0 to 99999")
    ] = 7
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="debug, info, warning or error")
    ] = "info"

    @field_validator("studies_dir", "traces_dir", mode="before")
    @classmethod
    def _refuse_empty(cls, value: Any) -> Any:
        if isinstance(value, str) and not value.strip():
            raise ValueError("empty")
        return value

    @property
    def retention_ttl(self) -> timedelta:
        """Age below which a version is kept, regardless of the number of versions."""
        return timedelta(days=self.retention_days)


def read_settings() -> Settings:
    """Read the settings from the environment.

    Returns
    -------
    Settings
        Frozen settings, with the default for each unset variable.

    Raises
    ------
    SettingsError
        If a variable is invalid. The message names every invalid variable, its value and the allowed values.
    """
    try:
        return Settings()
    except ValidationError as error:
        sentences = []
        for fault in error.errors():
            name = str(fault["loc"][0])
            allowed = Settings.model_fields[name].description
            sentences.append(f"{name.upper()} is {fault['input']!r}, but must be {allowed}.")
        raise SettingsError("\n".join(sentences)) from None
