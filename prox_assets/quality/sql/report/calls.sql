SELECT stage, call, outcome, times, tokens_removed
FROM calls_by_outcome
WHERE domain = $domain
ORDER BY stage = 'chunk_refined_corpus', call, times DESC, outcome;
