SELECT
    getvariable('domain')::VARCHAR AS domain,
    getvariable('shard')::VARCHAR AS shard,
    stage,
    device,
    sum(seconds) AS seconds,
    sum(documents)::BIGINT AS documents,
    sum(tokens_in)::BIGINT AS tokens_in,
    sum(tokens_out)::BIGINT AS tokens_out,
    max(parameters)::BIGINT AS parameters,
    sum(operations) AS operations,
    sum(device_seconds) AS device_seconds,
    max(peak) AS peak
FROM recorded_costs
GROUP BY stage, device
ORDER BY stage, device;
