"""Which columns of the corpora come from which: what the UI draws as column lineage."""

from collections.abc import Iterable, Mapping

import dagster as dg

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
