"""Image problems."""
