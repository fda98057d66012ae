"""Settings: defaults as documented, and a sentence for everything that cannot be used."""

from pathlib import Path

import pytest

from dashboard.settings import Settings, SettingsError, read_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_the_defaults_serve_on_localhost() -> None:
    settings = read_settings()
    assert (settings.port, settings.health_port, settings.traces_dir) == (5006, 5007, Path("/traces"))
    assert settings.websocket_origins == ["localhost:8443", "127.0.0.1:8443"]


def test_the_origins_are_the_domain_and_localhost_on_the_published_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOMAIN", "Panel.Example.org")
    monkeypatch.setenv("HTTPS_PORT", "9443")
    assert read_settings().websocket_origins == ["panel.example.org:9443", "localhost:9443", "127.0.0.1:9443"]


def test_the_port_that_browsers_leave_out_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOMAIN", "example.org")
    monkeypatch.setenv("HTTPS_PORT", "443")
    assert read_settings().websocket_origins == ["example.org", "localhost", "127.0.0.1"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", ""),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("HEALTH_PORT", "5007.5"),
        ("DOMAIN", ""),
        ("DOMAIN", "https://example.org"),
        ("DOMAIN", "example.org:443"),
        ("DOMAIN", "*"),
        ("HTTPS_PORT", "https"),
        ("TRACES_DIR", ""),
        ("TRACES_DIR", "traces"),
        ("SECRET_FILE", ""),
        ("SESSION_TOKEN_SECONDS", "1"),
        ("UNUSED_SESSION_SECONDS", "-1"),
        ("DRAIN_SECONDS", "soon"),
        ("DRAIN_SECONDS", "nan"),
        ("REPLICA", ""),
        ("REPLICA", '"><script>'),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_the_form_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert str(caught.value).startswith(f"{name}={value}: expected ")


def test_all_faults_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("DOMAIN", "")
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert len(str(caught.value).splitlines()) == 2


def test_every_setting_says_its_form() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_a_secret_that_cannot_be_read_or_is_too_short_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        Settings(secret_file=tmp_path / "none").read_secret()
    (tmp_path / "short").write_bytes(b"x" * 31 + b"\n")
    with pytest.raises(SettingsError, match="holds 31 bytes"):
        Settings(secret_file=tmp_path / "short").read_secret()
    (tmp_path / "good").write_bytes(b"x" * 32 + b"\n")
    assert Settings(secret_file=tmp_path / "good").read_secret() == b"x" * 32
