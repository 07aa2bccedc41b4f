-- The largest twelve, and one row for all others.
WITH ranked AS (
    SELECT *, row_number() OVER (ORDER BY tokens_raw DESC, source) AS place FROM sources WHERE domain = $domain
)
SELECT
    CASE WHEN place <= 12 THEN source ELSE '(all others)' END AS name,
    count(*) AS members,
    sum(documents)::BIGINT AS documents,
    sum(documents_kept)::BIGINT AS documents_kept,
    sum(tokens_raw)::BIGINT AS tokens_raw,
    sum(tokens_doc) / nullif(sum(tokens_raw), 0) AS keep_ratio_doc,
    sum(tokens_chunk) / nullif(sum(tokens_raw), 0) AS keep_ratio
FROM ranked
GROUP BY 1
ORDER BY min(place);
