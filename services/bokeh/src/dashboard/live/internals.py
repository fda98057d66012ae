"""Every private name of Bokeh that this service uses: seven, and one module that is replaced.

Ruff refuses private names everywhere else. What is written without them is the same, only later and larger:
`tests/test_internals.py` compares it with what stock Bokeh writes. What each one buys was measured as
processor time of a session (page, websocket and document) on Bokeh 3.10.2, where all of them together take 26
ms.

`_property_values`, `_unstable_default_values`
    Defaults that nobody asked for are not made (`install`): 26 ms and not 66. Obsolete once Bokeh's
    `HasProps.query_properties_with_values` asks whether a value is wanted before it makes it, and its
    `visit_immediate_value_references` visits held values only.
`_callbacks`, `_event_callbacks`, `_callback`
    Cycles of an ended session are cut (`cut_cycles`, `SessionCallbacks`), so that reference counting frees
    it: the longest garbage collection takes 11 ms and not 400. Obsolete once `Model.destroy` clears all that
    a model holds, and a callback that runs once does not refer to itself.
`_id`, `_owners`
    A session's page is a clone of a prepared one: 3 ms and not 47. Obsolete once Bokeh can clone a document.
`bokeh.document.document.gc`
    `Document.destroy` collects the garbage of the whole process on the event loop: stalls of seconds.
    Obsolete once it does not.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from random import randrange
from types import SimpleNamespace
from typing import Any, cast, override

import bokeh.document.document as document_module
import bokeh.model.util as model_util
from bokeh.core.has_props import HasProps
from bokeh.core.property.descriptors import PropertyDescriptor
from bokeh.core.property.wrappers import PropertyValueContainer
from bokeh.document import Document
from bokeh.document.callbacks import DocumentCallbackManager
from bokeh.document.events import DocumentChangedEvent, DocumentPatchedEvent
from bokeh.model import Model, collect_models
from bokeh.models import Column
from bokeh.server.callbacks import SessionCallback

Query = Callable[[PropertyDescriptor[Any]], bool]

CLONES = count(randrange(2**40))
"""From a number of chance: a page that moves to another replica may still have models of the one before."""

STOCK_QUERY = HasProps.query_properties_with_values
STOCK_VISIT = model_util.visit_immediate_value_references
STOCK_GC = vars(document_module)["gc"]


def install() -> None:
    """Replace the two functions of Bokeh that make defaults, and the collection in `Document.destroy`.

    Once for a process, before its first document; again is the same as once.
    """
    HasProps.query_properties_with_values = _query_held  # type: ignore[method-assign]
    model_util.visit_immediate_value_references = _visit_held
    vars(document_module)["gc"] = SimpleNamespace(collect=lambda: 0)


def _list_held(owner: HasProps) -> set[str]:
    """Return the names of the properties that have a value without a default being made."""
    return {*owner._property_values, *owner._unstable_default_values, *(owner.themed_values() or ())}


def _query_held(
    self: HasProps, query: Query, *, include_defaults: bool = True, include_undefined: bool = False
) -> dict[str, Any]:
    """Query as Bokeh does, and ask whether a value is wanted before it is made."""
    held = None if include_defaults else _list_held(self)

    def is_wanted(descriptor: PropertyDescriptor[Any]) -> bool:
        return (held is None or descriptor.name in held) and query(descriptor)

    return STOCK_QUERY(
        self, is_wanted, include_defaults=include_defaults, include_undefined=include_undefined
    )


def _visit_held(value: Any, visitor: Callable[[Model], None]) -> None:
    """Visit the models that a value refers to as Bokeh does, without making defaults to look into."""
    if not isinstance(value, HasProps):
        model_util.visit_value_and_its_immediate_references(value, visitor)
        return
    held = _list_held(value)
    for name in value.properties_with_refs():
        if name in held:
            model_util.visit_value_and_its_immediate_references(getattr(value, name), visitor)


class SessionDocument(Document):
    """A document whose models are freed by reference counting when its session ends."""

    is_destroyed: bool
    on_destroy: Callable[[], None] | None
    """Called last, when the session has ended."""

    @staticmethod
    def adopt(document: Document) -> "SessionDocument":
        """Turn a document that Bokeh has just made into one of this class."""
        document.__class__ = SessionDocument
        adopted = cast(SessionDocument, document)
        adopted.callbacks.__class__ = SessionCallbacks
        adopted.is_destroyed, adopted.on_destroy = False, None
        return adopted

    @override
    def destroy(self, session: Any) -> None:
        """Release everything, with the session's lock held."""
        self.is_destroyed = True
        models = {*self.models, *self.config.references()}
        # Models that were taken out before they were sent are held there.
        self.models.flush_synced()
        super().destroy(session)
        for model in models:
            cut_cycles(model)
        if self.on_destroy is not None:
            self.on_destroy()
            self.on_destroy = None


