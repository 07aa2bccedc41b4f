"""What runs by itself: discovery of shards, the nightly schedule, backfills, jobs."""
