"""Text-classification problems."""
