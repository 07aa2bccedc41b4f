"""The quality gate of a refiner: whether validation data show that it is better than keeping everything.

A threshold is chosen for any scores, also for those of a refiner that is worse than chance or that was judged
on two documents. So the evidence is stored with the checkpoint, and what refines asks for a verdict first.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from prox_assets.arrays import Ints
from prox_assets.inference.engine import Task
from prox_assets.refiner.metrics import Bools, Floats, at_threshold, auc_interval, roc_auc
from prox_assets.refiner.thresholds import Goal

LEAST_OF_EACH_CLASS = 10
"""Validation documents of each class, below which nothing can be said.

With ten of each the standard error of an AUC at chance is 0.13 (Hanley and McNeil 1982): one of 0.76 can then
be told from chance, while with two of one class (0.20 at best) hardly any can.
"""

_CHANCE = 0.5
_CLASSES = {
    Task.DOCUMENT: ("documents to keep", "documents to drop"),
    Task.CHUNK: ("documents with noisy lines", "documents with clean lines"),
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """How a refiner does on validation data at the thresholds that were chosen on them.

    The positive class is keep for documents, noise for lines. `n_positive` and `n_negative` count documents
    or lines, `positive_documents` and `negative_documents` the documents that have any. `roc_auc` with the
    middle 95% over resampled documents, None where a class is missing. `keep_all_f1` is the F1 of keeping
    everything, which for lines finds no noise: 0. `goal` is what the threshold was chosen for.
    """

    n_documents: int
    n_positive: int
    n_negative: int
    positive_documents: int
    negative_documents: int
    roc_auc: float | None
    roc_auc_low: float | None
    roc_auc_high: float | None
    f1: float
    keep_all_f1: float
    goal: str = Goal.BEST_F1.value


class GateVerdict(StrEnum):
    """What the evidence says; `NOT_MEASURED` is a checkpoint without any."""

    USABLE = "usable"
    NO_BETTER = "no better than keeping everything"
    TOO_FEW = "too few of one class"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Gate:
    """The verdict on a refiner. `reason`: the figures behind it, a phrase that goes on from the verdict."""

    verdict: GateVerdict
    reason: str

    @property
    def is_reliable(self) -> bool:
        """Whether nothing speaks against the refiner."""
        return self.verdict in (GateVerdict.USABLE, GateVerdict.NOT_MEASURED)

    def __str__(self) -> str:
        return f"{self.verdict}: {self.reason}"


def measured(
    scores: Floats,
    truth: Bools,
    document: Ints,
    threshold: float,
    task: Task,
    goal: Goal = Goal.BEST_F1,
) -> Evidence:
    """The evidence of validation scores, `(rows,)` each; `document` is the number of each row's document."""
    n_documents = len(np.unique(document))
    area, interval = roc_auc(scores, truth), auc_interval(scores, truth, document)
    share = float(truth.mean()) if len(truth) else 0.0
    return Evidence(
        n_documents=n_documents,
        n_positive=int(truth.sum()),
        n_negative=int((~truth).sum()),
        positive_documents=len(np.unique(document[truth])),
        negative_documents=len(np.unique(document[~truth])),
        roc_auc=None if interval is None else area,
        roc_auc_low=None if interval is None else interval.low,
        roc_auc_high=None if interval is None else interval.high,
        f1=at_threshold(scores, truth, threshold).f1,
        keep_all_f1=2 * share / (1 + share) if task is Task.DOCUMENT else 0.0,
        goal=goal.value,
    )


def quality_gate(evidence: Evidence | None, task: Task, least: int = LEAST_OF_EACH_CLASS) -> Gate:
    """The verdict on a refiner; `least`: documents of each class that validation data need."""
    if evidence is None:
        return Gate(GateVerdict.NOT_MEASURED, "the checkpoint has no validation figures")
    few = too_few(evidence, task, least)
    if few:
        return Gate(GateVerdict.TOO_FEW, few)
    worse = no_better(evidence)
    if worse:
        return Gate(GateVerdict.NO_BETTER, worse)
    return Gate(GateVerdict.USABLE, _area(evidence))


def too_few(evidence: Evidence, task: Task, least: int = LEAST_OF_EACH_CLASS) -> str:
    """The class that validation data have too few documents of, in words; empty where there are enough."""
    counts = (evidence.positive_documents, evidence.negative_documents)
    short = [f"{n} {name}" for n, name in zip(counts, _CLASSES[task], strict=True) if n < least]
    return (
        f"{' and '.join(short)} among {evidence.n_documents} for validation, {least} are needed"
        if short
        else ""
    )


def no_better(evidence: Evidence) -> str:
    """What shows no gain over keeping everything, in words; empty where there is a gain."""
    if evidence.roc_auc_low is None or evidence.roc_auc_low <= _CHANCE:
        return _area(evidence)
    if evidence.goal == Goal.BEST_F1 and evidence.f1 < evidence.keep_all_f1:
        return f"F1 {evidence.f1:.3f}, that of keeping everything is {evidence.keep_all_f1:.3f}"
    return ""


def _area(evidence: Evidence) -> str:
    if evidence.roc_auc is None:
        return f"one class only among {evidence.n_documents} validation documents"
    return (
        f"AUC {evidence.roc_auc:.3f} ({evidence.roc_auc_low:.3f} to {evidence.roc_auc_high:.3f}), 0.5 is "
        f"chance, on {evidence.n_documents} validation documents"
    )
