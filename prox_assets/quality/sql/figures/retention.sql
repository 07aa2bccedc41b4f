-- What is retained of numbers and of words that one document alone has; in a sample of documents.
CREATE TEMP TABLE chosen AS
SELECT row FROM upstream WHERE text <> '' ORDER BY md5(row::VARCHAR) LIMIT getvariable('retention_sample');

CREATE TEMP TABLE sampled AS
SELECT row, lower(source.text) AS before, lower(refined.text) AS after
FROM (SELECT row, text FROM upstream SEMI JOIN chosen USING (row)) AS source
JOIN (SELECT row, text FROM subject SEMI JOIN chosen USING (row)) AS refined USING (row);

INSERT INTO figures
WITH numbers AS (
    SELECT
        len(regexp_extract_all(before, '\d+(?:[.,]\d+)*')) AS before,
        len(regexp_extract_all(after, '\d+(?:[.,]\d+)*')) AS after
    FROM sampled
)
SELECT 'number_retention', '', least(1, sum(after) / sum(before))
FROM numbers
WHERE before > 0
HAVING count(*) >= getvariable('min_group');

INSERT INTO figures
WITH words AS (
    SELECT row, unnest(list_distinct(regexp_extract_all(before, '\p{L}[\p{L}\p{M}''’-]{2,}'))) AS word FROM sampled
), rare AS (
    SELECT word, any_value(row) AS row
    FROM words
    WHERE NOT regexp_matches(word, '[' || getvariable('unspaced') || ']')
    GROUP BY word
    HAVING count(*) = 1
), retained AS (
    SELECT row, unnest(list_distinct(regexp_extract_all(after, '\p{L}[\p{L}\p{M}''’-]{2,}'))) AS word FROM sampled
)
SELECT 'rare_word_retention', '', count(retained.word) / count(*)
FROM rare LEFT JOIN retained USING (row, word)
HAVING count(DISTINCT rare.row) >= getvariable('min_group');

-- Where in the page the removed characters are, by the first character of the edit.
INSERT INTO figures
WITH documents AS (
    SELECT row, n_chars, edits
    FROM (SELECT row, edits FROM subject WHERE status = 'kept' AND len(edits) > 0) AS refined
    JOIN (SELECT row, length(text) AS n_chars FROM upstream) AS source USING (row)
), edited AS (
    SELECT least(9, 10 * edit.start // greatest(1, n_chars)) AS tenth, row, edit.stop - edit.start AS removed
    FROM documents, unnest(edits) AS unnested (edit)
    WHERE edit.outcome = 'applied'
)
SELECT 'edits_by_position', 'tenth ' || (tenth + 1)::VARCHAR, sum(removed) / greatest(1, sum(sum(removed)) OVER ())
FROM edited
WHERE (SELECT count(DISTINCT row) FROM edited) >= getvariable('min_group')
GROUP BY tenth
ORDER BY tenth;
