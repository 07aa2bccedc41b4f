INSERT INTO figures
SELECT 'keep_ratio_by_language', language, sum(after) / sum(before)
FROM sizes
WHERE before > 0
GROUP BY language
HAVING count(*) >= getvariable('min_group');

INSERT INTO figures
WITH shares AS (
    SELECT sum(raw) / sum(sum(raw)) OVER () AS raw, sum(after) / sum(sum(after)) OVER () AS after
    FROM sizes
    GROUP BY language
)
SELECT 'language_drift', '', sum(abs(raw - after)) / 2
FROM shares
WHERE (SELECT count(*) FROM sizes WHERE after > 0) >= getvariable('min_group');

-- Lengths in quarters of an octave.
INSERT INTO figures
WITH lengths AS (
    SELECT
        floor(4 * log2(length)) AS bucket,
        count(*) FILTER (stage = 'raw') AS raw,
        count(*) FILTER (stage = 'after') AS after
    FROM (
        SELECT 'raw' AS stage, raw AS length FROM sizes
        UNION ALL SELECT 'after', after FROM sizes
    )
    WHERE length > 0
    GROUP BY bucket
), shares AS (
    SELECT
        sum(raw) OVER up_to / sum(raw) OVER () AS raw,
        sum(after) OVER up_to / nullif(sum(after) OVER (), 0) AS after
    FROM lengths
    WINDOW up_to AS (ORDER BY bucket)
)
SELECT 'length_drift', '', max(abs(raw - after))
FROM shares
WHERE (SELECT count(*) FROM sizes WHERE after > 0) >= getvariable('min_group');
