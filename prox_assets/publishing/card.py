"""The dataset card: front matter that `datasets` and hubs read, and what a person must know before use."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from prox_assets.config import Domain
from prox_assets.documents.store import FinishedShard, Store
from prox_assets.publishing.checks import CheckedShard, checked_shards
from prox_assets.publishing.rows import ShardStages
from prox_assets.quality.outcomes import ExpectationOutcome
from prox_assets.quality.wording import FILTERS

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LARGEST = "n>1M"


@dataclass(frozen=True, slots=True)
class CardInputs:
    """What a card is written from. `refiners`: what their checkpoints say, by asset."""

    domain: str
    section: Domain
    store: Store
    shards: Sequence[ShardStages]
    refiners: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Funnel:
    """Documents and tokens from the source to the refined corpus, over the shards that are published."""

    rejected: Mapping[str, int]
    documents: int
    tokens: int
    lost: Mapping[tuple[str, str], int]
    lost_tokens: Mapping[tuple[str, str], int]
    kept: int
    kept_tokens: int
    edited_tokens: int
    languages: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Executed:
    """How the programs of `shards` shards were executed, by their manifests; None: as the checkpoints say."""

    keep_threshold: float | None
    line_and_span: Sequence[float | None] | None
    rails: Mapping[str, Any] | None
    shards: int


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One check over all shards."""

    asset: str
    outcome: ExpectationOutcome
    held: int
    shards: int


def card_text(inputs: CardInputs) -> str:
    """The card, as Markdown with YAML front matter."""
    funnel = count_funnel(inputs.shards)
    environment = Environment(
        loader=PackageLoader("prox_assets.publishing"),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    checked = checked_shards(inputs.store, inputs.shards)
    body = environment.get_template("card.txt").render(
        inputs=inputs,
        publishing=inputs.section.publishing,
        teacher=inputs.section.teacher,
        funnel=funnel,
        executed=how_executed(inputs.shards),
        checks=check_lines(checked),
        unchecked=[f"{one.asset} of {one.shard}" for one in checked if one.outcomes is None],
    )
    front = yaml.safe_dump(front_matter(inputs, funnel), sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n{body}"


def front_matter(inputs: CardInputs, funnel: Funnel) -> dict[str, Any]:
    """What machines read: the two configurations and where their files are."""
    publishing = inputs.section.publishing
    return {
        "pretty_name": publishing.title or f"{inputs.domain}, refined",
        "license": publishing.licence or "unknown",
        "language": sorted(name for name in funnel.languages if name),
        "task_categories": ["text-generation"],
        "size_categories": [next((name for size, name in _SIZES if funnel.kept < size), _LARGEST)],
        "configs": [
            {"config_name": "refined", "data_files": "refined/*.parquet", "default": True},
            {"config_name": "dropped", "data_files": "dropped/*.parquet"},
        ],
    }


def count_funnel(shards: Sequence[ShardStages]) -> Funnel:
    """Count what is published, and what is not; reads no text."""
    rejected: Counter[str] = Counter()
    lost: Counter[tuple[str, str]] = Counter()
    lost_tokens: Counter[tuple[str, str]] = Counter()
    languages: Counter[str] = Counter()
    documents = tokens = kept = kept_tokens = edited = 0
    for shard in shards:
        for part in shard.raw.ranges:
            rejected.update(shard.raw.read(part, "rejected")["reason"].to_pylist())
        judged = (
            row for batch in shard.documents.batches(["status", "n_tokens"]) for row in batch.to_pylist()
        )
        columns = ["status", "reason", "language", "n_tokens_out"]
        refined = (row for batch in shard.refined.batches(columns) for row in batch.to_pylist())
        for before, after in zip(judged, refined, strict=True):
            documents, tokens = documents + 1, tokens + before["n_tokens"]
            if after["status"] == "kept":
                kept, kept_tokens = kept + 1, kept_tokens + after["n_tokens_out"]
                edited += before["n_tokens"] - after["n_tokens_out"]
                languages[after["language"] or ""] += 1
            else:
                stage = "chunk_refined_corpus" if before["status"] == "kept" else "doc_refined_corpus"
                lost[stage, after["reason"]] += 1
                lost_tokens[stage, after["reason"]] += before["n_tokens"]
    return Funnel(rejected, documents, tokens, lost, lost_tokens, kept, kept_tokens, edited, languages)


def how_executed(shards: Sequence[ShardStages]) -> list[Executed]:
    """The ways in which the shards were executed: one, unless the catalogue changed on the way."""
    found: dict[str, Executed] = {}
    for shard in shards:
        documents, chunks = (_configuration(stage) for stage in (shard.documents, shard.refined))
        way = documents.get("keep_threshold"), chunks.get("thresholds"), chunks.get("rails")
        key = json.dumps(way, sort_keys=True)
        found[key] = Executed(*way, shards=found[key].shards + 1 if key in found else 1)
    return list(found.values())


def _configuration(stage: FinishedShard) -> dict[str, Any]:
    manifest: dict[str, dict[str, Any]] = json.loads((stage.folder / "manifest.json").read_text())
    return manifest["configuration"]


def check_lines(checked: Sequence[CheckedShard]) -> list[CheckLine]:
    """Each check once, with the shards on which it held and, where it failed, what was observed."""
    found: dict[tuple[str, str], CheckLine] = {}
    for one in checked:
        for outcome in one.outcomes or ():
            key = one.asset, outcome.name
            old = found.get(key, CheckLine(one.asset, outcome, 0, 0))
            shown = old.outcome if outcome.success else outcome
            found[key] = CheckLine(one.asset, shown, old.held + outcome.success, old.shards + 1)
    return list(found.values())
