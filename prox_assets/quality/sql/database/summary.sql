WITH included AS (SELECT domain, shard FROM documents UNION SELECT domain, shard FROM runs)
SELECT
    (SELECT coalesce(list_sort(list(DISTINCT domain)), []) FROM included) AS domains,
    (SELECT count(*) FROM included) AS shards,
    count(*) AS documents,
    coalesce(sum(tokens_raw), 0) AS tokens_raw,
    coalesce(sum(tokens_chunk), 0) AS tokens_kept,
    (SELECT count(*) FROM funnel_imbalances) AS unreconciled
FROM documents;
