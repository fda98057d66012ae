"""The document of a session, which is freed the moment the session ends, without a garbage collection.

Models, the containers of their properties and the callbacks on them refer to each other in circles, so
Bokeh's own document collects the garbage of the whole process on the event loop whenever a session ends:
seconds, with many sessions open. This one cuts the circles instead, and reference counting does the rest.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast, override
from weakref import WeakSet

import bokeh
from bokeh.core.serialization import Serialized
from bokeh.core.types import ID
from bokeh.document import Document
from bokeh.document.callbacks import DocumentCallbackManager
from bokeh.document.json import DocJson
from bokeh.document.models import DocumentModelManager
from bokeh.model import Model
from bokeh.models import Column
from bokeh.server.callbacks import SessionCallback
from bokeh.util.datatypes import MultiValuedDict

from dashboard.holdings import collect_models, drop_empty
from dashboard.writing import Writer


class SessionDocument(Document):
    """A document that leaves nothing to collect.

    Attributes
    ----------
    close
        What is done last, when it is destroyed.
    """

    close: Callable[[], None] | None

    @staticmethod
    def adopt(document: Document) -> "SessionDocument":
        """Turn a document that Bokeh has just made, still empty, into one of this class."""
        document.__class__ = SessionDocument
        adopted = cast(SessionDocument, document)
        adopted.callbacks.__class__ = SessionCallbacks
        adopted.models = SessionModels(document)
        adopted.close = None
        return adopted

    def slim(self) -> None:
        """Let go of the models' empty containers; not while something reads them."""
        drop_empty(self.models)

    @override
    def to_json(self, *, deferred: bool = True) -> Any:
        """Write the document as Bokeh's own does, which has no classes and no scripts here."""
        writer = Writer(deferred=deferred)
        written = DocJson(
            version=bokeh.__version__,
            title=self.title,
            config=writer.encode(self.config),
            roots=writer.encode(self._roots),
        )
        self.models.flush_synced()
        return Serialized(written, buffers=writer.buffers) if deferred else written

    @override
    def destroy(self, session: Any) -> None:
        """Let go of everything, with the session's lock held; the document cannot be used any more."""
        self._session_context = None
        self.callbacks.destroy()
        self.models.destroy()
        for model in self.config.references():
            cut_circles(model)
        self._roots.clear()
        self._template_variables.clear()
        if self.close is not None:
            self.close()
            self.close = None


class SessionCallbacks(DocumentCallbackManager):
    """The callbacks of a document; one that is to run once holds itself until it is removed."""

    @override
    def remove_session_callback(self, callback_obj: SessionCallback) -> None:
        super().remove_session_callback(callback_obj)
        callback_obj._callback = _do_nothing

    @override
    def destroy(self) -> None:
        for callback in self._session_callbacks:
            callback._callback = _do_nothing
        self._session_callbacks.clear()
        super().destroy()


class SessionModels(DocumentModelManager):
    """The models of a document, and those that were taken out of it and live on in their own circles."""

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self._detached: WeakSet[Model] = WeakSet()

    @override
    def recompute(self) -> None:
        """Find the document's models anew, as Bokeh's own does, without making defaults."""
        document = self._document()
        if document is None:
            return
        before, now = set(self), collect_models(document.roots)
        for model in before - now:
            model._detach_document()
        for model in now - before:
            model._attach_document(document)
            self._new_models.add(model)
        self._new_models &= now
        by_name: MultiValuedDict[str, Model] = MultiValuedDict()
        for model in now:
            if model.name is not None:
                by_name.add_value(model.name, model)
        self._models, self._models_by_name = {model.id: model for model in now}, by_name
        self._detached |= before - now

    @override
    def seen(self, id: ID) -> bool:
        """Say that a model was here: a browser may be late, and what it says of others is not worth more."""
        return True

    @override
    def destroy(self) -> None:
        """Cut every circle that a model of this document is in."""
        for model in {*self, *self._detached}:
            cut_circles(model)
        self._models.clear()
        self._models_by_name._dict.clear()
        self._new_models.clear()


def discard(models: Iterable[Model]) -> None:
    """Free models that were made for a document and never put into it."""
    for model in collect_models(models):
        cut_circles(model)


@contextmanager
def replacing(*columns: Column) -> Iterator[None]:
    """Free what is not in a document any more once other models stand in these columns of it."""
    before, document = collect_models(columns), columns[0].document
    yield
    gone = before - collect_models(columns)
    if gone and document is not None:
        for model in gone - collect_models(document.roots):
            cut_circles(model)


def _do_nothing() -> None:
    pass


def cut_circles(model: Model) -> None:
    """Take from a model its document, its values and its callbacks."""
    model.destroy()
    model._unstable_default_values.clear()
    model._unstable_themed_values.clear()
    model._callbacks.clear()
    model._event_callbacks.clear()
