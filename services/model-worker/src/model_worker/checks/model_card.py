"""Model card: the fitted model's equations, its priors in the data's units, and its limits."""

# ruff: noqa: RUF001 - equations contain Greek letters and minus signs

from collections.abc import Collection

from model_worker.design.regression import Design
from model_worker.design.slope_prior import describe_effect
from model_worker.design.study_input import StudyInput
from model_worker.models.prior_scales import (
    LOWEST_NU,
    LOWEST_RHO,
    NOISE_SCALE,
    NU_RATE,
    NU_SHAPE,
    SLOPE_SCALE,
)
from tracestore.criticism import ModelCard, PriorCard
from tracestore.manifest import StudyCard, Transform


def describe_model(given: StudyInput, parameters: Collection[str]) -> ModelCard:
    """Return the model card of a study.

    Parameters
    ----------
    given
        The study and its design.
    parameters
        Names of the posterior's variables, which determine the model's terms.
    """
    study, has = given.study.card(), frozenset(parameters)
    panel = given.panel
    later = _steps(study, panel.lag_step or panel.step, study.lags)
    return ModelCard(
        equations=tuple(_equations(study, has, panel.step, later)),
        words=tuple(_words(study, has, panel.step, later)),
        priors=tuple(_with_own_slope(given, prior) for prior in _priors(study, given.design, has)),
        limits=tuple(_limits(study, has, later)),
    )


def _steps(study: StudyCard, step: int, number: int | str) -> str:
    """Return a number of steps as text, in periods; error steps and lag steps may differ in length."""
    noun, nouns = study.period.noun, study.period.nouns
    if step == 1:
        return f"{number} {noun if number == 1 else nouns}"
    return f"{number} {'step' if number == 1 else 'steps'} of {step:,} {nouns}"


def _symbol_of(transform: Transform, symbol: str) -> str:
    return f"log {symbol}" if transform == "log" else symbol


def _equations(study: StudyCard, has: frozenset[str], step: int, later: str) -> list[str]:
    outcome, treatment = study.outcome, study.treatment
    slope = "βᵢ" if "beta_unit" in has else "β"
    terms = ["α", "uᵢ", "vₜ", f"{slope} {_symbol_of(treatment.transform, 'xᵢₜ')}"]
    if "gamma" in has:
        terms.append("γ·wᵢₜ")
    if "trend" in has:
        terms.append("δᵢ (t − t̄)")
    if "beta_lag" in has:
        before, now = (_symbol_of(treatment.transform, symbol) for symbol in ("xᵢ,ₜ₋ₗ", "xᵢₜ"))
        terms.append(f"Σₗ βₗ ({before} − {now})")
    lines = [f"{_symbol_of(outcome.transform, 'yᵢₜ')} = {' + '.join([*terms, 'eᵢₜ'])}"]
    if "beta_unit" in has:
        lines.append("βᵢ ~ Normal(β, τ)")
    if "unit_spread" in has:
        # The drawn levels are described as the trace stores them: centered on their mean.
        lines.append("uᵢ ~ Normal(0, unit_spread),  Σₜ vₜ = 0;  intercept: α + ū,  unit_effect: uᵢ − ū")
    else:
        lines.append("Σᵢ uᵢ = 0,  Σₜ vₜ = 0")
    noise, freedom = ("Student-t(ν, 0, ", " degrees of freedom ν") if "nu" in has else ("Normal(0, ", "")
    if "rho" in has:
        distance = _steps(study, step, "k")
        lines.append(f"eᵢₜ = ρᵏ eᵢₛ + εᵢₜ,  s the {study.period.noun} observed before, {distance} earlier")
        lines.append(f"εᵢₜ ~ {noise}σ √((1 − ρ²ᵏ) / (1 − ρ²)))")
        lines.append(
            f"eᵢₜ ~ {noise}σ / √(1 − ρ²)) at the first {study.period.noun} of each {study.unit.noun}"
        )
    else:
        lines.append(f"eᵢₜ ~ {noise}σ)")
    where = [f"i: {study.unit.noun}", f"t: {study.period.noun}"]
    where += [f"y: {_named(outcome.label, outcome.units)}", f"x: {_named(treatment.label, treatment.units)}"]
    if "gamma" in has:
        where.append(f"w: {', '.join(study.controls)}")
    if "beta_lag" in has:
        where.append(f"l: {'' if study.lags == 1 else '1 to '}{later}")
    if freedom:
        where.append(f"Student-t(ν, location, scale):{freedom}")
    return [*lines, "; ".join(where)]


def _named(label: str, units: str) -> str:
    return f"{label}, in {units}" if units else label


