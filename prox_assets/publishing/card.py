"""The dataset card: front matter that `datasets` and hubs read, and what a person must know before use."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from langcodes import Language
from langcodes.tag_parser import LanguageTagError

from prox_assets.config import Domain
from prox_assets.documents.files import read_json
from prox_assets.documents.store import FinishedShard, Store
from prox_assets.errors import StoreError
from prox_assets.publishing.files import ShardStages
from prox_assets.quality.checks.outcomes import ExpectationOutcome, stored_outcomes
from prox_assets.quality.checks.rules import Severity
from prox_assets.quality.report.text import FILTERS, inline


@dataclass(frozen=True, slots=True)
class ShardOutcomes:
    """The outcomes of one asset of one shard; None where it was not checked as it is."""

    asset: str
    shard: str
    outcomes: tuple[ExpectationOutcome, ...] | None

    @property
    def failed(self) -> tuple[ExpectationOutcome, ...]:
        """Those that did not hold."""
        return tuple(outcome for outcome in self.outcomes or () if not outcome.success)


def checked_shards(store: Store, shards: Iterable[ShardStages]) -> list[ShardOutcomes]:
    """What was found of every stage that is published."""
    return [
        ShardOutcomes(stage.key.asset, shard.name, stored_outcomes(store, stage))
        for shard in shards
        for stage in (shard.raw, shard.documents, shard.refined)
    ]


def require_sound(store: Store, shards: Iterable[ShardStages]) -> None:
    """Refuse shards of which a critical check failed.

    Raises:
        StoreError: names them.
    """
    broken = [
        f"{checked.asset} of {checked.shard}: {outcome.name} ({outcome.observed})"
        for checked in checked_shards(store, shards)
        for outcome in checked.failed
        if outcome.severity is Severity.CRITICAL
    ]
    if broken:
        raise StoreError(f"nothing is published while critical checks fail: {'; '.join(broken[:5])}.")


def check_states(store: Store, shards: Iterable[ShardStages]) -> dict[str, list[str] | None]:
    """The checks that failed on each stage of each shard; None where it was not checked as it is."""
    return {
        f"{one.asset}|{one.shard}": None if one.outcomes is None else [failed.name for failed in one.failed]
        for one in checked_shards(store, shards)
    }


FRONT_MATTER_END = "\n---\n\n"
"""Ends the front matter; YAML's own text never has it, since it indents the lines of a string."""

# The values that the Hugging Face hub knows: each category holds fewer documents than its number.
_SIZES = {
    10**3: "n<1K",
    10**4: "1K<n<10K",
    10**5: "10K<n<100K",
    10**6: "100K<n<1M",
    10**7: "1M<n<10M",
    10**8: "10M<n<100M",
    10**9: "100M<n<1B",
    10**10: "1B<n<10B",
    10**11: "10B<n<100B",
    10**12: "100B<n<1T",
}
_LARGEST = "n>1T"
_HUB_LICENCE = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_NAMED_SHARDS = 20
_NO_LANGUAGE = ("und", "mul", "mis", "zxx")


@dataclass(frozen=True, slots=True)
class CardInputs:
    """What a card is written from. `refiners`: what their checkpoints say, by asset.

    `unrefined`: the shards of the domain that are not published; None where nobody can say.
    """

    domain: str
    section: Domain
    store: Store
    shards: Sequence[ShardStages]
    refiners: Mapping[str, Mapping[str, Any]]
    unrefined: Sequence[str] | None

    @property
    def input_names(self) -> list[str]:
        """The last part of each input's path or manifest, so that no one's folders are published."""
        wheres = (source.path or source.manifest for source in self.section.inputs)
        return [str(where).rstrip("/").rsplit("/", 1)[-1] for where in wheres]


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

    @property
    def dropped(self) -> int:
        """The rows that are not in the refined corpus, rejected ones included."""
        return sum(self.lost.values()) + sum(self.rejected.values())


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
    """The card, as Markdown with YAML front matter.

    Raises:
        StoreError: the shards have no rows at all.
    """
    funnel = count_funnel(inputs.shards)
    if not funnel.kept + funnel.dropped:
        raise StoreError(f"{inputs.domain} has no rows to publish: add files to its inputs and refine them.")
    environment = Environment(
        loader=PackageLoader("prox_assets.publishing"),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS | {"inline": inline})
    checked = checked_shards(inputs.store, inputs.shards)
    body = environment.get_template("card.txt").render(
        inputs=inputs,
        publishing=inputs.section.publishing,
        teacher=inputs.section.teacher,
        funnel=funnel,
        completeness=completeness(inputs.unrefined),
        executed=how_executed(inputs.shards),
        checks=check_lines(checked),
        unchecked=[f"{one.asset} of {one.shard}" for one in checked if one.outcomes is None],
    )
    front = yaml.safe_dump(front_matter(inputs, funnel), sort_keys=False, allow_unicode=True)
    return f"---\n{front.rstrip()}{FRONT_MATTER_END}{body}"


