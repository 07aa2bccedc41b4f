SELECT call, text, documents, times, characters, shards
FROM most_removed
WHERE domain = $domain
ORDER BY documents DESC, times DESC, text
LIMIT $most;
