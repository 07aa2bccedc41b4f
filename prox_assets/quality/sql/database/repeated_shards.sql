SELECT DISTINCT domain, shard
FROM (
    SELECT domain, shard FROM funnel
    GROUP BY domain, shard, stage, flow, reason
    HAVING count(*) > 1
)
ORDER BY domain, shard;