def front_matter(inputs: CardInputs, funnel: Funnel) -> dict[str, Any]:
    """What machines read: the two configurations and where their files are."""
    publishing = inputs.section.publishing
    return {
        "pretty_name": publishing.title or f"{inputs.domain}, refined",
        **_licence(publishing.licence),
        "language": hub_languages(funnel.languages),
        "task_categories": ["text-generation"],
        "size_categories": [next((name for size, name in _SIZES.items() if funnel.kept < size), _LARGEST)],
        "configs": _configurations(funnel),
    }


def _configurations(funnel: Funnel) -> list[dict[str, Any]]:
    """The configurations that hold rows: `datasets` fails to load one that has none."""
    return [
        {"config_name": name, "data_files": f"{name}/*.parquet", **more}
        for name, rows, more in (
            ("refined", funnel.kept, {"default": True}),
            ("dropped", funnel.dropped, {}),
        )
        if rows
    ]


def completeness(unrefined: Sequence[str] | None) -> str:
    """Say which shards of a domain are not in its corpus (`CardInputs.unrefined`)."""
    if unrefined is None:
        return "The inputs could not be listed, so shards that were never read are not known."
    if not unrefined:
        return "No shard of the domain is missing."
    return f"Not refined, and so not published: {name_shards(unrefined)}."


def name_shards(shards: Sequence[str]) -> str:
    """The first names of shards, and how many there are besides."""
    more = len(shards) - _NAMED_SHARDS
    return ", ".join(shards[:_NAMED_SHARDS]) + (f" and {more:,} more" if more > 0 else "")


def _licence(licence: str | None) -> dict[str, str]:
    """A hub's licence identifier; any other text is the name of another licence."""
    if licence is None or _HUB_LICENCE.fullmatch(licence):
        return {"license": licence or "unknown"}
    return {"license": "other", "license_name": licence}


def hub_languages(names: Iterable[str]) -> list[str]:
    """ISO 639 codes of languages that the source names by any BCP 47 or ISO 639-3 tag, such as `eng_Latn`.

    The shortest code of each, as hubs take them; names that are no tag of a known language are left out here
    (the card's text lists all).
    """
    return sorted({code for name in names if (code := _hub_language(name)) is not None})


def _hub_language(name: str) -> str | None:
    try:
        tag = Language.get(name)
    except LanguageTagError:
        return None
    code = tag.prefer_macrolanguage().language
    return code if tag.is_valid() and code not in (None, *_NO_LANGUAGE) else None


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
    manifest: dict[str, dict[str, Any]] = read_json(stage.folder / "manifest.json")
    return manifest["configuration"]


def check_lines(checked: Sequence[ShardOutcomes]) -> list[CheckLine]:
    """Each check once, with the shards on which it held and, where it failed, what was observed."""
    found: dict[tuple[str, str], CheckLine] = {}
    for one in checked:
        for outcome in one.outcomes or ():
            key = one.asset, outcome.name
            old = found.get(key, CheckLine(one.asset, outcome, 0, 0))
            shown = old.outcome if outcome.success else outcome
            found[key] = CheckLine(one.asset, shown, old.held + outcome.success, old.shards + 1)
    return list(found.values())
