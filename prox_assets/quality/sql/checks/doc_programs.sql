CREATE TABLE checked AS
WITH before AS (SELECT row, doc_id FROM upstream)
SELECT
    subject.row,
    CASE WHEN before.row IS NULL THEN 'extra' WHEN before.doc_id <> subject.doc_id THEN 'other_document' ELSE 'ok' END
        AS row_identity,
    nullif(trim(subject.doc_id), '') AS doc_id,
    coalesce(status, 'missing') AS status,
    (status = 'failed')::INTEGER AS failed,
    nullif(trim(error), '') AS error,
    keep_probability,
    coalesce(nullif(regexp_extract(program, '^\s*(\w+)\s*\(\s*\)\s*$', 1), ''), 'other') AS call,
    CASE WHEN n_tokens_seen >= 0 THEN n_tokens - n_tokens_seen ELSE -1 END AS tokens_unseen
FROM subject
LEFT JOIN before USING (row);
