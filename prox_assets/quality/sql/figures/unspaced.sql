-- Scripts that write no spaces between words; in a sample of the documents that have any.
INSERT INTO figures
WITH sampled AS (
    SELECT row, before, after
    FROM texts
    WHERE regexp_matches(before, '[' || getvariable('unspaced') || ']')
    ORDER BY md5(row::VARCHAR)
    LIMIT getvariable('retention_sample')
), counted AS (
    SELECT
        length(regexp_replace(before, '[^' || getvariable('unspaced') || ']', '', 'g')) AS before,
        length(regexp_replace(after, '[^' || getvariable('unspaced') || ']', '', 'g')) AS after
    FROM sampled
)
SELECT 'unspaced_retention', '', sum(after) / sum(before)
FROM counted
HAVING count(*) >= getvariable('min_group');
