"""What all records of the store have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1)]


class Contract(BaseModel):
    """Frozen, and refusing what it does not know: both sides of the volume speak one version."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
