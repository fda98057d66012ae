"""Template of a new study's study.toml: proposed values filled in, all other options commented out."""

import json
import math
import re

from model_worker.new_study.role_inference import Choice, InferredRoles, Measure
from model_worker.study.read_options import ReadOptions

SCHEMA = "study.schema.json"

_UNITS = {"usd": "US$", "musd": "million US$", "eur": "€", "pct": "%", "percent": "%", "share": "share"}
_FORM_NOUNS = {"year": "year", "quarter": "quarter", "month": "month", "date": "day", "integer": "period"}


def write_template(inferred: InferredRoles, read_options: ReadOptions, file: str, title: str) -> str:
    """Return the text of study.toml."""
    outcome, treatment = inferred.outcome, inferred.treatment
    label = f", label = {_text(inferred.label.column)}" if inferred.label else ""
    form = f', form = "{inferred.form}"' if inferred.form not in ("integer", "year") else ""
    noun = _text(_FORM_NOUNS[inferred.form])
    lines = [
        f"#:schema ../../docs/{SCHEMA}",
        f"title = {_text(title)}",
        f"file = {_text(file)}",
        '# source = "Where the data come from, for the page."',
        "",
        "# noun: what readers call one; plural: what they call several, where English has no rule for it",
        *_reason("unit", inferred.unit),
        f"unit = {{ column = {_text(inferred.unit.column)}{label},"
        f" noun = {_text(_noun(inferred.unit.column))} }}",
        *_reason("period", inferred.period),
        '# form: "integer", "year", "quarter" (2005Q1), "month" (2005-03) or "date" (2005-03-31)',
        f"period = {{ column = {_text(inferred.period.column)}, noun = {noun}{form} }}",
        "",
        '# transform: "log" (effects are relative), "identity" or "standardised" (units are then standard',
        "# deviations); label and units are what readers see",
        "# How their numbers are written, where that is not with three digits and commas between thousands:",
        '# number = { decimals = 2, prefix = "US$", suffix = "", thousands = true } in the braces of either',
        *_reason("outcome", outcome),
        _measure_line("outcome", outcome),
        *_reason("treatment", treatment),
        _measure_line("treatment", treatment),
        "# Columns whose effect is to be taken out, as they are. Not what the treatment itself changes.",
        *(
            [f"# Other columns of numbers: {', '.join(map(_text, inferred.others))}"]
            if inferred.others
            else []
        ),
        f"controls = [{', '.join(map(_text, inferred.controls))}]",
        "",
        "[what_if]",
        '# The change of the treatment that readers move: kind = "percent" or "units" (of the treatment)',
        f"change = {_change(treatment)}",
        '# "saving": a lower outcome is told as positive; "gain": a higher one; "change": as it is',
        'sign = "change"',
        '# How the effects on all units make one figure: "sum", or "mean" for rates, indices, per head',
        f'together = "{"sum" if inferred.adds_up else "mean"}"',
        "# negligible = 1             # effects below so many percent of the outcome count as none",
        "# number = { decimals = 1 }  # how effects are written; by default as the outcome",
        "",
        *_read(read_options),
        "# The model; these are the defaults, but for the last; docs/estimand.md explains them",
        "# [model]",
        '# errors = "ar1"             # errors persist; or "independent"',
        '# tails = "normal"           # "student": rows far from the others weigh less',
        '# slopes = "auto"            # "unit": each unit has its own; "common": one for all',
        '# effects = "free"           # "pooled": unit effects shrink to a common mean',
        "# trends = false             # true: each unit has a linear trend of its own",
        "# lags = 0                   # 1 to 20: the outcome answers over so many steps",
        "# prior.effect = 5           # the default change hardly moves the outcome by more (% or units)",
    ]
    return "\n".join(lines) + "\n"


def _measure_line(role: str, measure: Measure) -> str:
    words = measure.column.replace("_", " ").strip()
    units = next((_UNITS[word] for word in words.lower().split() if word in _UNITS), "units")
    label = words[:1].upper() + words[1:]
    return (
        f"{role} = {{ column = {_text(measure.column)}, label = {_text(label)}, units = {_text(units)},"
        f' transform = "{measure.transform}" }}'
    )


def _change(treatment: Measure) -> str:
    if treatment.transform == "log":
        return '{ kind = "percent", default = 10, min = -50, max = 100 }'
    if treatment.is_binary:
        return '{ kind = "units", default = 1, min = -1, max = 1 }'
    step = 10.0 ** math.floor(math.log10(treatment.spread)) if treatment.spread else 1.0
    step *= max(1, round(treatment.spread / step))
    return f'{{ kind = "units", default = {step:g}, min = {-2 * step:g}, max = {2 * step:g} }}'


def _read(read_options: ReadOptions) -> list[str]:
    said = read_options.model_dump(exclude_none=True)
    default = ReadOptions()
    lines = [f"{key} = {_text(value)}" for key, value in said.items() if value != getattr(default, key)]
    options = {
        "delimiter": '# delimiter = ";"            # or "\\t", "|"',
        "encoding": '# encoding = "cp1252"        # or "utf-16", "latin-1", "shift_jis" ...',
        "decimal": '# decimal = ","',
        "thousands": '# thousands = "."            # or ",", " ", "\'"',
    }
    open_to = [option for key, option in options.items() if not any(line.startswith(key) for line in lines)]
    table = "[read]" if lines else "# [read]"
    return [
        "# How the file is written, where it is not commas, UTF-8 and decimal points:",
        table,
        *lines,
        *open_to,
        "",
    ]


def _reason(role: str, choice: Choice | Measure) -> list[str]:
    return [f"# {role}: {_one_line(choice.column)}: {_one_line(choice.reason)}"]


def _one_line(text: str) -> str:
    return " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", text).split())


def _noun(column: str) -> str:
    words = [word for word in column.replace("_", " ").split() if word.lower() not in ("id", "code", "name")]
    return " ".join(words).lower() or "unit"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
