CREATE TABLE checked AS
WITH before AS (
    SELECT row, doc_id, status, length(text) AS n_chars FROM upstream
)
SELECT
    subject.row,
    subject.doc_id,
    CASE
        WHEN before.row IS NULL THEN 'extra'
        WHEN before.doc_id <> subject.doc_id THEN 'other_document'
        WHEN before.status <> 'kept' THEN 'dropped_before'
        ELSE 'ok'
    END AS row_identity,
    CASE
        WHEN chunk <> row_number() OVER document - 1 THEN 'misnumbered'
        WHEN start <> lag(stop, 1, 0) OVER document THEN 'gap'
        WHEN stop <= start THEN 'empty'
        WHEN lead(row) OVER document IS NULL AND stop <> before.n_chars THEN 'short'
        ELSE 'ok'
    END AS coverage,
    coalesce(subject.status, 'missing') AS status,
    (subject.status = 'failed')::INTEGER AS failed,
    nullif(trim(error), '') AS error,
    nullif(trim(program), '') AS program,
    len(list_filter(line_scores, lambda score: score IS NULL OR NOT score BETWEEN 0 AND 1)) AS scores_outside,
    CASE len(line_scores) WHEN 0 THEN 'none' WHEN line_stop - line_start THEN 'all' ELSE 'some' END AS scored_lines,
    len(list_filter(spans, lambda span: NOT (subject.start <= span.start AND span.start < span.stop AND span.stop <= subject.stop)))
        AS spans_outside
FROM subject
LEFT JOIN before USING (row)
WINDOW document AS (PARTITION BY subject.row ORDER BY chunk);
