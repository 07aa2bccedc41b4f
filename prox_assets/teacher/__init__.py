"""From raw documents to annotated seeds: sampling, the teachers, and the checks on what they say."""
