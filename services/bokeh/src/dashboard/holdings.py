"""What models hold: other models, and containers that nobody has put anything into."""

from collections.abc import Iterable, Iterator
from typing import Any

from bokeh.core.has_props import HasProps
from bokeh.core.property.vectorization import Expr, Field, Value
from bokeh.core.property.wrappers import PropertyValueContainer
from bokeh.model import Model

CONTAINERS = (list, tuple, set, frozenset)


def collect_models(roots: Iterable[Model]) -> set[Model]:
    """Give all models that these refer to, and themselves.

    Bokeh finds the same by reading every property that may refer to a model, which makes the defaults of
    those that were never touched.
    """
    found: set[Model] = set()
    waiting = list(roots)
    while waiting:
        model = waiting.pop()
        if model not in found:
            found.add(model)
            waiting += _list_models(model)
    return found


def drop_empty(models: Iterable[Model]) -> None:
    """Let go of what reading makes again: models' empty containers, most of what they take of memory.

    Not while something reads the models, and only where nothing keeps such a container to fill it.
    """
    for model in models:
        defaults = model._unstable_default_values
        for name in [name for name, value in defaults.items() if _is_empty_container(value)]:
            del defaults[name]


def _is_empty_container(value: object) -> bool:
    return isinstance(value, PropertyValueContainer) and not value


def _list_models(owner: HasProps) -> Iterator[Model]:
    for values in (owner._property_values, owner._unstable_default_values, owner._unstable_themed_values):
        for value in values.values():
            yield from _find_models(value)


def _find_models(value: Any) -> Iterator[Model]:
    if isinstance(value, Model):
        yield value
    elif isinstance(value, CONTAINERS):
        for one in value:
            yield from _find_models(one)
    elif isinstance(value, dict):
        for one in (*value, *value.values()):
            yield from _find_models(one)
    elif isinstance(value, HasProps):
        yield from _list_models(value)
    elif isinstance(value, (Field, Value, Expr)):
        yield from _find_models(tuple(vars(value).values()))
