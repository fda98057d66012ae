"""The step itself: make what is missing, renew what is due, leave the rest untouched."""

import json
import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from string import Template
from textwrap import indent

from edge_setup.authority import KeyPair, is_due, issue, make_authority, mismatch
from edge_setup.files import PRIVATE, PUBLIC, SHARED, write
from edge_setup.settings import Settings, SettingsInvalid
from edge_setup.sign_in import check_users, write_basic, write_forward

LOOPBACK = ("localhost", "127.0.0.1", "::1")
TLS_FILE = """tls:
  stores:
    default:
      defaultCertificate:
        certFile: |
{certificate}
        keyFile: |
{key}
"""
"""Where Traefik takes names of files it takes what is in them too."""


def prepare(settings: Settings, now: datetime) -> Iterator[str]:
    """Prepare the volumes of the edge, saying each thing that was done.

    Raises
    ------
    SettingsInvalid
        If the user's own certificate cannot be served for the domain.
    OSError
        If a volume cannot be written.
    """
    if settings.hsts_seconds and settings.domain == "localhost":
        raise SettingsInvalid(
            f"HSTS_SECONDS is {settings.hsts_seconds}, which needs a DOMAIN of your own: browsers would "
            "refuse http on every port of localhost for that long"
        )
    users = _read_users(settings)
    secret = settings.secret_dir / "session-secret"
    if not secret.exists():
        write(secret, secrets.token_urlsafe(48).encode(), SHARED)
        yield "made the secret that signs session tokens"
    own = _own_certificate(settings)
    if own is None:
        yield from _serve_local(settings, now)
    else:
        yield from _serve_own(settings, own, now)
    yield from _lay_out_static(settings)
    yield from _lay_out_dynamic(settings, users)


def _own_certificate(settings: Settings) -> KeyPair | None:
    certificate = _read(settings.own_certificate, "TLS_CERTIFICATE", "a PEM file")
    key = _read(settings.own_key, "TLS_KEY", "a PEM file")
    if not certificate and not key:
        return None
    if not (certificate and key):
        missing = "TLS_KEY" if certificate else "TLS_CERTIFICATE"
        raise SettingsInvalid(f"{missing} is empty: set TLS_CERTIFICATE and TLS_KEY both, or neither")
    return KeyPair(certificate, key)


def _read_users(settings: Settings) -> bytes:
    users = _read(settings.own_users, "SIGN_IN_USERS", "a file of users")
    if users and settings.sign_in_provider:
        raise SettingsInvalid("SIGN_IN_USERS and SIGN_IN_PROVIDER are both set: set one of them, or neither")
    if users:
        check_users(users)
    return users


def _serve_own(settings: Settings, own: KeyPair, now: datetime) -> Iterator[str]:
    fault = mismatch(own, settings.domain, now)
    if fault is not None:
        raise SettingsInvalid(fault)
    if _store(settings, own):
        yield f"serving your own certificate for {settings.domain}"


def _serve_local(settings: Settings, now: datetime) -> Iterator[str]:
    authority = _pair(settings.authority_dir / "ca.crt", settings.authority_dir / "ca.key")
    if authority is None:
        authority = make_authority(now)
        # The key first: a certificate without its key would be taken for a whole authority.
        write(settings.authority_dir / "ca.key", authority.key, PRIVATE)
        write(settings.authority_dir / "ca.crt", authority.certificate, PUBLIC)
        yield "made the local CA; `make ca` prints it, for browsers and clients to trust"
    write(settings.edge_dir / "certificates/ca.crt", authority.certificate, PUBLIC)
    names = tuple(dict.fromkeys((settings.domain, *LOOPBACK)))
    served = _pair(settings.edge_dir / "certificates/tls.crt", settings.edge_dir / "certificates/tls.key")
    if served is None or is_due(served.certificate, authority.certificate, names, now):
        _store(settings, issue(authority, names, now))
        yield f"issued a certificate for {', '.join(names)}"


def _lay_out_static(settings: Settings) -> Iterator[str]:
    template = Template((settings.traefik_dir / "traefik.yaml").read_text())
    content = template.substitute(STACK=settings.stack, TRUSTED_PROXIES=_list_trusted(settings))
    if write(settings.edge_dir / "traefik.yaml", content.encode(), PUBLIC):
        yield "laid out traefik.yaml"


def _lay_out_dynamic(settings: Settings, users: bytes) -> Iterator[str]:
    target = settings.edge_dir / "dynamic"
    certificates = settings.edge_dir / "certificates"
    signing_in = bool(users or settings.sign_in_provider)
    values = {
        "HOSTS": settings.host_rule,
        "HSTS_SECONDS": settings.hsts_seconds,
        "TRUSTED_PROXIES": _list_trusted(settings),
        "PAGES_AVERAGE": settings.pages_average,
        "PAGES_BURST": settings.pages_burst,
        "RATE_AVERAGE": settings.rate_average,
        "RATE_BURST": settings.rate_burst,
        "OPEN_MAX": settings.open_max,
        # One more element of a list, or nothing.
        "SIGN_IN": ", sign-in" if signing_in else "",
        # A provider may say 429 as well, and its answer is the reader's.
        "TOO_MUCH": "" if settings.sign_in_provider else "too-much, ",
    }
    wanted = {
        path.name: Template(path.read_text()).substitute(values)
        for path in sorted((settings.traefik_dir / "dynamic").glob("*.yaml"))
    }
    # Traefik reads the files it is named anew whenever any container comes or goes. Of two that are being
    # replaced it may then get the key of one pair and the certificate of another: this one changes whole.
    pem = {part: (certificates / f"tls.{part}").read_text() for part in ("crt", "key")}
    wanted["tls.yaml"] = TLS_FILE.format(
        certificate=indent(pem["crt"].strip(), " " * 10), key=indent(pem["key"].strip(), " " * 10)
    )
    file = settings.edge_dir / "sign-in/users"
    if users:
        write(file, users, SHARED)
        wanted["sign-in.yaml"] = write_basic(str(file), users)
    else:
        file.unlink(missing_ok=True)
    if settings.sign_in_provider:
        wanted["sign-in.yaml"] = write_forward(settings.sign_in_provider)
    for name, content in wanted.items():
        if write(target / name, content.encode(), SHARED if name == "tls.yaml" else PUBLIC):
            yield f"laid out dynamic/{name}"
    for stale in sorted(set(target.glob("*.yaml")) - {target / name for name in wanted}):
        stale.unlink()
        yield f"removed dynamic/{stale.name}"


def _list_trusted(settings: Settings) -> str:
    return json.dumps(settings.trusted_proxies.split())


def _store(settings: Settings, pair: KeyPair) -> bool:
    certificates = settings.edge_dir / "certificates"
    changed_key = write(certificates / "tls.key", pair.key, SHARED)
    return write(certificates / "tls.crt", pair.certificate, PUBLIC) or changed_key


def _pair(certificate: Path, key: Path) -> KeyPair | None:
    if not (certificate.exists() and key.exists()):
        return None
    return KeyPair(certificate.read_bytes(), key.read_bytes())


def _read(path: Path, variable: str, form: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsInvalid(
            f"{variable} cannot be read ({error.strerror}): "
            f"it takes the path of {form} that group 10001 may read"
        ) from None
