"""What the UI shows: metadata of materializations, previews, column lineage, progress of long steps."""

import base64
import io
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa

from prox_assets.documents.store import Artifact, FinishedShard
from prox_assets.quality.report.text import code
from prox_assets.refiner.checkpoint import Curves, EpochPoint, StepPoint
from prox_assets.refining.driver import Progress


def column_schema(schema: pa.Schema) -> dg.TableSchema:
    """The columns of a table as the UI shows them."""
    columns = [
        dg.TableColumn(
            field.name, str(field.type), constraints=dg.TableColumnConstraints(nullable=field.nullable)
        )
        for field in schema
    ]
    return dg.TableSchema(columns=columns)


def shard_result(finished: FinishedShard, **metadata: Any) -> dg.MaterializeResult[Any]:
    """Report a finished shard; its fingerprint is its data version, so staleness follows from content."""
    lineage = LINEAGES.get(finished.key.asset)
    return dg.MaterializeResult(
        metadata={
            "dagster/partition_row_count": finished.rows,
            "dagster/uri": str(finished.folder),
            "parts": len(finished.ranges),
            "fingerprint": finished.fingerprint,
            **({"dagster/column_lineage": lineage} if lineage else {}),
            **metadata,
        },
        data_version=dg.DataVersion(finished.fingerprint),
    )


def artifact_result(artifact: Artifact, **metadata: Any) -> dg.MaterializeResult[Any]:
    """Report an artifact of a domain."""
    return checked_artifact_result(artifact, (), metadata)


def checked_artifact_result(
    artifact: Artifact, checks: Sequence[dg.AssetCheckResult], metadata: Mapping[str, Any]
) -> dg.MaterializeResult[Any]:
    """Report an artifact of a domain, and the checks that were made of it."""
    return dg.MaterializeResult(
        check_results=list(checks),
        metadata={
            "path": dg.MetadataValue.path(str(artifact.folder)),
            "fingerprint": artifact.fingerprint,
            "reused": artifact.reused,
            **metadata,
        },
        data_version=dg.DataVersion(artifact.fingerprint),
    )


def table_of(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """A small table; every row has the same keys, and values are shown as text or numbers."""
    records = [dg.TableRecord({key: _cell(value) for key, value in row.items()}) for row in rows]
    return dg.MetadataValue.table(
        records, dg.TableSchema([dg.TableColumn(name) for name in rows[0]] if rows else [])
    )


def _cell(value: Any) -> str | int | float | bool | None:
    return value if isinstance(value, str | int | float | bool | type(None)) else str(value)


def finite_result(result: dg.MaterializeResult[Any]) -> dg.MaterializeResult[Any]:
    """The same result, with metadata that JSON can hold; so are those of its checks."""
    return result._replace(
        metadata=finite_metadata(result.metadata or {}),
        check_results=[
            check._replace(metadata=finite_metadata(check.metadata)) for check in result.check_results
        ],
    )


def finite_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Replace NaN and infinities by None, also inside tables and JSON: the UI gets JSON, without them."""
    return {name: _finite(value) for name, value in metadata.items()}


def _finite(value: Any) -> Any:
    if isinstance(value, dg.FloatMetadataValue):
        return value if value.value is None or math.isfinite(value.value) else None
    if isinstance(value, dg.JsonMetadataValue):
        return dg.MetadataValue.json(_finite(value.data))
    if isinstance(value, dg.TableMetadataValue):
        records = [dg.TableRecord(finite_metadata(record.data)) for record in value.records]
        return dg.MetadataValue.table(records, value.schema)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return finite_metadata(value)
    if type(value) in (list, tuple):  # Dagster's own records are tuples too
        return [_finite(item) for item in value]
    return value


_DOTS_PER_INCH = 80


def curves_markdown(curves: Curves) -> str:
    """Draw the loss and the learning rate of each step and the validation F1 of each epoch."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 2.4), layout="constrained")
    loss, rate, quality = figure.subplots(1, 3)
    steps = [point.step for point in curves.steps]
    loss.plot(steps, [point.loss for point in curves.steps], linewidth=1)
    loss.set(title="training loss", xlabel="step")
    rate.plot(steps, [point.learning_rate for point in curves.steps], linewidth=1)
    rate.set(title="learning rate", xlabel="step")
    epochs = [point.epoch for point in curves.epochs]
    quality.plot(epochs, [point.validation_f1 for point in curves.epochs], marker="o")
    quality.set(title="validation F1", xlabel="epoch", xticks=epochs)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DOTS_PER_INCH)
    return f"![curves](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})"


