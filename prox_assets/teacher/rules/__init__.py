"""The rules teacher: published filter rules for documents, lines and spans."""
