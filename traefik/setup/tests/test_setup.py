"""The step before all others makes what is missing, renews what is due, and leaves the rest alone."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from edge_setup.authority import KeyPair, is_due, issue, make_authority
from edge_setup.settings import Settings, SettingsInvalid, read_settings
from edge_setup.step import prepare

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    traefik = tmp_path / "traefik"
    (traefik / "dynamic").mkdir(parents=True)
    (traefik / "traefik.yaml").write_text("network: ${STACK}_pages\n")
    (traefik / "dynamic" / "pages.yaml").write_text("http: {}\n")
    (tmp_path / "empty").touch()
    return Settings(
        domain="panel.example.org",
        stack="lake",
        authority_dir=tmp_path / "authority",
        edge_dir=tmp_path / "edge",
        secret_dir=tmp_path / "secret",
        traefik_dir=traefik,
        own_certificate=tmp_path / "empty",
        own_key=tmp_path / "empty",
        own_users=tmp_path / "empty",
    )


SHIPPED = Path(__file__).parents[2]
BCRYPT = "$2y$05$" + "a" * 53


def content_of(*folders: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


def everything(settings: Settings) -> dict[Path, bytes]:
    return content_of(settings.authority_dir, settings.edge_dir, settings.secret_dir)


def test_second_run_changes_nothing(settings: Settings) -> None:
    assert list(prepare(settings, NOW))
    before = everything(settings)
    assert list(prepare(settings, NOW + timedelta(days=1))) == []
    assert everything(settings) == before


def test_certificate_is_trusted_through_the_ca_for_domain_and_loopback(settings: Settings) -> None:
    list(prepare(settings, datetime.now(UTC)))
    certificates = settings.edge_dir / "certificates"
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificates / "tls.crt", certificates / "tls.key")
    client = ssl.create_default_context(cafile=str(certificates / "ca.crt"))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    for name in ("panel.example.org", "localhost", "127.0.0.1", "::1"):
        near, far = socket.socketpair()
        thread = threading.Thread(target=lambda end=far: server.wrap_socket(end, server_side=True).close())
        thread.start()
        with client.wrap_socket(near, server_hostname=name) as connection:
            assert connection.version() == "TLSv1.3"
        thread.join()


def test_certificate_is_renewed_when_it_is_about_to_expire_and_the_ca_stays(settings: Settings) -> None:
    list(prepare(settings, NOW))
    ca = (settings.authority_dir / "ca.crt").read_bytes()
    tls = (settings.edge_dir / "dynamic/tls.yaml").read_bytes()
    said = list(prepare(settings, NOW + timedelta(days=336)))
    assert "issued a certificate for panel.example.org, localhost, 127.0.0.1, ::1" in said
    assert (settings.authority_dir / "ca.crt").read_bytes() == ca
    assert (settings.edge_dir / "dynamic/tls.yaml").read_bytes() != tls, "Traefik watches this file"


def test_certificate_and_key_change_in_one_file(settings: Settings) -> None:
    list(prepare(settings, NOW))
    text = (settings.edge_dir / "dynamic/tls.yaml").read_text()
    for part, field in (("crt", "certFile"), ("key", "keyFile")):
        pem = (settings.edge_dir / f"certificates/tls.{part}").read_text().strip().splitlines()
        assert f"{field}: |\n" + "\n".join(f"          {line}" for line in pem) in text


def test_certificate_is_issued_anew_when_the_domain_changes(settings: Settings) -> None:
    list(prepare(settings, NOW))
    moved = settings.model_copy(update={"domain": "other.example.org"})
    assert any("other.example.org" in line for line in prepare(moved, NOW))


def test_certificate_of_another_authority_is_due() -> None:
    names = ("localhost",)
    ours, theirs = make_authority(NOW), make_authority(NOW)
    certificate = issue(theirs, names, NOW).certificate
    assert is_due(certificate, ours.certificate, names, NOW)
    assert not is_due(certificate, theirs.certificate, names, NOW)


def test_authority_cannot_issue_through_another_authority() -> None:
    certificate = x509.load_pem_x509_certificate(make_authority(NOW).certificate)
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value.path_length == 0


def test_private_files_are_closed_to_others(settings: Settings) -> None:
    list(prepare(settings, NOW))
    modes = {path.name: path.stat().st_mode & 0o777 for path in everything(settings)}
    assert modes["ca.key"] == 0o600
    assert modes["tls.key"] == 0o640
    assert modes["session-secret"] == modes["tls.yaml"] == 0o640
    assert modes["tls.crt"] == modes["ca.crt"] == 0o644


def test_secret_is_made_once_and_long(settings: Settings) -> None:
    list(prepare(settings, NOW))
    secret = (settings.secret_dir / "session-secret").read_text()
    assert len(secret) >= 64
    list(prepare(settings.model_copy(update={"domain": "x"}), NOW))
    assert (settings.secret_dir / "session-secret").read_text() == secret


def test_static_configuration_names_the_stack_and_stale_dynamic_files_go(settings: Settings) -> None:
    list(prepare(settings, NOW))
    assert (settings.edge_dir / "traefik.yaml").read_text() == "network: lake_pages\n"
    (settings.traefik_dir / "dynamic/pages.yaml").unlink()
    assert "removed dynamic/pages.yaml" in list(prepare(settings, NOW))
    assert [path.name for path in (settings.edge_dir / "dynamic").iterdir()] == ["tls.yaml"]


def bring_own(settings: Settings, certificate: bytes, key: bytes) -> Settings:
    folder = settings.edge_dir.parent
    (folder / "own.crt").write_bytes(certificate)
    (folder / "own.key").write_bytes(key)
    return settings.model_copy(update={"own_certificate": folder / "own.crt", "own_key": folder / "own.key"})


@pytest.fixture
def own() -> KeyPair:
    return issue(make_authority(NOW), ("panel.example.org",), NOW)


def test_own_certificate_is_served_and_no_ca_is_made(settings: Settings, own: KeyPair) -> None:
    list(prepare(bring_own(settings, own.certificate, own.key), NOW))
    assert (settings.edge_dir / "certificates/tls.crt").read_bytes() == own.certificate
    assert not settings.authority_dir.exists()


def test_wildcard_certificate_covers_the_domain(settings: Settings) -> None:
    wildcard = issue(make_authority(NOW), ("*.example.org",), NOW)
    assert list(prepare(bring_own(settings, wildcard.certificate, wildcard.key), NOW))


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("domain", "TLS_CERTIFICATE is for panel.example.org, not for DOMAIN elsewhere.org"),
        ("key", "TLS_KEY is not the key of TLS_CERTIFICATE"),
        ("expired", "TLS_CERTIFICATE expired on 2027-11-21"),
        ("garbage", "TLS_CERTIFICATE is not a PEM certificate"),
        ("half", "TLS_KEY is empty"),
        ("missing", "TLS_CERTIFICATE cannot be read"),
    ],
)
def test_own_certificate_that_cannot_be_served_is_refused_by_name(
    settings: Settings, own: KeyPair, fault: str, sentence: str
) -> None:
    brought = bring_own(settings, own.certificate, own.key)
    now = NOW
    match fault:
        case "domain":
            brought = brought.model_copy(update={"domain": "elsewhere.org"})
        case "key":
            brought = bring_own(settings, own.certificate, issue(make_authority(NOW), ("x",), NOW).key)
        case "expired":
            now = NOW + timedelta(days=400)
        case "garbage":
            brought = bring_own(settings, b"not a certificate", own.key)
        case "half":
            brought = bring_own(settings, own.certificate, b"")
        case "missing":
            brought.own_certificate.unlink()
    with pytest.raises(SettingsInvalid, match=sentence):
        list(prepare(brought, now))
    assert not (settings.edge_dir / "certificates").exists()


@pytest.mark.parametrize("value", ["", "UPPER.example.org", "a b", "-x", "https://x"])
def test_bad_domain_is_refused_by_name(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOMAIN", value)
    with pytest.raises(SettingsInvalid, match=f"DOMAIN is {value!r}, .* a host name in lower case"):
        read_settings()


def bring_users(settings: Settings, text: str) -> Settings:
    file = settings.edge_dir.parent / "users"
    file.write_text(text)
    return settings.model_copy(update={"own_users": file})


def test_values_are_put_into_the_dynamic_files(settings: Settings) -> None:
    (settings.traefik_dir / "dynamic/pages.yaml").write_text(
        "a: [x${SIGN_IN}]\nb: ${HOSTS}\nc: ${RATE_BURST}\n"
    )
    list(prepare(settings.model_copy(update={"rate_burst": 7}), NOW))
    assert (settings.edge_dir / "dynamic/pages.yaml").read_text() == (
        "a: [x]\nb: Host(`panel.example.org`) || Host(`localhost`) || Host(`127.0.0.1`)\nc: 7\n"
    )
    assert not (settings.edge_dir / "dynamic/sign-in.yaml").exists()


@pytest.mark.parametrize("provider", ["", "https://auth.example.org/verify"])
def test_no_name_is_left_in_the_files_that_are_shipped(settings: Settings, provider: str) -> None:
    shipped = settings.model_copy(update={"traefik_dir": SHIPPED, "sign_in_provider": provider})
    list(prepare(shipped, NOW))
    for path in (settings.edge_dir / "dynamic").glob("*.yaml"):
        assert "$" not in path.read_text(), path
    pages = (settings.edge_dir / "dynamic/pages.yaml").read_text()
    behind = pages.count("open, sign-in") + pages.count("open-files, sign-in")
    assert behind == (4 if provider else 0), "pages, websockets, data and files are behind it"
    assert pages.count("too-much, rate") == (0 if provider else 2), "what a provider answers is the reader's"


@pytest.mark.parametrize(
    ("value", "laid_out"),
    [("", "[]"), ("192.0.2.7 2001:db8::/32 ::1", '["192.0.2.7", "2001:db8::/32", "::1"]')],
)
def test_trusted_proxies_reach_both_entrypoints_and_every_limit(
    settings: Settings, value: str, laid_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", value)
    trusted = read_settings().trusted_proxies
    list(prepare(settings.model_copy(update={"traefik_dir": SHIPPED, "trusted_proxies": trusted}), NOW))
    static = (settings.edge_dir / "traefik.yaml").read_text()
    assert static.count(f"forwardedHeaders: &trusted\n      trustedIPs: {laid_out}\n") == 1
    assert static.count("forwardedHeaders: *trusted\n") == 1
    pages = (settings.edge_dir / "dynamic/pages.yaml").read_text()
    assert pages.count(f"excludedIPs: {laid_out}\n") == 1
    limits = pages.count("rateLimit:\n") + pages.count("inFlightReq:\n")
    assert pages.count("sourceCriterion: *address\n") == limits - 1, "the first one defines it"


@pytest.mark.parametrize(
    "value",
    [
        "10.0.0.0/99",
        "10.0.0.1/8",
        "10.0.0.0/255.0.0.0",
        "256.0.0.1",
        "0.0.0.0/0",
        "::/0",
        "2001:db8::/129",
        "fe80::1%eth0",
        "10.0.0.0/8,192.0.2.1",
        "10.0.0.0/8  192.0.2.1",
        "proxy.example.org",
        "10.0.0.1]",
    ],
)
def test_trusted_proxy_that_is_no_network_is_refused_by_name(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", value)
    with pytest.raises(SettingsInvalid) as refused:
        read_settings()
    assert str(refused.value).startswith(
        f"TRUSTED_PROXIES is {value!r}, which is not allowed: it takes nothing, or"
    )


def test_users_are_laid_out_for_the_group_and_a_change_of_them_is_noticed(settings: Settings) -> None:
    (settings.traefik_dir / "dynamic/pages.yaml").write_text("a: [x${SIGN_IN}]\n")
    settings = bring_users(settings, f"# ours\n\nann:{BCRYPT}\n")
    list(prepare(settings, NOW))
    users = settings.edge_dir / "sign-in/users"
    assert users.stat().st_mode & 0o777 == 0o640
    assert (settings.edge_dir / "dynamic/pages.yaml").read_text() == "a: [x, sign-in]\n"
    before = (settings.edge_dir / "dynamic/sign-in.yaml").read_text()
    assert str(users) in before
    assert BCRYPT not in before
    bring_users(settings, f"bob:{BCRYPT}\n")
    assert list(prepare(settings, NOW)) == ["laid out dynamic/sign-in.yaml"], "Traefik watches this file"
    assert users.read_text() == f"bob:{BCRYPT}\n"
    assert BCRYPT not in "".join(list(prepare(settings, NOW)))


def test_users_are_removed_with_the_setting(settings: Settings) -> None:
    list(prepare(bring_users(settings, f"ann:{BCRYPT}\n"), NOW))
    list(prepare(settings, NOW))
    assert not (settings.edge_dir / "sign-in/users").exists()
    assert not (settings.edge_dir / "dynamic/sign-in.yaml").exists()


def test_provider_is_asked_where_one_is_named(settings: Settings) -> None:
    named = settings.model_copy(update={"sign_in_provider": "https://auth.example.org/verify?x=1"})
    list(prepare(named, NOW))
    written = (settings.edge_dir / "dynamic/sign-in.yaml").read_text()
    assert 'address: "https://auth.example.org/verify?x=1"' in written


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("\n# nobody\n", "holds no user"),
        ("ann:secret\nbob:" + BCRYPT + "\neve:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n", "line 1, 3: not a user"),
    ],
)
def test_users_that_cannot_be_used_are_refused_without_a_word_of_them(
    settings: Settings, text: str, sentence: str
) -> None:
    with pytest.raises(SettingsInvalid, match=sentence) as refused:
        list(prepare(bring_users(settings, text), NOW))
    assert "secret" not in str(refused.value)
    assert not settings.edge_dir.exists()


def test_users_and_a_provider_at_once_are_refused(settings: Settings) -> None:
    both = bring_users(settings, f"ann:{BCRYPT}\n").model_copy(update={"sign_in_provider": "https://a.org"})
    with pytest.raises(SettingsInvalid, match="both set"):
        list(prepare(both, NOW))


def test_strict_transport_is_refused_on_localhost(settings: Settings) -> None:
    local = settings.model_copy(update={"domain": "localhost", "hsts_seconds": 60})
    with pytest.raises(SettingsInvalid, match="HSTS_SECONDS is 60, which needs a DOMAIN of your own"):
        list(prepare(local, NOW))


@pytest.mark.parametrize("value", ["auth.example.org", 'https://a.org/"x', "javascript:x", "https://a b"])
def test_provider_that_is_no_address_is_refused_by_name(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGN_IN_PROVIDER", value)
    with pytest.raises(SettingsInvalid, match=r"SIGN_IN_PROVIDER is .*it takes nothing, or an address"):
        read_settings()
