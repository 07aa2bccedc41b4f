-- What other thresholds would keep of documents, and take of lines.
WITH thresholds AS (
    SELECT unnest([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]) AS threshold
), judged AS (
    SELECT keep_probability, tokens_raw FROM documents WHERE domain = $domain AND keep_probability IS NOT NULL
), kept AS (
    SELECT
        threshold,
        count(*) FILTER (keep_probability >= threshold) / nullif(count(*), 0) AS documents,
        sum(tokens_raw) FILTER (keep_probability >= threshold) / nullif(sum(tokens_raw), 0) AS tokens
    FROM thresholds CROSS JOIN judged
    GROUP BY threshold
), lines AS (
    SELECT threshold, sum(n) FILTER (bin >= threshold * 50 - 1e-6) / nullif(sum(n), 0) AS lines
    FROM thresholds CROSS JOIN (SELECT bin, n FROM scores WHERE domain = $domain AND kind = 'line') AS binned
    GROUP BY threshold
)
SELECT threshold::DOUBLE AS threshold, coalesce(documents, 0) AS documents, coalesce(tokens, 0) AS tokens, lines
FROM kept FULL JOIN lines USING (threshold)
ORDER BY threshold;
