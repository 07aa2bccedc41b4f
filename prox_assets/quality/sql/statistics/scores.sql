-- Histograms of 50 bins over [0, 1]: the keep probability of documents, the noise probability of lines.
WITH scores AS (
    SELECT 'document' AS kind, keep_probability::DOUBLE AS score FROM doc_programs
    UNION ALL
    SELECT 'line', line.score::DOUBLE
    FROM chunk_programs, unnest(chunk_programs.line_scores) AS line (score)
), binned AS (
    SELECT kind, least(49, floor(round(score * 50, 4)))::INTEGER AS bin
    FROM scores
    WHERE score BETWEEN 0 AND 1
)
SELECT
    getvariable('domain')::VARCHAR AS domain,
    getvariable('shard')::VARCHAR AS shard,
    kind,
    bin,
    count(*) AS n
FROM binned
GROUP BY kind, bin
ORDER BY kind, bin;
