"""Documents, and changes of them, written for the browser without making the defaults that are not sent."""

from typing import Any, cast, override

from bokeh.core.property.wrappers import PropertyValueContainer
from bokeh.core.serialization import ArrayRepLike, ObjectRefRep, Serializer
from bokeh.document.events import DocumentPatchedEvent
from bokeh.document.json import PatchJson
from bokeh.model import Model
from bokeh.protocol import SPEC
from bokeh.protocol.messages.patch_doc import patch_doc

AS_THEY_ARE = {str, bool, type(None)}
"""What stands in the message as it is; a number may be none that JSON has."""


class Writer(Serializer):
    """Bokeh's serializer, which asks a model only for what it holds.

    Bokeh's own asks for every property, which makes its default, and leaves out what is one. What is written
    is the same, but that a property that must be set and is not goes unnoticed.
    """

    @override
    def _encode_list(self, obj: list[Any]) -> ArrayRepLike:
        # Words are most of what is written, and Bokeh's own asks of each what it is.
        return list(obj) if set(map(type, obj)) <= AS_THEY_ARE else super()._encode_list(obj)

    @override
    def _encode(self, obj: Any) -> Any:
        if isinstance(obj, Model) and type(obj).to_serializable is Model.to_serializable:
            return self._write(obj)
        return super()._encode(obj)

    def _write(self, model: Model) -> ObjectRefRep:
        self.add_ref(model, model.ref)
        made = ObjectRefRep(type="object", name=cast(Any, model).__qualified_model__, id=model.id)
        attributes = {name: self.encode(model.lookup(name).get_value(model)) for name in list_written(model)}
        if attributes:
            made["attributes"] = attributes
        return made


def list_written(model: Model) -> list[str]:
    """List the properties of a model that the browser is sent, as it would make the others itself."""
    set_here, made = model._property_values, model._unstable_default_values
    themed = model.themed_values() or {}

    def is_written(name: str) -> bool:
        if name in themed:
            return True
        default = made.get(name)
        # Lists that nobody put anything into are left to the browser, and so are those somebody has.
        return name in set_here or (name in made and not isinstance(default, PropertyValueContainer))

    names = model.properties(_with_props=True)
    return [name for name in names if is_written(name) and model.lookup(name).serialized]


class Patch(patch_doc):
    """A change of a document, written by `Writer`."""

    @classmethod
    @override
    def create(cls, events: list[DocumentPatchedEvent], **metadata: Any) -> patch_doc:
        """Write changes of one document; what was written before is referred to."""
        [document] = {event.document for event in events}
        writer = Writer(references=document.models.synced_references)
        content = PatchJson(events=writer.encode(events))
        document.models.flush_synced(lambda model: not writer.has_ref(model))
        message = cls(cls.create_header(), metadata, content)
        message.add_buffers(*writer.buffers)
        return message


def write_patches_so() -> None:
    """Let every connection of this process write changes as `Patch` does; Bokeh has no option for it."""
    SPEC["PATCH-DOC"] = Patch