class Batch(DocumentPatchedEvent, kind="Batch"):  # type: ignore[arg-type]
    """Changes of a document that are written as one message: 1 ms and not 5."""

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.events: list[DocumentPatchedEvent] = []


class SessionCallbacks(DocumentCallbackManager):
    """The callbacks of a document. One that runs once refers to itself until it is removed."""

    batch: Batch | None = None

    @override
    def trigger_on_change(self, event: DocumentChangedEvent) -> None:
        if self.batch is None or not isinstance(event, DocumentPatchedEvent):
            super().trigger_on_change(event)
            return
        if event.callback_invoker is not None:
            event.callback_invoker()
        self.batch.events.append(event)

    @override
    def remove_session_callback(self, callback_obj: SessionCallback) -> None:
        super().remove_session_callback(callback_obj)
        callback_obj._callback = _do_nothing

    @override
    def destroy(self) -> None:
        for callback in self.session_callbacks:
            callback._callback = _do_nothing
        super().destroy()


def _do_nothing() -> None:
    pass


@contextmanager
def batching(document: Document | None) -> Iterator[None]:
    """Write what changes meanwhile, with the document's lock held, as one `Batch`."""
    callbacks = document.callbacks if document is not None else None
    if document is None or not isinstance(callbacks, SessionCallbacks) or callbacks.batch is not None:
        yield
        return
    batch = callbacks.batch = Batch(document)
    try:
        yield
    finally:
        callbacks.batch = None
        if batch.events:
            callbacks.trigger_on_change(batch)


def is_open(document: Document) -> bool:
    """Return whether the session of a document has not ended."""
    return not (isinstance(document, SessionDocument) and document.is_destroyed)


def cut_cycles(model: Model) -> None:
    """Take from a model its document, its values and its callbacks."""
    model.destroy()
    model._unstable_default_values.clear()
    model._callbacks.clear()
    model._event_callbacks.clear()


def discard(models: Iterable[Model]) -> None:
    """Free models, with all that they refer to, that are in no document."""
    for model in collect_models(*models):
        cut_cycles(model)


@contextmanager
def replacing(*columns: Column) -> Iterator[None]:
    """Free what is in no document any more once other models stand in these columns of one."""
    before, document = set(collect_models(*columns)), columns[0].document
    yield
    gone = before - set(collect_models(*columns))
    if not gone or document is None:
        return
    gone -= set(collect_models(*document.roots))
    # A document holds models that were not sent yet, also once they are out of it.
    document.models.flush_synced(lambda model: model not in gone)
    for model in gone:
        cut_cycles(model)


def drop_empty(models: Iterable[Model]) -> None:
    """Release empty containers, which reading makes again: most of what models take of memory.

    Not while something reads the models, and only where nothing keeps such a container to fill it.
    """
    for model in models:
        defaults = model._unstable_default_values
        for name in [name for name, value in defaults.items() if _is_empty_container(value)]:
            del defaults[name]


def _is_empty_container(value: object) -> bool:
    return isinstance(value, PropertyValueContainer) and not value


def renew_id(model: Model) -> None:
    """Replace the identifier of a cloned model by a new one; Bokeh's own begin with another letter."""
    model._id = f"c{next(CLONES)}"  # type: ignore[attr-defined]


def clone_owners(source: Any, clone: Any, clone_of: Callable[[Any], Any]) -> None:
    """Connect a cloned container of a property with the clones of its owners, which it tells of changes."""
    clone._owners = {(clone_of(owner), descriptor) for owner, descriptor in source._owners}
