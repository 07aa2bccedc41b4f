CREATE TEMP TABLE recorded_runs (
    stage VARCHAR, fingerprint VARCHAR, rows BIGINT, parts BIGINT, finished_at TIMESTAMP
);
