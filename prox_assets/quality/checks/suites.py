"""The expectations of every corpus asset, on columns of ``sql/checks/`` and figures of ``sql/figures/``."""

from prox_assets.quality.checks.rules import (
    REFINED_SHAPE,
    RETENTION,
    RULES_SHAPE,
    CheckLimits,
    Rule,
    Severity,
    banded,
    critical,
    figured,
    warning,
)

_BETWEEN = "ExpectColumnValuesToBeBetween"
_IN_SET = "ExpectColumnValuesToBeInSet"
_NOT_NULL = "ExpectColumnValuesToNotBeNull"
_NULL = "ExpectColumnValuesToBeNull"
_UNIQUE = "ExpectColumnValuesToBeUnique"

SCHEMA = critical(
    "schema",
    "Every file has the columns and types of this stage, no more and no fewer.",
    _IN_SET,
    column="agreement",
    value_set=["ok"],
)
_ROW_COUNT = Rule(
    "row_conservation",
    Severity.CRITICAL,
    "The stage has exactly as many rows as it was given: none lost, none added.",
    "ExpectTableRowCountToEqual",
    lambda limits: {"value": limits.rows},
)
_ROW_IDENTITY = critical(
    "row_identity",
    "Every row stands for the same document as in the stage before.",
    _IN_SET,
    column="row_identity",
    value_set=["ok"],
)
_DOC_ID = (
    critical("doc_id_present", "Every row has a doc_id.", _NOT_NULL, column="doc_id"),
    critical("doc_id_unique", "No doc_id occurs twice in a shard.", _UNIQUE, column="doc_id"),
)
_PROBABILITY = critical(
    "keep_probability_in_range",
    "Every keep probability lies in [0, 1].",
    _BETWEEN,
    column="keep_probability",
    min_value=0,
    max_value=1,
)
_REFINER_STATUS = (
    critical(
        "status_known", "Every status is ok or failed.", _IN_SET, column="status", value_set=["ok", "failed"]
    ),
    critical("error_told", "Every failed row says what its error was.", _NOT_NULL, "failed", column="error"),
    banded("error_share", "Few rows failed.", "failed", lambda limits: (0.0, limits.max_error_share)),
)


def _statuses(*known: str) -> Rule:
    return critical(
        "status_known", f"Every status is {' or '.join(known)}.", _IN_SET, column="status", value_set=[*known]
    )


def _refined(*lost: str) -> tuple[Rule, ...]:
    """What holds for the documents of a refined corpus: text if kept; if lost a reason, and no text."""
    return (
        _statuses("kept", *lost),
        critical(
            "text_when_kept",
            "Every kept document has text.",
            _BETWEEN,
            "kept",
            column="text_chars",
            min_value=1,
        ),
        critical(
            "no_text_when_lost", "No other document has text.", _BETWEEN, column="lost_chars", max_value=0
        ),
        critical(
            "reason_when_lost", "Every document that went has a reason.", _NOT_NULL, column="explanation"
        ),
    )


def _share(name: str, description: str, column: str, threshold: str) -> Rule:
    def band(thresholds: CheckLimits) -> tuple[float, float]:
        return 0.0, getattr(thresholds, threshold)

    return banded(name, description, column, band)


_TEXT_IS_SOURCE = critical(
    "text_is_source",
    "The text of a kept document is its source text.",
    _IN_SET,
    "kept",
    column="text_identity",
    value_set=["same"],
)

_TEXT_FROM_SOURCE = critical(
    "text_from_source",
    "The text of a kept document is its source text, or the lines of it that the C4 rules leave.",
    _IN_SET,
    "kept",
    column="text_identity",
    value_set=["same", "lines"],
)