def _words(study: StudyCard, has: frozenset[str], step: int, later: str) -> list[str]:
    unit, units, period = study.unit.noun, study.unit.nouns, study.period.noun
    outcome, treatment = study.outcome.label, study.treatment.label
    kinds = {True: "the logarithm of ", False: ""}
    sentences = [
        f"{_upper(kinds[study.outcome.transform == 'log'] + outcome)} follows a straight line in "
        f"{kinds[study.treatment.transform == 'log']}{treatment}, "
        f"beside a level for each {unit} and an effect of each {period} that all {units} share."
    ]
    if "beta_unit" in has:
        sentences.append(f"Each {unit} has a slope of its own around a common one; both are learned.")
    else:
        sentences.append(f"All {units} have one slope.")
    if "unit_spread" in has:
        sentences.append(
            f"The levels of the {units} are drawn from a normal distribution, its spread learned."
        )
    if "trend" in has:
        sentences.append(f"Each {unit} has a linear trend of its own.")
    if "gamma" in has:
        sentences.append(f"It is compared at equal {', '.join(study.controls)}.")
    if "beta_lag" in has:
        sentences.append(f"The outcome answers over {later}; the slope is that of the long run.")
    steps = period if step == 1 else f"step of {step:,} {study.period.nouns}"
    if "rho" in has:
        sentences.append(
            f"Errors of a {unit} persist from one {steps} to the next by a share that is learned."
        )
    else:
        sentences.append("Errors are independent of each other.")
    if "nu" in has:
        sentences.append("What is new in an error may be far out: it has Student's t distribution.")
    return sentences


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _priors(study: StudyCard, design: Design, has: frozenset[str]) -> list[PriorCard]:
    scale, ratio = design.outcome_scale, design.outcome_scale / design.scales[0]
    effects = f"effects of {study.unit.noun} and {study.period.noun}"
    beside = {"trend": "trends", "gamma": "controls", "beta_lag": "lags"}
    taken = ", ".join([effects, *(name for variable, name in beside.items() if variable in has)])
    cards = [
        _prior(
            "beta",
            f"Normal(0, {SLOPE_SCALE * ratio:.3g})",
            f"{SLOPE_SCALE:g} times the outcome's standard deviation over the treatment's, both without "
            f"{taken}: on that scale, with independent errors, the least-squares slope is a partial "
            "correlation, between -1 and 1",
        ),
        _prior(
            "sigma",
            f"HalfNormal({NOISE_SCALE * scale:.3g})",
            f"{NOISE_SCALE:g} times the standard deviation that {taken} leave of the outcome",
        ),
    ]
    if "tau" in has:
        cards.append(
            _prior(
                "tau",
                f"HalfNormal({design.spread_scale * ratio:.3g})",
                "slopes that differ by more than the largest possible slope are implausible",
            )
        )
    if "unit_spread" in has:
        cards.append(
            _prior(
                "unit_spread",
                f"HalfNormal({design.spread_scale * scale:.3g})",
                f"twice the standard deviation of the mean outcomes of {study.unit.nouns}, which holds more",
            )
        )
    if "rho" in has:
        cards.append(
            _prior(
                "rho",
                f"Uniform({LOWEST_RHO:g}, 1)",
                "errors persist or not; near -1 they could not be told from the effects of periods",
            )
        )
    if "nu" in has:
        cards.append(
            _prior(
                "nu",
                f"Gamma({NU_SHAPE:g}, {NU_RATE:g}) above {LOWEST_NU:g}",
                "from very heavy tails to nearly normal ones (Juárez and Steel 2010)",
            )
        )
    flat = ["intercept", "period_effect"] + ["unit_effect"] * ("unit_spread" not in has)
    flat += [name for name in ("trend", "gamma") if name in has]
    if "beta_lag" in has:
        flat.append("beta_lag beyond the first")
    reason = "they are there so that the slope does not come from them, and must not shrink"
    return [*cards, _prior(", ".join(flat), "flat", reason)]


def _with_own_slope(given: StudyInput, card: PriorCard) -> PriorCard:
    # If the study states the plausible effect size, the slope's prior follows from that size.
    study, design = given.study, given.design
    if card.parameter != "beta" or study.toml.model.prior.effect is None:
        return card
    change = study.toml.what_if.change
    units = "%" if change.kind == "percent" else study.card().treatment.units
    return _prior(
        "beta",
        f"Normal(0, {design.slope_scale * design.outcome_scale / design.scales[0]:.3g})",
        f"a change of {study.toml.treatment.label} from its median by {change.default:g} {units} hardly moves"
        f" the outcome by more than {describe_effect(study)}, as the study has it: with a probability of 5 %",
    )


def _prior(parameter: str, distribution: str, reason: str) -> PriorCard:
    return PriorCard(parameter=parameter, distribution=distribution, reason=reason)


def _limits(study: StudyCard, has: frozenset[str], later: str) -> list[str]:
    unit, units, treatment = study.unit.noun, study.unit.nouns, study.treatment.label
    if "unit_spread" in has:
        compared = f"compares {units} with each other, by their changes and by their levels. What goes with"
    else:
        compared = f"compares changes within {units} with those of other {units}. What moves with"
    limits = [
        f"The slope {compared} {treatment} and is not in the model is in the slope: it is not known to be a "
        "cause.",
        f"A change of {treatment} beyond what the data have is the straight line's answer, not the data's.",
    ]
    if "beta_lag" in has:
        limits.append(
            f"The outcome answers within {later}. One that adjusts more slowly defeats the model: the "
            "interval then misses."
        )
    else:
        limits.append(
            f"The outcome answers in the same {study.period.noun}. One that adjusts slowly defeats the "
            "model, as it defeats every static one: on simulated panels the 94 % interval then held the "
            "long-run slope in fewer than 3 % of cases."
        )
    if "rho" in has:
        limits.append(
            f"AR(1) is an assumption. Where persistence nears 1 the level of a {unit} is hardly told from "
            "its errors, and is wide, as it should be; the slope is not touched by that."
        )
    else:
        limits.append(
            "Errors are taken as independent. Where they persist the interval is far too narrow: on "
            "simulated panels of 50 periods with AR(1) errors of 0.9 the 94 % interval of one slope for all "
            "held the truth in 44 % of cases."
        )
    if "beta_unit" not in has:
        limits.append(f"All {units} have one slope. Where slopes differ the interval is too narrow.")
    if "unit_spread" in has:
        limits.append(
            f"Differences between {units} inform the slope: right only if levels do not go with {treatment}."
        )
    return limits
