WITH bins AS (
    SELECT kind, bin FROM (VALUES ('document'), ('line')) AS kinds (kind), range(50) AS bins (bin)
), counted AS (
    SELECT kind, bin, sum(n)::BIGINT AS n FROM scores WHERE domain = $domain GROUP BY kind, bin
)
SELECT
    kind, bin, coalesce(n, 0)::BIGINT AS n,
    coalesce(sum(n) OVER (PARTITION BY kind ORDER BY bin DESC), 0)
        / greatest(1, coalesce(sum(n) OVER (PARTITION BY kind), 0)) AS share_at_or_above
FROM bins LEFT JOIN counted USING (kind, bin)
ORDER BY kind, bin;
