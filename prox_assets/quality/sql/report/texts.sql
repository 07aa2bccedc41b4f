SELECT raw.row, raw.text, raw.url, refined.edits
FROM (SELECT row, text, url FROM raw_documents WHERE list_contains($rows, row)) AS raw
JOIN (SELECT row, edits FROM chunk_refined_corpus WHERE list_contains($rows, row)) AS refined USING (row);
