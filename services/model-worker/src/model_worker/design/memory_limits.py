"""Memory limits, checked before a fit starts."""

from model_worker.data.panel import Panel
from model_worker.design.specification import Specification
from model_worker.settings import Settings
from model_worker.study.definition import Study
from model_worker.study.faults import InvalidInput
from tracestore.manifest import Fault

MOST_VALUES = 50_000_000
"""Maximum number of values in the posterior's largest groups: 400 MB. A fit keeps a few copies in memory,
each replica of the dashboard one."""

MOST_PRODUCTS = 10_000
"""Maximum of periods times numeric columns. The matrix of all their pairwise products takes 800 MB."""


def require_memory(
    study: Study, panel: Panel, settings: Settings, specification: Specification | None = None
) -> None:
    """Raise if the fit of a panel would exceed the memory limits.

    Parameters
    ----------
    specification
        Specification that sets the number of parameters per unit. Without it, each unit counts one effect.

    Raises
    ------
    InvalidInput
        With one fault for each exceeded limit.
    """
    draws = settings.chains * settings.draws
    units, periods = study.toml.unit.nouns, study.toml.period.nouns
    of_unit = 1
    if specification is not None:
        of_unit += (specification.random == "treatment") + (specification.own == 2)
    faults = []
    values = of_unit * len(panel.units) * draws
    if values > MOST_VALUES:
        each = "an effect" if of_unit == 1 else f"{of_unit} parameters"
        faults.append(
            Fault(
                kind="too_many_values",
                file=study.data_name,
                column=study.toml.unit.column,
                expected=f"at most {MOST_VALUES:,} values in the posterior",
                found=f"{values:,}: {each} for each of {len(panel.units):,} {units} in {draws:,} draws",
                advice=f"Set CHAINS or DRAWS lower (1,000 draws in all can pass), or aggregate {units}.",
            )
        )
    columns = 2 + len(panel.control_names) + study.toml.model.lags
    if columns * len(panel.periods) > MOST_PRODUCTS:
        faults.append(
            Fault(
                kind="too_many_periods",
                file=study.data_name,
                column=study.toml.period.column,
                expected=f"at most {MOST_PRODUCTS // columns:,} {periods} with {columns} columns",
                found=f"{len(panel.periods):,}",
                advice=f"Aggregate the {periods}, or use fewer controls or lags.",
            )
        )
    if faults:
        raise InvalidInput(faults)
