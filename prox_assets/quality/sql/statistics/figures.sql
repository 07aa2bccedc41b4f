SELECT
    count(*) AS documents,
    count(*) FILTER (lost_at IS DISTINCT FROM 'raw_documents') AS documents_accepted,
    count(*) FILTER (lost_at IS NULL OR lost_at = 'chunk_refined_corpus') AS documents_after_doc,
    count(*) FILTER (lost_at IS NULL) AS documents_kept,
    coalesce(sum(tokens_raw), 0) AS tokens_raw,
    coalesce(sum(tokens_doc), 0) AS tokens_after_doc,
    coalesce(sum(tokens_chunk), 0) AS tokens_kept,
    count(*) FILTER (status = 'unaccounted') AS unaccounted,
    count(*) FILTER (lost_at IS NULL AND reason = 'over_guard_rail' OR reason = 'over_removed') AS over_guard_rail
FROM joined;
