SELECT stage, tokens_from, tokens_below, sum(documents)::BIGINT AS documents
FROM lengths
WHERE domain = $domain
GROUP BY stage, tokens_from, tokens_below
ORDER BY tokens_from, stage;
