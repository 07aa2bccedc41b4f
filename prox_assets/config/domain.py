"""One corpus to refine, and the catalogue of all of them."""

import re
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, model_validator

from prox_assets.config.agreement import Agreement
from prox_assets.config.backfills import Backfill, Nightly
from prox_assets.config.execution import Execution, Inference, Language, Thresholds
from prox_assets.config.hard_examples import HardExamples
from prox_assets.config.inputs import Input, Seeds
from prox_assets.config.judging import Bands, Evaluation, PretrainingComparison
from prox_assets.config.publishing import Publishing
from prox_assets.config.refiners import AnyRefiner, RefinerOf, RefinerRecipe, ScoringRefiner
from prox_assets.config.section import Section, SettingError
from prox_assets.config.storage import Storage
from prox_assets.config.teachers import AnyTeacher
from prox_assets.errors import CatalogueError

_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")


class Domain(Section):
    """One corpus to refine."""

    inputs: tuple[Input, ...] = Field(min_length=1)
    seeds: Seeds = Seeds()
    teacher: AnyTeacher
    agreement: Agreement = Agreement()
    hard_examples: HardExamples = HardExamples()
    refiner: AnyRefiner = ScoringRefiner()
    thresholds: Thresholds = Thresholds()
    language: Language = Language()
    execution: Execution = Execution()
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
