"""Copies of the parts of a page, made in a few milliseconds where Bokeh makes its models in dozens.

A model's constructor makes the default of every property that it is given a value for, and throws it away.
A copy takes over what the model came to hold, and nothing is made twice.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import is_dataclass
from types import MethodType
from typing import Any, cast
from weakref import finalize

import numpy as np
from bokeh.core.property.vectorization import Expr, Field, Value
from bokeh.core.property.wrappers import PropertyValueContainer
from bokeh.model import Model, collect_models
from bokeh.util.dataclasses import Unspecified

from dashboard.live.internals import clone_owners, discard, drop_empty, renew_id


class PagePart:
    """A part that belongs to one page and is copied with it, with all that it holds."""


class Shared:
    """An object that pages hold in common and none of them changes."""


NOTHING_INSIDE = (type(None), bool, int, float, str, bytes, np.ndarray, np.generic, type(Unspecified))
"""Types of values that are not copied. Arrays are replaced in a data source and never written to."""


class CannotCopy(TypeError):
    """A page holds something that is not declared its own or shared."""


def copy_part[T: PagePart](part: T) -> T:
    """Copy a part with its models, which must not be in a document; models get identifiers of their own.

    Raises
    ------
    CannotCopy
        When something is neither a model, a `PagePart`, `Shared`, frozen, nor a container of such. Functions
        are refused as well, as what they refer to cannot be seen; methods of parts are not.
    """
    return cast(T, _Copying().copy(part))


class Prototype[Part: PagePart]:
    """A part in no document that is only there to be copied; it is freed once nobody refers to it.

    Its models, all of which are reached from those given, are in cycles, which are cut here: with many
    sessions open they are not collected.
    """

    def __init__(self, part: Part, models: Iterable[Model]) -> None:
        self._part, self._models = part, tuple(models)
        drop_empty(collect_models(*self._models))
        finalize(self, _free, part, self._models).atexit = False

    def copy(self) -> Part:
        """Copy the part, on any thread."""
        return copy_part(self._part)


def _free(part: PagePart, models: tuple[Model, ...]) -> None:
    discard(models)
    vars(part).clear()


class _Copying:
    """One copy being made; it knows what was copied already, by the identity of the original."""

    def __init__(self) -> None:
        self.made: dict[int, Any] = {}

    def copy(self, value: Any) -> Any:
        kind = type(value)
        if kind in NOTHING_INSIDE:
            return value
        made = self.made.get(id(value))
        if made is not None:
            return made
        way = WAYS.get(kind)
        if way is None:
            way = WAYS[kind] = _find_way(kind)
        return way(self, value)

    def copy_part(self, value: Any) -> Any:
        made = self.made[id(value)] = object.__new__(type(value))
        inside = vars(made)
        for name, held in vars(value).items():
            inside[name] = self.copy(held)
        return made

    def copy_model(self, value: Any) -> Any:
        if value.document is not None:
            raise CannotCopy(f"{value} is in a document")
        made = self.copy_part(value)
        renew_id(made)
        return made

    def copy_list(self, value: Any) -> Any:
        made = self.made[id(value)] = []
        made += map(self.copy, value)
        return made

    def copy_dict(self, value: Any) -> Any:
        made: dict[Any, Any] = defaultdict(value.default_factory) if type(value) is defaultdict else {}
        self.made[id(value)] = made
        for name, held in value.items():
            made[name] = self.copy(held)
        return made

    def copy_container(self, value: Any) -> Any:
        """Copy a property's value, which tells the model that owns it when it is changed."""
        made = self.made[id(value)] = type(value)()
        if isinstance(value, list):
            list.extend(made, map(self.copy, value))
        elif isinstance(value, dict):
            dict.update(made, {name: self.copy(held) for name, held in value.items()})
        else:
            set.update(made, map(self.copy, value))
        clone_owners(value, made, self.copy)
        return made


Way = Callable[[_Copying, Any], Any]

WAYS: dict[type, Way] = {
    list: _Copying.copy_list,
    dict: _Copying.copy_dict,
    defaultdict: _Copying.copy_dict,
    tuple: lambda copying, value: tuple(map(copying.copy, value)),
    set: lambda copying, value: set(map(copying.copy, value)),
    MethodType: lambda copying, value: MethodType(value.__func__, copying.copy(value.__self__)),
}


def _find_way(kind: type) -> Way:
    if issubclass(kind, Model):
        return _Copying.copy_model
    if issubclass(kind, PropertyValueContainer):
        return _Copying.copy_container
    if issubclass(kind, (PagePart, Field, Value, Expr)):
        return _Copying.copy_part
    frozen = is_dataclass(kind) and kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    if frozen or issubclass(kind, (Shared, *NOTHING_INSIDE)):
        return lambda _, value: value
    raise CannotCopy(f"a page holds a {kind.__module__}.{kind.__qualname__}")
