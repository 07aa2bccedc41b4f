CREATE TABLE documents (
    domain VARCHAR NOT NULL, shard VARCHAR NOT NULL, doc_id VARCHAR, row BIGINT NOT NULL,
    source VARCHAR, language VARCHAR, status VARCHAR NOT NULL, lost_at VARCHAR, reason VARCHAR,
    keep_probability FLOAT, doc_program VARCHAR,
    n_chars BIGINT NOT NULL, n_chars_kept BIGINT NOT NULL,
    tokens_raw BIGINT NOT NULL, tokens_doc BIGINT NOT NULL, tokens_chunk BIGINT NOT NULL, n_edits BIGINT NOT NULL
);
COMMENT ON TABLE documents IS 'One row for every row of the source, also the rejected ones. No text.';
COMMENT ON COLUMN documents.domain IS 'Domain of the catalogue.';
COMMENT ON COLUMN documents.shard IS 'Shard: one unit of input, one partition of the domain.';
COMMENT ON COLUMN documents.doc_id IS 'The document''s id; NULL where a rejected row had none.';
COMMENT ON COLUMN documents.row IS 'Row number in the shard''s source, from 0.';
COMMENT ON COLUMN documents.source IS 'Where the document came from, as the input says.';
COMMENT ON COLUMN documents.language IS 'Language, as the input says.';
COMMENT ON COLUMN documents.status IS 'How it ended: kept, dropped, emptied, rejected, or unaccounted (a later stage has no row for it).';
COMMENT ON COLUMN documents.lost_at IS 'The asset at which it went: raw_documents, doc_refined_corpus or chunk_refined_corpus; NULL when kept.';
COMMENT ON COLUMN documents.reason IS 'Why it went; for a kept document the guard rail that stepped in, else NULL.';
COMMENT ON COLUMN documents.keep_probability IS 'The document refiner''s probability that it is worth keeping.';
COMMENT ON COLUMN documents.doc_program IS 'The document refiner''s program.';
COMMENT ON COLUMN documents.n_chars IS 'Characters (code points) of the source text; 0 when rejected.';
COMMENT ON COLUMN documents.n_chars_kept IS 'Characters of the refined text; 0 unless kept.';
COMMENT ON COLUMN documents.tokens_raw IS 'Tokens of the source text in the document refiner''s tokenizer; 0 when rejected (never tokenized).';
COMMENT ON COLUMN documents.tokens_doc IS 'Of these, tokens still there after doc-level refining.';
COMMENT ON COLUMN documents.tokens_chunk IS 'Of these, tokens still there after chunk-level refining.';
COMMENT ON COLUMN documents.n_edits IS 'Edits of the chunk stage that changed the text.';

CREATE TABLE funnel (
    domain VARCHAR NOT NULL, shard VARCHAR NOT NULL, stage_order INTEGER NOT NULL, stage VARCHAR NOT NULL,
    flow VARCHAR NOT NULL, reason VARCHAR NOT NULL,
    documents BIGINT NOT NULL, tokens BIGINT NOT NULL, characters BIGINT NOT NULL
);
COMMENT ON TABLE funnel IS 'What entered each stage and what became of it: entered = lost + edited + kept, in documents, tokens and characters; what one stage kept enters the next.';
COMMENT ON COLUMN funnel.stage_order IS '1 raw_documents, 2 doc_refined_corpus, 3 chunk_refined_corpus.';
COMMENT ON COLUMN funnel.flow IS 'entered, lost (whole documents), edited (parts of kept documents), kept.';
COMMENT ON COLUMN funnel.reason IS 'For lost: the reason; for edited: the call; else empty.';
COMMENT ON COLUMN funnel.documents IS 'Documents; 0 for edited.';
COMMENT ON COLUMN funnel.characters IS 'Characters; for edited the ones removed less the ones inserted.';

CREATE TABLE calls (
    domain VARCHAR NOT NULL, shard VARCHAR NOT NULL, stage VARCHAR NOT NULL, call VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL, document_status VARCHAR NOT NULL,
    times BIGINT NOT NULL, characters_removed BIGINT NOT NULL, tokens_removed BIGINT NOT NULL
);
COMMENT ON TABLE calls IS 'How often each call was made, what came of it, and what it removed. Edits in emptied documents count as removing 0: their text is lost as a whole.';
COMMENT ON COLUMN calls.call IS 'keep_doc, drop_doc, keep_chunk, remove_lines, normalize; none where the refiner gave no program.';
COMMENT ON COLUMN calls.outcome IS 'applied (text changed), kept or dropped (the call''s own effect), or why it had no effect: a code of the executor.';
COMMENT ON COLUMN calls.document_status IS 'How the document ended.';

