CREATE TABLE checked AS
WITH before AS (
    SELECT row, doc_id, hash(text) AS text_hash, length(text) AS n_chars FROM upstream
), now AS (
    SELECT
        row, doc_id, coalesce(status, 'missing') AS status, reason, length(text) AS text_chars, hash(text) AS text_hash
    FROM subject
)
SELECT
    now.row,
    CASE WHEN before.row IS NULL THEN 'extra' WHEN before.doc_id <> now.doc_id THEN 'other_document' ELSE 'ok' END
        AS row_identity,
    nullif(trim(now.doc_id), '') AS doc_id,
    status,
    text_chars,
    CASE WHEN status = 'kept' THEN 0 ELSE text_chars END AS lost_chars,
    CASE WHEN status = 'kept' THEN 'kept' ELSE nullif(trim(reason), '') END AS explanation,
    CASE WHEN before.text_hash = now.text_hash THEN 'same' ELSE 'other' END AS text_identity,
    CASE WHEN status = 'kept' THEN before.n_chars ELSE 0 END / nullif(avg(before.n_chars) OVER (), 0) AS character_share
FROM now
LEFT JOIN before USING (row);
