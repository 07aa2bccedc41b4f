-- Calls of both stages. Removed characters and tokens are counted in the documents that stay (edits of an
-- emptied document are listed with 0: its text is lost as a whole), so that they add up to the funnel.
WITH doc_calls AS (
    SELECT
        'doc_refined_corpus' AS stage,
        coalesce(nullif(regexp_extract(doc_program, '^\s*([A-Za-z_]\w*)\s*\(', 1), ''), 'none') AS call,
        CASE
            WHEN coalesce(doc_program, '') = '' THEN coalesce(reason, 'kept')
            WHEN lost_at IS DISTINCT FROM 'doc_refined_corpus' THEN 'kept'
            WHEN reason = 'drop_doc' THEN 'dropped'
            ELSE reason
        END AS outcome,
        status AS document_status,
        CASE WHEN lost_at = 'doc_refined_corpus' AND reason = 'drop_doc' THEN n_chars ELSE 0 END AS characters,
        CASE WHEN lost_at = 'doc_refined_corpus' AND reason = 'drop_doc' THEN tokens_raw ELSE 0 END AS tokens
    FROM joined
    WHERE lost_at IS DISTINCT FROM 'raw_documents'
), chunk_calls AS (
    SELECT
        'chunk_refined_corpus' AS stage,
        edits.call,
        edits.outcome,
        joined.status AS document_status,
        CASE WHEN edits.outcome = 'applied' AND joined.status = 'kept' THEN edits.characters ELSE 0 END AS characters,
        CASE WHEN edits.outcome = 'applied' AND joined.status = 'kept' THEN edits.tokens ELSE 0 END AS tokens
    FROM edits JOIN joined USING (row)
    WHERE edits.call <> 'keep_chunk'
), kept_chunks AS (
    SELECT
        'chunk_refined_corpus' AS stage, 'keep_chunk' AS call, 'kept' AS outcome,
        joined.status AS document_status, 0 AS characters, 0 AS tokens
    FROM chunk_programs JOIN joined USING (row)
    WHERE regexp_matches(chunk_programs.program, '^\s*(keep_chunk|keep_all|untouch_doc|skip_chunk)\(\s*\)\s*$')
), calls AS (
    SELECT * FROM doc_calls
    UNION ALL SELECT * FROM chunk_calls
    UNION ALL SELECT * FROM kept_chunks
)
SELECT
    getvariable('domain')::VARCHAR AS domain,
    getvariable('shard')::VARCHAR AS shard,
    stage,
    call,
    outcome,
    document_status,
    count(*) AS times,
    sum(characters)::BIGINT AS characters_removed,
    sum(tokens)::BIGINT AS tokens_removed
FROM calls
GROUP BY stage, call, outcome, document_status
ORDER BY stage DESC, call, outcome, document_status;
