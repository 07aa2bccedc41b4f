"""The ProX refinement pipeline for pre-training corpora, as one graph of Dagster assets."""
