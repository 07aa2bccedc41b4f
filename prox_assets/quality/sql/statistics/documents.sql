SELECT
    getvariable('domain')::VARCHAR AS domain,
    getvariable('shard')::VARCHAR AS shard,
    doc_id,
    row,
    source,
    language,
    status,
    lost_at,
    reason,
    keep_probability,
    doc_program,
    n_chars,
    n_chars_kept,
    tokens_raw,
    tokens_doc,
    tokens_chunk,
    n_edits
FROM joined
ORDER BY row, status;
