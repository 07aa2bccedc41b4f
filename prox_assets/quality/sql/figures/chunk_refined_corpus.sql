-- How large each document was in the raw shard, before this stage and after it.
CREATE TEMP TABLE sizes AS
SELECT
    row, coalesce(upstream.language, '(none)') AS language, upstream.n_tokens AS raw,
    CASE WHEN upstream.status = 'kept' THEN upstream.n_tokens ELSE 0 END AS before,
    CASE WHEN subject.status = 'kept' THEN n_tokens_out ELSE 0 END AS after
FROM upstream JOIN subject USING (row);
