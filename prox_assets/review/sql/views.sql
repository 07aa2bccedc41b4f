CREATE VIEW summary AS
SELECT
    count(*) AS documents,
    count(*) FILTER (left_status = 'kept') AS left_kept,
    count(*) FILTER (right_status = 'kept') AS right_kept,
    coalesce(sum(n_chars), 0)::BIGINT AS characters,
    coalesce(sum(removed_by_both), 0)::BIGINT AS removed_by_both,
    coalesce(sum(removed_by_left), 0)::BIGINT AS removed_by_left,
    coalesce(sum(removed_by_right), 0)::BIGINT AS removed_by_right,
    sum(removed_by_both) / nullif(sum(removed_by_both + removed_by_left + removed_by_right), 0) AS agreement
FROM documents;
COMMENT ON VIEW summary IS 'The shard in one row; agreement: of the characters that any side removes, the share that both do.';

CREATE VIEW fates AS
SELECT left_status, right_status, count(*) AS documents, coalesce(sum(n_chars), 0)::BIGINT AS characters
FROM documents
GROUP BY ALL
ORDER BY documents DESC, left_status, right_status;
COMMENT ON VIEW fates IS 'How documents ended on either side.';

CREATE VIEW by_language AS
SELECT
    coalesce(language, '(none)') AS language,
    count(*) AS documents,
    sum(removed_by_left) / greatest(1, sum(n_chars)) AS share_removed_by_left,
    sum(removed_by_right) / greatest(1, sum(n_chars)) AS share_removed_by_right
FROM documents
GROUP BY ALL
ORDER BY documents DESC, 1;
COMMENT ON VIEW by_language IS 'What one side alone removes, by language.';

CREATE VIEW most_disputed_texts AS
SELECT side, trim(text, E' \t\r\n') AS text, count(*) AS times, count(DISTINCT row) AS documents, sum(stop - start)::BIGINT AS characters
FROM differences
WHERE trim(text, E' \t\r\n') <> ''
GROUP BY side, trim(text, E' \t\r\n')
ORDER BY documents DESC, characters DESC, side, 2;
COMMENT ON VIEW most_disputed_texts IS 'What one side removes from most documents and the other keeps.';

CREATE VIEW most_disputed_documents AS
SELECT row, doc_id, left_status, right_status, n_chars, removed_by_left, removed_by_right
FROM documents
WHERE removed_by_left + removed_by_right > 0
ORDER BY removed_by_left + removed_by_right DESC, row;
COMMENT ON VIEW most_disputed_documents IS 'Documents by how much of them only one side removes.';
