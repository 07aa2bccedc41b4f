"""The catalogue: its domains, and what each reads, how it is refined, checked, measured and published."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator, model_validator

from prox_assets.config.execution import ExecutionSection, Inference, LanguageSection, ThresholdsSection
from prox_assets.config.inputs import S3_SCHEME, Input, LocalPath, S3Location, Seeds
from prox_assets.config.refiners import AnyRefiner, RefinerOf, RefinerRecipe, ScoringRefiner
from prox_assets.config.section import Band, Section, SettingError, Share
from prox_assets.config.teachers import AnyTeacher
from prox_assets.errors import CatalogueError


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


class Publishing(Section):
    """Where the documents come from and under which licence the corpus may go on.

    `licence` is an identifier that dataset hubs know (`odc-by`, `cc-by-4.0`, `other`); `origin` and `notes`
    are sentences for the card. Without `dropped_text`, the dropped documents go without their text. `partial`
    publishes a domain of which some shards are not refined; the card names them.
    """

    title: str | None = None
    licence: str | None = None
    origin: str | None = None
    notes: str | None = None
    dropped_text: bool = True
    partial: bool = False


class Evaluation(Section):
    """Truth to measure against: a labels file, of which only held-out documents are scored."""

    labels: LocalPath
    max_documents: PositiveInt = 2_000


class PretrainingComparison(Section):
    """Tiny language models trained on each corpus and compared on held-out clean text."""

    steps: PositiveInt = 60
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    hidden_size: PositiveInt = 96
    layers: PositiveInt = 2
    batch_tokens: PositiveInt = 4_096
    context: PositiveInt = 256
    learning_rate: float = Field(default=5e-3, gt=0)


class Bands(Section):
    """What the checks hold a domain's shards to; ratios are of tokens, shares of rows or calls."""

    doc_keep_ratio: Band = (0.05, 0.98)
    chunk_keep_ratio: Band = (0.5, 1.0)
    max_rejected_share: Share = 0.1
    max_error_share: Share = 0.01
    max_emptied_share: Share = 0.05
    max_guard_rail_share: Share = 0.05
    max_refused_share: Share = 0.2
    language_keep_ratio: Band = (0.02, 1.0)
    rule_keep_ratio: Band = (0.0, 1.0)
    max_rule_drift: Share = 1.0
    max_language_drift: Share = 0.3
    max_length_drift: Share = 0.5
    max_position_share: Share = 0.7
    min_number_retention: Share = 0.3
    min_rare_word_retention: Share = 0.3
    min_unspaced_retention: Share = 0.2
    min_group: PositiveInt = 30
    retention_sample: PositiveInt = 500


class HardExamples(Section):
    """Up to `rounds` rounds (none unless asked for), as LLM2LLM has them.

    Each looks at `pool` fresh documents and gives the `size` on which refiners and teacher disagree most to
    training. A round that lifts neither refiner's validation F1 by `min_gain` is the last; a negative
    one lets rounds go on through a fall.
    """

    rounds: NonNegativeInt = 0
    pool: PositiveInt = 1_000
    size: PositiveInt = 200
    min_gain: float = Field(default=0.002, ge=-1, le=1)


class Agreement(Section):
    """Teachers that annotate the first `sample` seeds too, and more runs of the domain's own teacher.

    People take part as a `labels` teacher. Nobody is compared unless asked for.
    """

    compare: tuple[AnyTeacher, ...] = Field(default=())
    repeats: NonNegativeInt = 0
    sample: PositiveInt = 200


# The fields of a cron expression: their names, bounds, and the words for their numbers. Sunday is 0 and 7.
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_CRON_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 7, _WEEKDAYS),
)
_CRON_PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d{1,2}))?", re.ASCII)
_LONGEST_MONTHS = {
    month: 30 if month in (4, 6, 9, 11) else 29 if month == 2 else 31 for month in range(1, 13)
}


class Nightly(Section):
    """When the schedule `nightly_refining` asks for shards, and the limits of runs that nobody waits for.

    `cron` has five fields, in `timezone`. A run above `max_hours` is ended; what it did stays. Database and
    reports follow the refined shards; with `publish` the published corpora do too.
    """

    enabled: bool = False
    cron: str = "0 2 * * *"
    timezone: str = "UTC"
    max_hours: PositiveFloat = 24.0
    publish: bool = False

    @field_validator("cron")
    @classmethod
    def _some_time(cls, cron: str) -> str:
        fields = cron.split()
        if len(fields) != len(_CRON_FIELDS):
            raise ValueError("write five fields: minute, hour, day, month, weekday")
        _, _, days, months, weekday = (
            _numbers(text, *field) for text, field in zip(fields, _CRON_FIELDS, strict=True)
        )
        if weekday == _numbers("*", *_CRON_FIELDS[-1]) and min(days) > max(
            _LONGEST_MONTHS[m] for m in months
        ):
            raise ValueError("no such month has that day; correct the third or the fourth field")
        return cron

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (KeyError, ValueError, OSError):
            close = get_close_matches(timezone, available_timezones(), n=1)
            example = f"did you mean {close[0]}?" if close else "write UTC or a name such as Europe/Berlin"
            raise ValueError(f"this is no time zone that the machine knows; {example}") from None
        return timezone


