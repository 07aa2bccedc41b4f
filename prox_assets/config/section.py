"""What every part of the catalogue is made of."""

from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

_LARGEST = 2**63 - 1


class Section(BaseModel):
    """A part of the catalogue: immutable, unknown keys forbidden, numbers finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _plain_numbers(cls, values: Any) -> Any:
        for name, value in values.items() if isinstance(values, dict) else ():
            types = _types(cls.model_fields[name].annotation) if name in cls.model_fields else []
            if isinstance(value, bool) and bool not in types and not {int, float}.isdisjoint(types):
                raise SettingError((name,), "write a number, not true or false")
            if isinstance(value, int) and abs(value) > _LARGEST:
                raise SettingError((name,), "write a number of at most 18 digits")
        return values


class SettingError(ValueError):
    """A validator's objection to one key below its section, at `location`, and what to write there."""

    def __init__(self, location: tuple[int | str, ...], remedy: str) -> None:
        super().__init__(remedy)
        self.location = location


def require_multiple(key: str, value: int, of: int, divisor: str) -> None:
    """Object to the value of `key` unless it is a multiple of another key's, which `divisor` names.

    Raises:
        SettingError: it is none.
    """
    if value % of:
        raise SettingError((key,), f"write a multiple of {divisor}, so of {of}")


def _types(annotation: Any) -> list[Any]:
    return [annotation, *(inner for part in get_args(annotation) for inner in _types(part))]


def _in_order(band: tuple[float, float]) -> tuple[float, float]:
    if band[0] > band[1]:
        raise ValueError("write the lower bound first: [low, high]")
    return band


Share = Annotated[float, Field(ge=0.0, le=1.0)]
Band = Annotated[tuple[Share, Share], AfterValidator(_in_order)]
Name = Annotated[str, Field(min_length=1)]
