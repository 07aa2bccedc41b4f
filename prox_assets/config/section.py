"""What every part of the catalogue is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    """A part of the catalogue: immutable, unknown keys forbidden."""

    model_config = ConfigDict(extra="forbid", frozen=True)
