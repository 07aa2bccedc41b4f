"""Text that was written in one encoding and read in another."""


def misread(text: str) -> str:
    """UTF-8 bytes read as Windows-1252, the commonest accident; bytes it lacks become U+FFFD."""
    return text.encode("utf-8").decode("cp1252", errors="replace")
