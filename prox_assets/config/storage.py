"""Where everything that is made stands."""

from pathlib import Path
from typing import Any

from pydantic import model_validator

from prox_assets.config.locations import S3_SCHEME, LocalPath, S3Location
from prox_assets.config.section import Section, SettingError


class Storage(Section):
    """A folder; and for a team a prefix in S3, from which other machines fetch what they lack.

    A path alone is the folder.
    """

    local: LocalPath
    remote: S3Location | None = None

    @model_validator(mode="before")
    @classmethod
    def _a_path_alone(cls, value: Any) -> Any:
        folder = value.get("local") if isinstance(value, dict) else value
        if isinstance(folder, str) and folder.startswith(S3_SCHEME):
            raise SettingError(
                ("local",) if isinstance(value, dict) else (),
                "S3 is shared by way of a folder here: write storage: {local: FOLDER, remote: s3://…}",
            )
        if isinstance(value, str | Path):
            return {"local": value}
        if not isinstance(value, dict | cls):
            raise ValueError("write a folder, or a mapping with the keys local and remote")
        return value
