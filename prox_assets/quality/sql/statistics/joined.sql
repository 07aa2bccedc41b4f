-- One row per source row, and one row per edit; everything else is counted from these two.
CREATE TEMP TABLE edits AS
SELECT
    refined.row,
    edit.call,
    edit.outcome,
    edit.start,
    edit.stop,
    edit.stop - edit.start - length(edit.replacement) AS characters,
    edit.n_tokens AS tokens
FROM chunk_refined_corpus AS refined, unnest(refined.edits) AS unnested (edit);

CREATE TEMP TABLE joined AS
WITH raw AS (
    SELECT row, doc_id, source, language, length(text) AS n_chars FROM raw_documents
), program AS (
    SELECT row, program, keep_probability FROM doc_programs
), doc AS (
    SELECT row, status, reason, n_tokens FROM doc_refined_corpus
), chunk AS (
    SELECT row, status, reason, n_tokens_out, length(text) AS n_chars FROM chunk_refined_corpus
), applied AS (
    SELECT row, count(*) AS n_edits FROM edits WHERE outcome = 'applied' GROUP BY row
)
SELECT
    raw.row,
    raw.doc_id,
    raw.source,
    raw.language,
    CASE
        WHEN doc.row IS NULL OR (doc.status = 'kept' AND chunk.row IS NULL) THEN 'unaccounted'
        WHEN doc.status = 'kept' THEN chunk.status
        ELSE doc.status
    END AS status,
    CASE
        WHEN doc.row IS NULL OR doc.status <> 'kept' THEN 'doc_refined_corpus'
        WHEN chunk.row IS NULL OR chunk.status <> 'kept' THEN 'chunk_refined_corpus'
    END AS lost_at,
    CASE
        WHEN doc.row IS NULL THEN 'unaccounted'
        WHEN doc.status <> 'kept' THEN doc.reason
        WHEN chunk.row IS NULL THEN 'unaccounted'
        ELSE nullif(chunk.reason, '')
    END AS reason,
    program.keep_probability,
    program.program AS doc_program,
    raw.n_chars,
    CASE WHEN doc.status = 'kept' AND chunk.status = 'kept' THEN chunk.n_chars ELSE 0 END AS n_chars_kept,
    coalesce(doc.n_tokens, 0) AS tokens_raw,
    CASE WHEN doc.status = 'kept' THEN doc.n_tokens ELSE 0 END AS tokens_doc,
    CASE WHEN doc.status = 'kept' AND chunk.status = 'kept' THEN chunk.n_tokens_out ELSE 0 END AS tokens_chunk,
    coalesce(applied.n_edits, 0) AS n_edits
FROM raw
LEFT JOIN program USING (row)
LEFT JOIN doc USING (row)
LEFT JOIN chunk USING (row)
LEFT JOIN applied USING (row)
UNION ALL BY NAME
SELECT
    row, doc_id, 'rejected' AS status, 'raw_documents' AS lost_at, reason,
    0 AS n_chars, 0 AS n_chars_kept, 0 AS tokens_raw, 0 AS tokens_doc, 0 AS tokens_chunk, 0 AS n_edits
FROM rejected;
