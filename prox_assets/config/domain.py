"""One corpus to refine, and the catalogue of all of them."""

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from prox_assets.config.agreement import Agreement
from prox_assets.config.backfills import Backfill, Nightly
from prox_assets.config.execution import Execution, Inference, Thresholds
from prox_assets.config.hard_examples import HardExamples
from prox_assets.config.inputs import Input, Seeds
from prox_assets.config.judging import Bands, Evaluation, PretrainingComparison
from prox_assets.config.publishing import Publishing
from prox_assets.config.refiners import AnyRefiner, ScoringRefiner
from prox_assets.config.section import Section
from prox_assets.config.storage import Storage
from prox_assets.config.teachers import AnyTeacher
from prox_assets.errors import CatalogueError

_NAME = re.compile(r"[A-Za-z0-9_]+")


class Domain(Section):
    """One corpus to refine."""

    inputs: tuple[Input, ...] = Field(min_length=1)
    seeds: Seeds = Seeds()
    teacher: AnyTeacher
    agreement: Agreement = Agreement()
    hard_examples: HardExamples = HardExamples()
    refiner: AnyRefiner = ScoringRefiner()
    thresholds: Thresholds = Thresholds()
    execution: Execution = Execution()
    checks: Bands = Bands()
    baseline: Literal["gopher", "c4", "fineweb", "all"] = "all"
    evaluation: Evaluation | None = None
    publishing: Publishing = Publishing()
    backfill: Backfill = Backfill()
    pretraining: PretrainingComparison = PretrainingComparison()


class Catalogue(Section):
    """Everything a deployment refines, and how."""

    storage: Storage
    profile: str = "cpu"
    profiles: dict[str, Inference] = Field(default_factory=lambda: {"cpu": Inference()})
    nightly: Nightly = Nightly()
    domains: dict[str, Domain] = Field(min_length=1)

    @field_validator("domains")
    @classmethod
    def _plain_names(cls, domains: dict[str, Domain]) -> dict[str, Domain]:
        for name in domains:
            if not _NAME.fullmatch(name):
                raise ValueError(f"domain {name!r}: use letters, digits and _ only")
        return domains

    @model_validator(mode="after")
    def _known_profile(self) -> "Catalogue":
        if self.profile not in self.profiles:
            raise ValueError(f"profile {self.profile!r} is not one of profiles: {', '.join(self.profiles)}")
        return self

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
