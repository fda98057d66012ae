"""The settings of the process, read once from its environment."""

import re
import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from tracestore.manifest import StudyName

SECRET_MIN_BYTES = 32


def _require_absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("not an absolute path")
    return path


AbsolutePath = Annotated[Path, AfterValidator(_require_absolute)]
Port = Annotated[int, Field(ge=1, le=65535)]
LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HostName = Annotated[str, StringConstraints(max_length=253, pattern=rf"^{LABEL}(?:\.{LABEL})*$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
ORIGIN_PATTERN = re.compile(r"https?://(?:\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")


def _split_origins(value: object) -> object:
    if not isinstance(value, str):
        return value
    origins = tuple(value.split())
    if any(ORIGIN_PATTERN.fullmatch(origin) is None for origin in origins):
        raise ValueError("not origins")
    return origins


Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_origins)]


class SettingsError(Exception):
    """The environment holds values that cannot be used; the message names each of them."""


class Settings(BaseSettings):
    """The environment of one replica. A field's description is the form its variable may take."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_ignore_empty=False)

    traces_dir: AbsolutePath = Field(
        Path("/traces"), description="the absolute path of the directory that holds the traces"
    )
    port: Port = Field(5006, description="a port number, 1 to 65535, for pages and websockets")
    health_port: Port = Field(5007, description="a port number, 1 to 65535, for /live and /ready")
    domain: HostName = Field(
        "localhost", description="the host name that browsers use, without scheme or port"
    )
    https_port: Port = Field(8443, description="the port number, 1 to 65535, that browsers use")
    secret_file: AbsolutePath = Field(
        Path("/run/longitude/secret"),
        description=f"the absolute path of a file of {SECRET_MIN_BYTES} bytes or more, one for all replicas",
    )
    session_token_seconds: int = Field(
        86_400, ge=60, le=31_536_000, description="whole seconds, 60 to 31536000"
    )
    unused_session_seconds: int = Field(20, ge=1, le=86_400, description="whole seconds, 1 to 86400")
    sessions_max: int = Field(300, ge=1, le=99_999, description="a whole number from 1 to 99999")
    versions_memory_mb: int = Field(128, ge=16, le=65_536, description="whole megabytes, 16 to 65536")
    default_study: Annotated[StudyName | None, BeforeValidator(lambda value: value or None)] = Field(
        None, description="the name of a study, or nothing"
    )
    drain_seconds: float = Field(3.0, ge=0, le=10, description="seconds, 0 to 10")
    frame_ancestors: Origins = Field(
        (), description="origins such as https://example.org with spaces between them, or nothing"
    )
    replica: Name = Field(
        default_factory=socket.gethostname,
        description="a name of letters, digits, dots, hyphens and underscores",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="one of debug, info, warning, error"
    )

    @property
    def websocket_origins(self) -> list[str]:
        """Return the hosts that pages may open a websocket from, in the form browsers send them.

        Browsers leave the port out of an Origin when it is the scheme's own, and Bokeh takes a host
        without a port for port 80: so 443 is listed without one.
        """
        hosts = dict.fromkeys((self.domain.lower(), "localhost", "127.0.0.1"))
        return [host if self.https_port == 443 else f"{host}:{self.https_port}" for host in hosts]

    def read_secret(self) -> bytes:
        """Read the key that session tokens are signed with; refuse one that is too short."""
        try:
            secret = self.secret_file.read_bytes().strip()
        except OSError as error:
            raise self._refuse_secret(f"cannot be read ({error.strerror})") from error
        if len(secret) < SECRET_MIN_BYTES:
            raise self._refuse_secret(f"holds {len(secret)} bytes")
        return secret

    def _refuse_secret(self, found: str) -> SettingsError:
        expected = Settings.model_fields["secret_file"].description
        return SettingsError(f"SECRET_FILE={self.secret_file}: {found}; expected {expected}.")


def read_settings() -> Settings:
    """Read the settings from the environment.

    Raises
    ------
    SettingsError
        One sentence per variable that cannot be used: its name, its value, the form allowed.
    """
    try:
        return Settings()
    except ValidationError as error:
        sentences = []
        for fault in error.errors():
            field = str(fault["loc"][0])
            description = Settings.model_fields[field].description
            sentences.append(f"{field.upper()}={fault['input']!s}: expected {description}.")
        raise SettingsError("\n".join(sentences)) from error
