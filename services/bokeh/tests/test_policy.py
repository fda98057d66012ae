"""No site may show a page in a frame, unless the setting names it."""

import pytest

from dashboard.http.headers import write_policy
from dashboard.settings import SettingsError, read_settings


def test_nobody_may_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAME_ANCESTORS", "")
    assert write_policy(read_settings().frame_ancestors).endswith("frame-ancestors 'none'")


def test_origins_that_are_named_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAME_ANCESTORS", "https://example.org https://*.example.com:8443")
    policy = write_policy(read_settings().frame_ancestors)
    assert policy.endswith("; frame-ancestors https://example.org https://*.example.com:8443")


@pytest.mark.parametrize(
    "value",
    ["*", "example.org", "https://a.org; script-src *", "javascript:x", "https://a.org,https://b.org"],
)
def test_what_is_not_an_origin_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("FRAME_ANCESTORS", value)
    with pytest.raises(SettingsError, match=r"FRAME_ANCESTORS=.*expected origins such as"):
        read_settings()
