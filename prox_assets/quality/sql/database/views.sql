CREATE VIEW funnel_totals AS
SELECT
    domain, stage_order, stage, flow, reason,
    sum(documents)::BIGINT AS documents, sum(tokens)::BIGINT AS tokens, sum(characters)::BIGINT AS characters
FROM funnel
GROUP BY domain, stage_order, stage, flow, reason
ORDER BY domain, stage_order, array_position(['entered', 'lost', 'edited', 'kept'], flow), tokens DESC, reason;
COMMENT ON VIEW funnel_totals IS 'The funnel of each domain, over its shards.';

CREATE VIEW keep_ratios AS
SELECT
    domain, shard, source, language,
    count(*) AS documents,
    count(*) FILTER (status = 'kept') AS documents_kept,
    sum(tokens_raw)::BIGINT AS tokens_raw,
    sum(tokens_doc)::BIGINT AS tokens_doc,
    sum(tokens_chunk)::BIGINT AS tokens_chunk,
    sum(tokens_doc) / nullif(sum(tokens_raw), 0) AS keep_ratio_doc,
    sum(tokens_chunk) / nullif(sum(tokens_raw), 0) AS keep_ratio
FROM documents
WHERE status <> 'rejected'
GROUP BY domain, shard, source, language;
COMMENT ON VIEW keep_ratios IS 'Tokens kept / tokens in, by domain, shard, source and language. For coarser groups sum the tokens, do not average the ratios.';

CREATE VIEW why_dropped AS
SELECT
    domain, lost_at, reason,
    count(*) AS documents,
    sum(tokens_raw)::BIGINT AS tokens,
    count(*) / sum(count(*)) OVER (PARTITION BY domain) AS share_of_lost
FROM documents
WHERE lost_at IS NOT NULL
GROUP BY domain, lost_at, reason
ORDER BY domain, documents DESC, reason;
COMMENT ON VIEW why_dropped IS 'Documents lost, by the stage and the reason.';

CREATE VIEW tokens_by_call AS
SELECT
    calls.domain, stage, call,
    sum(times)::BIGINT AS times,
    coalesce(sum(times) FILTER (outcome IN ('applied', 'kept', 'dropped')), 0)::BIGINT AS took_effect,
    sum(tokens_removed)::BIGINT AS tokens_removed,
    sum(characters_removed)::BIGINT AS characters_removed,
    sum(tokens_removed) / nullif(any_value(totals.tokens), 0) AS share_of_raw_tokens
FROM calls
JOIN (SELECT domain, sum(tokens) AS tokens FROM funnel WHERE stage_order = 1 AND flow = 'entered' GROUP BY domain)
    AS totals USING (domain)
GROUP BY calls.domain, stage, call
ORDER BY calls.domain, tokens_removed DESC, call;
COMMENT ON VIEW tokens_by_call IS 'How many tokens each call removed, over the shards of a domain.';

CREATE VIEW calls_by_outcome AS
SELECT domain, stage, call, outcome, sum(times)::BIGINT AS times, sum(tokens_removed)::BIGINT AS tokens_removed
FROM calls
GROUP BY ALL
ORDER BY domain, stage DESC, call, times DESC, outcome;
COMMENT ON VIEW calls_by_outcome IS 'What became of the calls.';

CREATE VIEW shard_totals AS
SELECT
    domain, shard,
    count(*) AS documents,
    count(*) FILTER (status = 'kept') AS documents_kept,
    count(*) FILTER (status = 'unaccounted') AS unaccounted,
    sum(tokens_raw)::BIGINT AS tokens_raw,
    sum(tokens_chunk)::BIGINT AS tokens_kept,
    sum(tokens_chunk) / nullif(sum(tokens_raw), 0) AS keep_ratio
FROM documents
GROUP BY domain, shard
ORDER BY domain, shard;
COMMENT ON VIEW shard_totals IS 'Each shard in one row.';

CREATE VIEW domain_totals AS
SELECT
    domain,
    count(DISTINCT shard) AS shards,
    count(*) AS documents,
    count(*) FILTER (status <> 'rejected') AS documents_accepted,
    count(*) FILTER (lost_at IS NULL OR lost_at = 'chunk_refined_corpus') AS documents_after_doc,
    count(*) FILTER (status = 'kept') AS documents_kept,
    sum(tokens_raw)::BIGINT AS tokens_raw,
    sum(tokens_doc)::BIGINT AS tokens_doc,
    sum(tokens_chunk)::BIGINT AS tokens_chunk,
    sum(tokens_doc) / nullif(sum(tokens_raw), 0) AS keep_ratio_doc,
    sum(tokens_chunk) / nullif(sum(tokens_raw), 0) AS keep_ratio
FROM documents
GROUP BY domain
ORDER BY domain;
COMMENT ON VIEW domain_totals IS 'Each domain in one row.';

