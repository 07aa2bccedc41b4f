"""Formats of user files: names, compression, splits and rows."""
