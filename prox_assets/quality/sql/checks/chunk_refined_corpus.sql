CREATE TEMP TABLE leaks AS
SELECT row, regexp_extract(text, getvariable('program_text')) AS leak
FROM subject
WHERE regexp_matches(text, getvariable('program_text'));

-- Documents may speak of such calls themselves: only what the source did not say has leaked.
CREATE TEMP TABLE leaked AS
SELECT row, leak FROM leaks
ANTI JOIN (
    SELECT row FROM upstream
    WHERE row IN (SELECT row FROM leaks) AND regexp_matches(text, getvariable('program_text'))
) AS own_words USING (row);

CREATE TABLE checked AS
WITH before AS (
    SELECT row, doc_id, status, length(text) AS n_chars, CASE WHEN status = 'kept' THEN n_tokens ELSE 0 END AS n_tokens
    FROM upstream
), now AS (
    SELECT
        row, doc_id, coalesce(status, 'missing') AS status, reason, length(text) AS text_chars, n_tokens_in, n_tokens_out,
        coalesce(reason IN ('over_removed', 'over_guard_rail'), false) AS over_rail,
        edits, list_filter(edits, lambda edit: edit.outcome = 'applied') AS applied
    FROM subject
), counted AS (
    SELECT
        now.row,
        CASE WHEN before.row IS NULL THEN 'extra' WHEN before.doc_id <> now.doc_id THEN 'other_document' ELSE 'ok' END
            AS row_identity,
        nullif(trim(now.doc_id), '') AS doc_id,
        now.status,
        text_chars,
        CASE WHEN now.status = 'kept' THEN 0 ELSE text_chars END AS lost_chars,
        CASE WHEN now.status = 'kept' THEN 'kept' ELSE nullif(trim(reason), '') END AS explanation,
        CASE WHEN before.status = 'dropped' AND now.status <> 'dropped' THEN 'revived' ELSE 'respected' END AS decision,
        least(n_tokens_out, n_tokens_in - n_tokens_out) AS tokens_removed,
        len(list_filter(edits, lambda edit: NOT (0 <= edit.start AND edit.start <= edit.stop AND edit.stop <= before.n_chars)))
            AS edits_outside,
        before.n_chars - text_chars
            - coalesce(list_sum(list_transform(applied, lambda edit: edit.stop - edit.start - length(edit.replacement))), 0)
            AS unexplained_characters,
        before.n_tokens - n_tokens_out - coalesce(list_sum(list_transform(applied, lambda edit: edit.n_tokens)), 0)
            AS unexplained_tokens,
        before.n_tokens AS tokens_before,
        CASE WHEN now.status = 'kept' THEN n_tokens_out ELSE 0 END AS tokens_kept,
        CASE WHEN before.status = 'kept' THEN (now.status = 'emptied' AND NOT over_rail)::INTEGER END AS emptied,
        CASE WHEN before.status = 'kept' THEN over_rail::INTEGER END AS over_rail,
        len(edits) AS calls,
        len(list_filter(edits, lambda edit: edit.outcome NOT IN ('applied', 'kept', 'covered', 'repeated', 'unchanged'))) AS refused,
        leaked.leak
    FROM now
    LEFT JOIN before USING (row)
    LEFT JOIN leaked USING (row)
)
SELECT
    * EXCLUDE (tokens_before, tokens_kept, calls, refused),
    tokens_kept / nullif(avg(tokens_before) OVER (), 0) AS token_share,
    refused / nullif(avg(calls) OVER (), 0) AS refused_share
FROM counted;
