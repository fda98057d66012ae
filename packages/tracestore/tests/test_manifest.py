"""The forms hold what they promise: an identity names one fit, a verdict without evidence fails."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tracestore.manifest import Answer, Check, Current, Identity, ManifestDraft, Verdict, WhatIf, utc_now
from tracestore.records import record_bytes

identities = st.builds(
    Identity,
    data_sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    study_sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    model_version=st.text(min_size=1, max_size=8),
    packages=st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4),
    chains=st.integers(1, 8),
    draws=st.integers(1, 4000),
    tune=st.integers(0, 4000),
    seed=st.integers(0, 2**63),
)


@given(identities)
def test_a_version_does_not_depend_on_the_order_of_packages(identity: Identity) -> None:
    turned = identity.model_copy(update={"packages": dict(reversed(identity.packages.items()))})

    assert turned.version() == identity.version()


@given(identities, identities)
def test_two_identities_have_two_versions(one: Identity, other: Identity) -> None:
    assert (one.version() == other.version()) == (one == other)


@given(identities)
def test_an_identity_read_back_from_json_has_its_version(identity: Identity) -> None:
    assert Identity.model_validate_json(record_bytes(identity)).version() == identity.version()


def test_the_version_of_an_identity_stays_what_it_was(make_draft: Callable[..., ManifestDraft]) -> None:
    # A change here makes every store in use unreadable: raise the schema version with it.
    assert make_draft(0).identity.version() == "c798cc5ae4b7"


def test_a_verdict_without_checks_or_with_a_failed_one_has_not_passed() -> None:
    good = Check(name="r_hat", value=1.0, threshold=1.01, passed=True)
    bad = Check(name="ess_bulk", value=None, threshold=400, passed=False)

    assert Verdict(checks=(good,)).passed
    assert not Verdict(checks=()).passed
    assert not Verdict(checks=(good, bad)).passed


def test_a_check_without_a_value_cannot_have_passed() -> None:
    with pytest.raises(ValidationError, match="r_hat has no value"):
        Check(name="r_hat", value=None, threshold=1.01, passed=True)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_check_has_a_finite_value(value: float) -> None:
    with pytest.raises(ValidationError, match="finite"):
        Check(name="r_hat", value=value, threshold=1.01, passed=False)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "percent", "default": 1, "min": -100, "max": 100},
        {"kind": "units", "default": 5, "min": 0, "max": 4},
        {"kind": "units", "default": 0, "min": 0, "max": 0},
    ],
)
def test_a_change_has_a_range_with_its_default_and_leaves_some_treatment(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="expected"):
        WhatIf.model_validate(change)


def test_a_version_is_not_its_own_predecessor() -> None:
    with pytest.raises(ValidationError, match="both 0123456789ab"):
        Current(version="0123456789ab", previous="0123456789ab", published_at=utc_now())


EFFECT: dict[str, Any] = {
    "period": 2007,
    "units": 2,
    "outcome": 160.0,
    "treatment": 50.0,
    "mass": 0.94,
    "mean": -1.0,
    "lower": -2.0,
    "upper": 0.5,
    "probability": 0.1,
    "quantiles": tuple(place / 100 - 1 for place in range(101)),
}


def test_an_answer_is_an_effect_or_a_reason_and_read_back_as_it_was() -> None:
    for answer in (
        Answer(**EFFECT),
        Answer(**EFFECT, within=0.25, above=0.05),
        Answer(period="2007 Q4", units=2, mass=0.94, reason="the change leads nowhere"),
    ):
        assert Answer.model_validate_json(record_bytes(answer)) == answer


@pytest.mark.parametrize(
    ("change", "why"),
    [
        *(({name: None}, f"missing: .*{name}") for name in ("outcome", "treatment", "mean")),
        *(({name: None}, f"missing: .*{name}") for name in ("lower", "upper", "probability")),
        ({"units": 0}, "expected an effect on units"),
        ({"reason": "none"}, "expected a reason or an effect"),
        ({"within": 0.5}, "both of within and above"),
        ({"lower": 1.0}, "expected lower <= upper"),
        ({"quantiles": ()}, "expected 101 quantiles"),
        ({"quantiles": tuple(float(-place) for place in range(101))}, "ascending"),
        ({"mean": float("nan")}, "finite"),
        ({"quantiles": (float("-inf"), *EFFECT["quantiles"][1:])}, "finite"),
        ({"probability": 1.1}, "less than or equal to 1"),
    ],
)
def test_an_answer_that_is_not_whole_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Answer(**{**EFFECT, **change})


def test_a_manifest_made_before_there_were_answers_has_none(make_draft: Callable[..., ManifestDraft]) -> None:
    assert make_draft(0).answer is None
    before = make_draft(0).model_dump(mode="json", exclude={"answer"})
    assert ManifestDraft.model_validate(before) == make_draft(0)
