"""What every teacher is: seeds in, annotations out, one answer for every seed."""

from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

_VERDICT = [
    pa.field("teacher", pa.string(), nullable=False),
    pa.field("prompt_hash", pa.string(), nullable=False),
    pa.field("tokens", pa.int64(), nullable=False),
    pa.field("status", pa.string(), nullable=False),
    pa.field("error", pa.string()),
]

DOC_ANNOTATIONS = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("educational_score", pa.float64()),
        pa.field("format_score", pa.float64()),
        pa.field("justification", pa.string(), nullable=False),
        pa.field("keep", pa.bool_()),
        *_VERDICT,
    ]
)

_REFUSED = pa.list_(pa.struct([("call", pa.string()), ("code", pa.string())]))

CHUNK_ANNOTATIONS = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("chunk_index", pa.int32(), nullable=False),
        pa.field("line_start", pa.int32(), nullable=False),
        pa.field("line_stop", pa.int32(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("stop", pa.int64(), nullable=False),
        pa.field("program", pa.string(), nullable=False),
        pa.field("ignored_lines", pa.list_(pa.int32()), nullable=False),
        pa.field("refused", _REFUSED, nullable=False),
        *_VERDICT,
    ]
)

ANNOTATED = "annotated"
UNLABELLED = "unlabelled"
FAILED = "failed"
STATUSES = (ANNOTATED, UNLABELLED, FAILED)


class Teacher(Protocol):
    """Annotates seed documents: rules, labels that exist already, or a language model.

    A teacher answers for every seed. Where it has nothing to say the row's status is `unlabelled`, where it
    could not the status is `failed` and `error` says why; it raises TeacherError only when it cannot work at
    all (a missing file, an endpoint that is not there). `tokens` counts the tokens that a model behind the
    teacher read and wrote for the row (0 for teachers without a model).
    """

    @property
    def name(self) -> str:
        """Kind and version of the teacher, stored with each annotation."""

    @property
    def prompt_hash(self) -> str:
        """Hash of all that decides the annotations besides the seeds: rules, labels, or prompts."""

    def annotate_documents(self, seeds: pa.Table) -> pa.Table:
        """Score each seed on both rubrics; one row per seed, in order (DOC_ANNOTATIONS)."""

    def annotate_chunks(self, seeds: pa.Table) -> pa.Table:
        """Write a program for each chunk of each seed, in order (CHUNK_ANNOTATIONS).

        A seed that is `unlabelled` or `failed` has one row spanning the whole text, with an empty program.
        """


@dataclass(frozen=True, slots=True)
class LabelRule:
    """From two scores to keep or drop.

    Educational value of `keep_educational` or more keeps; from `rescue_educational` on a format score of
    `rescue_format` or more keeps too; everything else is dropped. The paper leaves the case of middling
    value and poor format open, which must be a drop for the rule to be total.
    """

    keep_educational: float = 3.0
    rescue_educational: float = 2.0
    rescue_format: float = 4.0

    def keeps(self, educational: float, layout: float) -> bool:
        """Whether a document with these scores is kept."""
        if educational >= self.keep_educational:
            return True
        return educational >= self.rescue_educational and layout >= self.rescue_format