CREATE TABLE lengths (
    domain VARCHAR NOT NULL, shard VARCHAR NOT NULL, stage VARCHAR NOT NULL,
    tokens_from BIGINT NOT NULL, tokens_below BIGINT NOT NULL, documents BIGINT NOT NULL
);
COMMENT ON TABLE lengths IS 'Documents by length in tokens at each stage; the bounds are powers of two.';

CREATE TABLE scores (
    domain VARCHAR NOT NULL, shard VARCHAR NOT NULL, kind VARCHAR NOT NULL, bin INTEGER NOT NULL, n BIGINT NOT NULL
);
COMMENT ON TABLE scores IS 'Histograms of scores in 50 bins over [0, 1].';
COMMENT ON COLUMN scores.kind IS 'document: keep probability; line: probability that the line is noise.';
COMMENT ON COLUMN scores.bin IS 'Bin b holds scores from b/50 to (b+1)/50; the last one holds 1 too.';

CREATE TABLE edit_positions (
    domain VARCHAR NOT NULL, shard VARCHAR NOT NULL, call VARCHAR NOT NULL, tenth INTEGER NOT NULL,
    edits BIGINT NOT NULL, characters_removed BIGINT NOT NULL, tokens_removed BIGINT NOT NULL
);
COMMENT ON TABLE edit_positions IS 'Where in the page applied edits begin, in tenths of its characters: an editor that only cuts tails shows here.';
COMMENT ON COLUMN edit_positions.tenth IS '0 is the top of the page, 9 its end.';

CREATE TABLE costs (
    domain VARCHAR NOT NULL, shard VARCHAR NOT NULL, stage VARCHAR NOT NULL, device VARCHAR NOT NULL,
    seconds DOUBLE NOT NULL, documents BIGINT NOT NULL, tokens_in BIGINT NOT NULL, tokens_out BIGINT NOT NULL,
    parameters BIGINT NOT NULL, operations DOUBLE NOT NULL, device_seconds DOUBLE NOT NULL, peak DOUBLE NOT NULL
);
COMMENT ON TABLE costs IS 'What each stage cost.';
COMMENT ON COLUMN costs.tokens_in IS 'Tokens the model read.';
COMMENT ON COLUMN costs.tokens_out IS 'Tokens the model generated; 0 for a scoring refiner.';
COMMENT ON COLUMN costs.parameters IS 'Parameters of the model without embeddings; 0 where none ran.';
COMMENT ON COLUMN costs.operations IS 'Floating-point operations by 2·N·D (arXiv 2409.17115, section 3.2).';
COMMENT ON COLUMN costs.device_seconds IS 'Of the seconds, those that the engine worked; 0 where no model ran.';
COMMENT ON COLUMN costs.peak IS 'Operations a second of the device in a product of two large matrices, measured when the model was loaded; 0 where none was.';

CREATE TABLE removed_texts (
    domain VARCHAR NOT NULL, shard VARCHAR NOT NULL, call VARCHAR NOT NULL, text VARCHAR NOT NULL,
    times BIGINT NOT NULL, documents BIGINT NOT NULL, characters BIGINT NOT NULL
);
COMMENT ON TABLE removed_texts IS 'The 500 lines and strings that most kept documents of a shard lost: what the refiner takes for noise. Sums over shards are lower bounds.';
COMMENT ON COLUMN removed_texts.text IS 'A removed line (remove_lines) or string (other calls), at most 200 characters.';
COMMENT ON COLUMN removed_texts.times IS 'How often it was removed.';
COMMENT ON COLUMN removed_texts.documents IS 'From how many documents.';
COMMENT ON COLUMN removed_texts.characters IS 'Characters removed with it, spaces around it included.';

CREATE TABLE runs (
    domain VARCHAR NOT NULL, shard VARCHAR NOT NULL, stage VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL,
    rows BIGINT NOT NULL, parts BIGINT NOT NULL, finished_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE runs IS 'Which run of each stage the figures of a shard are of.';
COMMENT ON COLUMN runs.fingerprint IS 'Fingerprint of the configuration and of everything upstream; it names the folder of the files.';
COMMENT ON COLUMN runs.rows IS 'Rows of the stage.';
COMMENT ON COLUMN runs.parts IS 'Committed row ranges.';
COMMENT ON COLUMN runs.finished_at IS 'When its manifest was written, UTC.';
