CREATE TABLE sides (side VARCHAR, name VARCHAR, fingerprint VARCHAR);
COMMENT ON TABLE sides IS 'What was compared: left and right.';
CREATE TABLE documents (
    row BIGINT, doc_id VARCHAR, source VARCHAR, language VARCHAR, left_status VARCHAR, right_status VARCHAR,
    n_chars BIGINT, removed_by_both BIGINT, removed_by_left BIGINT, removed_by_right BIGINT
);
COMMENT ON TABLE documents IS 'One row for every document of the shard: how it ended on either side, and how many of its characters both remove, or one alone.';
CREATE TABLE differences (
    row BIGINT, doc_id VARCHAR, side VARCHAR, start BIGINT, stop BIGINT, call VARCHAR, score DOUBLE, text VARCHAR
);
COMMENT ON TABLE differences IS 'The stretches that only one side removes: side says which. text has at most 400 characters; call is the reason where the whole document went.';
