"""Settings of the step, read once from the environment."""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

HOST = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
URL = r"^(?:https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/?=&%-]*)?)?$"

IPV4 = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/(?:[1-9]|[12][0-9]|3[0-2]))?"
IPV6 = r"[0-9A-Fa-f]*:[0-9A-Fa-f:.]+(?:/(?:[1-9][0-9]?|1[01][0-9]|12[0-8]))?"
NETWORKS = rf"^(?:(?:{IPV4}|{IPV6})(?: (?:{IPV4}|{IPV6}))*)?$"
"""A network of all addresses (/0) is not allowed: every client could choose its own address."""

# The names besides DOMAIN that the site is reached under, on the machine itself.
HOSTS = ("localhost", "127.0.0.1")


class SettingsInvalid(Exception):
    """A variable is not of its allowed form; the message names each one, its value and the form."""


def _check_networks(value: str) -> str:
    for network in value.split():
        ip_network(network)
    return value


class Settings(BaseSettings):
    """Names, folders and files of the step; ports and numbers of Compose's, which takes what nobody can use.

    Compose mounts the files that TLS_CERTIFICATE and TLS_KEY point at over `own_certificate` and
    `own_key`; both empty means that the local CA issues the certificate. It mounts what SIGN_IN_USERS
    points at over `own_users`; empty means that nobody has to sign in there.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    domain: Annotated[str, StringConstraints(pattern=rf"^{HOST}(?:\.{HOST})*$")] = Field(
        default="localhost", description="a host name in lower case"
    )
    stack: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")] = Field(
        default="longitude", description="the name of a Compose project"
    )
    https_port: int = Field(default=8443, ge=1, le=65535, description="a port from 1 to 65535")
    http_port: int = Field(default=8080, ge=1, le=65535, description="a port from 1 to 65535")
    bokeh_replicas: int = Field(default=2, ge=1, le=64, description="a whole number from 1 to 64")
    hsts_seconds: int = Field(default=0, ge=0, lt=10**9, description="a whole number of seconds")
    trusted_proxies: Annotated[str, StringConstraints(pattern=NETWORKS), AfterValidator(_check_networks)] = (
        Field(
            default="",
            description="nothing, or addresses and networks such as 10.0.0.0/8 or 2001:db8::/32 with a space "
            "between two",
        )
    )
    pages_average: int = Field(default=4, ge=1, lt=10**6, description="a whole number from 1 to 999999")
    pages_burst: int = Field(default=20, ge=1, lt=10**6, description="a whole number from 1 to 999999")
    rate_average: int = Field(default=10, ge=1, lt=10**6, description="a whole number from 1 to 999999")
    rate_burst: int = Field(default=60, ge=1, lt=10**6, description="a whole number from 1 to 999999")
    open_max: int = Field(default=300, ge=1, lt=10**6, description="a whole number from 1 to 999999")
    sign_in_provider: Annotated[str, StringConstraints(pattern=URL)] = Field(
        default="", description="nothing, or an address such as https://auth.example.org/verify"
    )
    authority_dir: Path = Field(default=Path("/authority"), description="a directory")
    edge_dir: Path = Field(default=Path("/edge"), description="a directory")
    secret_dir: Path = Field(default=Path("/secret"), description="a directory")
    traefik_dir: Path = Field(default=Path("/etc/traefik"), description="a directory")
    own_certificate: Path = Field(default=Path("/run/own/tls.crt"), description="a file")
    own_key: Path = Field(default=Path("/run/own/tls.key"), description="a file")
    own_users: Path = Field(default=Path("/run/own/users"), description="a file")

    @property
    def host_rule(self) -> str:
        """Traefik's rule for requests that are meant for this site."""
        return " || ".join(f"Host(`{name}`)" for name in dict.fromkeys((self.domain, *HOSTS)))


def read_settings() -> Settings:
    """Read the settings from the environment.

    Raises
    ------
    SettingsInvalid
        Naming every variable that is not of its form, with its value and the form.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsInvalid("; ".join(_sentence(fault) for fault in error.errors())) from None


def _sentence(fault: Any) -> str:
    name = str(fault["loc"][0])
    form = Settings.model_fields[name].description
    return f"{name.upper()} is {fault['input']!r}, which is not allowed: it takes {form}"
