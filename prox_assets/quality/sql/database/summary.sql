SELECT
    coalesce(list_sort(list(DISTINCT domain)), []) AS domains,
    count(DISTINCT (domain, shard)) AS shards,
    count(*) AS documents,
    coalesce(sum(tokens_raw), 0) AS tokens_raw,
    coalesce(sum(tokens_chunk), 0) AS tokens_kept,
    (SELECT count(*) FROM funnel_imbalances) AS unreconciled
FROM documents;
