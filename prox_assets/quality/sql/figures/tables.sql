-- Figures of a whole shard, some of them one for each group: what expectations on figures look at.
CREATE TABLE figures (figure VARCHAR, name VARCHAR, value DOUBLE);
