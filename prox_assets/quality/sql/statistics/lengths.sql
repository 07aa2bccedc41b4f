-- Documents by length at each stage; a bucket holds tokens_from <= tokens < tokens_below, bounds powers of two.
WITH lengths AS (
    SELECT 1 AS stage_order, 'raw_documents' AS stage, tokens_raw AS tokens
    FROM joined WHERE lost_at IS DISTINCT FROM 'raw_documents'
    UNION ALL
    SELECT 2, 'doc_refined_corpus', tokens_doc
    FROM joined WHERE lost_at IS NULL OR lost_at = 'chunk_refined_corpus'
    UNION ALL
    SELECT 3, 'chunk_refined_corpus', tokens_chunk
    FROM joined WHERE lost_at IS NULL
), buckets AS (
    SELECT
        stage_order, stage,
        CASE WHEN tokens < 1 THEN 0 ELSE (1::BIGINT << floor(log2(tokens))::INTEGER) END AS tokens_from
    FROM lengths
)
SELECT
    getvariable('domain')::VARCHAR AS domain,
    getvariable('shard')::VARCHAR AS shard,
    stage,
    tokens_from,
    greatest(1, 2 * tokens_from) AS tokens_below,
    count(*) AS documents
FROM buckets
GROUP BY stage_order, stage, tokens_from
ORDER BY stage_order, tokens_from;
