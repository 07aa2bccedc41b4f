"""Where everything that is made stands."""

from pathlib import Path
from typing import Any

from pydantic import model_validator

from prox_assets.config.locations import S3Location
from prox_assets.config.section import Section


class Storage(Section):
    """A folder; and for a team a prefix in S3, from which other machines fetch what they lack.

    A path alone is the folder.
    """

    local: Path
    remote: S3Location | None = None

    @model_validator(mode="before")
    @classmethod
    def _a_path_alone(cls, value: Any) -> Any:
        return {"local": value} if isinstance(value, str | Path) else value
