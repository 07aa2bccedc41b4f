SELECT call, tenth, sum(tokens_removed)::BIGINT AS tokens_removed
FROM edit_positions
WHERE domain = $domain
GROUP BY call, tenth
ORDER BY call, tenth;
