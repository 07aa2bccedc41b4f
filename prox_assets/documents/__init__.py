"""Documents on disk: their schema, the readers of user files, shard files and their commits."""
