-- At every stage: entered = lost (by reason) + edited away (by call) + kept; and what is kept enters the next.
WITH raw_stage AS (
    SELECT
        CASE WHEN lost_at = 'raw_documents' THEN 'lost' ELSE 'kept' END AS flow,
        CASE WHEN lost_at = 'raw_documents' THEN reason ELSE '' END AS reason,
        1 AS documents, tokens_raw AS tokens, n_chars AS characters
    FROM joined
), doc_stage AS (
    SELECT
        CASE WHEN lost_at = 'doc_refined_corpus' THEN 'lost' ELSE 'kept' END AS flow,
        CASE WHEN lost_at = 'doc_refined_corpus' THEN reason ELSE '' END AS reason,
        1 AS documents, tokens_raw AS tokens, n_chars AS characters
    FROM joined WHERE lost_at IS DISTINCT FROM 'raw_documents'
), chunk_stage AS (
    SELECT
        CASE WHEN lost_at = 'chunk_refined_corpus' THEN 'lost' ELSE 'kept' END AS flow,
        CASE WHEN lost_at = 'chunk_refined_corpus' THEN reason ELSE '' END AS reason,
        1 AS documents,
        CASE WHEN lost_at = 'chunk_refined_corpus' THEN tokens_doc ELSE tokens_chunk END AS tokens,
        CASE WHEN lost_at = 'chunk_refined_corpus' THEN n_chars ELSE n_chars_kept END AS characters
    FROM joined WHERE lost_at IS NULL OR lost_at = 'chunk_refined_corpus'
), edited AS (
    SELECT 'edited' AS flow, edits.call AS reason, 0 AS documents, edits.tokens, edits.characters
    FROM edits JOIN joined USING (row)
    WHERE edits.outcome = 'applied' AND joined.status = 'kept'
), entered_chunk AS (
    SELECT 1 AS documents, tokens_doc AS tokens, n_chars AS characters
    FROM joined WHERE lost_at IS NULL OR lost_at = 'chunk_refined_corpus'
), difference AS (
    SELECT
        (SELECT coalesce(sum(tokens), 0) FROM entered_chunk)
        - (SELECT coalesce(sum(tokens), 0) FROM chunk_stage)
        - (SELECT coalesce(sum(tokens), 0) FROM edited) AS tokens,
        (SELECT coalesce(sum(characters), 0) FROM entered_chunk)
        - (SELECT coalesce(sum(characters), 0) FROM chunk_stage)
        - (SELECT coalesce(sum(characters), 0) FROM edited) AS characters
), flows AS (
    SELECT 1 AS stage_order, 'raw_documents' AS stage, 'entered' AS flow, '' AS reason,
        1 AS documents, tokens_raw AS tokens, n_chars AS characters FROM joined
    UNION ALL SELECT 1, 'raw_documents', * FROM raw_stage
    UNION ALL SELECT 2, 'doc_refined_corpus', 'entered', '', documents, tokens, characters
        FROM doc_stage
    UNION ALL SELECT 2, 'doc_refined_corpus', * FROM doc_stage
    UNION ALL SELECT 3, 'chunk_refined_corpus', 'entered', '', * FROM entered_chunk
    UNION ALL SELECT 3, 'chunk_refined_corpus', * FROM chunk_stage
    UNION ALL SELECT 3, 'chunk_refined_corpus', * FROM edited
    UNION ALL SELECT 3, 'chunk_refined_corpus', 'edited', 'unaccounted', 0, tokens, characters
        FROM difference WHERE tokens <> 0 OR characters <> 0
)
SELECT
    getvariable('domain')::VARCHAR AS domain,
    getvariable('shard')::VARCHAR AS shard,
    stage_order,
    stage,
    flow,
    reason,
    sum(documents)::BIGINT AS documents,
    sum(tokens)::BIGINT AS tokens,
    sum(characters)::BIGINT AS characters
FROM flows
GROUP BY stage_order, stage, flow, reason
ORDER BY stage_order, flow, reason;
