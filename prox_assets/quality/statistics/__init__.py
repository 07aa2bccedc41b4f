"""Statistics of shards, and the DuckDB database that is built from them."""
