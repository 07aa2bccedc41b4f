-- C4 strips lines and takes lines and citation marks out (baselines/c4.py); the other rule sets change no text.
CREATE TEMP MACRO c4_lines(source) AS list_transform(
    string_split(source, chr(10)),
    lambda line: regexp_replace(
        regexp_replace(line, '^[\t\x0B\f\r\x{85}\p{Z}]+|[\t\x0B\f\r\x{85}\p{Z}]+$', '', 'g'),
        '\[\d*\]|\[edit\]|\[citation needed\]', '', 'g'
    )
);
CREATE TABLE checked AS
WITH before AS (
    SELECT row, doc_id, text, hash(text) AS text_hash, length(text) AS n_chars FROM upstream
), now AS (
    SELECT
        row, doc_id, text, coalesce(status, 'missing') AS status, reason, length(text) AS text_chars, hash(text) AS text_hash
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
    CASE
        WHEN before.text_hash = now.text_hash THEN 'same'
        WHEN status = 'kept' AND list_has_all(c4_lines(before.text), string_split(now.text, chr(10))) THEN 'lines'
        ELSE 'other'
    END AS text_identity,
    CASE WHEN status = 'kept' THEN text_chars ELSE 0 END / nullif(avg(before.n_chars) OVER (), 0) AS character_share
FROM now
LEFT JOIN before USING (row);
