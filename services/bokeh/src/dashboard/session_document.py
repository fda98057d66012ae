"""The document of a session, which is freed the moment the session ends, without a garbage collection.

Models, the containers of their properties and the callbacks on them refer to each other in circles, so
Bokeh's own document collects the garbage of the whole process on the event loop whenever a session ends:
seconds, with many sessions open. This one cuts the circles instead, and reference counting does the rest.
"""

from collections.abc import Callable
from typing import Any, cast, override
from weakref import WeakSet

from bokeh.core.property.wrappers import PropertyValueContainer
from bokeh.document import Document
from bokeh.document.callbacks import DocumentCallbackManager
from bokeh.document.models import DocumentModelManager
from bokeh.model import Model
from bokeh.server.callbacks import SessionCallback


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
        """Let go of what reading makes again: each model's empty containers, most of a document's memory.

        Not while something reads the models, and only where nothing keeps such a container to fill it.
        """
        for model in self.models:
            defaults = model._unstable_default_values
            for name in [name for name, value in defaults.items() if _is_empty_container(value)]:
                del defaults[name]

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
        before = set(self)
        super().recompute()
        self._detached |= before.difference(self)

    @override
    def destroy(self) -> None:
        """Cut every circle that a model of this document is in."""
        for model in {*self, *self._detached}:
            cut_circles(model)
        self._models.clear()
        self._models_by_name._dict.clear()
        self._new_models.clear()


def _is_empty_container(value: object) -> bool:
    return isinstance(value, PropertyValueContainer) and not value


def _do_nothing() -> None:
    pass


def cut_circles(model: Model) -> None:
    """Take from a model its document, its values and its callbacks."""
    model.destroy()
    model._unstable_default_values.clear()
    model._unstable_themed_values.clear()
    model._callbacks.clear()
    model._event_callbacks.clear()
