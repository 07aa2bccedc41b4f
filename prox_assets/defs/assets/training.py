"""The second half of teaching: the dataset, and a refiner for each of the two stages."""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg

from prox_assets.config import (
    RefinerOf,
    RefinerRecipe,
    RefinerSection,
)
from prox_assets.config.refiners import GenerativeRecipe as GenerativeSection
from prox_assets.defs.assets.annotation import chunk_annotations, doc_annotations
from prox_assets.defs.assets.corpus import seed_documents
from prox_assets.defs.partitions import CatalogueResource, domains, partitioned_check
from prox_assets.defs.runs.decorators import Device, domain_asset
from prox_assets.defs.training_data import finished_rounds, teaching_sources, teaching_tables
from prox_assets.defs.ui import (
    artifact_result,
    checked_artifact_result,
    curves_markdown,
    log_training,
    table_of,
)
from prox_assets.documents.files import read_table, write_table
from prox_assets.documents.store import Store
from prox_assets.inference import Task
from prox_assets.refiner.bases import require_bases
from prox_assets.refiner.checkpoint import CheckpointInfo, read_curves, read_info
from prox_assets.refiner.data import build_sft
from prox_assets.refiner.gate import no_better, too_few
from prox_assets.refiner.generative.prompts import PromptLayout, read_writing
from prox_assets.refiner.generative.recipe import CausalRecipe
from prox_assets.refiner.recipe import Recipe
from prox_assets.refiner.thresholds import Goal
from prox_assets.teacher.hard_examples import with_examples

Section = RefinerRecipe | GenerativeSection
ENOUGH, BETTER = "enough_of_both_classes", "better_than_keeping_everything"
_DATASET_CODE = "1"
_TRAINING_CODE = "3"
DOCUMENTS_FILE, CHUNKS_FILE, CHECKPOINT = "documents.parquet", "chunks.parquet", "checkpoint"


def _gate_specs(asset: str) -> list[dg.AssetCheckSpec]:
    descriptions = {
        ENOUGH: "Validation data have enough documents of either class (refiner.min_documents_per_class).",
        BETTER: "The area under the ROC curve is above chance, and F1 not below that of keeping everything.",
    }
    return [
        partitioned_check(name, asset, text, domains, blocking=True) for name, text in descriptions.items()
    ]


@domain_asset(
    deps=[seed_documents, doc_annotations, chunk_annotations],
    group="training",
    kinds={"parquet"},
    code_version=_DATASET_CODE,
)
def sft_dataset(context: dg.AssetExecutionContext, catalogue: CatalogueResource) -> dg.MaterializeResult[Any]:
    """Train and validation rows for both refiners, split by document."""
    domain = context.partition_key
    store = catalogue.store()
    section = catalogue.domain(domain).refiner
    require_bases(section)
    share = section.validation_share
    sources = teaching_sources(store, domain)
    rounds = with_examples(finished_rounds(store, domain))

    def build(folder: Path) -> None:
        given = teaching_tables(sources, rounds)
        tables = build_sft(given.seeds, given.documents, given.chunks, share, given.hard)
        write_table(tables.documents, folder / DOCUMENTS_FILE)
        write_table(tables.chunks, folder / CHUNKS_FILE)

    configuration = {
        "asset": "sft_dataset",
        "code": _DATASET_CODE,
        "validation_share": share,
        "upstreams": {name: artifact.fingerprint for name, artifact in sources.items()},
        "rounds": [one.fingerprint for one in rounds],
    }
    artifact = store.publish(domain, "sft_dataset", configuration, build)
    counts = {name: _splits(artifact.folder / name) for name in (DOCUMENTS_FILE, CHUNKS_FILE)}
    return artifact_result(
        artifact,
        document_rows=counts[DOCUMENTS_FILE]["train"],
        document_validation_rows=counts[DOCUMENTS_FILE]["validation"],
        chunk_rows=counts[CHUNKS_FILE]["train"],
        chunk_validation_rows=counts[CHUNKS_FILE]["validation"],
        rounds_of_hard_examples=len(rounds),
    )


@domain_asset(
    deps=[sft_dataset],
    group="training",
    kinds={"pytorch", "huggingface"},
    code_version=_TRAINING_CODE,
    checks=_gate_specs("doc_refiner"),
    device=Device.GPU,
)
def doc_refiner(context: dg.AssetExecutionContext, catalogue: CatalogueResource) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads the bare name alone beside checks
    """The document refiner, scoring or generative: a Hugging Face checkpoint with curves and metrics."""
    section = catalogue.domain(context.partition_key).refiner.document
    return _train(context, catalogue, "doc_refiner", Task.DOCUMENT, section)


@domain_asset(
    deps=[sft_dataset],
    group="training",
    kinds={"pytorch", "huggingface"},
    code_version=_TRAINING_CODE,
    checks=_gate_specs("chunk_refiner"),
    device=Device.GPU,
)
def chunk_refiner(context: dg.AssetExecutionContext, catalogue: CatalogueResource) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads the bare name alone beside checks
    """The chunk refiner, scoring or generative: a Hugging Face checkpoint with curves and metrics."""
    section = catalogue.domain(context.partition_key).refiner.chunk
    return _train(context, catalogue, "chunk_refiner", Task.CHUNK, section)


@dataclass(frozen=True, slots=True)
class Base:
    """What a refiner starts from: where it is, and a name that says which one it is wherever it lies."""

    origin: str | None
    name: str | None


