-- What kept documents lost most often: lines of remove_lines, strings of the other calls.
WITH removed AS (
    SELECT edits.row, edits.call, substring(raw.text, edits.start + 1, edits.stop - edits.start) AS text
    FROM edits
    JOIN joined USING (row)
    JOIN raw_documents AS raw USING (row)
    WHERE edits.outcome = 'applied' AND joined.status = 'kept' AND edits.stop > edits.start
), pieces AS (
    SELECT
        row, call,
        unnest(CASE WHEN call = 'remove_lines' THEN string_split(text, chr(10)) ELSE [text] END) AS text
    FROM removed
)
SELECT
    getvariable('domain')::VARCHAR AS domain,
    getvariable('shard')::VARCHAR AS shard,
    call,
    left(trim(text, E' \t\r\n'), 200) AS text,
    count(*) AS times,
    count(DISTINCT row) AS documents,
    sum(length(text))::BIGINT AS characters
FROM pieces
WHERE trim(text, E' \t\r\n') <> ''
GROUP BY call, left(trim(text, E' \t\r\n'), 200)
ORDER BY documents DESC, times DESC, call, 4
LIMIT 500;
