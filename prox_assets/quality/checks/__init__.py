"""Expectations of the corpora: declared, validated with Great Expectations, stored and shown."""
