"""A refined corpus as a dataset: Parquet that `datasets` loads, a card, a manifest to verify it by."""
