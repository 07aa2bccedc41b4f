"""The catalogue: one YAML file that says which domains there are and how each is refined.

Unknown keys are errors. `${NAME}` and `${NAME:-default}` in any value are taken from the environment.
Relative paths are relative to the folder of the catalogue file. No key takes a secret.
"""

from prox_assets.config.catalogue import (
    Agreement,
    Backfill,
    Bands,
    Catalogue,
    Domain,
    Evaluation,
    HardExamples,
    Nightly,
    PretrainingComparison,
    Publishing,
    Storage,
)
from prox_assets.config.execution import ExecutionSection, Inference, LanguageSection, ThresholdsSection
from prox_assets.config.inputs import Columns, HoldoutSection, Input, Seeds
from prox_assets.config.refiners import (
    AnyRefiner,
    Architecture,
    CausalArchitecture,
    CausalTraining,
    GenerativeRecipe,
    GenerativeRefiner,
    Lora,
    RefinerOf,
    RefinerRecipe,
    RefinerSection,
    ScoringRefiner,
    Training,
)
from prox_assets.config.section import Section, Share
from prox_assets.config.teachers import (
    AnyTeacher,
    Budget,
    DocumentLabels,
    LabelsTeacherSection,
    LlmTeacherSection,
    Prices,
    RulesTeacherSection,
)
from prox_assets.config.yaml_tree import CATALOGUE_VARIABLE, PROFILE_VARIABLE, embedded_catalogue, prox_home

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
    "ExecutionSection",
    "GenerativeRecipe",
    "GenerativeRefiner",
    "HardExamples",
    "HoldoutSection",
    "Inference",
    "Input",
    "LabelsTeacherSection",
    "LanguageSection",
    "LlmTeacherSection",
    "Lora",
    "Nightly",
    "PretrainingComparison",
    "Prices",
    "Publishing",
    "RefinerOf",
    "RefinerRecipe",
    "RefinerSection",
    "RulesTeacherSection",
    "ScoringRefiner",
    "Section",
    "Seeds",
    "Share",
    "Storage",
    "ThresholdsSection",
    "Training",
    "embedded_catalogue",
    "prox_home",
]
