"""Base class of all records of the store."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1)]


class Contract(BaseModel):
    """A frozen record that rejects unknown fields: both sides of the volume use the same version."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
