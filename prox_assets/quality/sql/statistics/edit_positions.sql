-- Where in the page edits fall: tenths of the document's characters by the first character of the edit.
SELECT
    getvariable('domain')::VARCHAR AS domain,
    getvariable('shard')::VARCHAR AS shard,
    edits.call,
    least(9, 10 * edits.start // greatest(1, joined.n_chars))::INTEGER AS tenth,
    count(*) AS edits,
    sum(edits.characters)::BIGINT AS characters_removed,
    sum(edits.tokens)::BIGINT AS tokens_removed
FROM edits JOIN joined USING (row)
WHERE edits.outcome = 'applied' AND joined.status = 'kept'
GROUP BY edits.call, tenth
ORDER BY edits.call, tenth;
