SELECT stage_order, stage, flow, reason, documents, tokens, characters
FROM funnel_totals
WHERE domain = $domain;
