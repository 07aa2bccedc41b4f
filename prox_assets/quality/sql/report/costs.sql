SELECT stage, device, seconds, documents, tokens_in, tokens_out, operations, share_of_peak, tokens_per_second
FROM cost_totals
WHERE domain = $domain
ORDER BY array_position(
    ['raw_documents', 'doc_programs', 'doc_refined_corpus', 'chunk_programs', 'chunk_refined_corpus'], stage
), device;
