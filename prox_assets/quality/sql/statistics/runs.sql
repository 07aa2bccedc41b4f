SELECT
    getvariable('domain')::VARCHAR AS domain,
    getvariable('shard')::VARCHAR AS shard,
    stage,
    fingerprint,
    rows,
    parts,
    finished_at
FROM recorded_runs
ORDER BY finished_at, stage;
