CREATE TEMP TABLE recorded_costs (
    stage VARCHAR, seconds DOUBLE, device VARCHAR, documents BIGINT,
    tokens_in BIGINT, tokens_out BIGINT, parameters BIGINT, operations DOUBLE,
    device_seconds DOUBLE, peak DOUBLE
);
