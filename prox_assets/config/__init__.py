"""The catalogue: one YAML file that says which domains there are and how each is refined.

Unknown keys are errors. `${NAME}` and `${NAME:-default}` in any value are taken from the environment.
Relative paths are relative to the folder of the catalogue file. No key takes a secret.
"""

from prox_assets.config.agreement import Agreement
from prox_assets.config.backfills import Backfill, Nightly
from prox_assets.config.domain import Catalogue, Domain
from prox_assets.config.environment import CATALOGUE_VARIABLE, PROFILE_VARIABLE, embedded_catalogue, prox_home
from prox_assets.config.execution import Execution, Inference, Language, Thresholds
from prox_assets.config.generative import (
    CausalArchitecture,
    CausalTraining,
    GenerativeRecipe,
    GenerativeRefiner,
    Lora,
    RefinerSection,
)
from prox_assets.config.hard_examples import HardExamples
from prox_assets.config.inputs import Columns, Holdout, Input, Seeds
from prox_assets.config.judging import Bands, Evaluation, PretrainingComparison
from prox_assets.config.publishing import Publishing
from prox_assets.config.refiners import (
    AnyRefiner,
    Architecture,
    RefinerOf,
    RefinerRecipe,
    ScoringRefiner,
    Training,
)
from prox_assets.config.section import Section, Share
from prox_assets.config.storage import Storage
from prox_assets.config.teachers import (
    AnyTeacher,
    Budget,
    DocumentLabels,
    LabelsTeacher,
    LlmTeacher,
    Prices,
    RulesTeacher,
)

__all__ = [
    "CATALOGUE_VARIABLE",
    "PROFILE_VARIABLE",
    "Agreement",
    "AnyRefiner",
    "AnyTeacher",
    "Architecture",
    "Backfill",
    "Bands",
    "Budget",
    "Catalogue",
    "CausalArchitecture",
    "CausalTraining",
    "Columns",
    "DocumentLabels",
    "Domain",
    "Evaluation",
    "Execution",
    "GenerativeRecipe",
    "GenerativeRefiner",
    "HardExamples",
    "Holdout",
    "Inference",
    "Input",
    "LabelsTeacher",
    "Language",
    "LlmTeacher",
    "Lora",
    "Nightly",
    "PretrainingComparison",
    "Prices",
    "Publishing",
    "RefinerOf",
    "RefinerRecipe",
    "RefinerSection",
    "RulesTeacher",
    "ScoringRefiner",
    "Section",
    "Seeds",
    "Share",
    "Storage",
    "Thresholds",
    "Training",
    "embedded_catalogue",
    "prox_home",
]
