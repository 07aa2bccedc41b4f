SELECT
    count(DISTINCT shard) AS shards,
    count(*) AS documents,
    count(*) FILTER (status = 'rejected') AS documents_rejected,
    count(*) FILTER (status <> 'rejected') AS documents_accepted,
    count(*) FILTER (lost_at = 'doc_refined_corpus') AS documents_dropped,
    count(*) FILTER (lost_at = 'chunk_refined_corpus') AS documents_emptied,
    count(*) FILTER (reason = 'over_removed') AS documents_over_rail,
    coalesce(sum(tokens_doc) FILTER (reason = 'over_removed'), 0)::BIGINT AS tokens_over_rail,
    count(*) FILTER (status = 'kept' AND reason = 'over_guard_rail') AS documents_restored,
    coalesce(sum(tokens_doc) FILTER (status = 'kept' AND reason = 'over_guard_rail'), 0)::BIGINT AS tokens_restored,
    count(*) FILTER (status = 'kept') AS documents_kept,
    count(*) FILTER (status = 'kept' AND n_edits > 0) AS documents_edited,
    count(*) FILTER (status = 'unaccounted') AS unaccounted,
    coalesce(sum(tokens_raw), 0)::BIGINT AS tokens_raw,
    coalesce(sum(tokens_doc), 0)::BIGINT AS tokens_doc,
    coalesce(sum(tokens_chunk), 0)::BIGINT AS tokens_chunk
FROM documents
WHERE domain = $domain;
