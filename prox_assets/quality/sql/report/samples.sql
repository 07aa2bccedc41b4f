WITH candidates AS (
    SELECT *, md5(doc_id || ':' || $seed) AS lot
    FROM documents
    WHERE domain = $domain AND list_contains($shards, shard) AND status NOT IN ('rejected', 'unaccounted')
), ranked AS (
    SELECT
        *,
        row_number() OVER (
            ORDER BY keep_probability IS NULL, abs(keep_probability - $threshold), lot
        ) AS borderline,
        row_number() OVER (
            ORDER BY status <> 'kept' OR n_edits = 0, tokens_chunk / greatest(1, tokens_doc), lot
        ) AS heavily_edited,
        row_number() OVER (PARTITION BY status, n_edits > 0 ORDER BY lot) AS lot_rank
    FROM candidates
), strata AS (
    SELECT
        *,
        CASE
            WHEN borderline <= $borderline AND keep_probability IS NOT NULL THEN 'borderline'
            WHEN heavily_edited <= $heavily_edited AND status = 'kept' AND n_edits > 0 THEN 'heavily_edited'
            WHEN status = 'emptied' AND lot_rank <= $emptied THEN 'emptied'
            WHEN status = 'dropped' AND lot_rank <= $dropped THEN 'dropped'
            WHEN status = 'kept' AND n_edits > 0 AND lot_rank <= $edited THEN 'edited'
            WHEN status = 'kept' AND n_edits = 0 AND lot_rank <= $untouched THEN 'untouched'
        END AS stratum
    FROM ranked
)
SELECT
    stratum, shard, row, doc_id, status, reason, source, language, keep_probability::DOUBLE AS keep_probability,
    tokens_raw, tokens_chunk AS tokens_kept
FROM strata
WHERE stratum IS NOT NULL
ORDER BY
    array_position(['borderline', 'heavily_edited', 'emptied', 'dropped', 'edited', 'untouched'], stratum),
    CASE stratum WHEN 'borderline' THEN borderline WHEN 'heavily_edited' THEN heavily_edited ELSE lot_rank END,
    lot;
