-- Scripts that write no spaces between words; in a sample of the documents that have any. Rows are chosen
-- first, so that no more than their texts are ever held.
CREATE TEMP TABLE chosen_unspaced AS
SELECT row
FROM upstream
WHERE regexp_matches(text, '[' || getvariable('unspaced') || ']')
ORDER BY md5(row::VARCHAR)
LIMIT getvariable('retention_sample');

INSERT INTO figures
WITH sampled AS (
    SELECT row, source.text AS before, refined.text AS after
    FROM (SELECT row, text FROM upstream SEMI JOIN chosen_unspaced USING (row)) AS source
    JOIN (SELECT row, text FROM subject SEMI JOIN chosen_unspaced USING (row)) AS refined USING (row)
), counted AS (
    SELECT
        length(regexp_replace(before, '[^' || getvariable('unspaced') || ']', '', 'g')) AS before,
        length(regexp_replace(after, '[^' || getvariable('unspaced') || ']', '', 'g')) AS after
    FROM sampled
)
SELECT 'unspaced_retention', '', sum(after) / sum(before)
FROM counted
HAVING count(*) >= getvariable('min_group');
