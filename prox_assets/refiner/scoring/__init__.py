"""Scoring refiners: a classification model scores lines and documents, and programs follow."""