def base_of(store: Store, asset: str, section: Section) -> Base:
    """The catalogue's `base`; the refiner of another domain is the one that readers of it use now.

    Raises:
        StoreError: the other domain's refiner is not there.
    """
    if not isinstance(section.base, RefinerOf):
        return Base(section.base, section.base)
    other = section.base.domain
    artifact = store.artifact(other, asset)
    return Base(str(artifact.folder / CHECKPOINT), f"{other}/{asset}/{artifact.fingerprint}")


def recipe_of(task: Task, section: Section, base: str | None) -> Recipe | CausalRecipe:
    """The catalogue's recipe for one refiner, from a base."""
    if isinstance(section, GenerativeSection):
        return _generative_recipe(task, section)
    return Recipe(
        task,
        base=base,
        window=section.window,
        span_precision_floor=section.span_precision_floor,
        f1_slack=section.f1_slack,
        overlap=section.overlap,
        aim=Goal(section.aim),
        aim_floor=section.aim_floor,
        architecture=section.architecture,
        training=section.training,
    )


def _generative_recipe(task: Task, section: GenerativeSection) -> CausalRecipe:
    return CausalRecipe(
        task,
        base=section.base,
        checkpoint=section.checkpoint,
        window=section.window,
        layout=None if section.layout == "auto" else PromptLayout(section.layout),
        grammar=section.grammar,
        max_new_tokens=section.max_new_tokens,
        f1_slack=section.f1_slack,
        lora=section.lora,
        architecture=section.architecture,
        training=section.training,
    )


def _trainer(recipe: Recipe | CausalRecipe) -> Any:
    from prox_assets.refiner.generative.training import train_generative_refiner
    from prox_assets.refiner.launching import train_in_processes
    from prox_assets.refiner.scoring.training import train_chunk_refiner, train_document_refiner

    if isinstance(recipe, CausalRecipe):
        train: Any = train_generative_refiner
    else:
        train = train_document_refiner if recipe.task is Task.DOCUMENT else train_chunk_refiner
    processes = recipe.training.processes
    return train if processes == 1 else partial(train_in_processes, processes, train)


def _train(
    context: dg.AssetExecutionContext,
    catalogue: CatalogueResource,
    asset: str,
    task: Task,
    section: Section,
) -> dg.MaterializeResult[Any]:
    domain = context.partition_key
    store = catalogue.store()
    dataset = store.artifact(domain, "sft_dataset")
    base = base_of(store, asset, section)
    recipe = recipe_of(task, section, base.origin)
    documents = recipe.task is Task.DOCUMENT

    def build(folder: Path) -> None:
        table = read_table(dataset.folder / (DOCUMENTS_FILE if documents else CHUNKS_FILE))
        note = f"Seeds of domain {domain}, annotated by its teacher (dataset {dataset.fingerprint})."
        work = store.partial(domain, asset, configuration)
        _trainer(recipe)(table, recipe, folder / CHECKPOINT, note, log_training(context), work)

    configuration = {
        "asset": asset,
        "code": _TRAINING_CODE,
        "kind": "generative" if isinstance(recipe, CausalRecipe) else "scoring",
        "dataset": dataset.fingerprint,
        "recipe": recipe.to_json() | {"base": base.name},
    }
    artifact = store.publish(domain, asset, configuration, build)
    checkpoint = artifact.folder / CHECKPOINT
    info = read_info(checkpoint, recipe.task)
    metadata = {
        "curves": dg.MetadataValue.md(curves_markdown(read_curves(checkpoint))),
        **_asked(checkpoint, info),
        **{f"validation_{name}": value for name, value in info.metrics.items()},
    }
    checks = _gate_checks(asset, info, catalogue.load().domain(domain).refiner)
    return checked_artifact_result(artifact, checks, metadata)


def _gate_checks(asset: str, info: CheckpointInfo, section: RefinerSection) -> list[dg.AssetCheckResult]:
    """The quality gate as two checks, which block what refines unless the catalogue says what to do then."""
    evidence, severity = info.evidence, dg.AssetCheckSeverity.ERROR
    if section.when_unreliable != "refuse":
        severity = dg.AssetCheckSeverity.WARN
    if evidence is None:
        figures: dict[str, Any] = {"figures": "not measured"}
        short = worse = ""
    else:
        figures = {name: value for name, value in asdict(evidence).items() if value is not None}
        short = too_few(evidence, info.task, section.min_documents_per_class)
        worse = no_better(evidence)
    figures |= {"when_unreliable": section.when_unreliable}
    return [
        dg.AssetCheckResult(
            asset_key=asset,
            check_name=name,
            passed=not reason,
            severity=severity,
            metadata=figures | ({"reason": reason} if reason else {}),
        )
        for name, reason in ((ENOUGH, short), (BETTER, worse))
    ]


def _asked(checkpoint: Path, info: CheckpointInfo) -> dict[str, Any]:
    """How a generative refiner is asked, and what chose it."""
    if info.kind != "generative":
        return {}
    writing = read_writing(checkpoint)
    probed = table_of([asdict(score) for score in writing.probed])
    return {"prompt_layout": str(writing.layout), "grammar": writing.grammar} | (
        {"probed_layouts": probed} if writing.probed else {}
    )


def _splits(file: Path) -> dict[str, int]:
    splits = read_table(file, columns=["split"])["split"].to_pylist()
    return {split: splits.count(split) for split in ("train", "validation")}
