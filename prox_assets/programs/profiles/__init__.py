"""Profiles: the languages that programs are written in, ProX's and UltraX's."""
