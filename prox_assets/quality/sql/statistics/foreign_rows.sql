-- Rows of each stage, how many are distinct, and how many the raw shard does not know.
WITH stages AS (
    SELECT 'raw_documents' AS stage, row FROM raw_documents
    UNION ALL SELECT 'rejected', row FROM rejected
    UNION ALL SELECT 'doc_programs', row FROM doc_programs
    UNION ALL SELECT 'doc_refined_corpus', row FROM doc_refined_corpus
    UNION ALL SELECT 'chunk_refined_corpus', row FROM chunk_refined_corpus
)
SELECT
    stage,
    count(*) AS rows,
    count(DISTINCT stages.row) AS distinct_rows,
    count(*) FILTER (stage <> 'rejected' AND raw.row IS NULL)
        + count(*) FILTER (stage = 'rejected' AND raw.row IS NOT NULL) AS foreign_rows
FROM stages
LEFT JOIN (SELECT DISTINCT row FROM raw_documents) AS raw ON raw.row = stages.row
GROUP BY stage
ORDER BY stage;
