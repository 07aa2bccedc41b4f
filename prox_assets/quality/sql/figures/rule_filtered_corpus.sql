-- How large each document was in the raw shard, before this stage and after it, in characters.
CREATE TEMP TABLE sizes AS
SELECT
    row, coalesce(upstream.language, '(none)') AS language, length(upstream.text) AS raw, length(upstream.text) AS before,
    CASE WHEN subject.status = 'kept' THEN length(upstream.text) ELSE 0 END AS after
FROM upstream JOIN subject USING (row);

CREATE TEMP VIEW texts AS
SELECT row, upstream.text AS before, subject.text AS after FROM upstream JOIN subject USING (row);
