-- How large each document was in the raw shard, before this stage and after it, in characters.
CREATE TEMP TABLE sizes AS
SELECT
    row, coalesce(source.language, '(none)') AS language, n_chars AS raw, n_chars AS before,
    CASE WHEN status = 'kept' THEN kept_chars ELSE 0 END AS after
FROM (SELECT row, language, length(text) AS n_chars FROM upstream) AS source
JOIN (SELECT row, status, length(text) AS kept_chars FROM subject) AS judged USING (row);
