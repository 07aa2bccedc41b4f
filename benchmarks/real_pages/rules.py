"""The rules teacher on the labelled pages, and each of its text-only rules alone."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.real_pages.pages import Pages
from prox_assets.documents.schema import SEEDS
from prox_assets.evaluation.baselines import rules_answers
from prox_assets.evaluation.report import LabelledPages
from prox_assets.languages import language_of, lexicon
from prox_assets.programs import Rails
from prox_assets.refiner.metrics import Bools, Floats
from prox_assets.teacher.rules.judging import Corpus
from prox_assets.teacher.rules.line_rules import RULES, measure
from prox_assets.teacher.rules.teacher import RulesTeacher


def rules_teacher(pages: Pages) -> Floats:
    """What the rules teacher removes of the lines that count."""
    documents = pa.Table.from_pylist([_seed(*row) for row in enumerate(pages.labels.to_pylist())], SEEDS)
    teacher = RulesTeacher(corpus=Corpus("the labelled pages", "", documents.to_batches))
    asked = replace(LabelledPages.of(pages.labels.slice(0, 0)), kept=pages.labels, lines=pages.lines)
    answers = rules_answers(teacher, documents, asked, Rails())
    assert answers.lines is not None
    return answers.lines.positive.astype(np.float64)


def best_rules(pages: Pages) -> dict[str, Bools]:
    """What each rule that needs no other page calls noise, of the lines that count."""
    rules = [rule for rule in RULES if rule.weight > 0 and not rule.name.endswith("_in_source")]
    measured = list(_measured(pages))
    return {rule.name: np.array([bool(rule.test(line)) for line in measured]) for rule in rules}


def _measured(pages: Pages) -> Iterator[Any]:
    rows = pages.labels.select(["lines", "lang"]).to_pylist()
    for row, counting in zip(rows, pages.lines.counting, strict=True):
        words = lexicon(language_of("\n".join(row["lines"]), row["lang"]))
        repeats = Counter(line.strip() for line in row["lines"])
        for line, counts in zip(row["lines"], counting, strict=True):
            if counts:
                yield measure(line, words, repeats[line.strip()])


def _seed(number: int, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "row": number,
        "doc_id": row["id"],
        "text": "\n".join(row["lines"]),
        "url": row["url"],
        "source": row["source"],
        "language": row["lang"],
        "metadata": "{}",
        "shard": "labels",
    }