_PAGES, _EDITS, _CHARS = 3, 4, 90
_BINS, _BAR = 10, 20


def edits_markdown(sources: FinishedShard, refined: FinishedShard) -> str:
    """A table of what was removed from the most edited pages of the first range; a few kilobytes at most."""
    if not refined.ranges:
        return ""
    first = refined.ranges[0]
    texts = dict(zip(*(sources.read(first)[name].to_pylist() for name in ("row", "text")), strict=True))
    pages = [(row, _applied(row)) for row in refined.read(first).to_pylist()]
    most = sorted((page for page in pages if page[1]), key=lambda page: -len(page[1]))[:_PAGES]
    lines = [_line(row, edit, texts[row["row"]]) for row, edits in most for edit in edits[:_EDITS]]
    if not lines:
        return "No page of the first range was edited."
    return "\n".join(["| page | call | score | removed | replacement |", "|---|---|---|---|---|", *lines])


def shares_markdown(values: Sequence[float]) -> str:
    """How numbers from 0 to 1 spread over ten equal bins, as a table with bars."""
    bins = Counter(min(int(value * _BINS), _BINS - 1) for value in values)
    most = max(bins.values(), default=1)
    rows = (
        f"| {place / _BINS:.1f} – {(place + 1) / _BINS:.1f} | {bins[place]:,} "
        f"| {'█' * math.ceil(bins[place] / most * _BAR)} |"
        for place in range(_BINS)
    )
    return "\n".join(["| probability | documents | |", "|---|---|---|", *rows])


def _applied(row: dict[str, Any]) -> list[dict[str, Any]]:
    return [edit for edit in row["edits"] if edit["outcome"] == "applied"]


def _line(row: dict[str, Any], edit: dict[str, Any], text: str) -> str:
    score = "" if edit["score"] is None else f"{edit['score']:.2f}"
    removed, replacement = text[edit["start"] : edit["stop"]], edit["replacement"]
    cells = (
        code(row["doc_id"], _CHARS),
        edit["call"],
        score,
        code(removed, _CHARS),
        code(replacement, _CHARS),
    )
    return f"| {' | '.join(cells)} |"


_SOURCE = ("row", "doc_id", "url", "source", "language", "metadata")


def _from(asset: str, columns: Iterable[str]) -> list[dg.TableColumnDep]:
    return [dg.TableColumnDep(asset_key=dg.AssetKey(asset), column_name=column) for column in columns]


def _lineage(**columns: list[dg.TableColumnDep]) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(deps_by_column=columns)


def _carried(asset: str) -> Mapping[str, list[dg.TableColumnDep]]:
    return {column: _from(asset, [column]) for column in _SOURCE}


_KEYS = {column: _from("raw_documents", [column]) for column in ("row", "doc_id")}
_JUDGED = _from("raw_documents", ["text"])
_EDITED = _from("doc_refined_corpus", ["text"])
_WRITTEN = _from("chunk_programs", ["program", "line_scores", "spans"])

