"""What people do with what refining did: judge documents, and compare two ways of refining."""
