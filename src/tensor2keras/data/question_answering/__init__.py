"""Question-answering problems."""
