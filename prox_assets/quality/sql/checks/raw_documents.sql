CREATE TABLE checked AS
WITH both_ways AS (SELECT row FROM subject SEMI JOIN rejected USING (row))
SELECT
    subject.row,
    CASE WHEN both_ways.row IS NULL THEN 'ok' ELSE 'also_rejected' END AS row_identity,
    nullif(trim(doc_id), '') AS doc_id,
    length(trim(text, E' \t\r\n')) AS text_chars,
    CASE WHEN json_valid(metadata) THEN json_type(metadata) ELSE 'not_json' END AS metadata_kind
FROM subject
LEFT JOIN both_ways USING (row);