class Backfill(Section):
    """How much of a domain one night may refine.

    The budget is `max_shards`, and `gpu_hours` by what the shards before cost; the first to be spent ends it.
    A run is given at most `shards_per_run`. A shard that failed is asked for again on later nights, in all
    `max_attempts` times. `refine_again`: shards refined with another refiner or other thresholds than the
    present ones are asked for too, after the missing ones.
    """

    enabled: bool = True
    order: Literal["newest_first", "oldest_first"] = "newest_first"
    max_shards: PositiveInt = 200
    gpu_hours: PositiveFloat | None = None
    shards_per_run: PositiveInt = 50
    max_attempts: Annotated[int, Field(ge=1)] = 3
    refine_again: bool = False


def _numbers(text: str, name: str, low: int, high: int, words: tuple[str, ...]) -> set[int]:
    """The numbers that a field of a cron expression stands for."""
    numbers: set[int] = set()
    for part in text.split(","):
        match = _CRON_PART.fullmatch(part)
        first = _number(match[1], low, words) if match and match[1] else low
        last = _number(match[2], low, words) if match and match[2] else first if match and match[1] else high
        step = int(match[3]) if match and match[3] else 1
        if match is None or first is None or last is None or not low <= first <= last <= high or step < 1:
            spelled = f" or {words[0]} to {words[-1]}" if words else ""
            raise ValueError(
                f"the field for the {name} is wrong: write *, numbers from {low} to {high}{spelled}, "
                "ranges (1-5), steps (*/2), or several of them with commas between"
            )
        numbers.update(range(first, (high if match[3] and match[1] and not match[2] else last) + 1, step))
    return numbers


def _number(text: str, low: int, words: tuple[str, ...]) -> int | None:
    if text.lower() in words:
        return words.index(text.lower()) + low
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 2 else None


_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")


class Domain(Section):
    """One corpus to refine."""

    inputs: tuple[Input, ...] = Field(min_length=1)
    seeds: Seeds = Seeds()
    teacher: AnyTeacher
    agreement: Agreement = Agreement()
    hard_examples: HardExamples = HardExamples()
    refiner: AnyRefiner = ScoringRefiner()
    thresholds: ThresholdsSection = ThresholdsSection()
    language: LanguageSection = LanguageSection()
    execution: ExecutionSection = ExecutionSection()
    checks: Bands = Bands()
    baseline: Literal["gopher", "c4", "fineweb", "all"] = "all"
    evaluation: Evaluation | None = None
    publishing: Publishing = Publishing()
    backfill: Backfill = Backfill()
    pretraining: PretrainingComparison = PretrainingComparison()

    @model_validator(mode="after")
    def _language_fits(self) -> "Domain":
        if not self.language.is_default and self.refiner.kind != "generative":
            raise ValueError("language is for refiner.kind generative; scoring refiners write ProX's calls")
        if self.language.profile == "ultrax" and self.execution.profile == "prox":
            raise ValueError("language.profile ultrax has its own executor; leave execution.profile out")
        return self


class Catalogue(Section):
    """Everything a deployment refines, and how."""

    storage: Storage
    profile: str = "cpu"
    profiles: dict[str, Inference] = Field(default_factory=lambda: {"cpu": Inference()})
    nightly: Nightly = Nightly()
    domains: dict[str, Domain] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _plain_names(cls, value: Any) -> Any:
        """Check the names of folders and partitions before any other objection repeats them."""
        for section in ("domains", "profiles"):
            names = value.get(section) if isinstance(value, dict) else None
            for name in names if isinstance(names, dict) else ():
                if not _NAME.fullmatch(name):
                    raise SettingError(
                        (section, name),
                        "use letters, digits and _ only, 64 at most, in this name",
                    )
        return value

    @model_validator(mode="after")
    def _names_differ(self) -> "Catalogue":
        seen: set[str] = set()
        for name in self.domains:
            if name.casefold() in seen:
                raise SettingError(
                    ("domains", name),
                    "another domain differs in capitals only; some disks take both for one",
                )
            seen.add(name.casefold())
        return self

    @model_validator(mode="after")
    def _known_profile(self) -> "Catalogue":
        if self.profile not in self.profiles:
            raise SettingError(("profile",), f"write one of profiles: {', '.join(self.profiles)}")
        return self

    @model_validator(mode="after")
    def _bases_of_other_domains(self) -> "Catalogue":
        for name in self.domains:
            for stage in ("document", "chunk"):
                chain = [name, *self._bases(name, stage)]
                place = ("domains", name, "refiner", stage, "base", "domain")
                if chain[-1] not in self.domains:
                    raise SettingError(place, f"write another domain: {', '.join(self.domains)}")
                if chain.count(chain[-1]) > 1:
                    raise SettingError(place, "this refiner would be made from itself; write another domain")
        return self

    def _bases(self, domain: str, stage: str) -> Iterator[str]:
        """The domains whose refiners a domain's is made from, up to one that is unknown or came before."""
        seen = {domain}
        while domain in self.domains:
            recipe = getattr(self.domains[domain].refiner, stage)
            if not isinstance(recipe, RefinerRecipe) or not isinstance(recipe.base, RefinerOf):
                return
            domain = recipe.base.domain
            yield domain
            if domain in seen:
                return
            seen.add(domain)

    @property
    def inference(self) -> Inference:
        """The inference settings of the chosen profile."""
        return self.profiles[self.profile]

    def domain(self, name: str) -> Domain:
        """One domain by name.

        Raises:
            CatalogueError: there is no such domain.
        """
        if name not in self.domains:
            raise CatalogueError(f"there is no domain {name!r}; the catalogue has {', '.join(self.domains)}.")
        return self.domains[name]