CREATE VIEW score_cumulative AS
WITH totals AS (
    SELECT domain, kind, bin, sum(n)::BIGINT AS n FROM scores GROUP BY domain, kind, bin
)
SELECT
    domain, kind, bin, bin / 50.0 AS score_from, n,
    sum(n) OVER at_or_above / sum(n) OVER (PARTITION BY domain, kind) AS share_at_or_above
FROM totals
WINDOW at_or_above AS (PARTITION BY domain, kind ORDER BY bin DESC)
ORDER BY domain, kind, bin;
COMMENT ON VIEW score_cumulative IS 'Score histograms of a domain, and the share of documents or lines that a threshold at the bin''s lower edge would take.';

CREATE VIEW cost_totals AS
SELECT
    domain, stage, device,
    sum(seconds) AS seconds,
    sum(documents)::BIGINT AS documents,
    sum(tokens_in)::BIGINT AS tokens_in,
    sum(tokens_out)::BIGINT AS tokens_out,
    sum(operations) AS operations,
    sum(device_seconds) AS device_seconds,
    sum(operations) / nullif(sum(device_seconds * peak), 0) AS share_of_peak,
    sum(tokens_in) / nullif(sum(seconds), 0) AS tokens_per_second
FROM costs
GROUP BY domain, stage, device
ORDER BY domain, stage, device;
COMMENT ON VIEW cost_totals IS 'What each stage cost, over the shards of a domain. share_of_peak: operations by 2·N·D in the engine''s time, of those that the device can do in large matrix products; attention is not counted.';

CREATE VIEW funnel_imbalances AS
SELECT
    domain, shard, stage,
    sum(CASE WHEN flow = 'entered' THEN documents ELSE -documents END)::BIGINT AS documents,
    sum(CASE WHEN flow = 'entered' THEN tokens ELSE -tokens END)::BIGINT AS tokens,
    coalesce(sum(tokens) FILTER (reason = 'unaccounted'), 0)::BIGINT AS tokens_unaccounted,
    coalesce(sum(documents) FILTER (reason = 'unaccounted'), 0)::BIGINT AS documents_unaccounted
FROM funnel
GROUP BY domain, shard, stage
HAVING sum(CASE WHEN flow = 'entered' THEN documents ELSE -documents END) <> 0
    OR sum(CASE WHEN flow = 'entered' THEN tokens ELSE -tokens END) <> 0
    OR count(*) FILTER (reason = 'unaccounted') > 0
ORDER BY domain, shard, stage;
COMMENT ON VIEW funnel_imbalances IS 'Shards whose counts do not reconcile, or lost something without a reason. Empty when all is well.';

CREATE VIEW languages AS
SELECT
    domain, coalesce(language, '(none)') AS language,
    count(*) AS documents,
    count(*) FILTER (status = 'kept') AS documents_kept,
    sum(tokens_raw)::BIGINT AS tokens_raw,
    sum(tokens_doc)::BIGINT AS tokens_doc,
    sum(tokens_chunk)::BIGINT AS tokens_chunk,
    sum(tokens_doc) / nullif(sum(tokens_raw), 0) AS keep_ratio_doc,
    sum(tokens_chunk) / nullif(sum(tokens_raw), 0) AS keep_ratio
FROM documents
WHERE status <> 'rejected'
GROUP BY ALL
ORDER BY domain, tokens_raw DESC, 2;
COMMENT ON VIEW languages IS 'Each language of a domain in one row: what came in and what is left.';

CREATE VIEW sources AS
SELECT
    domain, coalesce(source, '(none)') AS source,
    count(*) AS documents,
    count(*) FILTER (status = 'kept') AS documents_kept,
    sum(tokens_raw)::BIGINT AS tokens_raw,
    sum(tokens_doc)::BIGINT AS tokens_doc,
    sum(tokens_chunk)::BIGINT AS tokens_chunk,
    sum(tokens_doc) / nullif(sum(tokens_raw), 0) AS keep_ratio_doc,
    sum(tokens_chunk) / nullif(sum(tokens_raw), 0) AS keep_ratio
FROM documents
WHERE status <> 'rejected'
GROUP BY ALL
ORDER BY domain, tokens_raw DESC, 2;
COMMENT ON VIEW sources IS 'Each source of a domain in one row: what came in and what is left.';

CREATE VIEW most_removed AS
SELECT
    domain, call, text,
    sum(documents)::BIGINT AS documents, sum(times)::BIGINT AS times, sum(characters)::BIGINT AS characters,
    count(DISTINCT shard) AS shards
FROM removed_texts
GROUP BY domain, call, text
ORDER BY domain, documents DESC, times DESC, text;
COMMENT ON VIEW most_removed IS 'The lines and strings that most documents of a domain lost; lower bounds, from the 500 of each shard.';
