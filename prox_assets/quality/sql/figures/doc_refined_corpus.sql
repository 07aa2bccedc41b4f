-- How large each document was in the raw shard, before this stage and after it.
CREATE TEMP TABLE sizes AS
SELECT
    row, coalesce(language, '(none)') AS language, n_tokens AS raw, n_tokens AS before,
    CASE WHEN status = 'kept' THEN n_tokens ELSE 0 END AS after
FROM subject;
