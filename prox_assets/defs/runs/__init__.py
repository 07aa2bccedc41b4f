"""How assets run: over many shards, with a GPU lease, with retries."""