SUITES: dict[str, tuple[Rule, ...]] = {
    "raw_documents": (
        SCHEMA,
        _ROW_COUNT,
        critical(
            "row_identity",
            "Every row of the source is accepted or rejected, never both.",
            _IN_SET,
            column="row_identity",
            value_set=["ok"],
        ),
        *_DOC_ID,
        critical(
            "text_present", "Every accepted document has text.", _BETWEEN, column="text_chars", min_value=1
        ),
        warning(
            "metadata_is_json",
            "Metadata is a JSON object.",
            _IN_SET,
            column="metadata_kind",
            value_set=["OBJECT"],
        ),
        figured(
            "rejected_share",
            "Few rows of the source were rejected.",
            lambda thresholds: (0.0, thresholds.max_rejected_share),
        ),
    ),
    "doc_programs": (
        SCHEMA,
        _ROW_COUNT,
        _ROW_IDENTITY,
        *_DOC_ID,
        *_REFINER_STATUS,
        _PROBABILITY,
        warning(
            "program_known",
            "Every program that was written keeps or drops the document.",
            _IN_SET,
            "ok",
            column="call",
            value_set=["keep_doc", "drop_doc"],
        ),
        critical(
            "tokens_seen",
            "The refiner saw no more tokens than the document has.",
            _BETWEEN,
            column="tokens_unseen",
            min_value=0,
        ),
    ),
    "doc_refined_corpus": (
        SCHEMA,
        _ROW_COUNT,
        _ROW_IDENTITY,
        *_DOC_ID,
        *_refined("dropped"),
        _TEXT_IS_SOURCE,
        _PROBABILITY,
        banded(
            "keep_ratio",
            "Tokens kept / tokens in stays in its band.",
            "token_share",
            lambda t: t.doc_keep_ratio,
        ),
        _share("refiner_failures", "The refiner failed on few documents.", "failed", "max_error_share"),
        *REFINED_SHAPE,
    ),
    "chunk_programs": (
        SCHEMA,
        Rule(
            "row_conservation",
            Severity.CRITICAL,
            "Every document that the document stage kept has chunks, and no other one has.",
            "ExpectColumnUniqueValueCountToBeBetween",
            lambda limits: {"column": "row", "min_value": limits.rows, "max_value": limits.rows},
        ),
        _ROW_IDENTITY,
        critical(
            "chunks_cover_text",
            "The chunks of a document follow one another without a gap from its first to its last character.",
            _IN_SET,
            column="coverage",
            value_set=["ok"],
        ),
        *_REFINER_STATUS,
        critical(
            "program_present",
            "Every chunk that was refined has a program.",
            _NOT_NULL,
            "ok",
            column="program",
        ),
        critical(
            "line_scores_in_range",
            "Every line score lies in [0, 1].",
            _BETWEEN,
            column="scores_outside",
            max_value=0,
        ),
        critical(
            "line_scores_complete",
            "A chunk with line scores has one for each of its lines.",
            _IN_SET,
            column="scored_lines",
            value_set=["all", "none"],
        ),
        critical(
            "spans_inside_chunk",
            "Every span of noise lies inside its chunk.",
            _BETWEEN,
            column="spans_outside",
            max_value=0,
        ),
    ),
    "chunk_refined_corpus": (
        SCHEMA,
        _ROW_COUNT,
        _ROW_IDENTITY,
        *_DOC_ID,
        *_refined("dropped", "emptied"),
        critical(
            "dropped_stays_dropped",
            "No document that the document stage dropped comes back.",
            _IN_SET,
            column="decision",
            value_set=["respected"],
        ),
        critical(
            "tokens_never_grow",
            "No document has more tokens than before.",
            _BETWEEN,
            column="tokens_removed",
            min_value=0,
        ),
        critical(
            "edits_inside_text",
            "Every edit lies inside the source text.",
            _BETWEEN,
            column="edits_outside",
            max_value=0,
        ),
        critical(
            "edits_explain_text",
            "The edit record accounts for every character by which a kept text differs in length.",
            _BETWEEN,
            "kept",
            column="unexplained_characters",
            min_value=0,
            max_value=0,
        ),
        critical(
            "edits_explain_tokens",
            "The edit record accounts for every token that a kept document lost.",
            _BETWEEN,
            "kept",
            column="unexplained_tokens",
            min_value=0,
            max_value=0,
        ),
        critical(
            "no_program_text",
            "No program text got into a document.",
            _NULL,
            column="leak",
        ),
        banded(
            "keep_ratio",
            "Tokens kept / tokens in stays in its band.",
            "token_share",
            lambda t: t.chunk_keep_ratio,
        ),
        _share("emptied_share", "Few documents were emptied.", "emptied", "max_emptied_share"),
        _share(
            "guard_rail_share",
            "Few documents went over a guard rail: their programs would remove or add too much.",
            "over_rail",
            "max_guard_rail_share",
        ),
        _share("refused_share", "Few calls could not be applied.", "refused_share", "max_refused_share"),
        *REFINED_SHAPE,
        *RETENTION,
    ),
    "rule_filtered_corpus": (
        SCHEMA,
        _ROW_COUNT,
        _ROW_IDENTITY,
        *_DOC_ID,
        *_refined("dropped"),
        _TEXT_FROM_SOURCE,
        banded(
            "keep_ratio",
            "Characters kept / characters in stays in its band.",
            "character_share",
            lambda t: t.rule_keep_ratio,
        ),
        *RULES_SHAPE,
    ),
}
