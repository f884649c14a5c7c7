"""Translation problems."""