LINEAGES: Mapping[str, dg.TableColumnLineage] = {
    "doc_programs": _lineage(
        **_KEYS, keep_probability=_JUDGED, program=_JUDGED, n_tokens=_JUDGED, n_tokens_seen=_JUDGED
    ),
    "doc_refined_corpus": _lineage(
        **_carried("raw_documents"),
        text=_from("raw_documents", ["text"]) + _from("doc_programs", ["program", "keep_probability"]),
        status=_from("doc_programs", ["program", "keep_probability", "status"]),
        reason=_from("doc_programs", ["program", "status"]),
        n_tokens=_from("doc_programs", ["n_tokens"]),
        keep_probability=_from("doc_programs", ["keep_probability"]),
    ),
    "chunk_programs": _lineage(
        row=_from("doc_refined_corpus", ["row"]),
        doc_id=_from("doc_refined_corpus", ["doc_id"]),
        program=_EDITED,
        line_scores=_EDITED,
        spans=_EDITED,
        call_scores=_EDITED,
    ),
    "chunk_refined_corpus": _lineage(
        **_carried("doc_refined_corpus"),
        text=_from("doc_refined_corpus", ["text"])
        + _from("chunk_programs", ["program", "line_scores", "spans"]),
        edits=_from("chunk_programs", ["program", "line_scores", "spans", "call_scores"]),
        status=_from("doc_refined_corpus", ["status"]) + _from("chunk_programs", ["program"]),
        reason=_from("doc_refined_corpus", ["reason"]) + _from("chunk_programs", ["program"]),
        n_tokens_in=_EDITED,
        n_tokens_out=_EDITED + _WRITTEN,
    ),
    "rule_filtered_corpus": _lineage(
        **_carried("raw_documents"), text=_from("raw_documents", ["text"]), reason=_JUDGED
    ),
}


_SECONDS_BETWEEN = 5.0


def log_parts(context: dg.AssetExecutionContext) -> Callable[[Progress], None]:
    """Log a shard's progress every few seconds and at its end."""
    started = last = time.monotonic()

    def report(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < _SECONDS_BETWEEN and progress.rows < progress.total:
            return
        last = now
        rate = (progress.rows - progress.resumed) / max(now - started, 1e-9)
        left = (progress.total - progress.rows) / rate if rate else 0.0
        resumed = f", {progress.resumed} of them from an earlier run" if progress.resumed else ""
        context.log.info(
            f"{progress.rows} of {progress.total} rows{resumed}, {rate:.0f} a second, {left:.0f} s left"
        )

    return report


def log_rows(context: dg.AssetExecutionContext) -> Callable[[int], None]:
    """Log how many rows were read, every few seconds."""
    last = time.monotonic()

    def report(rows: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS_BETWEEN:
            last = time.monotonic()
            context.log.info(f"{rows} rows read")

    return report


_STEPS_BETWEEN = 20


def log_training(context: dg.AssetExecutionContext) -> Callable[[StepPoint | EpochPoint], None]:
    """Log loss and learning rate as they come; after each epoch the asset's page shows the curves so far."""
    curves = Curves()

    def report(point: StepPoint | EpochPoint) -> None:
        if isinstance(point, StepPoint):
            curves.steps.append(point)
            if point.step % _STEPS_BETWEEN == 0:
                context.log.info(
                    f"step {point.step} of {point.steps}: loss {point.loss:.4f}, "
                    f"learning rate {point.learning_rate:.2e}"
                )
        else:
            curves.epochs.append(point)
            context.log.info(
                f"epoch {point.epoch}: loss {point.training_loss:.4f}, F1 {point.validation_f1:.4f}"
            )
            context.log_event(_observation(context, curves))

    return report


def _observation(context: dg.AssetExecutionContext, curves: Curves) -> dg.AssetObservation:
    last = curves.epochs[-1]
    metadata: dict[str, Any] = {
        "epoch": last.epoch,
        "training_loss": last.training_loss,
        "validation_f1": last.validation_f1,
        "curves": dg.MetadataValue.md(curves_markdown(curves)),
    }
    if curves.steps:
        metadata |= {"step": last.step, "learning_rate": curves.steps[-1].learning_rate}
    return dg.AssetObservation(
        context.asset_key, partition=context.partition_key, metadata=finite_metadata(metadata)
    )
